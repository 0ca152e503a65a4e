"""Writes an activation store chunk by chunk, so that a run that dies at any moment can go on.

A chunk is a range of sentences. Its vectors are written to their place in every file, then one journal line with their
checksums says it is done. The bytes of a chunk depend on nothing outside it, so a run that was interrupted and
continued leaves exactly the files of one that was not.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

import polars as pl

from isogloss.activations.layout import (
    FORMAT,
    JOURNAL,
    MANIFEST,
    PART,
    SENTENCES,
    WORDS,
    Settings,
    file_sha256,
    layer_file,
    sentence_file,
)
from isogloss.activations.rows import Chunk, RowFiles
from isogloss.activations.store import ActivationStore
from isogloss.errors import StoreError
from isogloss.locks import LOCK, held
from isogloss.sealed import is_draft, write_json
from isogloss.shapes import shaped


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
        self._checksums: dict[int, dict[str, str]] = {}
        words, sentences = chunks[-1].rows[1], chunks[-1].sentences[1]
        rows = {layer_file(layer): words for layer in settings.layers}
        rows |= {
            sentence_file(kind, layer): sentences for kind in settings.sentence_vectors for layer in settings.layers
        }
        self.files = RowFiles(directory, hidden, settings.dtype, rows)

    @property
    def done(self) -> set[int]:
        """Numbers of the chunks whose vectors are on disk."""
        return set(self._checksums)

    @property
    def bytes_needed(self) -> int:
        """Size of all vector files."""
        return self.files.total

    def __enter__(self) -> StoreWriter:
        with ExitStack() as opened:
            try:
                self.directory.mkdir(parents=True, exist_ok=True)
                opened.enter_context(held(self.directory))
                journal = self.directory / JOURNAL
                if (self.directory / MANIFEST).exists():
                    raise StoreError(f"{self.directory} was finished by another process meanwhile", "run again")
                if journal.exists():
                    self._resume(journal)
                else:
                    self._begin(journal)
                self._journal = opened.enter_context(journal.open("a", encoding="utf-8"))
            except OSError as error:
                raise self.files.explained(error) from error
            self._opened = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def record(self, chunk: Chunk, digests: dict[str, str]) -> None:
        """A chunk's rows are in their place in every file (see `RowFiles.writing`): it need not be read again."""
        try:
            self._journal.write(json.dumps({"chunk": chunk.number, "sha256": digests}) + "\n")
            self._journal.flush()
        except OSError as error:
            raise self.files.explained(error) from error
        self._checksums[chunk.number] = digests

    def finish(self, words: pl.DataFrame, sentences: pl.DataFrame, facts: dict[str, Any]) -> None:
        """Name the files as finished and write the manifest, the last step."""
        try:
            entries: dict[str, Any] = {}
            for name in self.files.rows:
                entries[name] = self._entry(name)
                self.files.finish(name)
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
            raise self.files.explained(error) from error

    def _entry(self, name: str) -> dict[str, Any]:
        header = self.files.header(name)
        return {
            "bytes": self.files.size(name),
            "header": len(header),
            "header_sha256": hashlib.sha256(header).hexdigest(),
            "row_bytes": self.files.row_bytes,
            "chunks": [[chunk.span(name)[1], self._checksums[chunk.number][name]] for chunk in self.chunks],
        }

    def _begin(self, journal: Path) -> None:
        self._refuse_foreign()
        self.files.forget()
        free = shutil.disk_usage(self.directory).free
        if self.bytes_needed > free:
            raise StoreError(
                f"{self.directory}: {self.bytes_needed / 2**20:,.1f} MiB are needed and {free / 2**20:,.1f} MiB are "
                "free; choose fewer layers, dtype float16, or another disk"
            )
        self.files.begin()
        draft = journal.with_name(journal.name + PART)
        plan = [[c.number, c.sentences, c.rows] for c in self.chunks]
        draft.write_text(json.dumps({"settings": asdict(self.settings), "plan": plan}) + "\n", encoding="utf-8")
        draft.replace(journal)

    def _refuse_foreign(self) -> None:
        known = {JOURNAL, MANIFEST, WORDS, SENTENCES, LOCK, *self.files.rows}
        names = known | {name + PART for name in known}
        there = (path.name for path in self.directory.iterdir() if not is_draft(path))
        if foreign := sorted(name for name in there if name not in names):
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
        differences = self.settings.differences(settings)
        if differences and all(difference.startswith("linear is ") for difference in differences):
            # Begun on another kind of processor, which multiplies in another way: begun anew.
            journal.unlink()
            self._begin(journal)
            return
        if differences:
            raise StoreError(
                f"{self.directory} holds an unfinished extraction with other settings ({'; '.join(differences)}); "
                "choose another directory or delete it"
            )
        if plan != [[c.number, list(c.sentences), list(c.rows)] for c in self.chunks]:
            raise StoreError(f"{self.directory} was begun with another plan; delete it and extract again")
        self.files.resume()
        kept = [lines[0]]
        for line in lines[1:]:
            try:
                entry = shaped(json.loads(line), _Line, str(journal))
                number, digests = entry["chunk"], entry["sha256"]
            except (ValueError, RecursionError, StoreError):
                continue  # the line that was being written when the run died
            known = 0 <= number < len(self.chunks) and digests.keys() == self.files.rows.keys()
            if known and self.files.holds(self.chunks[number], digests):
                self._checksums[number] = digests
                kept.append(line)
        draft = journal.with_name(journal.name + PART)
        draft.write_bytes(b"\n".join(kept) + b"\n")
        draft.replace(journal)


def finished_store(directory: Path) -> ActivationStore | None:
    """The finished store in a directory; None where there is none."""
    return ActivationStore(directory) if (directory / MANIFEST).exists() else None
