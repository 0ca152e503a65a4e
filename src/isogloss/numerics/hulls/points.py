"""What hull distances share: the precision asked for, and points about a common centre and of radius 1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from isogloss.errors import NotFiniteError, OptionError

_WIDER = 8
"""Times as far away as the points of the group before."""


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
    shifted, radius, _, _ = _about(sets)
    return shifted, radius


def about_hulls(
    X: np.ndarray, hulls: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, list[np.ndarray], float]]:
    """Points and hulls about the hulls' own centre, in groups of points that lie about as far away.

    What becomes of a point depends on no other: one that lies far off costs the near ones no digits.

    Yields
    ------
    rows of X, increasing; these points and the hulls, divided by a radius that holds the hulls, and of which the points
    are at most `_WIDER` away; the radius.

    Raises
    ------
    NotFiniteError : the points lie further apart than float64 reaches.
    """
    around, radius, origin, centre = _about(hulls)
    with np.errstate(over="ignore", invalid="ignore"):
        apart = (X - origin) - centre
        largest = np.abs(apart).max(axis=1)
        # Divided before it is squared: 1e200 has no square.
        lengths = largest * np.linalg.norm(apart / np.where(largest > 0, largest, 1.0)[:, None], axis=1)
    if not np.isfinite(lengths).all():
        raise NotFiniteError("the points lie too far apart for float64")
    if not any(points.any() for points in around):
        # The hulls are one point: there is no size but that of the distances.
        radius = float(lengths[lengths > 0].min(initial=lengths.max() or 1.0))
    step = np.floor(np.log(np.maximum(lengths / radius, 1.0)) / np.log(_WIDER)).astype(np.int64)
    for group in np.unique(step).tolist():
        rows = np.flatnonzero(step == group)
        wider = float(_WIDER) ** group
        hulls_ = [points / wider for points in around] if group else around
        yield rows, apart[rows] / radius / wider, hulls_, radius * wider


def _about(sets: Sequence[np.ndarray]) -> tuple[list[np.ndarray], float, np.ndarray, np.ndarray]:
    """As `centred`, and where the centre is: a point of the sets, and how far from there the mean of their means."""
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
        return shifted, 1.0, origin, centre
    # Divided before it is squared: 1e-200 and 1e200 have no square.
    for points in shifted:
        points /= extent
    radius = max(float(np.sqrt(np.einsum("ij,ij->i", points, points).max())) for points in shifted)
    for points in shifted:
        points /= radius
    return shifted, extent * radius, origin, centre
