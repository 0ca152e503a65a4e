"""Writes an activation store chunk by chunk, so that a run that dies at any moment can go on.

A chunk is a range of sentences. Its vectors are written to their place in every file, then one journal line with their
checksums says it is done. The bytes of a chunk depend on nothing outside it, so a run that was interrupted and
continued leaves exactly the files of one that was not.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

import numpy as np
import polars as pl

from isogloss.activations.layout import (
    FORMAT,
    JOURNAL,
    MANIFEST,
    PART,
    SENTENCES,
    WORDS,
    Manifest,
    Settings,
    file_sha256,
    layer_file,
    sentence_file,
    storage,
)
from isogloss.errors import StoreError
from isogloss.sealed import read_json, write_json
from isogloss.shapes import shaped


@dataclass(frozen=True)
class Chunk:
    """A range of sentences and the rows of their covered words."""

    number: int
    sentences: tuple[int, int]
    rows: tuple[int, int]


class _Line(TypedDict):
    """A line of the journal: a chunk that is on disk, and the checksum of its rows in every file."""

    chunk: int
    sha256: dict[str, str]


class StoreWriter:
    """Use as a context manager; `done` says which chunks an earlier run has finished.

    Parameters
    ----------
    directory : where the store goes; made if absent.
    settings : what decides the bytes. A finished or unfinished store with other settings is refused.
    chunks : all chunks, in order.
    hidden : width of a vector.
    """

    def __init__(self, directory: Path, settings: Settings, chunks: list[Chunk], hidden: int) -> None:
        self.directory, self.settings, self.chunks, self.hidden = directory, settings, chunks, hidden
        self._stored = storage(settings.dtype)[0]
        self._row_bytes = hidden * self._stored.itemsize
        self._files: dict[str, int] = {}
        self._checksums: dict[int, dict[str, str]] = {}
        words, sentences = chunks[-1].rows[1], chunks[-1].sentences[1]
        self._rows = {layer_file(layer): words for layer in settings.layers}
        self._rows |= {
            sentence_file(kind, layer): sentences for kind in settings.sentence_vectors for layer in settings.layers
        }
        self._headers = {name: self._header(rows) for name, rows in self._rows.items()}

    @property
    def done(self) -> set[int]:
        """Numbers of the chunks whose vectors are on disk."""
        return set(self._checksums)

    @property
    def bytes_needed(self) -> int:
        """Size of all vector files."""
        return sum(len(self._headers[name]) + rows * self._row_bytes for name, rows in self._rows.items())

    def __enter__(self) -> StoreWriter:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            journal = self.directory / JOURNAL
            if journal.exists():
                self._resume(journal)
            else:
                self._begin(journal)
            self._journal = journal.open("a", encoding="utf-8")
        except OSError as error:
            self._close()
            raise self._explained(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def write(self, chunk: Chunk, vectors: dict[str, np.ndarray]) -> None:
        """Put a chunk's rows in their place in every file; `vectors` maps file names to (n, hidden) arrays."""
        digests = {}
        try:
            for name, array in vectors.items():
                start, stop = chunk.rows if name.startswith("layer") else chunk.sentences
                if array.shape != (stop - start, self.hidden) or array.dtype != self._stored:
                    raise ValueError(f"{name}: {array.dtype} {array.shape} does not fill rows {start} to {stop}")
                payload = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
                _write_all(self._files[name], payload, len(self._headers[name]) + start * self._row_bytes)
                digests[name] = hashlib.sha256(payload).hexdigest()
            self._journal.write(json.dumps({"chunk": chunk.number, "sha256": digests}) + "\n")
            self._journal.flush()
        except OSError as error:
            raise self._explained(error) from error
        self._checksums[chunk.number] = digests

    def finish(self, words: pl.DataFrame, sentences: pl.DataFrame, facts: dict[str, Any]) -> None:
        """Name the files as finished and write the manifest, the last step."""
        try:
            entries: dict[str, Any] = {}
            for name in self._rows:
                entries[name] = self._entry(name)
                (self.directory / (name + PART)).replace(self.directory / name)
            for name, frame in ((WORDS, words), (SENTENCES, sentences)):
                draft = self.directory / (name + PART)
                frame.write_parquet(draft)
                draft.replace(self.directory / name)
                path = self.directory / name
                entries[name] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
            manifest = {"format": FORMAT, "settings": asdict(self.settings), "hidden": self.hidden, **facts}
            write_json(self.directory / MANIFEST, {**manifest, "files": entries})
            (self.directory / JOURNAL).unlink()
        except OSError as error:
            raise self._explained(error) from error

    def _entry(self, name: str) -> dict[str, Any]:
        side = 1 if name.startswith("layer") else 0
        stops = [(chunk.sentences, chunk.rows)[side][1] for chunk in self.chunks]
        chunks = [[stop, self._checksums[c.number][name]] for stop, c in zip(stops, self.chunks, strict=True)]
        header = self._headers[name]
        return {
            "bytes": len(header) + self._rows[name] * self._row_bytes,
            "header": len(header),
            "header_sha256": hashlib.sha256(header).hexdigest(),
            "row_bytes": self._row_bytes,
            "chunks": chunks,
        }

    def _header(self, rows: int) -> bytes:
        stream = io.BytesIO()
        description = {"descr": self._stored.str, "fortran_order": False, "shape": (rows, self.hidden)}
        np.lib.format.write_array_header_1_0(stream, description)
        return stream.getvalue()

    def _begin(self, journal: Path) -> None:
        self._refuse_foreign()
        free = shutil.disk_usage(self.directory).free
        if self.bytes_needed > free:
            raise StoreError(
                f"{self.directory}: {self.bytes_needed / 2**20:,.1f} MiB are needed and {free / 2**20:,.1f} MiB are "
                "free; choose fewer layers, dtype float16, or another disk"
            )
        for name, rows in self._rows.items():
            path = self.directory / (name + PART)
            self._files[name] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
            # Space is claimed now: a full disk is met before the work, not in the middle of it.
            _claim(self._files[name], len(self._headers[name]) + rows * self._row_bytes)
            _write_all(self._files[name], memoryview(self._headers[name]), 0)
        draft = journal.with_name(journal.name + PART)
        plan = [[c.number, c.sentences, c.rows] for c in self.chunks]
        draft.write_text(json.dumps({"settings": asdict(self.settings), "plan": plan}) + "\n", encoding="utf-8")
        draft.replace(journal)

    def _refuse_foreign(self) -> None:
        known = {JOURNAL, MANIFEST, WORDS, SENTENCES, *self._rows}
        names = known | {name + PART for name in known} | {MANIFEST + ".tmp"}
        if foreign := sorted(p.name for p in self.directory.iterdir() if p.name not in names):
            raise StoreError(
                f"{self.directory} is not empty and not an activation store (it has {', '.join(foreign[:3])}); "
                "choose another directory"
            )

    def _resume(self, journal: Path) -> None:
        lines = journal.read_bytes().split(b"\n")
        try:
            head = json.loads(lines[0])
            settings, plan = Settings.from_dict(head["settings"], str(journal)), head["plan"]
        except (ValueError, KeyError, TypeError, RecursionError, StoreError):
            raise StoreError(f"{journal} is damaged; delete {self.directory} and extract again") from None
        if differences := self.settings.differences(settings):
            raise StoreError(
                f"{self.directory} holds an unfinished extraction with other settings ({'; '.join(differences)}); "
                "choose another directory or delete it"
            )
        if plan != [[c.number, list(c.sentences), list(c.rows)] for c in self.chunks]:
            raise StoreError(f"{self.directory} was begun with another plan; delete it and extract again")
        for name in self._rows:
            part = self.directory / (name + PART)
            # Killed between the renames of `finish`: the finished name becomes the unfinished one again.
            if not part.exists() and (self.directory / name).exists():
                (self.directory / name).replace(part)
            if not part.exists():
                raise StoreError(f"{part} is missing; delete {self.directory} and extract again")
            self._files[name] = os.open(part, os.O_RDWR)
            _claim(self._files[name], len(self._headers[name]) + self._rows[name] * self._row_bytes)
            _write_all(self._files[name], memoryview(self._headers[name]), 0)
        kept = [lines[0]]
        for line in lines[1:]:
            try:
                entry = shaped(json.loads(line), _Line, str(journal))
                number, digests = entry["chunk"], entry["sha256"]
            except (ValueError, RecursionError, StoreError):
                continue  # the line that was being written when the run died
            known = 0 <= number < len(self.chunks) and digests.keys() == self._rows.keys()
            if known and self._on_disk(self.chunks[number], digests):
                self._checksums[number] = digests
                kept.append(line)
        draft = journal.with_name(journal.name + PART)
        draft.write_bytes(b"\n".join(kept) + b"\n")
        draft.replace(journal)

    def _on_disk(self, chunk: Chunk, digests: dict[str, str]) -> bool:
        for name, digest in digests.items():
            start, stop = chunk.rows if name.startswith("layer") else chunk.sentences
            offset = len(self._headers[name]) + start * self._row_bytes
            payload = os.pread(self._files[name], (stop - start) * self._row_bytes, offset)
            if hashlib.sha256(payload).hexdigest() != digest:
                return False
        return True

    def _explained(self, error: OSError) -> StoreError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return StoreError(
                f"the disk is full while writing {self.directory} ({self.bytes_needed / 2**20:,.1f} MiB are needed "
                "in all); nothing is lost: make room and run the same command again"
            )
        return StoreError(f"{self.directory} cannot be written: {error.strerror or error}")

    def _close(self) -> None:
        for handle in self._files.values():
            os.close(handle)
        self._files = {}
        journal = getattr(self, "_journal", None)
        if journal is not None:
            journal.close()


def finished_store_settings(directory: Path) -> Settings | None:
    """Settings of the finished store in a directory; None where there is none."""
    if not (directory / MANIFEST).exists():
        return None
    settings: Settings = shaped(read_json(directory / MANIFEST), Manifest, str(directory / MANIFEST))["settings"]
    return settings


def _claim(handle: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, max(size, 1))
    else:
        os.ftruncate(handle, size)


def _write_all(handle: int, payload: memoryview, offset: int) -> None:
    while payload:
        written = os.pwrite(handle, payload, offset)
        payload, offset = payload[written:], offset + written
