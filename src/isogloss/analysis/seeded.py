"""Chance that depends on a seed and a thing's name only, not on the order or the number of things.

A word type, a sentence: each has its own uniform number under each seed, so that adding or shuffling words changes
nothing for the others. Not for cryptography.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np
import polars as pl

_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def string_keys(names: Iterable[str]) -> np.ndarray:
    """(n,) uint64 fingerprints of strings, the same on every machine."""
    digests = b"".join(blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def seeded_uniforms(keys: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
    """One number in [0, 1) per seed and key: SplitMix64 (Steele et al. 2014, doi:10.1145/2660193.2660195) of both.

    Parameters
    ----------
    keys : (n,) integers, or fingerprints of strings.
    seeds : any integers.

    Returns
    -------
    (n_seeds, n) float64.
    """
    streams = _mixed(np.array([seed % 2**64 for seed in seeds], dtype=np.uint64))
    bits = _mixed(_mixed(keys.astype(np.uint64))[None, :] ^ streams[:, None])
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def nested_portions(
    sentences: np.ndarray, portions: Sequence[float], seed: int
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Growing parts of the sentences, each within the next, in an order drawn by the seed.

    Parameters
    ----------
    sentences : (n,) integers >= 0: the sentence of each word.
    portions : shares of the words, increasing, each in (0, 1].
    seed : of the order; a sentence's place among the others does not depend on the rows' order.

    Returns
    -------
    (n,) int64 number of the first portion that holds the word (the number of portions where none does), and the
    portions: sentences are whole, so each part is the smallest with at least its share of the words, and portions
    that add no sentence to the one before are left out.
    """
    names, group, counts = np.unique(sentences, return_inverse=True, return_counts=True)
    draws = seeded_uniforms(names, [seed])[0]
    order = np.argsort(draws, kind="stable")
    words = np.cumsum(counts[order])
    # A share of 10% of 30 words is 3 words, whatever the rounding of 0.1.
    ends = [int(np.searchsorted(words, portion * len(sentences) * (1 - 1e-12))) + 1 for portion in portions]
    kept = [i for i, end in enumerate(ends) if i == 0 or end > ends[i - 1]]
    bounds = np.array([ends[i] for i in kept])
    stage = np.empty(len(order), dtype=np.int64)
    stage[order] = np.searchsorted(bounds, np.arange(len(order)), side="right")
    return stage[group], tuple(portions[i] for i in kept)


def text_uniforms(texts: pl.Series, seed: int) -> np.ndarray:
    """(n,) one number in [0, 1) per string."""
    return seeded_uniforms(string_keys(texts.to_list()), [seed])[0]


def _mixed(bits: np.ndarray) -> np.ndarray:
    bits = bits + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _MULTIPLIERS[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _MULTIPLIERS[1]
    return bits ^ (bits >> np.uint64(31))
