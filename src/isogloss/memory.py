"""How much memory this process takes, and sizes as people write them. Limits nothing."""

from __future__ import annotations

import ctypes
import re
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import OptionError

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15}
_UNITS |= {"ki": 2.0**10, "mi": 2.0**20, "gi": 2.0**30, "ti": 2.0**40, "pi": 2.0**50}
_SIZE = re.compile(r"([0-9][0-9_.]*(?:e[+-]?[0-9]+)?)\s*([kmgtp]i?)?b?", re.IGNORECASE)
SMALLEST = 1e6
"""Bytes below which a unit was forgotten."""
EVERY = 0.05
"""Seconds between two looks at the memory."""
NEAR, REST = 0.8, 20
"""Share of a limit from which on free memory is given back, and looks between two times: it halts all allocations."""


def as_bytes(text: str) -> float:
    """`8GiB`, `500MB` (a power of 1,000 without the i) or `8e9` in bytes.

    Raises
    ------
    ValueError : it is written otherwise.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"no size: {text!r}")
    return float(found[1].replace("_", "")) * _UNITS[(found[2] or "").lower()]


def limit_in_bytes(given: str | float | None) -> float | None:
    """What `--memory` says, in bytes.

    Raises
    ------
    OptionError : it is no size above 0.
    """
    if given is None:
        return None
    try:
        size = as_bytes(given) if isinstance(given, str) else float(given)
    except (ValueError, TypeError):
        size = 0.0
    if not 0 < size < float("inf"):
        raise OptionError(f"memory is a size such as 8GiB or 500MB. Got {given!r}.")
    if size < SMALLEST:
        raise OptionError(f"memory is a size such as 8GiB or 500MB; {given!r} are {size:g} bytes")
    return size


def size_in_words(n_bytes: float) -> str:
    """`3.2 GiB`, `120 MiB`, `0.4 MiB`."""
    if n_bytes >= 2**30:
        return f"{n_bytes / 2**30:,.1f} GiB"
    return f"{n_bytes / 2**20:,.0f} MiB" if n_bytes >= 10 * 2**20 else f"{n_bytes / 2**20:.1f} MiB"


def own_memory() -> float:
    """Bytes that this process takes and the system cannot take back: its resident size without pages of files."""
    told = _told()
    if "RssAnon" not in told:
        # Before Linux 4.5, or another system.
        return resident()
    return told["RssAnon"] + told.get("RssShmem", 0.0)


def resident() -> float:
    """Bytes: the resident size now, pages of files among them; of a system that does not tell, the highest so far."""
    told = _told().get("VmRSS")
    return peak_resident() if told is None else told


def peak_resident() -> float:
    """Bytes: the highest resident size so far, or since `forget_peak`."""
    told = _told().get("VmHWM")
    if told is not None:
        return told
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def forget_peak() -> None:
    """Let `peak_resident` begin anew, where the system can."""
    try:
        _RESET.write_text("5")
    except OSError:
        return


def _told() -> dict[str, float]:
    """What the system tells of this process, in bytes by name."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return {}
    entries = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): 1024.0 * float(size) for name, size, _ in entries}


def kept_in_memory(directory: Path) -> str:
    """The kind of file system, such as `tmpfs`, if files of this directory take memory; empty where they do not."""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    here = directory.absolute()
    mounts = {Path(line.split()[1].replace("\\040", " ")): line.split()[2] for line in lines if len(line.split()) > 2}
    kind = next((mounts[place] for place in (here, *here.parents) if place in mounts), "")
    return kind if kind in ("tmpfs", "ramfs") else ""


def give_back_memory() -> None:
    """Return what is free to the system: glibc keeps the holes that arrays of ever new sizes leave in its heap."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@dataclass
class Peak:
    """The most that was taken while it was watched, in bytes."""

    memory: float


@contextmanager
def peak_of_memory(limit: float | None = None) -> Iterator[Peak]:
    """Watch `own_memory` during the block, from a thread of its own; near a limit what is free is given back."""
    found = Peak(own_memory())
    over = threading.Event()

    def watch() -> None:
        rest = 0
        while not over.wait(EVERY):
            now = own_memory()
            found.memory = max(found.memory, now)
            rest -= 1
            if limit is not None and now > NEAR * limit and rest <= 0:
                give_back_memory()
                rest = REST

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
