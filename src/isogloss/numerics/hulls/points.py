"""What hull distances share: the precision asked for, and points about a common centre and of radius 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.errors import NotFiniteError, OptionError


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
