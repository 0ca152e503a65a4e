"""The last way out: one linear programme whose primal is a common point and whose dual is a plane (HiGHS).

Only for what the other solvers leave open. Its size grows with points times width and its time cannot be foretold, so
it is stopped in time and may give nothing.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


def nearest_by_programme(Z: np.ndarray, n_a: int, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Convex weights on both sides whose points are nearest in the largest coordinate, and the plane between.

    Parameters
    ----------
    Z : (n, r) float64, the first n_a rows on one side.
    seconds : after which HiGHS is stopped.

    Returns
    -------
    weights (n_a,), weights (n - n_a,), normal (r,) towards the first side (zeros where the points meet); None where
    HiGHS gives no solution, for want of time or of digits.
    """
    n, r = Z.shape
    signed = Z.T.copy()
    signed[:, n_a:] *= -1.0
    cost = np.zeros(n + 1)
    cost[n] = 1.0
    bounds = np.hstack([np.vstack([signed, -signed]), np.full((2 * r, 1), -1.0)])
    sums = np.zeros((2, n + 1))
    sums[0, :n_a] = 1.0
    sums[1, n_a:n] = 1.0
    options = {
        "primal_feasibility_tolerance": 1e-10,
        "dual_feasibility_tolerance": 1e-10,
        "time_limit": max(seconds, 1e-3),
    }
    found = linprog(
        cost, A_ub=bounds, b_ub=np.zeros(2 * r), A_eq=sums, b_eq=np.ones(2), method="highs", options=options
    )
    if found.status != 0 or found.x is None:
        return None
    weights = np.maximum(found.x[:n], 0.0)
    totals = weights[:n_a].sum(), weights[n_a:].sum()
    if not min(totals) > 0.0:
        return None
    prices = np.asarray(found.ineqlin.marginals)
    return weights[:n_a] / totals[0], weights[n_a:] / totals[1], -(prices[:r] - prices[r:])
