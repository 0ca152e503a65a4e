"""Conjugate gradients on the squared hinge in single precision: the first look for a plane among many points.

Forms no Hessian: a step costs one product of all rows with a vector and one of the rows that still matter, a small part
of a Newton step. On points of a model's layers, where a few directions carry most of the variance, ten to forty steps
find a plane, or show that it takes more than this; what they reach is where `hinge` goes on from. On the way, a plane
that leaves few rows on the wrong side is handed to `mending`.

Polak and Ribiere's direction, restarted where it would turn back (Nocedal and Wright 2006, section 5.2). Knows nothing
of tolerances: a judge that is handed in decides what counts.
"""

from __future__ import annotations

import numpy as np

from isogloss.numerics.separation.hinge import Judge, near_step
from isogloss.numerics.separation.mending import mend

_STEPS = 64
_LOOK = 3
"""Steps after which the loss is looked at."""
_WORTH = 0.85
"""A walk that keeps more of the loss than this over so many steps is not about to find a plane."""
_FEW_WRONG = 0.05
_FEW_AT_LAST = 0.25
"""Rows on the wrong side, as part of the dimensions, up to which mending is tried: on the way, and at its end."""
_FEWER = 4
"""It is tried again when less than one in so many is left of the rows that it failed on."""
_FEW = 0.3
"""Part of the rows up to which the rows that matter are gathered first."""


def descend(rows: np.ndarray, n_a: int, plane_found: Judge) -> tuple[bool, np.ndarray]:
    """Walk down the squared hinge of `rows` while it falls fast.

    Parameters
    ----------
    rows : (n, r + 1) float32 as `hinge.single_rows` makes them; the first n_a are on side +1, the others on side -1.
    plane_found : told a plane (r + 1,) whose projections leave a gap; True ends the walk.

    Returns
    -------
    whether the judge was content, and the plane (r + 1,) reached.
    """
    n = len(rows)
    sides = np.ones(n, dtype=np.float32)
    sides[n_a:] = -1.0
    plane = np.zeros(rows.shape[1], dtype=np.float32)
    slacks = np.ones(n, dtype=np.float32)
    direction, square, before, seen, mended = plane, 0.0, plane, np.inf, n
    for step in range(_STEPS):
        pulls = sides * np.maximum(slacks, 0.0)
        last = False
        if step % _LOOK == 0:
            loss = float(pulls @ pulls)
            seen, last = loss, loss > _WORTH * seen
        wrong = int(np.count_nonzero(slacks >= 1.0))
        if wrong <= (_FEW_AT_LAST if last else _FEW_WRONG) * rows.shape[1] and _FEWER * wrong < mended:
            if mend(rows, n_a, plane, slacks, plane_found):
                return True, plane
            mended = wrong
        if last:
            break
        some = np.flatnonzero(pulls)
        gradient = pulls[some] @ rows[some] if len(some) < _FEW * n else pulls @ rows
        turn = max(0.0, float(gradient @ (gradient - before)) / square) if square > 0.0 else 0.0
        direction = gradient + np.float32(turn) * direction
        before, square = gradient, float(gradient @ gradient)
        slopes = sides * (rows @ direction)
        length = np.float32(near_step(slacks, slopes))
        if not (length > 0.0 and np.isfinite(length)):
            break
        plane += length * direction
        slacks -= length * slopes
        if slacks[:n_a].max() + slacks[n_a:].max() < 2.0 and plane_found(plane):
            return True, plane
    return False, plane
