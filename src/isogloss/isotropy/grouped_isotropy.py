"""Partition isotropy and mean cosine of a matrix in memory, with replicates over sentences.

For the sample of words that clusters are looked for in; the measures of whole layers stream.
"""

from __future__ import annotations

import numpy as np

from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.sampling import starts_of
from isogloss.numerics import poisson_sums, poisson_weights

_COLUMNS = 256
_ROWS = 4096


def partition_estimates(
    X: np.ndarray, second: np.ndarray, groups: np.ndarray, n_groups: int, bootstrap: int, seed: int
) -> dict[str, Estimate]:
    """Partition isotropy (Mu & Viswanath 2018, section 2) over both signs of every eigenvector of X'X.

    Replicates keep the eigenvectors. Where nearly all of a sum is one sentence's, a resample without that sentence is
    held at 300 powers of ten below.

    Parameters
    ----------
    X : (n, d) float32; so are the products with the eigenvectors, sums are float64.
    second : (d, d) float64 X'X.
    groups : (n,) integers in [0, n_groups), increasing: the sentence of each row.
    n_groups, bootstrap, seed : number of sentences; resamples, 0 for none; their seed.

    Returns
    -------
    `partition` and `partition_log10`.
    """
    directions = np.linalg.eigh(second)[1].astype(np.float32)
    d = len(second)
    along = np.concatenate([X[i : i + _ROWS] @ directions for i in range(0, len(X), _ROWS)])
    starts = starts_of(groups)
    logs = np.empty((bootstrap + 1, 2 * d))
    for first in range(0, d, _COLUMNS):
        for sign, offset in ((1, 0), (-1, d)):
            values = sign * along[:, first : first + _COLUMNS]
            highest = values.max(axis=0)
            sums = np.zeros((n_groups, values.shape[1]))
            sums[groups[starts]] = np.add.reduceat(np.exp(values - highest), starts, dtype=np.float64)
            part = slice(offset + first, offset + first + values.shape[1])
            totals = np.concatenate([sums.sum(axis=0)[None], poisson_sums(sums, bootstrap, seed)])
            logs[:, part] = highest + np.log(np.maximum(totals, 1e-300))
    ratio = logs.min(axis=1) - logs.max(axis=1)
    plain = np.exp(ratio)
    ratio /= np.log(10)
    return {
        "partition": Estimate(float(plain[0]), plain[1:]),
        "partition_log10": Estimate(float(ratio[0]), ratio[1:]),
    }


def mean_cosine_estimate(X: np.ndarray, groups: np.ndarray, n_groups: int, bootstrap: int, seed: int) -> Estimate:
    """Mean cosine of all pairs of rows, exactly; zero rows take no part, and fewer than two others give NaN.

    In a resample, a pair in two sentences counts as often as both are drawn together, a pair within a sentence as
    often as it is drawn: a sentence drawn twice is not paired with its copy, which would add cosines of 1.

    Parameters
    ----------
    X, groups, n_groups, bootstrap, seed : as in `partition_estimates`.
    """
    norms = np.linalg.norm(X, axis=1)
    starts = starts_of(groups)
    sums = np.zeros((n_groups, X.shape[1]))
    sums[groups[starts]] = np.add.reduceat(X / np.where(norms > 0, norms, 1)[:, None], starts, dtype=np.float64)
    counts = np.bincount(groups, weights=norms > 0, minlength=n_groups)
    n = counts.sum()
    if n < 2:
        return Estimate(float("nan"), np.empty(0))
    total = sums.sum(axis=0)
    value = float((total @ total - n) / (n * (n - 1)))
    own = np.einsum("gd,gd->g", sums, sums)
    replicates = np.empty(bootstrap)
    for start, weights in poisson_weights(n_groups, bootstrap, seed):
        extra = weights - weights**2
        near = np.square(weights @ sums).sum(axis=1) + extra @ own - weights @ counts
        pairs = (weights @ counts) ** 2 + extra @ counts**2 - weights @ counts
        replicates[start : start + len(weights)] = np.divide(near, pairs, np.full(len(near), np.nan), where=pairs > 0)
    return Estimate(value, replicates)
