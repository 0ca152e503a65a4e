"""The distance of two convex hulls, with the bounds that prove it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.numerics.hulls.active_set import nearest_points
from isogloss.numerics.hulls.points import centred, read_precision
from isogloss.numerics.points import TOUCHING, read_points, same_width
from isogloss.numerics.threads import one_blas_thread


@dataclass(frozen=True, repr=False)
class HullGap:
    """Bounds of the distance of two convex hulls, each with what proves it.

    Attributes
    ----------
    lower : the least of A @ normal less the greatest of B @ normal; 0 where the hulls overlap or touch.
    upper : length of weights_a @ A - weights_b @ B. Where the hulls overlap or touch, at most `TOUCHING` (1e-9) of
        the radius of the points about their centre.
    weights_a, weights_b : (n,) and (m,), not negative, sum to 1: the nearest points as convex combinations.
    normal : (d,), of length 1, from B to A; zeros where the hulls overlap or touch.

    Both bounds are computed in float64 about the centre of the points, so that a far offset costs no digits.
    """

    lower: float
    upper: float
    weights_a: np.ndarray
    weights_b: np.ndarray
    normal: np.ndarray

    def __repr__(self) -> str:
        nearest = [np.count_nonzero(weights) for weights in (self.weights_a, self.weights_b)]
        return (
            f"HullGap(lower={self.lower:.9g}, upper={self.upper:.9g}, weights on {nearest[0]} and {nearest[1]} points)"
        )

    @property
    def touching(self) -> bool:
        """Whether the hulls overlap or touch."""
        return not self.normal.any()

    @property
    def distance(self) -> float:
        """The upper bound, or 0 where the hulls overlap or touch."""
        return 0.0 if self.touching else self.upper


@one_blas_thread()
def hull_gap(A: np.ndarray, B: np.ndarray, rtol: float = 1e-6) -> HullGap:
    """Find the nearest points of two convex hulls and a plane between them.

    Parameters
    ----------
    A, B : (n, d) and (m, d), any real dtype; computed in float64.
    rtol : the bounds are at most this far apart, relative to the upper. Where the hulls are nearer to one another
        than 1e-7 of the radius of the points, rounding may leave them up to 1e-14 of the radius apart.

    Raises
    ------
    OptionError : a set is empty or no table, the widths differ, or rtol is out of range.
    NotFiniteError : a row holds NaN or infinity.
    """
    A, B, rtol = read_points(A, "A"), read_points(B, "B"), read_precision(rtol)
    same_width([A, B], ["A", "B"])
    return gap_of(A, B, rtol)


def gap_of(A: np.ndarray, B: np.ndarray, rtol: float) -> HullGap:
    """`hull_gap` of float64 arrays of one width that are known to be finite."""
    (A, B), radius = centred([A, B])
    nearest = nearest_points(A, B, rtol)
    weights_a, weights_b = np.zeros(len(A)), np.zeros(len(B))
    of_a = nearest.points < len(A)
    weights_a[nearest.points[of_a]] = nearest.weights[of_a]
    weights_b[nearest.points[~of_a] - len(A)] = nearest.weights[~of_a]
    for weights in (weights_a, weights_b):
        weights /= weights.sum()
    # Once more from what is handed out, so that nothing rests on the solver's own state.
    upper = float(np.linalg.norm(weights_a @ A - weights_b @ B))
    lower = float((A @ nearest.normal).min() - (B @ nearest.normal).max())
    normal = nearest.normal
    if upper <= TOUCHING or lower <= 0:
        lower, normal = 0.0, np.zeros_like(normal)
    return HullGap(min(lower, upper) * radius, upper * radius, weights_a, weights_b, normal)


def hull_distance(A: np.ndarray, B: np.ndarray, rtol: float = 1e-6) -> float:
    """Distance of two convex hulls: twice the margin of the widest slab between them; 0 where they touch.

    Parameters, errors and precision as in `hull_gap`. Hulls nearer than 1e-9 of the radius of the points count as
    touching.
    """
    return hull_gap(A, B, rtol).distance
