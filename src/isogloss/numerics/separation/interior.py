"""An interior-point method for the nearest points of two hulls: for hard pairs, where the hinge's pieces are too many.

Solves min 1/2 |w|^2 - g subject to y_i (w.x_i + b) >= g, whose dual is the least distance of the hulls: its multipliers
are convex weights on both sides, and w is half the difference of the weighted points' means. It is feasible and bounded
whether the sets overlap or not (Crisp and Burges 1999; predictor and corrector steps of Mehrotra 1992). Where a narrow
gap (near-duplicates on both sides) makes the hinge's plane steep, the number of steps does not grow.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from isogloss.numerics.separation.hinge import Judge

_STEPS = 60
_NEARLY = 1e-2
"""Half the distance of the weighted points, in units of the scale, from which a common point is looked for."""


def walk_inside(Z: np.ndarray, n_a: int, plane_found: Judge, weights_found: Judge) -> np.ndarray | None:
    """Walk towards the nearest points of two hulls until a certificate counts: None, or else the last weights (n,).

    Parameters
    ----------
    Z : (n, r) float64, centred, largest norm about 1; the first n_a rows are side +1.
    plane_found : told a plane (r + 1,), offset last; True ends the walk.
    weights_found : told nonnegative weights (n,) that balance but for rounding; True ends the walk.
    """
    n, r = Z.shape
    rows = np.empty((n, r + 2))
    rows[:, :r], rows[:, r] = Z, 1.0
    rows[n_a:] *= -1.0
    rows[n_a:, r] = -1.0
    rows[:, r + 1] = -1.0
    curved = np.concatenate([np.ones(r), np.zeros(2)])
    x, slack = np.zeros(r + 2), np.ones(n)
    x[r + 1] = -1.0
    weights = np.concatenate([np.full(n_a, 0.5 / n_a), np.full(n - n_a, 0.5 / (n - n_a))])
    for _ in range(_STEPS):
        dual = curved * x - weights @ rows
        dual[r + 1] -= 1.0
        primal = rows @ x - slack
        mu = float(weights @ slack) / n
        scaling = weights / slack
        solve = _solver(rows, scaling, curved)
        if solve is None:
            return weights
        # Affine step first: how far it gets says how much to centre.
        dx, dslack, dweights = _step(rows, x, slack, weights, dual, primal, weights * slack, solve)
        reach = min(_reach(slack, dslack), _reach(weights, dweights))
        after = float((weights + reach * dweights) @ (slack + reach * dslack)) / n
        target = weights * slack + dweights * dslack - mu * (max(after, 0.0) / mu) ** 3
        dx, dslack, dweights = _step(rows, x, slack, weights, dual, primal, target, solve)
        reach = min(1.0, 0.995 * min(_reach(slack, dslack), _reach(weights, dweights)))
        x, slack, weights = x + reach * dx, slack + reach * dslack, weights + reach * dweights
        heights = rows[:, :r] @ x[:r]
        if heights[:n_a].min() > -heights[n_a:].min() and plane_found(x[: r + 1]):
            return None
        apart = weights @ rows[:, :r]
        # Weights that are far from balanced would not balance without some of them turning negative.
        if apart @ apart < _NEARLY**2:
            balanced = _balanced(rows[:, : r + 1], weights)
            if balanced is not None and weights_found(balanced):
                return None
    return weights


def _solver(rows: np.ndarray, scaling: np.ndarray, curved: np.ndarray) -> np.ndarray | None:
    """Cholesky factor of the normal equations, with the least ridge that lets it exist."""
    scaled = rows * np.sqrt(scaling)[:, None]
    normal = scaled.T @ scaled
    diagonal = np.einsum("ii->i", normal)
    diagonal += curved
    ridge = 1e-16 * float(diagonal.max())
    for _ in range(8):
        diagonal += ridge
        factor, failed = dpotrf(normal.T, lower=1)
        if not failed:
            return factor
        ridge *= 100.0
    return None


def _step(
    rows: np.ndarray,
    x: np.ndarray,
    slack: np.ndarray,
    weights: np.ndarray,
    dual: np.ndarray,
    primal: np.ndarray,
    target: np.ndarray,
    factor: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton step of the three conditions; the products weights * slack change by -target."""
    right = -dual - ((target + weights * primal) / slack) @ rows
    dx = dpotrs(factor, right, lower=1)[0]
    dslack = rows @ dx + primal
    return dx, dslack, (-target - weights * dslack) / slack


def _reach(values: np.ndarray, change: np.ndarray) -> float:
    """Largest step up to 1 that leaves the values nonnegative."""
    falling = change < 0.0
    return min(1.0, float((values[falling] / -change[falling]).min())) if falling.any() else 1.0


def _balanced(rows: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Weights changed the least, relative to their own size, so that they balance; None where one turns negative."""
    factor = _solver(rows, weights * weights, np.zeros(rows.shape[1]))
    if factor is None:
        return None
    for _ in range(3):
        shift = dpotrs(factor, weights @ rows, lower=1)[0]
        changed = weights - weights * weights * (rows @ shift)
        if changed.min() < 0.0:
            return None
        weights = changed
    return weights
