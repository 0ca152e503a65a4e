"""Nearest points of thousands of small pairs of hulls at once, from inner products alone.

The active-set method of `active_set` with every pair in step. Inner products square the condition number, so a
result counts only where its own bounds meet; the rest is left to the exact solver.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGE = 1e-11
"""Added to squared lengths (radius 1), so that dependent points have weights; the bounds are taken without it."""

ROUNDS = 60
"""Steps before a pair is left to the exact solver; a pair of ten points a side takes about eight."""

ROUNDING = 1e-13
"""What float64 leaves unknown of a squared distance, beside a radius of 1."""


@dataclass
class Batch:
    """Bounds, (b,) each, in the units of the points, and feasible weights, (b, s)."""

    lower: np.ndarray
    upper: np.ndarray
    weights: np.ndarray


def nearest_points_of_many(
    products: np.ndarray, sides: np.ndarray, rtol: float, start: np.ndarray | None = None
) -> Batch:
    """Weights of the nearest points of b pairs of hulls.

    Parameters
    ----------
    products : (b, s, s) inner products of the points, those of the second side taken negative; radius about 1.
    sides : (b, s, g) bool, which side a point is on: g is 2, or 1 for the point of one hull nearest to the origin.
        A point on no side is padding. Every side holds a point.
    rtol : pairs leave the batch once their bounds are this near, relative to the upper.
    start : (b, s) weights to start from, on every side not negative with a sum of 1.

    Returns
    -------
    The best bounds found. The lower bound is 0 where the distance is too short for inner products to tell.
    """
    b, s, _ = sides.shape
    result = Batch(np.zeros(b), np.full(b, np.inf), np.zeros((b, s)))
    member = sides.astype(np.float64)
    real: np.ndarray = np.asarray(sides.any(axis=2))
    system = products + member @ member.transpose(0, 2, 1)
    places = np.arange(s)
    system[:, places, places] += RIDGE
    if start is None:
        # First the point of each side that lies furthest inside along the difference of the means.
        means = (member / member.sum(axis=1, keepdims=True)).sum(axis=2)
        along = np.where(sides, products @ means[:, :, None], np.inf)
        start = np.zeros((b, s))
        np.put_along_axis(start, along.argmin(axis=1), 1.0, axis=1)
    weights: np.ndarray = start
    active: np.ndarray = start > 0
    left = np.arange(b)
    for _ in range(ROUNDS):
        goal, levels = _solve(system, member, active)
        out: np.ndarray = np.asarray(active & (goal <= 0))
        steps = np.where(out, 0, np.inf)
        np.divide(weights, weights - goal, out=steps, where=out & (weights > 0))
        step = np.minimum(steps.min(axis=1), 1)[:, None]
        weights = weights + step * (goal - weights)
        leaving = out & (steps <= step)
        weights[leaving] = 0
        active &= ~leaving
        settled: np.ndarray = np.asarray(~out.any(axis=1))

        along = (products @ weights[:, :, None])[:, :, 0]
        upper = np.sqrt(np.einsum("ij,ij->i", along, weights).clip(1e-300))
        lower = np.where(sides, along[:, :, None], np.inf).min(axis=1).sum(axis=1) / upper
        better = upper < result.upper[left]
        result.upper[left[better]] = upper[better]
        result.weights[left[better]] = weights[better]
        result.lower[left] = np.maximum(result.lower[left], lower)
        best = result.upper[left]

        short = np.where(real & ~active & settled[:, None], (member @ levels[:, :, None])[:, :, 0] - along, 0)
        active |= short > 0
        open_: np.ndarray = (best - result.lower[left] > rtol * best) & (best**2 > ROUNDING / rtol)
        open_ &= ~settled | (short > 0).any(axis=1)
        if not open_.all():
            narrowed: tuple[np.ndarray, ...] = (left, products, system, sides, member, real, active, weights)
            left, products, system, sides, member, real, active, weights = (array[open_] for array in narrowed)
        if not len(left):
            break
    result.lower[result.upper**2 <= ROUNDING / rtol] = 0
    return result


def _solve(system: np.ndarray, member: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Affine weights, (b, s), of the active points, and the level, (b, g), that each side's points then share."""
    both = active[:, :, None] & active[:, None, :]
    matrix = np.where(both, system, 0)
    places = np.arange(active.shape[1])
    matrix[:, places, places] += ~active
    right = member * active[:, :, None]
    found = np.linalg.solve(matrix, right)
    sums = right.transpose(0, 2, 1) @ found
    multipliers = np.linalg.solve(sums, np.ones((*sums.shape[:1], sums.shape[1], 1)))
    return (found @ multipliers)[:, :, 0], multipliers[:, :, 0] - 1
