"""Linear separability of two point sets, with a certificate for every verdict."""

from __future__ import annotations

from typing import Any

from isogloss.numerics.points import two_tables
from isogloss.numerics.separation.pair import Pair
from isogloss.numerics.separation.verdict import Separation
from isogloss.numerics.threads import one_blas_thread

__all__ = ["Separation", "separable"]


@one_blas_thread()
def separable(A: Any, B: Any) -> Separation:
    """Say whether a plane separates two point sets, and prove it.

    Parameters
    ----------
    A, B : (n_a, d), (n_b, d) points, any real dtype; the verdict and its proof are float64.

    Returns
    -------
    Separation, true where the convex hulls are apart; hulls that touch overlap. Its docstring defines both verdicts
    and their tolerance.

    Raises
    ------
    OptionError : a set is empty or no (n, d) array of finite numbers, or the widths differ.

    Warns
    -----
    RuntimeWarning : no solver's certificate counts (seen of heavy-tailed points alone, whose few largest
        are a million times the others); the verdict is then "presumed", and its `holds(A, B)` false.
    """
    return Pair(*two_tables(A, B)).settle()
