"""What the files of an activation store are called and what its manifest says.

manifest.json            settings, shapes, checksums; written last: a store without one is not finished
words.parquet            one row per word vector
sentences.parquet        one row per sentence
layer-00.npy ...         (n_words, hidden) per layer
sentence-cls-00.npy ...  (n_sentences, hidden) per layer and kind
journal.jsonl, *.part    only while it is being written
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import ml_dtypes
import numpy as np

from isogloss.errors import OptionError
from isogloss.shapes import shaped

FORMAT = 1
MANIFEST, JOURNAL = "manifest.json", "journal.jsonl"
WORDS, SENTENCES = "words.parquet", "sentences.parquet"
PART = ".part"

STORAGE: dict[str, tuple[np.dtype, np.dtype]] = {
    "float32": (np.dtype("<f4"), np.dtype("<f4")),
    "float16": (np.dtype("<f2"), np.dtype("<f2")),
    # The npy format knows no bfloat16: the bits are stored as integers and viewed as what they are.
    "bfloat16": (np.dtype("<u2"), np.dtype(ml_dtypes.bfloat16)),
}
"""Storage type by name: what stands in the file, what a reader gets."""


def layer_file(layer: int) -> str:
    """Name of the word vectors of a layer."""
    return f"layer-{layer:02d}.npy"


def sentence_file(kind: str, layer: int) -> str:
    """Name of the sentence vectors of a kind (`cls`, `mean`, `last`) and layer."""
    return f"sentence-{kind}-{layer:02d}.npy"


def storage(dtype: str) -> tuple[np.dtype, np.dtype]:
    """The type in the file and the type a reader gets.

    Raises
    ------
    OptionError : no such storage type.
    """
    if dtype not in STORAGE:
        raise OptionError(f"vectors can be stored as {', '.join(STORAGE)}; got {dtype!r}")
    return STORAGE[dtype]


@dataclass(frozen=True)
class Settings:
    """Everything that decides the bytes of a store. Two stores with equal settings hold equal bytes.

    `corpus_sha256` covers texts, words and labels: the same text cut into other words gives other rows. `pairs` has the
    default that stores without it were written with.
    """

    model: str
    weights_sha256: str
    tokenizer_sha256: str
    corpus: str
    corpus_sha256: str
    layers: tuple[int, ...]
    pooling: str
    site: str
    long_sentences: str
    max_length: int
    sentence_vectors: tuple[str, ...]
    compute: str
    dtype: str
    packed: bool
    linear: str
    batch_tokens: int
    pairs: str = "joint"

    NAMES_ONLY = ("model", "corpus")

    def differences(self, other: Settings) -> list[str]:
        """`name: theirs, not ours` for each setting that differs; names of models and corpora may."""
        mine, theirs = asdict(self), asdict(other)
        return [
            f"{name} is {_short(theirs[name])}, not {_short(mine[name])}"
            for name in mine
            if name not in self.NAMES_ONLY and mine[name] != theirs[name]
        ]

    @staticmethod
    def from_dict(data: Any, where: str = "the settings") -> Settings:
        """Read back from JSON.

        Raises
        ------
        StoreError : a setting is missing, unknown or of another type; `where` names the file.
        """
        settings: Settings = shaped(data, Settings, where)
        return settings


class Entry(TypedDict):
    """What the manifest says of a file: its checksum, or those of its header and of its rows up to each stop."""

    bytes: int
    sha256: NotRequired[str]
    header: NotRequired[int]
    header_sha256: NotRequired[str]
    row_bytes: NotRequired[int]
    chunks: NotRequired[list[tuple[int, str]]]


class Manifest(TypedDict):
    """What is read of a store's manifest."""

    settings: Settings
    hidden: int
    n_layers: int
    n_words: int
    n_tokens: int
    token_labels: NotRequired[list[str]]
    sentence_labels: NotRequired[list[str]]
    files: dict[str, Entry]


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return text[:12] if len(text) == 64 else text


def file_sha256(path: Path) -> str:
    """Checksum of a whole file, streamed."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
