"""Sets of points as geometry wants them: float64, two dimensions, not empty, finite, of one width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from isogloss.errors import NotFiniteError, OptionError
from isogloss.numerics.blocks import ROWS_IN_CACHE, row_blocks

TOUCHING = 1e-9
"""Hulls nearer than this share of the extent of their points count as touching: their distance is 0.

Far above what float64 rounds (the difference of two such points is known to about 1e-15 of the extent, hence smaller
distances to less than six digits), far below float32's own spacing.
"""


_LARGEST = float(np.finfo(np.float64).max) / 16.0
"""Sums of squares below it are still finite when they are those of differences."""


def read_points(X: Any, name: str) -> np.ndarray:
    """(n, d) float64 of a non-empty table of finite numbers; the same array where it already is one.

    Raises
    ------
    OptionError : X is no (n, d) table of real numbers, or it is empty.
    NotFiniteError : a row holds NaN or infinity.
    """
    points = _table(X, name).astype(np.float64, copy=False)
    refuse_unfinite(points, name)
    return points


def refuse_unfinite(points: np.ndarray, name: str) -> None:
    """Refuse rows with NaN or infinity.

    Raises
    ------
    NotFiniteError : which row is the first.
    """
    if not np.isfinite(points).all():
        bad = int(np.argmin(np.isfinite(points).all(axis=1)))
        raise NotFiniteError(f"{name} holds NaN or infinity in row {bad}")


def same_width(sets: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Refuse point sets of different dimensions.

    Raises
    ------
    OptionError : two widths differ; both are stated.
    """
    for points, name in zip(sets, names, strict=True):
        if points.shape[1] != sets[0].shape[1]:
            raise OptionError(
                f"{names[0]} and {name} should have one number of dimensions. "
                f"Got {sets[0].shape[1]} and {points.shape[1]} instead."
            )


def two_sets(A: Any, B: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of points (n_a, d), (n_b, d) in float64 and C order; the same arrays where they are so already.

    Raises
    ------
    OptionError : a set is no (n, d) table of real numbers, or it is empty; widths differ.
    NotFiniteError : a value is NaN or infinite, or so large that its square is; names the set and the row.
    """
    sets = two_tables(A, B)
    refuse_unmeasured(sets)
    return sets


def two_tables(A: Any, B: Any) -> tuple[np.ndarray, np.ndarray]:
    """As `two_sets`, whose values nobody has looked at: what goes on with them passes `refuse_unmeasured` first.

    Raises
    ------
    OptionError : a set is no (n, d) table of real numbers, or it is empty; widths differ.
    """
    first, second = _table(A, "A"), _table(B, "B")
    same_width([first, second], ["A", "B"])
    return np.ascontiguousarray(first, np.float64), np.ascontiguousarray(second, np.float64)


def refuse_unmeasured(sets: tuple[np.ndarray, np.ndarray]) -> None:
    """Refuse sets A, B of points (n, d) that have no lengths.

    Raises
    ------
    NotFiniteError : a value is NaN or infinite, or so large that its square is; names the set and the row.
    """
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for points, name in zip(sets, "AB", strict=True):
            # One pass that sees NaN, infinity and overflow.
            flat = points.ravel()
            squares = float(flat @ flat)
            total += squares
            if not squares < _LARGEST:
                measured = np.einsum("ij,ij->i", points, points) < _LARGEST
                if not measured.all():
                    row = int(np.argmin(measured))
                    raise NotFiniteError(f"{name} holds NaN, infinity or values too large to be squared in row {row}.")
    if not total < _LARGEST:
        raise NotFiniteError("A and B together hold values too large to be squared.")


def middle_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Midpoint (d,) of the means of two sets of points (n, d)."""
    return 0.5 * (mean_of(first) + mean_of(second))


def mean_of(points: np.ndarray) -> np.ndarray:
    """Mean (d,) of points (n, d), by a product: twice as fast as a sum down the columns."""
    return np.ones(len(points)) @ points / len(points)


def scale_about(sets: Iterable[np.ndarray], middle: np.ndarray) -> float:
    """Largest distance of a row of sets of points (n, d) from the middle (d,)."""
    largest = 0.0
    for points in sets:
        for block in row_blocks(points, ROWS_IN_CACHE):
            apart = block - middle
            largest = max(largest, float(np.einsum("ij,ij->i", apart, apart).max()))
    return largest**0.5


def _table(X: Any, name: str) -> np.ndarray:
    """X as an array of real numbers with two dimensions, neither of them empty, or an OptionError."""
    try:
        # NumPy does not read torch's bfloat16, of which float32 loses nothing.
        points = np.asarray(X.float() if "bfloat16" in str(getattr(X, "dtype", "")) and hasattr(X, "float") else X)
        if points.dtype.kind == "O":
            points = points.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name} should be a table of numbers, a row per point: {error}") from error
    if points.dtype.kind not in "fiub" and points.dtype.name != "bfloat16":
        raise OptionError(f"{name} should hold real numbers. Got {points.dtype} instead.")
    if points.ndim != 2:
        raise OptionError(f"{name} should be (points, dimensions). Got {points.ndim} dimension(s) instead.")
    if not points.size:
        raise OptionError(f"{name} should hold at least one point of one dimension. Got shape {points.shape} instead.")
    return points
