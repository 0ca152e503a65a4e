"""How the eigenvalues of the covariance would change on resamples of the sentences, to first order, in one pass.

With the eigenvectors v_k held, an eigenvalue of a reweighted covariance is, to first order, the weighted mean of
(v_k.(x - mean))^2. Smooth functions of all eigenvalues (participation ratio, effective rank) are linearised in these
changes, by their logit or logarithm so that they stay in range; an eigenvector's turn and the mean's shift
enter at second order and are left out, and with them the upward bias that resampling adds to a spread spectrum.
Counts of directions are counted on the changed eigenvalues.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from isogloss.isotropy.resamples import Resamples
from isogloss.isotropy.spectrum import effective_rank_of, isoscore_of


class VarianceStream:
    """Accumulates squared projections on the eigenvectors, block by block.

    Parameters
    ----------
    resamples : weights of the sentences.
    directions : (d, d) eigenvectors of the covariance in columns.
    """

    def __init__(self, resamples: Resamples, directions: np.ndarray) -> None:
        self._resamples = resamples
        self._directions = directions.astype(np.float32)
        self._totals = np.zeros((resamples.rows, directions.shape[1]))

    def add(self, centred: np.ndarray, adder: sparse.csr_array, weights: np.ndarray) -> None:
        """Add (rows, d) float32 centred rows; `adder` sums float32 rows by sentence."""
        along = centred @ self._directions
        np.multiply(along, along, out=along)
        self._totals += weights @ (adder @ along).astype(np.float64)

    def changes(self) -> np.ndarray:
        """Change of each eigenvalue (of the covariance divided by n), (1 + n_boot, d); NaN without words."""
        words = self._resamples.words()[:, None]
        means = np.divide(self._totals, words, out=np.full_like(self._totals, np.nan), where=words > 0)
        return means - means[0]


def participation_resamples(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Participation ratios (n_boot,) for eigenvalues (d,), not all zero, that change by (n_boot, d)."""
    d, total, squares = len(values), values.sum(), values @ values
    ratio = total**2 / squares
    change = ratio * (2 * changes.sum(axis=1) / total - 2 * (changes @ values) / squares)
    score = float(isoscore_of(ratio, d)) if d > 1 else 0.0
    if not 0 < score < 1:
        return ratio + 0.0 * change
    odds = np.log(score / (1 - score)) + change / (d - 1) / (score * (1 - score))
    return 1 + (d - 1) / (1 + np.exp(-np.clip(odds, -700, 700)))


def effective_rank_resamples(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Effective ranks (n_boot,), as in `participation_resamples`; at most d."""
    shares = values / values.sum()
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    # The entropy's slope: -(log p_k + H) / total, and an eigenvalue of zero does not change.
    entropy = -float(shares @ logs)
    slopes = np.where(shares > 0, -(logs + entropy), 0.0) / values.sum()
    return np.minimum(float(effective_rank_of(values)) * np.exp(changes @ slopes), len(values))
