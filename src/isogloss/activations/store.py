"""A finished activation store: opened, checked, read. Writing one is `writer`'s work."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isogloss.activations.layout import (
    FORMAT,
    JOURNAL,
    MANIFEST,
    SENTENCES,
    STORAGE,
    WORDS,
    Manifest,
    Settings,
    file_sha256,
    layer_file,
    sentence_file,
)
from isogloss.activations.vectors import LayerVectors
from isogloss.errors import OptionError, StoreError
from isogloss.sealed import inside, parquet, read_json
from isogloss.shapes import shaped


class ActivationStore:
    """The vectors of one model over one corpus, on disk.

    Every file is checked against its checksum the first time it is used; a file whose bytes changed is named.

    Parameters
    ----------
    directory : where the store is.
    verify : False trusts the files (sizes are still checked).

    Attributes
    ----------
    manifest : settings, counts and checksums.
    settings : what decides the bytes.
    layers : numbers of the layers it holds.
    hidden : width of a vector.
    """

    def __init__(self, directory: Path | str, *, verify: bool = True) -> None:
        self.directory = Path(directory)
        if not (self.directory / MANIFEST).exists():
            unfinished = (self.directory / JOURNAL).exists()
            raise StoreError(
                f"{self.directory} is not finished: run the same extraction again and it goes on where it stopped"
                if unfinished
                else f"{self.directory} is not an activation store: it has no {MANIFEST}"
            )
        self.manifest = read_json(self.directory / MANIFEST)
        if self.manifest.get("format") != FORMAT:
            raise StoreError(f"{self.directory} has format {self.manifest.get('format')}; this version reads {FORMAT}")
        self.settings: Settings = shaped(self.manifest, Manifest, str(self.directory / MANIFEST))["settings"]
        if self.settings.dtype not in STORAGE:
            known, where = ", ".join(STORAGE), self.directory / MANIFEST
            raise StoreError(f"{where}: vectors are stored as {self.settings.dtype!r}, which is none of {known}")
        self.layers: tuple[int, ...] = self.settings.layers
        self.hidden: int = self.manifest["hidden"]
        self._verify = verify
        self._checked: set[str] = set()
        self._frames: dict[str, pl.DataFrame] = {}
        self._check_sizes()

    @property
    def n_layers(self) -> int:
        """Number of blocks of the model; layers run from 0 (embeddings) to this."""
        return self.manifest["n_layers"]

    @property
    def words(self) -> pl.DataFrame:
        """One row per word vector: `sentence`, `part`, `position`, `word`, `start`, `end`, `n_subwords`, labels."""
        return self._frame(WORDS)

    @property
    def sentences(self) -> pl.DataFrame:
        """One row per sentence: `sentence`, `text`, labels, `n_windows`."""
        return self._frame(SENTENCES)

    def layer(self, layer: int) -> np.memmap:
        """Word vectors of a layer, (n_words, hidden), memory-mapped, read-only, in the storage type."""
        return self.vectors(layer).matrix

    def vectors(self, layer: int) -> LayerVectors:
        """Word vectors of a layer, to be read in blocks."""
        return self._vectors(layer_file(self._known(layer)))

    def sentence_layer(self, layer: int, kind: str = "mean") -> np.memmap:
        """Sentence vectors of a layer, (n_sentences, hidden); `kind` is `cls`, `mean` or `last`.

        Rows of sentences without any token are NaN. Of a pair whose texts were run by themselves, `mean` runs over the
        tokens of both, and `cls` and `last` are the means of both texts' vectors.
        """
        return self.sentence_vectors(layer, kind).matrix

    def sentence_vectors(self, layer: int, kind: str = "mean") -> LayerVectors:
        """Sentence vectors of a layer, to be read in blocks."""
        if kind not in self.settings.sentence_vectors:
            held = ", ".join(self.settings.sentence_vectors) or "none"
            raise OptionError(f"{self.directory} has no sentence vectors called {kind!r}; it has {held}")
        return self._vectors(sentence_file(kind, self._known(layer)))

    def verify(self) -> None:
        """Check every file now.

        Raises
        ------
        StoreError : names the first file whose bytes are not those that were written.
        """
        for name in self.manifest["files"]:
            self._check(name, force=True)

    def _known(self, layer: int) -> int:
        number = layer + self.n_layers + 1 if layer < 0 else layer
        if number not in self.layers:
            raise OptionError(f"{self.directory} has no layer {layer}; it has {', '.join(map(str, self.layers))}")
        return number

    def _vectors(self, name: str) -> LayerVectors:
        self._check(name)
        vectors = LayerVectors(self.directory / name, self.settings.dtype)
        if vectors.shape[1] != self.hidden:
            raise StoreError(
                f"{vectors.path} has {vectors.shape[1]} numbers per vector; its manifest says {self.hidden}"
            )
        return vectors

    def _frame(self, name: str) -> pl.DataFrame:
        if name not in self._frames:
            self._check(name)
            self._frames[name] = parquet(self.directory / name)
        return self._frames[name]

    def _check_sizes(self) -> None:
        for name, entry in self.manifest["files"].items():
            path = inside(self.directory, name)
            if not path.exists():
                raise StoreError(f"{path} is missing")
            if (size := path.stat().st_size) != entry["bytes"]:
                raise StoreError(f"{path} is damaged: it has {size:,} bytes, {entry['bytes']:,} were written")

    def _check(self, name: str, *, force: bool = False) -> None:
        if not force and (not self._verify or name in self._checked):
            return
        entry = self.manifest["files"].get(name)
        if entry is None:
            raise StoreError(f"{self.directory} has no file {name}")
        path = self.directory / name
        if "sha256" in entry:
            if file_sha256(path) != entry["sha256"]:
                raise StoreError(f"{path} is damaged: its bytes are not those that were written")
        else:
            check_chunks(path, entry, self.directory)
        self._checked.add(name)


def check_chunks(path: Path, entry: dict[str, Any], directory: Path) -> None:
    """Compare an npy file, header and row ranges, with the checksums it was written with.

    Raises
    ------
    StoreError : names the file and the rows that changed.
    """
    header, row_bytes = entry.get("header", 0), entry.get("row_bytes", 0)
    stops = [0, *(stop for stop, _ in entry.get("chunks", []))]
    # What the manifest says of the rows decides how much is read.
    if header < 0 or row_bytes <= 0 or stops != sorted(stops) or header + stops[-1] * row_bytes != entry["bytes"]:
        raise StoreError(f"{directory / MANIFEST} is damaged: the rows of {path.name} do not make up its bytes")
    with path.open("rb") as stream:
        if hashlib.sha256(stream.read(header)).hexdigest() != entry.get("header_sha256"):
            raise StoreError(f"{path} is damaged: its header changed")
        start = 0
        for stop, expected in entry.get("chunks", []):
            digest = hashlib.sha256(stream.read((stop - start) * row_bytes)).hexdigest()
            if digest != expected:
                raise StoreError(
                    f"{path} is damaged: rows {start} to {stop - 1} are not those that were written; "
                    f"delete {directory} and extract again"
                )
            start = stop
