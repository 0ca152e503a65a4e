"""What every measure asks of its rows first: a matrix of finite numbers, words in rows, enough of them.

A matrix with fewer words than dimensions is usually a transposed one, and its covariance has directions without any
variance that only the small sample explains. So functions of arrays refuse it unless told that the words are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from isogloss.errors import NotFiniteError, OptionError
from isogloss.numerics import row_blocks

ROWS = 2048
"""Rows of a block: products at full speed, and what is made of a block stays near the processor."""


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
    return finite_blocks(row_blocks(X, ROWS))


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


def finite_blocks(blocks: Iterable[np.ndarray], numbers: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The blocks as float64.

    Parameters
    ----------
    blocks : (rows, d) row blocks.
    numbers : how to call the rows in an error; None counts them from 0.

    Raises
    ------
    NotFiniteError : a value is NaN or infinite, or so large that its square is; names the row.
    """
    start = 0
    for block in blocks:
        rows = np.asarray(block, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("ij,ij->i", rows, rows)
        bad = np.flatnonzero(~np.isfinite(squares))
        if len(bad):
            named = start + int(bad[0]) if numbers is None else int(numbers[start + bad[0]])
            if np.isfinite(rows[bad[0]]).all():
                raise NotFiniteError(
                    f"the vector in row {named} is too long: its squared length is not a finite number"
                )
            raise NotFiniteError(f"vectors hold NaN or infinity in row {named}")
        yield rows
        start += len(rows)
