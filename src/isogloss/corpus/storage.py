"""A corpus in a directory: two Parquet files, and a JSON file with their checksums that is written last.

Without that last file there is no corpus, so a run that was killed while writing leaves nothing that loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NotRequired, TypedDict

import polars as pl

from isogloss.corpus.draft import SENTENCE_COLUMNS, WORD_COLUMNS
from isogloss.errors import CorpusError, StoreError
from isogloss.sealed import read_json, read_table, write_json, write_table
from isogloss.shapes import shaped

HEADER = "corpus.json"
_SENTENCES, _WORDS = "sentences.parquet", "words.parquet"
_VERSION = 1


class _About(TypedDict):
    files: dict[str, str]
    name: str
    source: str
    notes: list[str]
    unread: NotRequired[list[str]]


def write_corpus(folder: Path, sentences: pl.DataFrame, words: pl.DataFrame, about: dict[str, Any]) -> None:
    """Write the frames and what else is known of the corpus.

    Raises
    ------
    StoreError : the directory cannot be written or the disk is full.
    """
    files = {_SENTENCES: write_table(folder / _SENTENCES, sentences), _WORDS: write_table(folder / _WORDS, words)}
    write_json(folder / HEADER, {"version": _VERSION, "files": files, **about})


def read_corpus(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """What `write_corpus` wrote.

    Raises
    ------
    CorpusError : there is no corpus, or it was written by a newer version.
    StoreError : a file is missing or damaged.
    """
    if not is_saved_corpus(folder):
        raise CorpusError(f"{folder} holds no saved corpus: there is no {HEADER} in it")
    about = read_json(folder / HEADER)
    if about.pop("version", None) != _VERSION:
        raise CorpusError(f"{folder} was written by another version of isogloss; read the corpus from its source")
    about = shaped(about, _About, str(folder / HEADER))
    files = about.pop("files")
    if absent := [name for name in (_SENTENCES, _WORDS) if name not in files]:
        raise StoreError(f"{folder / HEADER} is damaged: it names no {absent[0]}")
    sentences, words = (read_table(folder / name, files[name]) for name in (_SENTENCES, _WORDS))
    for name, frame, columns in ((_SENTENCES, sentences, SENTENCE_COLUMNS), (_WORDS, words, WORD_COLUMNS)):
        if wrong := [column for column, kind in columns.items() if frame.schema.get(column) != kind]:
            raise StoreError(f"{folder / name} is damaged: it has no column {wrong[0]!r} of {columns[wrong[0]]}")
    return sentences, words, about


def is_saved_corpus(folder: Path) -> bool:
    """Whether the directory holds a whole corpus."""
    try:
        return (folder / HEADER).is_file()
    except OSError:  # the name is too long for a path
        return False
