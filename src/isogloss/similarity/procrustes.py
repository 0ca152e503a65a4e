"""Orthogonal Procrustes: how far apart two spaces stay after the best rotation, and that rotation.

The spaces may have different widths (the narrower one is padded with zeros, which changes no number here).

References
----------
Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem", doi:10.1007/BF02289451.
Ding, Denain, Steinhardt 2021, "Grounding representation similarity with statistical testing", arXiv
2108.01661, section 2 (the distance and its normalisation).
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import torch

from isogloss.numerics import PairMoments
from isogloss.similarity.moments import array_moments, refuse_constant

NULL_SPACE = 1e-7
"""Singular values below this share of the largest are float32 rounding and give no direction."""


def procrustes_distance(X: np.ndarray, Y: np.ndarray, normalize: bool = True) -> float:
    """Squared distance of two centred spaces after the best orthogonal map of one onto the other.

    min_R |X R - Y|_F^2 = |X|_F^2 + |Y|_F^2 - 2 |X'Y|_* (Schönemann 1966), after centring the columns.
    Normalised as by Ding et al. 2021, X and Y are divided by their Frobenius norms first: d = 2 - 2 |X'Y|_*.
    (Not its root, and not the 1 - |X'Y|_*^2 of `scipy.spatial.procrustes`, which also fits a scale.)

    Parameters
    ----------
    X, Y : (n, dx) and (n, dy), row i the same word in both; any float dtype, memory maps included.
    normalize : divide by the Frobenius norms.

    Returns
    -------
    float in [0, 2] (normalised) or >= 0, in squared units of the vectors. Exactly 0.0 where X equals Y.

    Raises
    ------
    ValueError : different numbers of rows, fewer than 2, NaN or infinity; normalised: all rows equal.
    """
    return procrustes_from_moments(array_moments(X, Y), normalize=normalize)


def procrustes_from_moments(moments: PairMoments, normalize: bool = True) -> float:
    """Procrustes distance from streamed moments; see `procrustes_distance`.

    Raises
    ------
    ValueError : fewer than 2 rows, or zero variance (normalised).
    """
    if moments.n < 2:
        raise ValueError(f"the Procrustes distance needs at least 2 rows; got {moments.n}")
    if normalize:
        refuse_constant(moments, "the normalised Procrustes distance")
    if moments.identical:
        return 0.0
    square_x, square_y = float(np.trace(moments.cxx)), float(np.trace(moments.cyy))
    nuclear = nuclear_norm(moments.cxy)
    if normalize:
        return max(0.0, 2.0 - 2.0 * nuclear / sqrt(square_x) / sqrt(square_y))
    return max(0.0, square_x + square_y - 2.0 * nuclear)


def nuclear_norm(cross: np.ndarray) -> float:
    """Sum of the singular values of a (dx, dy) matrix."""
    return float(torch.linalg.svdvals(torch.from_numpy(cross)).sum())


def procrustes_rotation(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """Return the orthogonal map R that brings the centred X nearest to the centred Y: min_R |X R - Y|_F.

    Parameters
    ----------
    X, Y : (n, dx) and (n, dy).

    Returns
    -------
    (dx, dy) float64, U V' of the singular value decomposition of X'Y; R'R = I (dy <= dx) or RR' = I (dx <=
    dy).

    Raises
    ------
    ValueError : different numbers of rows, fewer than 2, NaN or infinity.
    """
    return polar_factor(array_moments(X, Y).cxy)[0]


def polar_factor(cross: np.ndarray, drop_null_space: bool = False) -> tuple[np.ndarray, float]:
    """U V' of the singular value decomposition U S V' of a (dx, dy) matrix, and its nuclear norm.

    U V' is the derivative of the nuclear norm. With `drop_null_space` directions with no singular value are
    left out of it: there the norm has no derivative, and the decomposition's choice would be arbitrary.
    """
    u, s, vt = torch.linalg.svd(torch.from_numpy(np.ascontiguousarray(cross)), full_matrices=False)
    if drop_null_space:
        kept = s > NULL_SPACE * s[0]
        return (u[:, kept] @ vt[kept]).numpy(), float(s.sum())
    return (u @ vt).numpy(), float(s.sum())
