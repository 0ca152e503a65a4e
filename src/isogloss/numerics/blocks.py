"""Row blocks: arrays cut into blocks, and several streams of blocks brought to the same boundaries.

Blocks are views wherever possible. Nothing here looks at the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

ROWS = 8192
"""Rows per block: enough for products at full speed, and under 64 MB up to a width of 2,000."""

ROWS_IN_CACHE = 512
"""Rows whose differences from one of them stay in the processor's cache."""


def row_blocks(X: np.ndarray, rows: int = ROWS) -> Iterator[np.ndarray]:
    """Cut an (n, d) array or memory map into consecutive views of at most `rows` rows."""
    for start in range(0, len(X), rows):
        yield X[start : start + rows]


def zip_blocks(
    streams: Sequence[Iterable[np.ndarray]], names: Sequence[str] | None = None
) -> Iterator[tuple[np.ndarray, ...]]:
    """Walk several streams of row blocks together, each step giving the same rows of all of them.

    The streams may be cut at different places (files of different sizes); steps end where any of them ends.

    Parameters
    ----------
    streams : iterables of (rows, d_i) arrays, with the same number of rows in total.
    names : what to call the streams in an error; X, Y for two.

    Raises
    ------
    ValueError : one stream has more rows than another; both counts are stated.
    """
    names = names or (("X", "Y") if len(streams) == 2 else [f"stream {i}" for i in range(len(streams))])
    iterators = [iter(stream) for stream in streams]
    held: list[np.ndarray | None] = [None] * len(iterators)
    done = 0
    while True:
        for i, iterator in enumerate(iterators):
            block = held[i]
            while block is None or not len(block):
                block = next(iterator, None)
                if block is None:
                    break
            held[i] = block
        blocks = [block for block in held if block is not None]
        if not blocks:
            return
        if len(blocks) < len(held):
            counts = [done] * len(held)
            for i, (block, iterator) in enumerate(zip(held, iterators, strict=True)):
                counts[i] += 0 if block is None else len(block) + sum(len(rest) for rest in iterator)
            stated = ", ".join(f"{name} has {count} rows" for name, count in zip(names, counts, strict=True))
            raise ValueError(f"the rows must be the same words: {stated}")
        step = min(len(block) for block in blocks)
        yield tuple(block[:step] for block in blocks)
        held = [block[step:] for block in blocks]
        done += step
