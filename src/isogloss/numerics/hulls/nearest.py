"""Distances from many points to a hull, and the nearest of several hulls for many points.

Points are taken in step: each keeps the few points of the hull that matter to it, its own bounds say when it is
done, and in a search for the nearest hull a point leaves as soon as its lower bound says that another is nearer.
What inner products cannot tell is left to the exact solver.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.errors import OptionError
from isogloss.numerics.hulls.active_set import nearest_points
from isogloss.numerics.hulls.batched import nearest_points_of_many
from isogloss.numerics.hulls.points import about_hulls, read_precision
from isogloss.numerics.points import TOUCHING, read_points, same_width
from isogloss.numerics.threads import one_blas_thread
from isogloss.progress import SILENT, Advance, Progress

ENTERING, KEPT = 8, 90
"""Points of the hull that a point takes up in one cycle, and holds at most before the exact solver takes over."""

_NUMBERS = 4_000_000
"""Numbers in the working sets of the points taken in step: 32 MB."""


@one_blas_thread()
def point_hull_distances(X: np.ndarray, hull: np.ndarray, rtol: float = 1e-6) -> np.ndarray:
    """Distance of every point to the convex hull of a point set.

    Parameters
    ----------
    X : (n, d) points.
    hull : (m, d) the point set.
    rtol : relative precision, proved by a lower and an upper bound; as in `hull_gap`.

    Returns
    -------
    (n,) distances; 0 within the hull, and where a point is nearer to it than 1e-9 of the radius of
        the hull and it.

    Raises
    ------
    OptionError : a set is empty or no table, the widths differ, or rtol is out of range.
    NotFiniteError : a row holds NaN or infinity.
    """
    X, hull, rtol = read_points(X, "X"), read_points(hull, "hull"), read_precision(rtol)
    same_width([X, hull], ["X", "hull"])
    found = np.empty(len(X))
    for rows, points, (around,), radius in about_hulls(X, [hull]):
        found[rows] = _distances(points, around, rtol, np.full(len(rows), np.inf)) * radius
    return found


@one_blas_thread()
def nearest_hulls(
    X: np.ndarray, hulls: Sequence[np.ndarray], rtol: float = 1e-6, progress: Progress = SILENT
) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest of several convex hulls for every point, and its distance.

    Parameters
    ----------
    X : (n, d) points.
    hulls : k point sets, (m_i, d).
    rtol : relative precision of the distance; hulls whose distances differ by less may stand for one another.
    progress : told of every point and hull.

    Returns
    -------
    index : (n,) int64, the number of the nearest hull.
    distance : (n,) its distance, as in `point_hull_distances`.

    Raises
    ------
    OptionError : there is no hull, a set is empty or no table, the widths differ, or rtol is out of range.
    NotFiniteError : a row holds NaN or infinity.
    """
    if not len(hulls):
        raise OptionError("hulls should hold at least one point set. Got none.")
    names = ["X", *(f"hull {i}" for i in range(len(hulls)))]
    sets, rtol = [read_points(S, name) for S, name in zip([X, *hulls], names, strict=True)], read_precision(rtol)
    same_width(sets, names)
    X, hulls = sets[0], sets[1:]
    index, distance = np.zeros(len(X), dtype=np.int64), np.empty(len(X))
    with progress.task("Nearest hulls", len(X) * len(hulls), "distance") as advance:
        for rows, points, around, radius in about_hulls(X, hulls):
            index[rows], nearest = _nearest(points, around, rtol, advance)
            distance[rows] = nearest * radius
    return index, distance


def _nearest(
    X: np.ndarray, hulls: Sequence[np.ndarray], rtol: float, advance: Advance
) -> tuple[np.ndarray, np.ndarray]:
    """Number of the nearest hull and its distance, (n,) each."""
    n = len(X)
    lower = np.stack([_along_centroid(X, hull) for hull in hulls], axis=1)
    index = np.zeros(n, dtype=np.int64)
    distance = np.full(n, np.inf)
    # The hull furthest from being excluded first; what it leaves of the others is seen to hull by hull.
    guess = lower.argmin(axis=1)
    for i, hull in enumerate(hulls):
        rows = np.flatnonzero(guess == i)
        if len(rows):
            distance[rows] = _distances(X[rows], hull, rtol, np.full(len(rows), np.inf))
            index[rows] = i
        advance(len(rows))
    for i, hull in enumerate(hulls):
        rows = np.flatnonzero((guess != i) & (lower[:, i] < distance))
        if len(rows):
            found = _distances(X[rows], hull, rtol, distance[rows])
            nearer = rows[found < distance[rows]]
            index[nearer], distance[nearer] = i, found[found < distance[rows]]
        advance(float(np.count_nonzero(guess != i)))
    return index, distance


def _along_centroid(X: np.ndarray, hull: np.ndarray) -> np.ndarray:
    """Lower bounds of the distances, (n,): how far each point is beyond the hull seen from the hull's mean."""
    mean = hull.mean(axis=0)
    away = X - mean
    lengths = np.sqrt(np.einsum("ij,ij->i", away, away))
    beyond = np.empty(len(X))
    for start, stop in _chunks(len(X), len(hull)):
        beyond[start:stop] = (away[start:stop] @ (hull - mean).T).max(axis=1)
    return np.maximum(lengths - np.divide(beyond, lengths, out=np.zeros_like(lengths), where=lengths > 0), 0)


def _chunks(n: int, numbers: int) -> list[tuple[int, int]]:
    step = max(1, _NUMBERS // numbers)
    return [(start, min(start + step, n)) for start in range(0, n, step)]


def _distances(X: np.ndarray, hull: np.ndarray, rtol: float, limit: np.ndarray) -> np.ndarray:
    """Distances, (n,), of points to one hull; infinite where the lower bound says it is at least the point's limit."""
    return np.concatenate(
        [
            _distances_in_step(X[start:stop], hull, rtol, limit[start:stop])
            for start, stop in _chunks(len(X), max(len(hull), KEPT * X.shape[1]))
        ]
    )


def _distances_in_step(X: np.ndarray, hull: np.ndarray, rtol: float, limit: np.ndarray) -> np.ndarray:
    """`_distances` of points few enough that their working sets fit in memory."""
    result = np.full(len(X), np.nan)
    squares = np.einsum("ij,ij->i", hull, hull)
    first = (squares - 2 * (X @ hull.T)).argmin(axis=1)
    held, weights = first[:, None], np.ones((len(X), 1))
    best, lower = np.full(len(X), np.inf), np.zeros(len(X))
    left = np.arange(len(X))
    difference = X - hull[first]
    while len(left):
        upper = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        along = difference @ hull.T
        own = np.einsum("ij,ij->i", difference, X[left])
        bound = np.divide(own - along.max(axis=1), upper, out=np.zeros_like(upper), where=upper > 0)
        stalled = upper >= best[left] * (1 - 1e-12)
        best[left] = np.minimum(best[left], upper)
        lower[left] = np.maximum(lower[left], bound)
        touching = best[left] <= TOUCHING
        beaten = lower[left] >= limit[left]
        solved = best[left] - lower[left] <= rtol * best[left]
        result[left[solved]] = best[left[solved]]
        result[left[beaten]] = np.inf
        result[left[touching]] = 0
        crowded = (weights > 0).sum(axis=1) + ENTERING > KEPT
        open_ = ~(touching | beaten | solved | stalled | crowded)
        left, held, weights, along = left[open_], held[open_], weights[open_], along[open_]
        if not len(left):
            break
        # Of the points held only those with weight stay; as many slots for all, the spare ones without a point.
        order = np.argsort(-weights, axis=1, kind="stable")[:, : int((weights > 0).sum(axis=1).max())]
        held, weights = np.take_along_axis(held, order, axis=1), np.take_along_axis(weights, order, axis=1)
        np.put_along_axis(along, np.where(weights > 0, held, held[:, :1]), -np.inf, axis=1)
        many = min(ENTERING, len(hull))
        entering = np.argpartition(along, along.shape[1] - many, axis=1)[:, -many:]
        real = np.concatenate([weights > 0, np.take_along_axis(along, entering, axis=1) > -np.inf], axis=1)
        held = np.concatenate([held, entering], axis=1)
        weights = np.concatenate([weights, np.zeros(entering.shape)], axis=1)
        to_hull = (hull[held] - X[left][:, None]) * real[:, :, None]
        batch = nearest_points_of_many(to_hull @ to_hull.transpose(0, 2, 1), real[:, :, None], rtol / 4, weights)
        weights = batch.weights
        difference = -(weights[:, None] @ to_hull)[:, 0]
    for i in np.flatnonzero(np.isnan(result)):
        found = nearest_points(X[i : i + 1], hull, rtol, enough=limit[i])
        result[i] = np.inf if found.lower > limit[i] else found.upper if found.lower > 0 else 0.0
    return result
