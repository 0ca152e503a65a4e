"""What chance gives: ways to shuffle labels over words, and the band of a number over many shuffles.

Shuffling over *tokens* destroys that a repeated word keeps its label, so any cluster that holds few different words
beats it: it is a null of "clusters are random sets of tokens", which no clustering of word vectors is. Shuffling over
*types* keeps which tokens are the same word, hence how many different words a concept has, and asks whether the words
that came together share a label more than arbitrary words would. It is the harder null, and the default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

SHUFFLES = ("types", "any-types", "tokens")
LEVEL = 0.95


@dataclass(frozen=True)
class NullBand:
    """Where a number lies when labels are shuffled.

    Attributes
    ----------
    low, high : its 2.5% and 97.5% percentiles.
    mean : its mean.
    values : (n_permutations,) one number per shuffle.
    """

    low: float
    high: float
    mean: float
    values: np.ndarray

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> NullBand:
        """The band of the given numbers."""
        array = np.asarray(values, dtype=np.float64)
        low, high = np.quantile(array, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return cls(float(low), float(high), float(array.mean()), array)


def token_shuffle(n: int) -> Callable[[np.random.Generator], np.ndarray]:
    """A function that gives, from a generator, (n,) the token whose labels each token gets: any permutation."""
    return lambda rng: rng.permutation(n)


def type_shuffle(types: np.ndarray, any_frequency: bool = False) -> Callable[[np.random.Generator], np.ndarray]:
    """A function that gives, from a generator, (n,) the token whose labels each token gets: types are permuted.

    A type gets all its labels from one other type: its first token those of the other's first token, and so on,
    beginning again where the other has fewer. Types trade only with types about as frequent (counts between the same
    powers of two), so that labels of frequent words stay labels of frequent words and keep about as many tokens; a
    type that is alone in its range keeps its labels.

    Parameters
    ----------
    types : (n,) number of each token's type, from 0.
    any_frequency : let types trade whatever their frequency; labels then change how many tokens they have.
    """
    counts = np.bincount(types)
    order = np.argsort(types, kind="stable")
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.empty(len(types), dtype=np.int64)
    rank[order] = np.arange(len(types)) - first[types[order]]
    band = np.zeros(len(counts), dtype=np.int64)
    # Numbers that no token has stay among themselves: they have nothing to give.
    band[counts > 0] = 1 if any_frequency else np.floor(np.log2(counts[counts > 0])).astype(np.int64) + 1
    by_band = np.argsort(band, kind="stable")

    def draw(rng: np.random.Generator) -> np.ndarray:
        donor = np.empty(len(counts), dtype=np.int64)
        donor[by_band] = np.lexsort((rng.random(len(counts)), band))
        giver = donor[types]
        return order[first[giver] + rank % counts[giver]]

    return draw
