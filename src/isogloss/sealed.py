"""Small files that say when they are damaged: JSON and Parquet with checksums, written atomically."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from isogloss.errors import StoreError

DRAFT = ".tmp"


def is_draft(path: Path) -> bool:
    """Whether a file is one that `write_bytes` did not come to the end of."""
    return path.suffix == DRAFT


def sweep(directory: Path) -> None:
    """Delete what processes that died left behind, here and below; for whoever alone writes here."""
    for path in directory.rglob(f"*{DRAFT}"):
        path.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> str:
    """Write atomically; returns the checksum.

    Raises
    ------
    StoreError : the disk is full or the directory cannot be written.
    """
    # A name of its own: a worker that outlives its run for a moment does not write into another one's draft.
    draft = path.with_name(f"{path.name}.{uuid4().hex[:12]}{DRAFT}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"the disk is full while writing {path}; make room and run the same command again"
            ) from None
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from None
    return hashlib.sha256(content).hexdigest()


def write_json(path: Path, content: dict[str, Any], *, compact: bool = False) -> None:
    """Write JSON with a checksum of its content inside; compact where nobody reads it line by line."""
    body = {**content, "sha256": _seal(content)}
    layout: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    write_bytes(path, json.dumps(body, ensure_ascii=False, **layout).encode("utf-8", "surrogatepass"))


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote. The checksum says that nothing was damaged, not who wrote it: see `shapes`.

    Raises
    ------
    StoreError : missing, unreadable, or its content does not match its checksum.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StoreError(f"{path} is missing") from None
    except (ValueError, OSError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: {error}") from None
    if not isinstance(content, dict) or content.pop("sha256", None) != _seal(content):
        raise StoreError(f"{path} is damaged: its content does not match its checksum")
    return content


def write_table(path: Path, frame: pl.DataFrame) -> str:
    """Write Parquet; returns the checksum. Equal frames give equal bytes."""
    stream = io.BytesIO()
    frame.write_parquet(stream, compression="zstd", statistics=False)
    return write_bytes(path, stream.getvalue())


def read_table(path: Path, checksum: str) -> pl.DataFrame:
    """Read what `write_table` wrote.

    Raises
    ------
    StoreError : missing, or its bytes changed.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path} is missing") from None
    if hashlib.sha256(content).hexdigest() != checksum:
        raise StoreError(f"{path} is damaged: its bytes are not those that were written")
    return parquet(path, content)


def parquet(path: Path, content: bytes | None = None) -> pl.DataFrame:
    """A Parquet file, or the bytes that were read of it.

    Raises
    ------
    StoreError : it is not one, or is damaged.
    """
    try:
        return pl.read_parquet(path if content is None else io.BytesIO(content))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise StoreError(f"{path} is not a readable Parquet file: {first_line(error)}") from None


def parquet_bytes(table: pl.DataFrame) -> int:
    """How large a table is as a file."""
    stream = io.BytesIO()
    table.write_parquet(stream)
    return stream.tell()


def first_line(error: BaseException) -> str:
    """What an error of another package says, without the rest of it."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def inside(root: Path, name: str) -> Path:
    """The file of a directory that another file names.

    A name that was read decides what is read and written: it must be that of a file in the directory itself.

    Raises
    ------
    StoreError : the name leads elsewhere, or is no name of a file.
    """
    parts = re.split(r"[/\\]", name)
    if len(parts) > 1 or name in ("", ".", "..") or ":" in name or not name.isprintable() or len(name.encode()) > 255:
        raise StoreError(f"{root}: {name[:80]!r} is no name of a file in this directory; it is not read")
    return root / name


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
    ).hexdigest()
