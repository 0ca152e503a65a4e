"""Sums over resampled sentences, from sums over the words of each: one weight for all words of a sentence.

Row 0 of every total is the data itself, rows 1 .. n_boot are Poisson resamples of the sentences, with the weights of
`numerics.poisson_sums` for the same seed and number of sentences. Memory: one byte per sentence and resample.
Knows nothing of what is summed.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from isogloss.errors import OptionError
from isogloss.numerics import poisson_weights


class Resamples:
    """Weights of the sentences, for words that come block by block.

    Parameters
    ----------
    groups : (n,) integers in [0, n_groups), the sentence of each word, in any order.
    n_groups : number of sentences, with or without words.
    n_boot, seed : resamples.

    Raises
    ------
    OptionError : groups that are no such integers, or n_boot below 0.
    """

    def __init__(self, groups: np.ndarray, n_groups: int, n_boot: int, seed: int) -> None:
        if groups.ndim != 1 or not np.issubdtype(groups.dtype, np.integer):
            raise OptionError(f"groups should be integers (n,). Got {groups.dtype} of shape {groups.shape} instead.")
        if len(groups) and not (groups.min() >= 0 and groups.max() < n_groups):
            raise OptionError(f"groups should be in 0 .. {n_groups - 1}. Got {groups.min()} .. {groups.max()} instead.")
        if n_boot < 0:
            raise OptionError(f"bootstrap should be at least 0. Got {n_boot} instead.")
        self.groups = groups
        self.n_groups = n_groups
        self.weights = sentence_weights(n_groups, n_boot, seed)

    @property
    def rows(self) -> int:
        """The data itself and its resamples, 1 + n_boot."""
        return len(self.weights)

    def of(self, groups: np.ndarray) -> np.ndarray:
        """Weights of these sentences, (1 + n_boot, len(groups)) float64."""
        return self.weights[:, groups].astype(np.float64)

    def words(self) -> np.ndarray:
        """How many words each resample has, (1 + n_boot,)."""
        counts = np.bincount(self.groups, minlength=self.n_groups).astype(np.float64)
        return self.weights @ counts

    def adder(self, start: int, rows: int) -> tuple[np.ndarray, sparse.csr_array]:
        """The sentences of words `start` .. `start + rows`, and the matrix that sums these words' rows by sentence.

        Returns
        -------
        (g,) sentences, and (g, rows) sparse ones.
        """
        groups, place = np.unique(self.groups[start : start + rows], return_inverse=True)
        order = np.argsort(place, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(place))])
        return groups, sparse.csr_array((np.ones(rows), order, starts), shape=(len(groups), rows))


def sentence_weights(n_groups: int, n_boot: int, seed: int) -> np.ndarray:
    """(1 + n_boot, n_groups) uint8: how often each sentence is drawn; the first row, of the data itself, is ones."""
    # A byte holds them: no draw of Poisson(1) that can occur is above 255.
    weights = np.ones((1 + n_boot, n_groups), dtype=np.uint8)
    for start, drawn in poisson_weights(n_groups, n_boot, seed):
        weights[1 + start : 1 + start + len(drawn)] = drawn
    return weights


class WholeSentences:
    """Sums over all words of a sentence, handed on when its last word has come; for what is not linear in them.

    Parameters
    ----------
    resamples : whose sentences.
    """

    def __init__(self, resamples: Resamples) -> None:
        self._missing = np.bincount(resamples.groups, minlength=resamples.n_groups)
        self._open: dict[int, np.ndarray] = {}

    def add(self, groups: np.ndarray, counts: np.ndarray, sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Add `counts` (g,) words of the sentences `groups` (g,), with `sums` (g, ...), which may be changed.

        Returns
        -------
        the sentences that are complete now, and their sums.
        """
        self._missing[groups] -= counts
        for row, group in enumerate(groups.tolist()):
            if group in self._open:
                sums[row] += self._open.pop(group)
        complete = self._missing[groups] == 0
        for row in np.flatnonzero(~complete).tolist():
            self._open[int(groups[row])] = sums[row].copy()
        return (groups, sums) if complete.all() else (groups[complete], sums[complete])
