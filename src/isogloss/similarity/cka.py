"""Linear centred kernel alignment (CKA), biased and debiased, from arrays or from streamed moments.

Feature form: only d x d matrices are made, never the n x n Gram matrices, so any number of words will do.

References
----------
Kornblith, Norouzi, Lee, Hinton 2019, "Similarity of neural network representations revisited", arXiv
1905.00414, section 3 and the notebook published with it. Song, Smola, Gretton, Borgwardt, Bedo 2007,
"Supervised feature selection via dependence estimation", arXiv 0704.2668 (the unbiased HSIC).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from isogloss.numerics import PairMoments
from isogloss.similarity.moments import array_moments, refuse_constant

DEBIASED_ROWS = 4
"""The unbiased HSIC divides by n (n - 3)."""


def linear_cka(X: np.ndarray, Y: np.ndarray, debiased: bool = False) -> float:
    """Linear CKA of two sets of vectors of the same words.

    Biased: |X'Y|_F^2 / (|X'X|_F |Y'Y|_F) of the column-centred matrices (Kornblith et al. 2019, equation 4
    and section 3). It is 1 for rotations, shifts and isotropic scalings of one another, but it rises towards
    1 for unrelated spaces when n is not much larger than d. Debiased: the same ratio of unbiased HSIC
    estimates (Song et al.
    2007), about 0 for unrelated spaces whatever n, and possibly negative.

    Parameters
    ----------
    X, Y : (n, dx) and (n, dy), row i the same word in both; any float dtype, memory maps included.
    debiased : which of the two.

    Returns
    -------
    float in [0, 1]; debiased in [-1, 1]. Exactly 1.0 where X equals Y.

    Raises
    ------
    ValueError : different numbers of rows, fewer than 2 (debiased: 4), NaN or infinity, or all rows equal.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> linear_cka(X, X)
    1.0
    """
    return cka_from_moments(array_moments(X, Y, least=DEBIASED_ROWS if debiased else 2), debiased=debiased)


def cka_from_moments(moments: PairMoments, debiased: bool = False) -> float:
    """Linear CKA from streamed moments; see `linear_cka`.

    Raises
    ------
    ValueError : fewer than 2 rows (debiased: 4), or zero variance.
    """
    least = DEBIASED_ROWS if debiased else 2
    if moments.n < least:
        raise ValueError(f"CKA{' debiased' * debiased} needs at least {least} rows; got {moments.n}")
    refuse_constant(moments, "CKA")
    cross, own_x, own_y = hsic_terms(moments, debiased)
    if min(own_x, own_y) <= 0:
        raise ValueError(f"debiased CKA is undefined: an unbiased HSIC of {moments.n} rows with themselves is 0")
    # a / sqrt(a * a) is exactly 1, so equal spaces give exactly 1; roots first would not.
    scale = sqrt(own_x * own_y)
    if scale in (0.0, float("inf")):
        scale = sqrt(own_x) * sqrt(own_y)
    return float(np.clip(cross / scale, -1.0 if debiased else 0.0, 1.0))


def hsic_terms(moments: PairMoments, debiased: bool = False) -> tuple[float, float, float]:
    """HSIC of X with Y, X with X, Y with Y, each times the same power of n.

    Debiased, with centred rows, a_i = |x_i|^2, b_i = |y_i|^2 (the notebook's feature form of Song et al.
    2007): |X'Y|_F^2 - n / (n - 2) sum_i a_i b_i + sum_i a_i sum_i b_i / ((n - 1)(n - 2)).
    """
    m = moments.centred
    trace_x, trace_y = float(np.trace(m.xx)), float(np.trace(m.yy))
    return (
        hsic_term(m.xy, m.n, trace_x, trace_y, m.ab, debiased),
        hsic_term(m.xx, m.n, trace_x, trace_x, m.aa, debiased),
        hsic_term(m.yy, m.n, trace_y, trace_y, m.bb, debiased),
    )


def hsic_term(scatter: np.ndarray, n: int, trace_x: float, trace_y: float, norms: float, debiased: bool) -> float:
    """One of the `hsic_terms`.

    Parameters
    ----------
    scatter : X'Y of the centred rows, (dx, dy).
    n : number of rows; debiased: at least 3.
    trace_x, trace_y, norms : sum_i a_i, sum_i b_i, sum_i a_i b_i; used by the debiased term alone.
    debiased : which of the two.
    """
    term = float(np.vdot(scatter, scatter))
    if debiased:
        term += trace_x * trace_y / ((n - 1) * (n - 2)) - n / (n - 2) * norms
    return term
