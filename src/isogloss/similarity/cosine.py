"""Cosine between each word's two vectors: did this word move? For spaces with the same axes."""

from __future__ import annotations

import numpy as np

_ROWS = 128
"""Rows widened to float64 at a time: few enough to stay in the processor's cache."""


def word_cosine(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Cosine of x_i and y_i, row by row, not centred.

    Parameters
    ----------
    X, Y : (n, d), row i the same word in both; any float dtype.

    Returns
    -------
    (n,) float64 in [-1, 1]; exactly 1.0 where the rows are equal; NaN where a vector is zero.

    Raises
    ------
    ValueError : the shapes differ; both are stated.
    """
    if X.ndim != 2 or X.shape != Y.shape:
        raise ValueError(f"X and Y should have the same shape (n, d). Got {X.shape} and {Y.shape} instead.")
    cosine = np.empty(len(X))
    for start in range(0, len(X), _ROWS):
        rows = slice(start, start + _ROWS)
        x, y = np.asarray(X[rows], dtype=np.float64), np.asarray(Y[rows], dtype=np.float64)
        xx, yy, xy = (np.einsum("ij,ij->i", a, b) for a, b in ((x, x), (y, y), (x, y)))
        # a / sqrt(a * a) is exactly 1; the product of two roots is not.
        scale = np.sqrt(xx * yy)
        cosine[rows] = np.divide(xy, scale, out=np.full(len(x), np.nan), where=scale > 0)
    return np.clip(cosine, -1.0, 1.0)
