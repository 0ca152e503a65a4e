"""The directions in which vectors differ by more than rounding.

What leaves a layer normalisation lies on a plane: one direction in which all vectors are the same. In float32 they are
so but for rounding, and two sets whose hulls overlap on that plane may be separable by it. Such directions are taken
out before anything is asked of hulls; changes nothing else.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from isogloss.numerics.room import by_rows

FLAT = 8.0
"""Standard deviation along a direction that is rounding, in float32's spacing at the vectors' usual coordinate."""

_ROWS = 4096


def in_span(X: np.ndarray, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """The vectors without directions in which those of X are all the same but for rounding.

    Parameters
    ----------
    X : (n, d) float32, finite. With n <= d every plane through them is one by their number: they are left as they are.
    others : (m, d) vectors, from which the same directions are taken.

    Returns
    -------
    The same arrays where there is no such direction; else float64, with the mean of X along those directions.
    """
    n, d = X.shape
    if n <= d:
        return X, *others
    mean = X.mean(axis=0, dtype=np.float64)
    squares, scatter = 0.0, np.zeros((d, d))
    for start in range(0, n, _ROWS):
        block = X[start : start + _ROWS].astype(np.float64)
        squares += float(np.square(block).sum())
        block -= mean
        scatter += block.T @ block
    spacing = float(np.finfo(np.float32).eps) * float(np.sqrt(squares / X.size))
    variances, directions = eigh(scatter / n)
    flat = directions[:, variances <= (FLAT * spacing) ** 2]
    if not flat.shape[1]:
        return X, *others

    def without(block: np.ndarray) -> np.ndarray:
        exact = block.astype(np.float64)
        return exact - ((exact - mean) @ flat) @ flat.T

    return tuple(by_rows(without, part) for part in (X, *others))
