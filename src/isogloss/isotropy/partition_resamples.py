"""The partition function along fixed directions, on the words and on resamples of their sentences, in one pass.

Exact given the directions: F of a resample is the weighted sum of the sentences' sums of exp(u.w). Short vectors are
summed as they are; long ones as logarithms, per sentence, and where a resample lacks the sentences that are all of
the sum, by the sentences with the largest sums of each direction, which are kept for that.
Projections come from float32 products of centred words; the offset of the mean is added in float64.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from isogloss.isotropy.resamples import Resamples

SHORT = 300.0
"""Lengths up to here give sums of exponentials that are numbers, over and under, for any number of words."""
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
    longest : no uncentred word is longer.
    """

    def __init__(self, resamples: Resamples, directions: np.ndarray, mean: np.ndarray, longest: float) -> None:
        self._resamples = resamples
        self._directions = directions.astype(np.float32)
        self._offset = mean @ directions
        k = directions.shape[1]
        self._totals = np.zeros((2, resamples.rows, k))
        self._sides = None if longest <= SHORT else [_LogSums(resamples, k) for _ in range(2)]

    def add(self, centred: np.ndarray, groups: np.ndarray, adder: sparse.csr_array, weights: np.ndarray) -> None:
        """Add (rows, d) float32 centred rows, with what `Resamples` knows of their sentences."""
        along = (centred @ self._directions).astype(np.float64)
        along += self._offset
        if self._sides is not None:
            # Rows of one sentence side by side.
            by_sentence, starts = along[adder.indices], adder.indptr[:-1]
            self._sides[0].add(by_sentence, starts, groups, weights)
            self._sides[1].add(np.negative(by_sentence, out=by_sentence), starts, groups, weights)
            return
        np.exp(along, out=along)
        self._totals[0] += weights @ (adder @ along)
        np.divide(1.0, along, out=along)
        self._totals[1] += weights @ (adder @ along)

    def logs(self) -> tuple[np.ndarray, np.ndarray]:
        """Natural logarithms of F(u) and F(-u), each (1 + n_boot, k); NaN for a resample without words."""
        if self._sides is not None:
            return self._sides[0].logs(), self._sides[1].logs()
        logs = np.log(self._totals, out=np.full_like(self._totals, np.nan), where=self._totals > 0)
        return logs[0], logs[1]


class _LogSums:
    """Weighted sums of exponentials of any size, one column per direction."""

    def __init__(self, resamples: Resamples, k: int) -> None:
        self._resamples = resamples
        self._top = np.full(k, -np.inf)
        self._totals = np.zeros((resamples.rows, k))
        self._kept = np.full((KEPT, k), -np.inf)
        self._kept_groups = np.zeros((KEPT, k), dtype=np.int64)

    def add(self, values: np.ndarray, starts: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Add exponents (rows, k); rows from `starts[g]` on are of the sentence `groups[g]`."""
        tops = np.maximum.reduceat(values, starts, axis=0)
        spread = np.repeat(tops, np.diff(np.append(starts, len(values))), axis=0)
        by_group = tops + np.log(np.add.reduceat(np.exp(values - spread), starts, axis=0))
        higher = np.maximum(self._top, by_group.max(axis=0))
        self._totals *= np.exp(self._top - higher)
        self._totals += weights @ np.exp(by_group - higher)
        self._top = higher
        sums = np.concatenate([self._kept, by_group])
        owners = np.concatenate([self._kept_groups, np.broadcast_to(groups[:, None], by_group.shape)])
        largest = np.argpartition(-sums, KEPT - 1, axis=0)[:KEPT]
        self._kept = np.take_along_axis(sums, largest, axis=0)
        self._kept_groups = np.take_along_axis(owners, largest, axis=0)

    def logs(self) -> np.ndarray:
        """Logarithms of the sums, (1 + n_boot, k)."""
        lost = self._totals < _TINY
        logs = np.full_like(self._totals, np.nan)
        np.log(self._totals, out=logs, where=~lost)
        logs += self._top
        for column in np.flatnonzero(lost.any(axis=0)):
            rows = np.flatnonzero(lost[:, column])
            drawn = self._resamples.of(self._kept_groups[:, column])[rows]
            kept = np.where(drawn > 0, self._kept[:, column], -np.inf)
            highest = kept.max(axis=1)
            some = np.isfinite(highest)
            terms = np.exp(kept[some] - highest[some, None])
            logs[rows[some], column] = highest[some] + np.log((drawn[some] * terms).sum(axis=1))
        return logs
