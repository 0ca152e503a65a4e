"""Bootstrap replicates of scores over sentences or pairs: how often each is drawn, held for many scores.

The weights are those of `numerics.poisson_sums` under the same seed and number of groups, so replicates belong together
with those of every other measure over the same sentences.
"""

from __future__ import annotations

import numpy as np

from isogloss.analysis.tables import FEWEST_SENTENCES
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.resamples import sentence_weights
from isogloss.numerics import group_sums


class ScoreResamples:
    """How often each of some groups is drawn in each resample.

    Parameters
    ----------
    n_groups : sentences or pairs.
    n_boot : resamples; 0, or fewer than `FEWEST_SENTENCES` groups, gives no replicates.
    seed : of the draws.
    """

    def __init__(self, n_groups: int, n_boot: int, seed: int) -> None:
        self.weights = sentence_weights(n_groups, n_boot if n_groups >= FEWEST_SENTENCES else 0, seed)[1:]

    def means(self, values: np.ndarray, groups: np.ndarray) -> list[Estimate]:
        """Means over rows of the columns of (n, s) values, each row in one of the groups."""
        n_groups = self.weights.shape[1]
        sums = group_sums(values.astype(np.float64), groups, n_groups)
        counts = np.bincount(groups, minlength=n_groups).astype(np.float64)
        weights = self.weights.astype(np.float64)
        drawn = weights @ counts
        totals = weights @ sums
        replicates = np.divide(totals, drawn[:, None], out=np.full_like(totals, np.nan), where=drawn[:, None] > 0)
        return [
            Estimate(float(v), r) for v, r in zip(sums.sum(axis=0) / counts.sum(), replicates.T.copy(), strict=True)
        ]


def spearman(x: np.ndarray, y: np.ndarray, resamples: ScoreResamples) -> Estimate:
    """Rank correlation with mid-ranks of ties; each replicate is exactly that of its resample.

    Parameters
    ----------
    x, y : (n,) finite, one per group of the resamples.

    Returns
    -------
    NaN where x or y is constant.
    """
    weights = np.concatenate([np.ones((1, len(x))), resamples.weights])
    found = _weighted_correlation(_mid_ranks(x, weights), _mid_ranks(y, weights), weights)
    return Estimate(float(found[0]), found[1:])


def _mid_ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(m, n) mid-rank of each entry where entry i occurs weights[:, i] times."""
    values, group = np.unique(x, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(values)))
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    # Of w equal ones above c others the mid-rank is c + (w + 1) / 2; correlation does not see the constant.
    return (np.cumsum(tied, axis=1) - tied / 2)[:, group.reshape(-1)]


def _weighted_correlation(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(m,) Pearson correlations of the rows of a and b (m, n) under weights."""
    total = weights.sum(axis=1, keepdims=True)
    safe = np.where(total > 0, total, 1.0)
    a = a - (weights * a).sum(axis=1, keepdims=True) / safe
    b = b - (weights * b).sum(axis=1, keepdims=True) / safe
    wa = weights * a
    top, aa = (wa * b).sum(axis=1), (wa * a).sum(axis=1)
    below = np.sqrt(aa * (weights * b * b).sum(axis=1))
    # Mid-ranks are multiples of a half: what is below this is rounding.
    return np.divide(top, below, out=np.full(len(top), np.nan), where=below > 1e-9)
