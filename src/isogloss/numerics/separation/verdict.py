"""What is said of two point sets: separable or not, with the certificate that proves it and its check.

Finds no certificate: it only says when one counts. The check uses nothing but the two arrays and the certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.numerics.blocks import ROWS_IN_CACHE, row_blocks
from isogloss.numerics.points import TOUCHING, middle_of, scale_about, two_sets

Method = Literal["common", "means", "gram", "hinge", "nearest", "interior", "programme", "presumed"]


def rounding(width: int, size: float) -> float:
    """Bound of the rounding of x @ w in float64 for |x| <= size, |w| = 1 (Higham 2002, section 3.1)."""
    return 2.0 * (width + 2) * float(np.finfo(np.float64).eps) * size


def tolerance(width: int, scale: float, size: float) -> float:
    """Distance below which hulls count as touching: 1e-9 of the scale, and what float64 rounds at that size."""
    return TOUCHING * scale + 2.0 * rounding(width, size)


@dataclass(frozen=True, repr=False)
class Separation:
    """Verdict on two point sets A (n_a, d) and B (n_b, d), with its certificate; `bool(result)` is the verdict.

    Definition. The scale is the largest distance of a point from the midpoint of the two means; the tolerance is
    1e-9 of it, plus a bound on what float64 rounds in x @ normal at the points' distance from the origin
    (so that a cloud far from the origin is not credited with digits that its coordinates do not have).

    * Separable: a plane for which every margin, in float64, is positive beyond rounding and the two margins together
      exceed the tolerance. The hulls are then further apart than the tolerance.
    * Overlapping: convex weights on both sides whose two points are the same within twice the tolerance.
      Hulls that touch in a vertex, an edge or a face overlap, and so do hulls nearer than the tolerance.

    Squares of distances below 1e-154 are 0 in float64: points that are nearer than that to each other are one point.

    By duality one of both always exists; a gap between one and two tolerances may have either. Should rounding keep
    every solver from finding it, the sets are presumed to overlap: the method is "presumed", the weights are those of
    the nearest points found, and `holds(A, B)` is false.

    The plane is one that separates, not the one with the widest margin: that one is `hull_gap`'s.

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

    def __repr__(self) -> str:
        if self.normal is not None:
            proof = f"normal of {len(self.normal)} dimensions, offset={self.offset:.6g}"
        else:
            counts = [np.count_nonzero(w) if w is not None else 0 for w in (self.weights_a, self.weights_b)]
            proof = f"weights on {counts[0]} and {counts[1]} points"
        return f"Separation(separable={self.separable}, method={self.method!r}, {proof})"

    def holds(self, A: np.ndarray, B: np.ndarray) -> bool:
        """Check the certificate against the two sets, in float64 and from nothing but them.

        Raises
        ------
        OptionError : the sets are no two arrays of points of one width.
        """
        sets = two_sets(A, B)
        middle = middle_of(*sets)
        scale = scale_about(sets, middle)
        size = scale + float(np.linalg.norm(middle))
        if self.separable:
            return self.normal is not None and plane_counts(sets, self.normal, self.offset, scale, size)
        if self.weights_a is None or self.weights_b is None:
            return False
        points, n_a = np.concatenate(sets), len(sets[0])
        return weights_count(points, n_a, self.weights_a, self.weights_b, middle, scale, size)


def plane_counts(
    sets: tuple[np.ndarray, np.ndarray], normal: np.ndarray, offset: float, scale: float, size: float
) -> bool:
    """Whether the plane separates two sets of points (n, d), by `Separation`'s definition."""
    if normal.shape != sets[0].shape[1:] or not np.isfinite(normal).all() or not np.isfinite(offset):
        return False
    length = float(np.linalg.norm(normal))
    if not length > 0.0:
        return False
    # Set by set, as the plane was found: a product rounds a row by its place in the matrix.
    above, below = float((sets[0] @ normal).min()) - offset, offset - float((sets[1] @ normal).max())
    return margins_count(above / length, below / length, len(normal), scale, size)


def margins_count(above: float, below: float, width: int, scale: float, size: float) -> bool:
    """Whether distances of a plane from the two sets are beyond rounding, and together beyond the tolerance."""
    return min(above, below) > rounding(width, size) and above + below > tolerance(width, scale, size)


def weights_count(
    points: np.ndarray,
    n_a: int,
    weights_a: np.ndarray,
    weights_b: np.ndarray,
    middle: np.ndarray,
    scale: float,
    size: float,
) -> bool:
    """Whether convex weights make the first n_a rows of points (n, d) meet the others, by `Separation`'s definition."""
    for weights, n in ((weights_a, n_a), (weights_b, len(points) - n_a)):
        if weights.shape != (n,) or not np.isfinite(weights).all() or weights.min() < 0.0:
            return False
        if abs(float(weights.sum()) - 1.0) > 1e-12:
            return False
    signed = np.concatenate([weights_a, -weights_b])
    used = np.flatnonzero(signed)
    apart = np.zeros(points.shape[1])
    for rows in row_blocks(used, ROWS_IN_CACHE):
        apart += signed[rows] @ (points[rows] - middle)
    return float(np.linalg.norm(apart)) <= 2.0 * tolerance(points.shape[1], scale, size)
