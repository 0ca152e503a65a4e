"""Nearest points of thousands of small pairs of hulls at once, from inner products alone.

Block principal pivoting (Kim and Park, SIAM J. Sci. Comput. 33, 2011, 3261-3281) for the weights of every pair in
step. Inner products square the condition number, so a result counts only where its own bounds meet; the rest is
left to the exact solver.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGE = 1e-11
"""Added to squared lengths (radius 1), so that dependent points have weights; the bounds are taken without it."""

ROUNDS, PATIENCE = 30, 3


@dataclass
class Batch:
    """Bounds, (b,) each, in the units of the points; weights (b, s); the rounding that squared lengths carry."""

    lower: np.ndarray
    upper: np.ndarray
    weights: np.ndarray


def nearest_points_of_many(products: np.ndarray, sides: np.ndarray, rtol: float) -> Batch:
    """Weights of the nearest points of b pairs of hulls.

    Parameters
    ----------
    products : (b, s, s) inner products of the points, those of the second side taken negative; radius about 1.
    sides : (b, s, g) bool, which side a point is on: g is 2, or 1 for the point of one hull nearest to the origin.
        A point on no side is padding. Every side holds a point.
    rtol : pairs leave the batch once their bounds are this near, relative to the upper.

    Returns
    -------
    The best bounds found; pairs whose bounds are further apart than rtol are not solved. Squares of lengths under
    1e-14 / rtol * 10 are rounding and never count as solved.
    """
    b, s, g = sides.shape
    result = Batch(np.zeros(b), np.full(b, np.inf), np.zeros((b, s)))
    member = sides.astype(np.float64)
    real = sides.any(axis=2)
    system = products + member @ member.transpose(0, 2, 1)
    places = np.arange(s)
    system[:, places, places] += RIDGE
    active = real.copy()
    left = np.arange(b)
    fewest = np.full(b, s + 1)
    patience = np.full(b, PATIENCE)
    for _ in range(ROUNDS):
        weights, levels = _solve(system, member, active)
        feasible = np.maximum(weights, 0)
        feasible /= (feasible[:, None, :] @ member @ member.transpose(0, 2, 1))[:, 0].clip(1e-300)
        along = (products @ feasible[:, :, None])[:, :, 0]
        squares = np.einsum("ij,ij->i", along, feasible)
        upper = np.sqrt(squares.clip(1e-300))
        least = np.where(sides, along[:, :, None], np.inf).min(axis=1)
        lower = least.sum(axis=1) / upper
        better = upper < result.upper[left]
        result.upper[left[better]] = upper[better]
        result.weights[left[better]] = feasible[better]
        result.lower[left] = np.maximum(result.lower[left], lower)
        best = result.upper[left]
        open_ = (best - result.lower[left] > rtol * best) & (best**2 > 1e-13 / rtol)
        along = (products @ weights[:, :, None])[:, :, 0]
        wrong = np.where(active, weights < 0, real & (along < (member @ levels[:, :, None])[:, :, 0]))
        count = wrong.sum(axis=1)
        open_ &= count > 0
        fewer = count < fewest
        fewest = np.where(fewer, count, fewest)
        patience = np.where(fewer, PATIENCE, patience - 1)
        # One change at a time, the last, cannot cycle.
        alone = patience < 0
        last = s - 1 - np.argmax(wrong[:, ::-1], axis=1)
        wrong &= ~alone[:, None] | (places == last[:, None])
        active ^= wrong
        if not open_.all():
            left, products, system, sides, member, real, active, fewest, patience = (
                array[open_] for array in (left, products, system, sides, member, real, active, fewest, patience)
            )
        if not len(left):
            break
    small = result.upper**2 <= 1e-13 / rtol
    result.lower[small] = 0
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
