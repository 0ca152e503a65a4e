"""Measures what a piece of work takes: seconds of processor, and memory above what was taken before it."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from isogloss.memory import give_back_memory

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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
    _forget_peak()
    start = clock()
    try:
        yield found
    finally:
        found.seconds = clock() - start
        found.memory = max(0.0, peak() - before)


def clock() -> float:
    """Seconds: of the processor where one thread works, else of the clock."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def peak() -> float:
    """Bytes: the highest resident size so far, or since it was last forgotten."""
    found = _status("VmHWM")
    if found is not None:
        return found
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def resident() -> float:
    """Bytes: the resident size now."""
    found = _status("VmRSS")
    # Without /proc the peak never falls: what is found is then what was taken beyond anything before.
    return peak() if found is None else found


def _status(name: str) -> float | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _forget_peak() -> None:
    try:
        _RESET.write_text("5")
    except OSError:
        return
