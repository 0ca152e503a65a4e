"""Arrays of points made fit for geometry: float64, two dimensions, not empty, finite, of one width."""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.errors import NotFiniteError, OptionError


def stacked(A: Any, B: Any) -> tuple[np.ndarray, int]:
    """Two sets of points as one array (n_a + n_b, d) of float64 in C order, and n_a.

    Raises
    ------
    OptionError : a set holds no real numbers, has not two dimensions, or has no row or no column; widths differ.
    NotFiniteError : a value is NaN or infinite, or so large that its square is; names the set and the row.
    """
    sets = {"A": shaped(A, "A"), "B": shaped(B, "B")}
    first, second = sets.values()
    if first.shape[1] != second.shape[1]:
        raise OptionError(
            f"A and B should have the same number of dimensions. Got {first.shape[1]} and {second.shape[1]} instead."
        )
    n_a = len(first)
    points = np.empty((n_a + len(second), first.shape[1]))
    points[:n_a], points[n_a:] = first, second
    if not all_finite(points):
        for name, part in (("A", points[:n_a]), ("B", points[n_a:])):
            refuse_unfinite(part, name)
        raise NotFiniteError("A and B together hold values too large to be squared.")
    return points, n_a


def float64_points(X: Any, name: str) -> np.ndarray:
    """Points as (n, d) float64 in C order; the same array where it already is one. Errors as `stacked`."""
    points = np.ascontiguousarray(shaped(X, name), dtype=np.float64)
    if not all_finite(points):
        refuse_unfinite(points, name)
        raise NotFiniteError(f"{name} holds values too large to be squared.")
    return points


def shaped(X: Any, name: str) -> np.ndarray:
    """X as an array of real numbers with two dimensions, neither of them empty, or an OptionError."""
    points = np.asarray(X)
    if points.dtype.kind not in "fiub" and points.dtype.name != "bfloat16":
        raise OptionError(f"{name} should hold real numbers. Got dtype {points.dtype} instead.")
    if points.ndim != 2:
        raise OptionError(f"{name} should be an array (points, dimensions). Got {points.ndim} dimension(s) instead.")
    if not points.shape[0] or not points.shape[1]:
        raise OptionError(f"{name} should hold at least one point of at least one dimension. Got shape {points.shape}.")
    return points


def all_finite(points: np.ndarray) -> bool:
    """Whether the sum of all squares of a C-ordered array is finite: one pass that sees NaN, infinity and overflow."""
    flat = points.ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(flat @ flat))


def refuse_unfinite(points: np.ndarray, name: str) -> None:
    """Raise NotFiniteError with the first row whose squared norm is not finite, if there is one."""
    with np.errstate(over="ignore", invalid="ignore"):
        finite = np.isfinite(np.einsum("ij,ij->i", points, points))
    if not finite.all():
        row = int(np.argmin(finite))
        raise NotFiniteError(f"{name} holds NaN, infinity or values too large to be squared in row {row}.")
