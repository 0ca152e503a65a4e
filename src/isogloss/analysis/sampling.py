"""Which words are looked at where not all can be."""

from __future__ import annotations

import numpy as np


def sampled_rows(n: int, wanted: int | None, seed: int) -> np.ndarray:
    """Rows of a sample of n words, increasing; all where `wanted` is None or not fewer.

    Depends on n and the seed only, so that every layer of every model, in whatever process, samples the same words.
    """
    if wanted is None or wanted >= n:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, wanted, replace=False))
