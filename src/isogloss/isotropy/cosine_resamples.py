"""What each dimension adds to the mean cosine, on the words and on resamples of their sentences, in one pass.

Exact: a resample's mean is over all pairs of its words, pairs of two sentences counting w_g w_h times and pairs
within a sentence w_g times, so that neither a word with its own copy nor a drawn-twice sentence with itself makes
words look more alike than they are. With s_g the sum of a sentence's unit vectors and t_g that of their squares,
the sum over pairs is (sum_g w_g s_g)^2 - sum_g (w_g^2 - w_g) s_g^2 - sum_g w_g t_g, dimension by dimension.
"""

from __future__ import annotations

import numpy as np

from isogloss.isotropy.cosine import unit_rows
from isogloss.isotropy.resamples import Resamples, WholeSentences


class CosineStream:
    """Accumulates unit vectors block by block.

    Attributes
    ----------
    zeros : zero vectors so far; they are left out.
    """

    def __init__(self, resamples: Resamples, d: int) -> None:
        self.zeros = 0
        self._resamples = resamples
        self._whole = WholeSentences(resamples)
        self._sums = np.zeros((resamples.rows, d + 1))
        self._same = np.zeros((resamples.rows, d + 1))
        self._start = 0

    def add(self, block: np.ndarray) -> None:
        """Add (rows, d) float64 rows."""
        d = block.shape[1]
        units, nonzero = unit_rows(block)
        self.zeros += int((~nonzero).sum())
        groups, adder = self._resamples.adder(self._start, len(block))
        self._start += len(block)
        # The last column counts the words: their pairs are counted as their products are.
        sums = np.empty((len(groups), 2, d + 1))
        sums[:, 0, :d], sums[:, 0, d] = adder @ units, adder @ nonzero.astype(np.float64)
        np.multiply(units, units, out=units)
        sums[:, 1, :d], sums[:, 1, d] = adder @ units, sums[:, 0, d]
        counts = np.diff(adder.indptr)
        done, sums = self._whole.add(groups, counts, sums)
        if not len(done):
            return
        weights = self._resamples.of(done)
        self._sums += weights @ sums[:, 0]
        self._same += weights @ sums[:, 1]
        weights *= weights - 1.0
        self._same += weights @ np.square(sums[:, 0])

    def contributions(self) -> np.ndarray:
        """Contribution of each dimension to the mean cosine, (1 + n_boot, d); NaN where there are no two words."""
        pairs = self._sums**2 - self._same
        count = pairs[:, -1:]
        return np.divide(pairs[:, :-1], count, out=np.full_like(pairs[:, :-1], np.nan), where=count > 0.5)
