"""Room for large arrays: in memory while there is some, else in a file without a name, which the system pages.

What is computed does not depend on where an array is: the same bytes, read from disk where memory is short. Who
allocates a matrix with a row per word does it here; small arrays and blocks need not.
"""

from __future__ import annotations

import errno
import math
import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import StoreError
from isogloss.memory import own_memory

if TYPE_CHECKING:
    import torch

SMALL, TINY = 1 << 20, 1 << 16
"""Bytes of an array that is in memory whatever there is, and of one that is not even counted."""
_ROWS = 4096


class Room:
    """What may be taken by large arrays.

    Parameters
    ----------
    memory : bytes that the process may take in all, without what the system can take back (pages of files).
    at_work : bytes of it that are left for all else.
    directory : where files without a name are made; they are gone when their arrays are, or the process.

    Attributes
    ----------
    held : bytes of the arrays in memory.
    paged : bytes of those in files, of all that there ever were.
    """

    def __init__(self, memory: float, at_work: float, directory: Path) -> None:
        self._limit, self._before = memory - at_work, own_memory()
        self._directory = directory
        self.held = self.paged = 0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An array whose numbers are not set."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if n_bytes <= TINY:
            return np.empty(shape, dtype)
        if n_bytes > SMALL and self._taken() + n_bytes > self._limit:
            paged = _in_file(shape, np.dtype(dtype), n_bytes, self._directory)
            if paged is not None:
                self.paged += n_bytes
                return paged
        found = np.empty(shape, dtype)
        self.held += n_bytes
        weakref.finalize(found, self._release, n_bytes)
        return found

    def _taken(self) -> float:
        """An array that nobody wrote to takes nothing yet; and others take memory too, such as a model loaded since."""
        return max(self._before + self.held, own_memory())

    def _release(self, n_bytes: int) -> None:
        self.held -= n_bytes


_room: ContextVar[Room | None] = ContextVar("room", default=None)


@contextmanager
def limited(memory: float | None, at_work: float, directory: Path) -> Iterator[Room | None]:
    """Within the block large arrays are in memory only as far as the process then takes no more than `memory` bytes.

    None sets no limit. Threads that are started within it are not bound by it. See `Room`.
    """
    room = None if memory is None else Room(memory, at_work, directory)
    token = _room.set(room)
    try:
        yield room
    finally:
        _room.reset(token)


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> np.ndarray:
    """An array where there is room for it; its numbers are not set.

    Raises
    ------
    StoreError : there is none, in memory or on disk.
    """
    room = _room.get()
    return np.empty(shape, dtype) if room is None else room.empty(shape, dtype)


def zeros(shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    """An array of zeros where there is room for it."""
    room = _room.get()
    if room is None:
        return np.zeros(shape, dtype)
    found = room.empty(shape, dtype)
    found[...] = 0
    return found


def empty_tensor(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str = "cpu") -> torch.Tensor:
    """A tensor where there is room for it; its numbers are not set. On a device the device's memory is taken."""
    import torch

    if _room.get() is None or torch.device(device).type != "cpu":
        return torch.empty(shape, dtype=dtype, device=device)
    size = torch.empty((), dtype=dtype).element_size()
    if not math.prod(shape):
        return torch.empty(shape, dtype=dtype)
    plain = empty((math.prod(shape) * size,), np.uint8)
    return torch.from_numpy(plain).view(dtype).view(shape)


def rows_of(X: np.ndarray, rows: np.ndarray, dtype: Any = None) -> np.ndarray:
    """X[rows] where there is room for it, (len(rows), d), block by block; in another type if one is given."""
    if rows.dtype == bool:
        rows = np.flatnonzero(rows)
    out = empty((len(rows), *X.shape[1:]), X.dtype if dtype is None else dtype)
    for start in range(0, len(rows), _ROWS):
        out[start : start + _ROWS] = X[rows[start : start + _ROWS]]
    return out


def by_rows(function: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> np.ndarray:
    """function(X) of a function that treats every row by itself, block by block, where there is room for it."""
    first = function(X[:_ROWS])
    if len(X) <= _ROWS:
        return first
    out = empty((len(X), *first.shape[1:]), first.dtype)
    out[:_ROWS] = first
    for start in range(_ROWS, len(X), _ROWS):
        out[start : start + _ROWS] = function(X[start : start + _ROWS])
    return out


def one_below_the_other(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Matrices (n_i, d) of one type as one where there is room for it."""
    out = empty((sum(map(len, parts)), parts[0].shape[1]), parts[0].dtype)
    start = 0
    for part in parts:
        out[start : start + len(part)] = part
        start += len(part)
    return out


def _in_file(shape: tuple[int, ...], dtype: np.dtype, n_bytes: int, directory: Path) -> np.ndarray | None:
    """An array in a file without a name; None where the process has as many files open as it may."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            # All of it now: where a disk is full only a later touch would tell, by ending the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            else:
                _fill(file, n_bytes)
            pages = mmap.mmap(file.fileno(), n_bytes)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return None
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StoreError(
            f"no room for {n_bytes / 2**30:.2f} GiB of vectors in {directory}"
            f"{'' if full else f' ({error.strerror})'}: the limit of memory sends them there",
            "make room there, or allow more memory",
        ) from None
    return np.frombuffer(pages, dtype).reshape(shape)


def _fill(file: Any, n_bytes: int) -> None:
    block = bytes(1 << 20)
    for start in range(0, n_bytes, len(block)):
        file.write(block[: n_bytes - start])
    file.flush()
