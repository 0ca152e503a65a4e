"""Nearest points of two convex hulls by a finite active-set method.

Wolfe's algorithm for the nearest point in a polytope (Mathematical Programming 11, 1976, 128-149) on the Minkowski
difference, but with the two sides kept apart: a face holds points, not pairs of points, and several enter it at
once. Each cycle costs a product of either side with one vector. It solves points that are already centred and
scaled; reading, checking and scaling them is done elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.numerics.hulls.face import Face
from isogloss.numerics.points import TOUCHING

FEWEST, MOST = 8, 64
"""Points that may enter the face in one cycle; between the two, a quarter of what it holds."""

PATIENCE = 3
"""Cycles without a shorter difference, from rounding alone, before the bounds reached are the answer."""


@dataclass
class Nearest:
    """Nearest points of two hulls in the units of the points given.

    Attributes
    ----------
    lower, upper : bounds of the distance; lower is 0 where the hulls touch.
    points : numbers, (m,), of the points on the face; those of the second set follow the first.
    weights : positive, (m,); they sum to 1 on either side.
    normal : (d,), unit length, along which the first set is at least `lower` beyond the second; zeros where the
        hulls touch.
    cycles : rounds of the method.
    """

    lower: float
    upper: float
    points: np.ndarray
    weights: np.ndarray
    normal: np.ndarray
    cycles: int = 0


def nearest_points(A: np.ndarray, B: np.ndarray, rtol: float, enough: float = np.inf) -> Nearest:
    """Nearest points of the hulls of A (n, d) and B (m, d), with bounds at most rtol apart, relative to the upper.

    Parameters
    ----------
    A, B : float64, in a ball of radius 1 about the origin.
    rtol : relative precision; the bounds end further apart only where float64 cannot tell more.
    enough : end early once the lower bound exceeds this.
    """
    n, d = len(A), A.shape[1]
    face = Face(d)
    difference = A.mean(axis=0) - B.mean(axis=0)
    first = np.array([(A @ difference).argmin(), n + (B @ difference).argmax()])
    face.add(first, _columns(A, B, first))
    weights = np.ones(2)
    best = Nearest(0.0, np.inf, first, weights, np.zeros(d))
    stalls = 0
    while True:
        best.cycles += 1
        weights = _descend(face, weights)
        of_a = face.points < n
        on_a, on_b = face.points[of_a], face.points[~of_a] - n
        difference = weights[of_a] @ A[on_a] - weights[~of_a] @ B[on_b]
        upper = float(np.linalg.norm(difference))
        if not upper < best.upper * (1 - 1e-12):
            stalls += 1
        if upper < best.upper:
            best.upper, best.points, best.weights = upper, face.points, weights
        if best.upper <= TOUCHING:
            best.lower, best.normal = 0.0, np.zeros(d)
            break
        normal = face.normal(difference)
        along_a, along_b = A @ normal, B @ normal
        lower = float(along_a.min() - along_b.max())
        if lower > best.lower:
            best.lower, best.normal = lower, normal
        if best.upper - best.lower <= rtol * best.upper or best.lower > enough or stalls > PATIENCE:
            break
        entering = _entering(face, along_a[on_a].mean() - along_a, along_b - along_b[on_b].mean(), stalls)
        if not len(entering):
            break
        face.add(entering, _columns(A, B, entering))
        weights = np.concatenate([weights, np.zeros(len(face.points) - len(weights))])
    # Above the upper bound by rounding alone.
    best.lower = min(best.lower, best.upper)
    return best


def _entering(face: Face, short_a: np.ndarray, short_b: np.ndarray, stalls: int) -> np.ndarray:
    """The points that lie furthest inside the gap; one alone where several made no progress."""
    short = np.concatenate([short_a, short_b])
    short[face.points] = 0
    many = 1 if stalls else min(max(FEWEST, len(face.points) // 4), MOST)
    many = min(many, face.room, len(short))
    if many <= 0:
        return np.zeros(0, dtype=np.int64)
    furthest = np.argpartition(short, -many)[-many:]
    return furthest[short[furthest] > 0]


def _columns(A: np.ndarray, B: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Augmented columns, (d + 2, p), of these points: (x, 1, 0) of A and (-x, 0, 1) of B."""
    n = len(A)
    columns = np.zeros((A.shape[1] + 2, len(points)), order="F")
    of_a = points < n
    columns[:-2, of_a] = A[points[of_a]].T
    columns[:-2, ~of_a] = -B[points[~of_a] - n].T
    columns[-2, of_a] = columns[-1, ~of_a] = 1
    return columns


def _descend(face: Face, weights: np.ndarray) -> np.ndarray:
    """Walk to the nearest points of the face's spans, leaving points behind whose weight comes down to 0."""
    while True:
        goal = face.nearest()
        out = np.flatnonzero(goal <= 0)
        if not len(out):
            return goal
        had = weights[out]
        steps = np.divide(had, had - goal[out], out=np.zeros_like(had), where=had > 0)
        step = steps.min()
        weights = weights + step * (goal - weights)
        left = out[steps <= step]
        face.remove(left)
        weights = np.maximum(np.delete(weights, left), 0)
