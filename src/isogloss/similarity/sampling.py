"""Which words of a layer are looked at, and in what blocks their vectors come."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from isogloss.analysis import Vectors
from isogloss.analysis.sampling import sampled_rows
from isogloss.numerics import zip_blocks
from isogloss.numerics.blocks import ROWS


def sample_rows(n: int, wanted: int | None, seed: int) -> np.ndarray | None:
    """Rows of a sample of words in ascending order; None when all are wanted, which are then read block by block."""
    return None if wanted is None or wanted >= n else sampled_rows(n, wanted, seed)


def sampled_blocks(vectors: Vectors, rows: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield the vectors of the given rows, or of all, block by block."""
    if rows is None:
        yield from vectors.blocks(ROWS)
        return
    for start in range(0, len(rows), ROWS):
        yield vectors.take(rows[start : start + ROWS])


def pair_blocks(
    base: Vectors, tuned: Vectors, rows: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the same rows of both layers, block by block."""
    for blocks in zip_blocks([sampled_blocks(base, rows), sampled_blocks(tuned, rows)], names=("base", "tuned")):
        yield blocks[0], blocks[1]
