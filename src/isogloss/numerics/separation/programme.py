"""The exact way out: one linear programme whose primal is a common point and whose dual is a plane (HiGHS).

Only for what the faster solvers leave open, which is gaps near the tolerance; its size grows with points times width.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


def nearest_by_programme(Z: np.ndarray, n_a: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Convex weights on both sides whose points are nearest in the largest coordinate, and the plane between.

    Parameters
    ----------
    Z : (n, r) float64, the first n_a rows on one side.

    Returns
    -------
    weights (n_a,), weights (n - n_a,), normal (r,) towards the first side (zeros where the points meet).

    Raises
    ------
    ArithmeticError : HiGHS gives no solution.
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
    options = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(
        cost, A_ub=bounds, b_ub=np.zeros(2 * r), A_eq=sums, b_eq=np.ones(2), method="highs", options=options
    )
    if found.x is None:
        raise ArithmeticError(f"HiGHS finds neither a plane nor a common point: {found.message}")
    weights = np.maximum(found.x[:n], 0.0)
    prices = np.asarray(found.ineqlin.marginals)
    normal = -(prices[:r] - prices[r:])
    return weights[:n_a] / weights[:n_a].sum(), weights[n_a:] / weights[n_a:].sum(), normal
