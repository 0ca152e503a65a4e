"""The partition function along fixed directions, on the words and on resamples of their sentences, in one pass.

Exact given the directions: F of a resample is the weighted sum of the sentences' sums of exp(u.w). Where exponents
are small they are summed as they are, block by block and direction by direction; where they are large, as logarithms
per sentence. Where a resample lacks the sentences that are all of such a sum, it is made of the sentences with the
largest sums of that direction, which are kept for that.
Projections come from float32 products of centred words; the offset of the mean is added in float64.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from isogloss.isotropy.partition import SHORT
from isogloss.isotropy.resamples import Resamples

KEPT = 32
"""Largest sentences kept per direction: chances that a resample draws none of so many are e^-32."""
_TINY = 1e-250


class PartitionStream:
    """Accumulates exp(u.w) and exp(-u.w) block by block.

    Parameters
    ----------
    resamples : weights of the sentences.
    directions : (d, k), one per column.
    mean : (d,) what was subtracted from the blocks.
    """

    def __init__(self, resamples: Resamples, directions: np.ndarray, mean: np.ndarray) -> None:
        self._resamples = resamples
        self._directions = directions.astype(np.float32)
        self._offset = mean @ directions
        self._k = directions.shape[1]
        self._totals = np.zeros((2, resamples.rows, self._k))
        self._logs: tuple[_LogSums, _LogSums] | None = None

    def add(self, centred: np.ndarray, groups: np.ndarray, adder: sparse.csr_array, weights: np.ndarray) -> None:
        """Add (rows, d) float32 centred rows, with what `Resamples` knows of their sentences."""
        along = (centred @ self._directions).astype(np.float64)
        along += self._offset
        large = np.flatnonzero(np.maximum(along.max(axis=0), -along.min(axis=0)) > SHORT)
        if len(large):
            self._logs = self._logs or (_LogSums(self._resamples, self._k), _LogSums(self._resamples, self._k))
            # Rows of one sentence side by side.
            by_sentence, starts = along[np.ix_(adder.indices, large)], adder.indptr
            self._logs[0].add(by_sentence, large, starts, groups, weights)
            self._logs[1].add(np.negative(by_sentence, out=by_sentence), large, starts, groups, weights)
            along[:, large] = -np.inf
        np.exp(along, out=along)
        self._totals[0] += weights @ (adder @ along)
        along[:, large] = np.inf
        np.divide(1.0, along, out=along)
        self._totals[1] += weights @ (adder @ along)

    def logs(self) -> tuple[np.ndarray, np.ndarray]:
        """Natural logarithms of F(u) and F(-u), each (1 + n_boot, k); NaN for a resample without words."""
        logs = np.log(self._totals, out=np.full_like(self._totals, -np.inf), where=self._totals > 0)
        if self._logs is not None:
            for side, more in enumerate(self._logs):
                logs[side] = np.logaddexp(logs[side], more.logs())
        logs[np.isneginf(logs)] = np.nan
        return logs[0], logs[1]


class _LogSums:
    """Weighted sums of exponentials of any size, one column per direction."""

    def __init__(self, resamples: Resamples, k: int) -> None:
        self._resamples = resamples
        self._top = np.full(k, -np.inf)
        self._totals = np.zeros((resamples.rows, k))
        self._kept = np.full((KEPT, k), -np.inf)
        self._kept_groups = np.zeros((KEPT, k), dtype=np.int64)

    def add(
        self, values: np.ndarray, columns: np.ndarray, starts: np.ndarray, groups: np.ndarray, weights: np.ndarray
    ) -> None:
        """Add exponents (rows, c) of c columns; rows `starts[g]` .. `starts[g + 1]` are of the sentence `groups[g]`."""
        tops = np.maximum.reduceat(values, starts[:-1], axis=0)
        terms = np.exp(values - np.repeat(tops, np.diff(starts), axis=0))
        summed = sparse.csr_array((np.ones(len(values)), np.arange(len(values)), starts)) @ terms
        by_group = tops + np.log(summed)
        higher = np.maximum(self._top[columns], by_group.max(axis=0))
        before = self._totals[:, columns] * np.exp(self._top[columns] - higher)
        self._totals[:, columns] = before + weights @ np.exp(by_group - higher)
        self._top[columns] = higher
        sums = np.concatenate([self._kept[:, columns], by_group])
        owners = np.concatenate([self._kept_groups[:, columns], np.broadcast_to(groups[:, None], by_group.shape)])
        largest = np.argpartition(-sums, KEPT - 1, axis=0)[:KEPT]
        self._kept[:, columns] = np.take_along_axis(sums, largest, axis=0)
        self._kept_groups[:, columns] = np.take_along_axis(owners, largest, axis=0)

    def logs(self) -> np.ndarray:
        """Logarithms of the sums, (1 + n_boot, k); -inf where nothing was added or drawn."""
        lost = self._totals < _TINY
        logs = np.full_like(self._totals, -np.inf)
        np.log(self._totals, out=logs, where=~lost)
        logs += np.where(np.isfinite(self._top), self._top, 0.0)
        for column in np.flatnonzero(lost.any(axis=0)):
            rows = np.flatnonzero(lost[:, column])
            drawn = self._resamples.of(self._kept_groups[:, column])[rows]
            kept = np.where(drawn > 0, self._kept[:, column], -np.inf)
            highest = kept.max(axis=1)
            some = np.isfinite(highest)
            terms = np.exp(kept[some] - highest[some, None])
            logs[rows[some], column] = highest[some] + np.log((drawn[some] * terms).sum(axis=1))
        return logs
