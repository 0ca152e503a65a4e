"""Measures what a piece of work takes: seconds of processor, and memory above what was taken before it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from isogloss.memory import forget_peak, give_back_memory, peak_resident, resident


@dataclass
class Watched:
    """What was measured, when it is over.

    Attributes
    ----------
    seconds : of the processor where one thread works, else of the clock: other programs' work does not count.
    memory : bytes, highest resident size less that at the beginning.
    """

    seconds: float = 0.0
    memory: float = 0.0


@contextmanager
def watched() -> Iterator[Watched]:
    """Measure the block."""
    found = Watched()
    give_back_memory()
    before = resident()
    forget_peak()
    start = clock()
    try:
        yield found
    finally:
        found.seconds = clock() - start
        found.memory = max(0.0, peak_resident() - before)


def clock() -> float:
    """Seconds: of the processor where one thread works, else of the clock."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()
