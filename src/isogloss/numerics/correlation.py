"""Correlations of two vectors of numbers, and the Mantel test of two distance matrices over the same things.

Says nothing of what the numbers are distances of.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations as arrangements
from math import factorial, sqrt

import numpy as np
from scipy.stats import rankdata

from isogloss.errors import OptionError

_ENTRIES = 4_000_000
"""Distances in a block of permuted matrices: 32 MB."""
_TIE = 1e-12
"""Correlations that differ by less are equal: sums in another order differ in their last digits."""


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two vectors, (n,) each.

    Returns
    -------
    float in [-1, 1], exactly 1.0 where both are equal; NaN where one of them is constant or shorter than 2.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    # Scaled first, so that no square overflows or vanishes.
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return float(np.clip((a @ b) / sqrt((a @ a) * (b @ b)), -1.0, 1.0))


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation: Pearson's of the ranks, ties at their mean rank; NaN as `pearson`."""
    return pearson(rankdata(a), rankdata(b))


@dataclass(frozen=True)
class Mantel:
    """What a Mantel test says.

    Attributes
    ----------
    r : correlation of the two matrices' entries above the diagonal.
    p : share of arrangements of the things, the given one among them, with a correlation as large or larger.
    null_low, null_high : 2.5% and 97.5% percentiles of the correlation over the arrangements.
    arrangements : how many there were; all of them where they are few.
    """

    r: float
    p: float
    null_low: float
    null_high: float
    arrangements: int


def mantel(a: np.ndarray, b: np.ndarray, n_permutations: int = 999, seed: int = 0) -> Mantel:
    """Mantel's test: whether two distance matrices agree more than if the things of one were shuffled.

    Pairs that share a thing are not independent, so the test of a plain correlation does not apply. One-sided, towards
    agreement. Where there are no more than `n_permutations` + 1 arrangements, each is tried once and p is exact.

    Parameters
    ----------
    a, b : (k, k) symmetric distances; the diagonal is not looked at.
    n_permutations : random ones beside the given arrangement.
    seed : of the permutations.

    Returns
    -------
    Mantel; all NaN where the correlation is not defined.

    Raises
    ------
    OptionError : not two square matrices of one size, or they hold NaN or infinity.

    References
    ----------
    Mantel, "The detection of disease clustering and a generalized regression approach", Cancer Research 27, 1967.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    k = len(a)
    if a.shape != (k, k) or b.shape != a.shape:
        raise OptionError(f"distances should be two square matrices of one size. Got shapes {a.shape} and {b.shape}.")
    upper = np.triu_indices(k, 1)
    if not (np.isfinite(a[upper]).all() and np.isfinite(b[upper]).all()):
        raise OptionError("distances hold NaN or infinity")
    r = pearson(a[upper], b[upper])
    if np.isnan(r):
        return Mantel(r, r, r, r, 0)
    first = a[upper] - a[upper].mean()
    second = b - b[upper].mean()
    scale = sqrt((first @ first) * (second[upper] @ second[upper]))
    orders = _orders(k, n_permutations, seed)
    found = np.empty(len(orders))
    step = max(1, _ENTRIES // len(first))
    for start in range(0, len(orders), step):
        block = orders[start : start + step]
        found[start : start + step] = second[block[:, upper[0]], block[:, upper[1]]] @ first / scale
    low, high = (float(end) for end in np.quantile(found, [0.025, 0.975]))
    return Mantel(r, float((found >= r - _TIE).mean()), low, high, len(orders))


def _orders(k: int, n: int, seed: int) -> np.ndarray:
    """(n + 1, k) arrangements, the given one first; every one once where they are not more."""
    if k <= 12 and factorial(k) <= n + 1:
        return np.array(list(arrangements(range(k))))
    rng = np.random.default_rng(seed)
    return np.concatenate([np.arange(k)[None], rng.permuted(np.tile(np.arange(k), (n, 1)), axis=1)])
