"""What is said of two point sets: separable or not, with the certificate that proves it and its check.

Finds no certificate: it only says when one counts. The check uses nothing but the two arrays and the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.numerics.separation.points import float64_points, same_width

RELATIVE_TOLERANCE = 1e-9
"""A gap of the hulls below this part of the scale is touching; far above rounding, far below float32's own spacing."""

Method = Literal["common", "means", "gram", "hinge", "programme", "known", "groups"]


def middle_and_scale(A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, float]:
    """Midpoint (d,) of the two means, and the largest distance of a point from it (0 for one point twice)."""
    middle = 0.5 * (A.mean(axis=0) + B.mean(axis=0))
    return middle, max(largest_norm(A - middle), largest_norm(B - middle))


def largest_norm(X: np.ndarray) -> float:
    """Greatest Euclidean norm of a row."""
    return float(np.sqrt(np.einsum("ij,ij->i", X, X).max()))


def rounding(width: int, size: float) -> float:
    """Bound of the rounding of x @ w in float64 for |x| <= size, |w| = 1 (Higham 2002, section 3.1)."""
    return 2.0 * (width + 2) * float(np.finfo(np.float64).eps) * size


def tolerance(width: int, scale: float, size: float) -> float:
    """Distance below which hulls count as touching: 1e-9 of the scale, and what float64 rounds at that size."""
    return RELATIVE_TOLERANCE * scale + 2.0 * rounding(width, size)


@dataclass(frozen=True)
class Separation:
    """Verdict on two point sets A (n_a, d) and B (n_b, d), with its certificate; `bool(result)` is the verdict.

    Definition. The scale is the largest distance of a point from the midpoint of the two means; the tolerance is
    1e-9 of it, plus a bound on what float64 rounds in x @ normal at the points' distance from the origin
    (so that a cloud far from the origin is not credited with digits that its coordinates do not have).

    * Separable: a plane for which every margin, in float64, is positive beyond rounding and the two margins together
      exceed the tolerance. The hulls are then further apart than the tolerance.
    * Overlapping: convex weights on both sides whose two points are the same within twice the tolerance.
      Hulls that touch in a vertex, an edge or a face overlap, and so do hulls nearer than the tolerance.

    By duality one of both always exists; a gap between one and two tolerances may have either.

    Attributes
    ----------
    separable : the verdict.
    normal : (d,) unit normal of the plane, from B towards A; None where the sets overlap.
    offset : A @ normal > offset > B @ normal; NaN where the sets overlap.
    weights_a, weights_b : (n_a,), (n_b,) nonnegative, summing to 1, with weights_a @ A equal to weights_b @ B;
        None where the sets are separable.
    method : which solver found the certificate.
    """

    separable: bool
    normal: np.ndarray | None = None
    offset: float = float("nan")
    weights_a: np.ndarray | None = None
    weights_b: np.ndarray | None = None
    method: Method = "hinge"

    def __bool__(self) -> bool:
        return self.separable

    def holds(self, A: np.ndarray, B: np.ndarray) -> bool:
        """Check the certificate against the two sets, in float64 and from nothing but them.

        Raises
        ------
        OptionError : the sets are no two arrays of points of one width.
        """
        A, B = float64_points(A, "A"), float64_points(B, "B")
        same_width(A, B)
        middle, scale = middle_and_scale(A, B)
        size = max(largest_norm(A), largest_norm(B))
        if self.separable:
            return self.normal is not None and plane_counts(A, B, self.normal, self.offset, scale, size)
        if self.weights_a is None or self.weights_b is None:
            return False
        return weights_count(A - middle, B - middle, self.weights_a, self.weights_b, scale, size)


def plane_counts(A: np.ndarray, B: np.ndarray, normal: np.ndarray, offset: float, scale: float, size: float) -> bool:
    """Whether the plane proves A (n_a, d) and B (n_b, d) separable, by the definition of `Separation`."""
    if normal.shape != (A.shape[1],) or not np.isfinite(normal).all() or not np.isfinite(offset):
        return False
    length = float(np.linalg.norm(normal))
    if not length > 0.0:
        return False
    above = (float((A @ normal).min()) - offset) / length
    below = (offset - float((B @ normal).max())) / length
    return min(above, below) > rounding(A.shape[1], size) and above + below > tolerance(A.shape[1], scale, size)


def weights_count(
    A: np.ndarray, B: np.ndarray, weights_a: np.ndarray, weights_b: np.ndarray, scale: float, size: float
) -> bool:
    """Whether convex weights prove that A and B, both less their middle, overlap, by the definition of `Separation`."""
    for weights, side in ((weights_a, A), (weights_b, B)):
        if weights.shape != (len(side),) or not np.isfinite(weights).all() or weights.min() < 0.0:
            return False
        if abs(float(weights.sum()) - 1.0) > 1e-12:
            return False
    apart = float(np.linalg.norm(weights_a @ A - weights_b @ B))
    return apart <= 2.0 * tolerance(A.shape[1], scale, size)
