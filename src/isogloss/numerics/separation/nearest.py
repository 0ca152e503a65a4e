"""The nearest points of two hulls, for pairs whose gap is tiny beside their size: near-duplicates on both sides.

The active-set method of `numerics.hulls` keeps a QR factorisation and no normal equations, so that gaps down to 1e-9 of
the scale are told apart in tens of cycles, where Newton's pieces and interior points lose their digits. Its lower bound
is a plane, its upper bound a pair of weights; whether either counts is for a judge that is handed in.
"""

from __future__ import annotations

import numpy as np

from isogloss.numerics.hulls.active_set import nearest_points
from isogloss.numerics.separation.hinge import Judge

_PRECISION = (1e-2, 1e-10)
"""Relative distance of the bounds asked for: mostly the first tells; the second is all that float64 can."""


def meet_or_part(Z: np.ndarray, n_a: int, tolerance: float, plane_found: Judge, weights_found: Judge) -> np.ndarray:
    """Nearest points of two hulls, told to the judges, and their weights (n,).

    Parameters
    ----------
    Z : (n, r) float64, centred, largest norm 1; the first n_a rows are side +1.
    tolerance : gap beyond which a plane counts, in units of Z.
    plane_found : told a normal and an offset (r + 1,); True where it counts.
    weights_found : told nonnegative weights (n,); True where they count.
    """
    weights = np.zeros(len(Z))
    for precision in _PRECISION:
        nearest = nearest_points(Z[:n_a], Z[n_a:], precision, enough=2.0 * tolerance)
        weights = np.zeros(len(Z))
        weights[nearest.points] = nearest.weights
        if nearest.lower > 0.0 and plane_found(np.append(nearest.normal, 0.0)):
            break
        if weights_found(weights):
            break
    return weights
