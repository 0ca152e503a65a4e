"""95% intervals by resampling groups (sentences), and the noise floor from random halves of them.

Words of one sentence are not independent, so whole sentences are resampled. Each sentence enters through sums
over its words only: of values (for means) or of influences (for smooth statistics of all words together,
whose change under reweighting is, to first order, the weighted sum of influences). The bootstrap is the
Poisson bootstrap: each sentence is drawn Poisson(1) times, independently (Hanley & MacGibbon 2006,
doi:10.1016/j.cmpb.2006.04.006), which equals the multinomial one for large numbers of sentences and needs no
pass over the others.
Nothing here refits anything.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

LEVEL = 0.95
_ENTRIES = 2_000_000
"""Entries of a block of random weights: 16 MB."""


def group_sums(values: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Sum rows by group.

    Parameters
    ----------
    values : (n,) or (n, s).
    groups : (n,) integers in [0, n_groups).

    Returns
    -------
    (n_groups,) or (n_groups, s), float64.
    """
    if values.ndim == 1:
        return np.bincount(groups, weights=values, minlength=n_groups)
    columns = [np.bincount(groups, weights=column, minlength=n_groups) for column in values.T]
    return np.stack(columns, axis=1) if columns else np.zeros((n_groups, 0))


def poisson_sums(sums: np.ndarray, n_boot: int, seed: int, centre: bool = False) -> np.ndarray:
    """Totals of `n_boot` Poisson resamples of the groups.

    Parameters
    ----------
    sums : (n_groups, s) sums per group, or (m, n_groups, s). Equal ones among the m have equal totals to the last bit:
        each has a product of its own, all of one shape, while the totals of equal columns of one product may differ in
        the last bits.
    n_boot : number of resamples.
    seed : the same seed and number of groups give the same weights, so totals of two calls belong together.
    centre : weights minus one, for influences: the change of a total instead of the total.

    Returns
    -------
    (n_boot, s) or (m, n_boot, s). Memory beyond that is bounded, whatever the number of groups.
    """
    *several, n_groups, width = sums.shape
    totals = np.empty((*several, n_boot, width))
    for start, weights in poisson_weights(n_groups, n_boot, seed):
        if centre:
            weights -= 1.0
        totals[..., start : start + len(weights), :] = weights @ sums
    return totals


def poisson_weights(n_groups: int, n_boot: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    """How often each group is drawn in each of `n_boot` resamples, in blocks of bounded memory.

    For sums that `poisson_sums` cannot hold, such as sparse ones.

    Yields
    ------
    the number of the block's first resample, and its (<= n_boot, n_groups) weights, float64.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _ENTRIES // max(1, n_groups))
    for start in range(0, n_boot, step):
        yield start, rng.poisson(1.0, size=(min(step, n_boot - start), n_groups)).astype(np.float64)


def percentile_interval(replicates: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper percentiles over the first axis; NaN replicates (empty resamples) are left out.

    Returns
    -------
    two arrays (s,); NaN where every replicate is NaN.
    """
    tails = [(1 - level) / 2, (1 + level) / 2]
    out = np.full((2, replicates.shape[1]), np.nan)
    defined = ~np.isnan(replicates)
    for column in np.flatnonzero(defined.any(axis=0)):
        out[:, column] = np.quantile(replicates[defined[:, column], column], tails)
    return out[0], out[1]


def ratio_intervals(
    values: np.ndarray, counts: np.ndarray, n_boot: int, seed: int, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means over words with intervals over sentences: each mean is a ratio of sums.

    Parameters
    ----------
    values : (n_groups, s) sums of the values of a group's words.
    counts : (n_groups, s) numbers of words behind them.
    n_boot, seed, level : resamples, seed, coverage; `n_boot` 0 gives no interval (NaN).

    Returns
    -------
    means, lower and upper ends, each (s,); NaN where there are no words.
    """
    means = _ratio(values.sum(axis=0), counts.sum(axis=0))
    if not n_boot:
        return means, np.full_like(means, np.nan), np.full_like(means, np.nan)
    totals = poisson_sums(np.concatenate([values, counts], axis=1), n_boot, seed)
    half = values.shape[1]
    low, high = percentile_interval(_ratio(totals[:, :half], totals[:, half:]), level)
    return means, low, high


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator != 0)


def linearised_interval(
    estimate: float,
    influence: np.ndarray,
    n_boot: int,
    seed: int,
    level: float = LEVEL,
    *,
    fisher: bool = False,
) -> tuple[float, float]:
    """Interval of a smooth statistic from its influences, without recomputing it.

    Parameters
    ----------
    estimate : the statistic on all words.
    influence : (n_groups,) derivative of the statistic with respect to the weight of each group, at weight 1;
        their sum is taken to be 0 (a statistic that depends on relative weights only).
    n_boot, seed, level : resamples, seed, coverage.
    fisher : for a statistic in [-1, 1]: resample atanh(statistic) instead, so that the interval stays inside.

    Returns
    -------
    lower and upper end; both equal the estimate where all influences are exactly 0.
    """
    if not influence.any() or (fisher and abs(estimate) >= 1):
        return estimate, estimate
    slope = influence - influence.mean()
    if fisher:
        slope = slope / (1 - estimate**2)
    change = poisson_sums(slope[:, None], n_boot, seed, centre=True)
    low, high = (float(end[0]) for end in percentile_interval(change, level))
    if fisher:
        z = float(np.arctanh(estimate))
        return float(np.tanh(z + low)), float(np.tanh(z + high))
    return estimate + low, estimate + high


def split_halves(n_groups: int, seed: int) -> np.ndarray:
    """Split groups at random into two disjoint halves whose sizes differ by at most one.

    Returns
    -------
    (n_groups,) booleans: True for the first half ("half A").
    """
    order = np.random.default_rng(seed).permutation(n_groups)
    first = np.zeros(n_groups, dtype=bool)
    first[order[: (n_groups + 1) // 2]] = True
    return first


def split_floor(influence: np.ndarray, n_splits: int, seed: int, level: float = LEVEL) -> float:
    """Return how far two random halves of the groups disagree, scaled to the full sample.

    A half's statistic is, to first order, the full one plus or minus the sum of s_g u_g, with u_g the
    influences and s_g = +1 in one half, -1 in the other. So |A - B| / 2 = |sum_g s_g u_g|; since a half has
    twice the variance of the whole, this has the spread of the full sample's own sampling error.

    Parameters
    ----------
    influence : (n_groups,) influences of the groups.
    n_splits, seed : number of random splits and their seed.
    level : quantile of |A - B| / 2 over the splits.
    """
    if not influence.any():
        return 0.0
    centred = influence - influence.mean()
    rng = np.random.default_rng(seed)
    step = max(1, _ENTRIES // len(centred))
    sizes = []
    for start in range(0, n_splits, step):
        signs = rng.integers(0, 2, size=(min(step, n_splits - start), len(centred)), dtype=np.int8)
        sizes.append(np.abs((2.0 * signs - 1.0) @ centred))
    return float(np.quantile(np.concatenate(sizes), level))
