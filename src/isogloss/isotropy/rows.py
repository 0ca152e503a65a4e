"""What every measure asks of its rows first: a matrix of finite numbers, words in rows, enough of them.

A matrix with fewer words than dimensions is usually a transposed one, and its covariance has directions without any
variance that only the small sample explains. So functions of arrays refuse it unless told that the words are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from isogloss.errors import OptionError
from isogloss.numerics import row_blocks


def checked_blocks(X: np.ndarray, *, few: bool, least: int = 2) -> Iterator[np.ndarray]:
    """Row blocks of an array or memory map as float64, looked at on the way.

    Parameters
    ----------
    X : (n, d), any real dtype.
    few : whether fewer rows than columns are meant.
    least : fewest rows that give an answer.

    Raises
    ------
    OptionError : not a matrix; fewer than `least` rows; fewer rows than columns where not `few`; NaN or infinity.
    """
    check_shape(np.shape(X), few=few, least=least)
    return finite_blocks(row_blocks(X))


def check_shape(shape: tuple[int, ...], *, few: bool, least: int) -> None:
    """Refuse what is no matrix of enough words.

    Raises
    ------
    OptionError : as in `checked_blocks`.
    """
    if len(shape) != 2:
        raise OptionError(f"vectors should be a matrix (n_words, hidden). Got shape {shape} instead.")
    n, d = shape
    if not d:
        raise OptionError(f"vectors should have at least one dimension. Got shape {shape} instead.")
    if n < least:
        raise OptionError(f"this measure needs at least {least} words. Got {n} instead.")
    if n < d and not few:
        raise OptionError(
            f"{n} words of {d} dimensions: fewer words than dimensions",
            "transpose the matrix if words are its columns, or say {few} if so few words are meant",
            few=True,
        )


def finite_blocks(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The blocks as float64.

    Raises
    ------
    OptionError : a value is NaN or infinite, or so large that its square is; names the row, counted from 0.
    """
    start = 0
    for block in blocks:
        rows = np.asarray(block, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("ij,ij->i", rows, rows)
        if not np.isfinite(squares).all():
            refuse_not_finite(rows, squares, start)
        yield rows
        start += len(rows)


def refuse_not_finite(rows: np.ndarray, squares: np.ndarray, start: int) -> None:
    """Say which row cannot be measured.

    Raises
    ------
    OptionError : always.
    """
    bad = int(np.argmax(~np.isfinite(squares)))
    if np.isfinite(rows[bad]).all():
        raise OptionError(f"the vector in row {start + bad} is too long: its squared length is not a finite number")
    raise OptionError(f"vectors hold NaN or infinity in row {start + bad}")
