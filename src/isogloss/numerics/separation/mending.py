"""Few points on the wrong side of a plane: Newton steps on the squared hinge that mend these, and move the rest least.

The margin that a squared hinge asks for is a matter of the plane's length. A plane made many times as long leaves in
the sum only what is on the wrong side or next to it; the Newton step of so few rows R is the shortest that brings all
of them to their margin, R' (R R')^-1 of what they lack (as a ridge goes to 0), at the cost of a small Gram matrix. At
the usual length the sum would be over many rows and fall by ever less, where the gap of the hulls is narrow.

Works in the precision of the rows. Knows nothing of tolerances: a judge that is handed in decides what counts.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import sposv

from isogloss.numerics.separation.hinge import Judge, near_step

_LONGER = 30.0
_RIDGE = 1e-6
_MOST = 0.5
"""Rows in the sum, as part of the dimensions, up to which this is cheap, and the rows are not likely dependent."""
_STEPS = 8
_STALLED = 0.98
"""A step that keeps more of the loss than this mends nothing."""


def mend(rows: np.ndarray, n_a: int, plane: np.ndarray, slacks: np.ndarray, plane_found: Judge) -> bool:
    """Mend a plane (r + 1,) that has few rows on the wrong side; whether the judge was content.

    Parameters
    ----------
    rows : (n, r + 1) float32 as `hinge.single_rows` makes them; the first n_a are on side +1, the others on side -1.
    plane, slacks : it and 1 - margin (n,) of each row; they are not changed.
    plane_found : told a plane (r + 1,) whose projections leave a gap; True ends the walk.
    """
    n, width = rows.shape
    sides = np.ones(n, dtype=np.float32)
    sides[n_a:] = -1.0
    plane = np.float32(_LONGER) * plane
    slacks = np.float32(1.0 - _LONGER) + np.float32(_LONGER) * slacks
    loss = np.inf
    for _ in range(_STEPS):
        active = np.flatnonzero(slacks > 0.0)
        if not 0 < len(active) <= _MOST * width:
            return False
        lacking = slacks[active]
        before, loss = loss, float(lacking @ lacking)
        if loss > _STALLED * before:
            return False
        part = rows[active]
        gram = part @ part.T
        diagonal = np.einsum("ii->i", gram)
        diagonal += np.float32(_RIDGE) * diagonal.max()
        _, solution, failed = sposv(gram, sides[active] * lacking, lower=1, overwrite_a=1)
        if failed:
            return False
        direction = solution @ part
        slopes = sides * (rows @ direction)
        length = np.float32(near_step(slacks, slopes))
        if not (length > 0.0 and np.isfinite(length)):
            return False
        plane += length * direction
        slacks -= length * slopes
        if slacks[:n_a].max() + slacks[n_a:].max() < 2.0 and plane_found(plane):
            return True
    return False
