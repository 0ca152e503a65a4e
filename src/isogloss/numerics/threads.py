"""How many threads linear algebra may use: one, where matrices are small and products many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import scipy.linalg  # noqa: F401  SciPy brings a library of its own, which has to be loaded to be found
from threadpoolctl import ThreadpoolController


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One thread for the linear algebra of NumPy and SciPy; also as a decorator.

    A product of a few hundred rows is over before a second thread has woken: with two, what asks for thousands of them
    takes several times as long, and on a busy machine far longer. Torch is left alone.
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()
