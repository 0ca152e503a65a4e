"""Puts the rows of a chunk in their place in the files of a store that is being written.

Small enough to travel: whoever reads a chunk, here or on another machine, writes it with a copy of this.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from isogloss.activations.layout import PART, storage
from isogloss.errors import StoreError

FILES_AT_ONCE = 4
"""Some are hashed while others wait for the disk; both leave Python's lock to others."""


@dataclass(frozen=True)
class Chunk:
    """A range of sentences and the rows of their covered words."""

    number: int
    sentences: tuple[int, int]
    rows: tuple[int, int]

    def span(self, name: str) -> tuple[int, int]:
        """The rows of a file that are this chunk's."""
        return self.rows if name.startswith("layer") else self.sentences


@dataclass(frozen=True)
class RowFiles:
    """The vector files of an unfinished store.

    Attributes
    ----------
    directory : of the store.
    hidden : width of a vector.
    dtype : storage type by name.
    rows : number of rows by file name.
    """

    directory: Path
    hidden: int
    dtype: str
    rows: Mapping[str, int]

    @property
    def row_bytes(self) -> int:
        """Size of a vector."""
        return self.hidden * storage(self.dtype)[0].itemsize

    def header(self, name: str) -> bytes:
        """What an npy file of these rows begins with."""
        return _header(self.dtype, self.rows[name], self.hidden)

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return len(self.header(name)) + self.rows[name] * self.row_bytes

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.size(name) for name in self.rows)

    def begin(self) -> None:
        """Make every file in its full size: a full disk is met before the work, not in the middle of it."""
        for name in self.rows:
            with self._opened(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC) as handle:
                self._claim(handle, name)

    def forget(self) -> None:
        """Delete what a run left that stopped before all files were there."""
        for name in self.rows:
            self._part(name).unlink(missing_ok=True)

    def resume(self) -> None:
        """Take up the files of a run that stopped.

        Raises
        ------
        StoreError : one is missing.
        """
        for name in self.rows:
            part = self._part(name)
            # Killed between the renames of `finish`: the finished name becomes the unfinished one again.
            if not part.exists() and (self.directory / name).exists():
                (self.directory / name).replace(part)
            if not part.exists():
                raise StoreError(f"{part} is missing; delete {self.directory} and extract again")
            with self._opened(name) as handle:
                self._claim(handle, name)

    def finish(self, name: str) -> None:
        """Give a file its final name."""
        self._part(name).replace(self.directory / name)

    @contextmanager
    def writing(self, chunk: Chunk) -> Iterator[ChunkRows]:
        """Take a chunk's rows file by file, and write them while others are still to come.

        Files are closed when this is left, so that on a shared file system other machines see what was written. They
        are only written to, and at once: a network file system that reads pages to write them back whole would undo
        what another machine writes beside it.
        """
        with ThreadPoolExecutor(FILES_AT_ONCE, "isogloss-write") as pool:
            yield ChunkRows(self, chunk, pool)

    def put(self, chunk: Chunk, name: str, array: np.ndarray) -> str:
        """Write a chunk's (n, hidden) rows of one file in their place; returns their checksum.

        Raises
        ------
        StoreError : the disk is full, or this machine does not see the store.
        """
        start, stop = chunk.span(name)
        stored = storage(self.dtype)[0]
        if array.shape != (stop - start, self.hidden) or array.dtype != stored:
            raise ValueError(f"{name}: {array.dtype} {array.shape} does not fill rows {start} to {stop}")
        payload = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
        try:
            with self._opened(name, os.O_WRONLY | getattr(os, "O_DSYNC", 0)) as handle:
                write_all(handle, payload, len(self.header(name)) + start * self.row_bytes)
        except FileNotFoundError:
            raise StoreError(
                f"{self.directory} is not to be seen where a worker runs",
                "the run directory must be on a file system that all workers share, under the same path",
            ) from None
        except OSError as error:
            raise self.explained(error) from error
        return hashlib.sha256(payload).hexdigest()

    def holds(self, chunk: Chunk, digests: Mapping[str, str]) -> bool:
        """Whether a chunk's bytes are those of these checksums."""
        for name, digest in digests.items():
            start, stop = chunk.span(name)
            with self._opened(name) as handle:
                offset = len(self.header(name)) + start * self.row_bytes
                payload = os.pread(handle, (stop - start) * self.row_bytes, offset)
            if hashlib.sha256(payload).hexdigest() != digest:
                return False
        return True

    def explained(self, error: OSError) -> StoreError:
        """What went wrong while writing, and what would help."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreError(
                f"the disk is full while writing {self.directory} ({self.total / 2**20:,.1f} MiB are needed "
                "in all); nothing is lost: make room and run the same command again"
            )
        return StoreError(f"{self.directory} cannot be written: {error.strerror or error}")

    def _part(self, name: str) -> Path:
        return self.directory / (name + PART)

    @contextmanager
    def _opened(self, name: str, flags: int = os.O_RDWR) -> Iterator[int]:
        handle = os.open(self._part(name), flags, 0o666)
        try:
            yield handle
        finally:
            os.close(handle)

    def _claim(self, handle: int, name: str) -> None:
        size = max(self.size(name), 1)
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            os.ftruncate(handle, size)
        write_all(handle, memoryview(self.header(name)), 0)


class ChunkRows:
    """The rows of one chunk on their way into their files."""

    def __init__(self, files: RowFiles, chunk: Chunk, pool: ThreadPoolExecutor) -> None:
        self._files, self._chunk, self._pool = files, chunk, pool
        self._begun: dict[str, Future[str]] = {}

    def put(self, name: str, array: np.ndarray) -> None:
        """Begin to write (n, hidden) rows of a file; they must not change any more."""
        self._begun[name] = self._pool.submit(self._files.put, self._chunk, name, array)

    def digests(self) -> dict[str, str]:
        """Checksums by file name, once all rows are written.

        Raises
        ------
        StoreError : see `RowFiles.put`.
        """
        return {name: self._begun[name].result() for name in self._files.rows}


@lru_cache
def _header(dtype: str, rows: int, hidden: int) -> bytes:
    stream = io.BytesIO()
    description = {"descr": storage(dtype)[0].str, "fortran_order": False, "shape": (rows, hidden)}
    np.lib.format.write_array_header_1_0(stream, description)
    return stream.getvalue()


def write_all(handle: int, payload: memoryview, offset: int) -> None:
    """Write at a place of an open file, however many calls that takes."""
    while payload:
        written = os.pwrite(handle, payload, offset)
        payload, offset = payload[written:], offset + written
