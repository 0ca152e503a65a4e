"""Point sets as the solvers want them: float64, checked, about a common centre and of radius 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.errors import NotFiniteError, OptionError

TOUCHING = 1e-9
"""Hulls nearer than this share of the radius of their points count as touching: their distance is 0.

Float64 knows the difference of two such points to about 1e-15 of the radius, hence smaller distances to less than
six digits.
"""


def read_points(X: np.ndarray, name: str) -> np.ndarray:
    """(n, d) float64 of a non-empty table of finite numbers.

    Raises
    ------
    OptionError : X is no (n, d) table of real numbers, or it is empty.
    NotFiniteError : a row holds NaN or infinity.
    """
    try:
        points = np.asarray(X)
        points = points if np.iscomplexobj(points) else points.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise OptionError(f"{name} should be a table of numbers, a row per point: {error}") from error
    if np.iscomplexobj(points):
        raise OptionError(f"{name} should hold real numbers. Got {points.dtype} instead.")
    if points.ndim != 2:
        raise OptionError(f"{name} should be (points, dimensions). Got {points.ndim} dimension(s) instead.")
    if not points.size:
        raise OptionError(f"{name} should hold at least one point of one dimension. Got shape {points.shape} instead.")
    if not np.isfinite(points).all():
        bad = int(np.argmin(np.isfinite(points).all(axis=1)))
        raise NotFiniteError(f"{name} holds NaN or infinity in row {bad}")
    return points


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


def read_precision(rtol: float) -> float:
    """Relative precision as a float.

    Raises
    ------
    OptionError : it is not between 1e-12 and 1.
    """
    if not 1e-12 <= rtol < 1:
        raise OptionError(f"rtol should be at least 1e-12 and less than 1. Got {rtol!r} instead.")
    return float(rtol)


def centred(sets: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """The sets about the mean of their means, divided by their radius; and the radius.

    The radius is the greatest distance from that centre, 1.0 where all points are one point. Scale and offset of
    the input change the result only by the rounding of the input itself.

    Raises
    ------
    NotFiniteError : the points lie further apart than float64 reaches.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # Means of the differences to one point: exact for points far from the origin.
        origin = sets[0][0]
        shifted = [points - origin for points in sets]
        centre = np.mean([points.mean(axis=0) for points in shifted], axis=0)
        for points in shifted:
            points -= centre
    extent = max(float(np.abs(points).max()) for points in shifted)
    if not np.isfinite(extent):
        raise NotFiniteError("the points lie too far apart for float64")
    if extent == 0:
        return shifted, 1.0
    # Divided before it is squared: 1e-200 and 1e200 have no square.
    for points in shifted:
        points /= extent
    radius = max(float(np.sqrt(np.einsum("ij,ij->i", points, points).max())) for points in shifted)
    for points in shifted:
        points /= radius
    return shifted, extent * radius
