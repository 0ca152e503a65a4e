"""Vectors of chosen words, and rows brought together by group."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from isogloss.analysis import Vectors
from isogloss.errors import NotFiniteError, OptionError


def taken(vectors: Vectors, rows: np.ndarray) -> np.ndarray:
    """The given rows, float32.

    Raises
    ------
    OptionError : a value is NaN or infinite; the row is named.
    """
    X = vectors.take(rows)
    finite = np.isfinite(X).all(axis=1)
    if not finite.all():
        raise NotFiniteError(f"the vectors hold NaN or infinity in row {int(rows[int(np.argmin(finite))])}.")
    return X


def whole_groups(of_row: np.ndarray, rows: int = 4096) -> Iterator[slice]:
    """Consecutive slices of ordered rows that never cut a group; longer than `rows` only for a single group.

    Parameters
    ----------
    of_row : (n,) the group of each row, equal ones side by side.
    """
    ends = np.append(np.flatnonzero(np.diff(of_row)) + 1, len(of_row)) if len(of_row) else np.empty(0, dtype=np.int64)
    start = 0
    while start < len(of_row):
        last = int(np.searchsorted(ends, start + rows, side="right"))
        end = int(ends[max(last - 1, int(np.searchsorted(ends, start, side="right")))])
        yield slice(start, end)
        start = end


def starts_of(of_row: np.ndarray) -> np.ndarray:
    """Where each group of equal neighbours begins, for `np.add.reduceat`."""
    return np.flatnonzero(np.r_[True, of_row[1:] != of_row[:-1]])


def check_rows(vectors: Vectors, **columns: np.ndarray) -> None:
    """Refuse columns that do not have one entry per word.

    Raises
    ------
    OptionError : which does not, and both numbers.
    """
    n = vectors.shape[0]
    for name, column in columns.items():
        if np.shape(column) != (n,):
            raise OptionError(f"{name} should be one per word, ({n},). Got shape {np.shape(column)} instead.")
