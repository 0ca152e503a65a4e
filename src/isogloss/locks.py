"""One writer per directory: a lock that the system lets go of when its process dies, however it dies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isogloss.errors import StoreError

LOCK = "lock"
"""Name of the file; there only while somebody works."""


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory that exists.

    Raises
    ------
    StoreError : somebody else holds it.
    OSError : the directory cannot be written.
    """
    path = directory / LOCK
    handle = _taken(path)
    try:
        os.truncate(handle, 0)
        os.write(handle, json.dumps({"process": os.getpid(), "machine": platform.node()}).encode())
        yield
    finally:
        # The name goes while the lock is held: who opened it before finds out in `_taken`.
        if _is_named(handle, path):
            path.unlink(missing_ok=True)
        os.close(handle)


def _taken(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            if _is_named(handle, path):
                return handle
        except OSError as error:
            os.close(handle)
            if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                raise StoreError(
                    f"{path.parent} is being worked on by {_holder(path)}", "wait for it, or choose another directory"
                ) from None
            raise
        os.close(handle)


def _is_named(handle: int, path: Path) -> bool:
    """Whether an open file is the one of this name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _lock(handle: int) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks: two runs on one directory are then the user's own care.
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text("utf-8"))
        here = told["machine"] == platform.node()
        return f"process {told['process']}" + ("" if here else f" on {told['machine']}")
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
