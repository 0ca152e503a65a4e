"""How far a distance between labels is noise: the same distance from two disjoint halves of the training sentences.

A distance between convex hulls is one of extremes. The hull of a resample lies inside that of the sample, so
distances of resamples are only ever larger, and the interval of an ordinary bootstrap need not even hold the value
itself. No such interval is given. Two disjoint halves are drawn alike and shrink alike, so the difference between what
they say has no such bias: it shows how much a number depends on which sentences there happen to be. What one half
alone varies by is taken for what the whole varies by, which is more than that, whatever the rate at which it falls;
so what is beyond this noise is beyond that of the whole too. Numbers with a bound, such as correlations near 1, are
skewed; there it is a rule of thumb.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import t as student

from isogloss.numerics import split_halves

LEVEL = 0.95


def half_masks(sentences: np.ndarray, n_splits: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Split rows into two halves by their sentences, several times.

    Parameters
    ----------
    sentences : (n,) sentence number of each row.
    n_splits, seed : the same sentences and seed give the same halves, so numbers of two models are paired.

    Yields
    ------
    (n,) booleans of the rows of the one half and of the other.
    """
    names, of = np.unique(sentences, return_inverse=True)
    for i in range(n_splits):
        first = split_halves(len(names), seed + i)[of]
        yield first, ~first


def noise(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Half the width of the range that a number varies in when only the sentences are others.

    Parameters
    ----------
    first, second : (n_splits, ...) the number from the one half and from the other; NaN where a half has none.

    Returns
    -------
    (...) 97.5% percentile of Student's t with `n_splits` degrees of freedom times the standard deviation of the number
    from one half, sqrt(mean (first - second)^2 / 2); NaN without splits that know both.
    """
    squares = np.square(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64))
    known = np.isfinite(squares)
    n = known.sum(axis=0)
    mean = np.divide(np.where(known, squares, 0.0).sum(axis=0), n, out=np.full(n.shape, np.nan), where=n > 0)
    return np.asarray(student.ppf((1 + LEVEL) / 2, np.maximum(n, 1)) * np.sqrt(mean / 2))


def within(rows: Sequence[np.ndarray], mask: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """The parts of clusters that lie in a half, and the numbers of the clusters that have one."""
    parts = [one[mask[one]] for one in rows]
    there = np.array([i for i, part in enumerate(parts) if len(part)], dtype=np.int64)
    return [parts[i] for i in there], there
