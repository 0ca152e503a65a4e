"""Arrays of points made fit for geometry: float64, two dimensions, not empty, finite, of one width."""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.errors import NotFiniteError, OptionError


def float64_points(X: Any, name: str) -> np.ndarray:
    """Points as (n, d) float64; the same array where it already is one.

    Raises
    ------
    OptionError : X holds no numbers, has not two dimensions, or has no row or no column.
    NotFiniteError : a value is NaN or infinite, or so large that its square is; names the row.
    """
    points = np.asarray(X)
    if points.dtype.kind not in "fiub" and points.dtype.name != "bfloat16":
        raise OptionError(f"{name} should hold real numbers. Got dtype {points.dtype} instead.")
    if points.ndim != 2:
        raise OptionError(f"{name} should be an array (points, dimensions). Got {points.ndim} dimension(s) instead.")
    if not points.shape[0] or not points.shape[1]:
        raise OptionError(f"{name} should hold at least one point of at least one dimension. Got shape {points.shape}.")
    points = points.astype(np.float64, copy=False)
    # One sum of squares sees NaN, infinity and overflow at the cost of a single pass.
    flat = points.ravel() if points.flags.c_contiguous else np.ascontiguousarray(points).ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(flat @ flat):
            finite = np.isfinite(np.einsum("ij,ij->i", points, points))
            row = f" in row {int(np.argmin(finite))}" if not finite.all() else ""
            raise NotFiniteError(f"{name} holds NaN, infinity or values too large to be squared{row}.")
    return points


def same_width(A: np.ndarray, B: np.ndarray) -> None:
    """Raise OptionError unless A (n_a, d) and B (n_b, d) have one width."""
    if A.shape[1] != B.shape[1]:
        raise OptionError(
            f"A and B should have the same number of dimensions. Got {A.shape[1]} and {B.shape[1]} instead."
        )
