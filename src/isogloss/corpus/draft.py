"""What a reader makes of a file: the frames of a corpus before its labels are typed and checked.

Knows the columns that every corpus has. Does not know files, and does not decide whether the labels make sense
(`labels`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from isogloss.corpus.words import split_texts
from isogloss.errors import CorpusError

SENTENCE_COLUMNS = {"sentence": pl.UInt32, "id": pl.String, "split": pl.String, "text": pl.String}
WORD_COLUMNS = {
    "sentence": pl.UInt32,
    "part": pl.UInt8,
    "position": pl.UInt32,
    "word": pl.String,
    "start": pl.UInt32,
    "end": pl.UInt32,
}
RESERVED = frozenset(SENTENCE_COLUMNS) | frozenset(WORD_COLUMNS) | {"text_b"}
"""Columns that are not labels."""


@dataclass(frozen=True)
class Draft:
    """Sentences and words as read, numbered from 0.

    Attributes
    ----------
    sentences : `sentence`, `id`, `split`, `text`, `text_b` for pairs, then one column per sentence label, String or
        Float64.
    words : the columns of `WORD_COLUMNS`, then one String column per token label.
    notes : what a reader should know, each one sentence.
    unread : columns of the file that were not asked for.
    """

    sentences: pl.DataFrame
    words: pl.DataFrame
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def string_series(name: str, values: Sequence[Any] | pl.Series, where: str) -> pl.Series:
    """A String column from Python strings (None stays null).

    Raises
    ------
    CorpusError : a value is not a string or holds half of a surrogate pair, which no encoding can write.
    """
    if isinstance(values, pl.Series):
        return values.cast(pl.String).alias(name)
    try:
        return pl.Series(name, values, dtype=pl.String, strict=True)
    except (UnicodeEncodeError, TypeError, pl.exceptions.PolarsError):
        pass
    for row, value in enumerate(values):
        if value is not None and not isinstance(value, str):
            raise CorpusError(f"{where}: the {name} of row {row + 1} is a {type(value).__name__}; strings are expected")
        if value is not None and any("\ud800" <= c <= "\udfff" for c in value):
            raise CorpusError(
                f"{where}: the {name} of row {row + 1} holds half of a surrogate pair, which is not text; "
                "decode it again or replace it with U+FFFD"
            )
    return pl.Series(name, list(values), dtype=pl.String)


def sentence_frame(
    text: pl.Series,
    *,
    text_b: pl.Series | None = None,
    ids: pl.Series | None = None,
    split: pl.Series | None = None,
    labels: Mapping[str, pl.Series] | None = None,
) -> pl.DataFrame:
    """The sentences of a corpus; all series have one value per sentence. An empty split is no split."""
    n = len(text)
    absent = pl.repeat(None, n, dtype=pl.String, eager=True)
    columns = [
        pl.Series("sentence", np.arange(n, dtype=np.uint32)),
        (absent if ids is None else ids.cast(pl.String)).alias("id"),
        (absent if split is None else blank_to_null(split.cast(pl.String))).alias("split"),
        text.fill_null("").alias("text"),
    ]
    if text_b is not None:
        columns.append(text_b.fill_null("").alias("text_b"))
    for name, values in (labels or {}).items():
        refuse_reserved(name)
        columns.append(values.alias(name))
    return pl.DataFrame(columns)


def word_frame(
    sentence: np.ndarray, word: pl.Series, start: np.ndarray, end: np.ndarray, part: int = 0
) -> pl.DataFrame:
    """The words of one part of the sentences, without labels; rows in order of sentence and place."""
    return pl.DataFrame(
        {
            "sentence": sentence.astype(np.uint32, copy=False),
            "part": np.full(len(sentence), part, np.uint8),
            "position": positions(sentence),
            "word": word,
            "start": start.astype(np.uint32, copy=False),
            "end": end.astype(np.uint32, copy=False),
        },
        schema=WORD_COLUMNS,
    )


def split_frame(sentences: pl.DataFrame) -> pl.DataFrame:
    """The words of all sentences (and their second parts) by the project's own rule."""
    parts = []
    for part, column in enumerate(c for c in ("text", "text_b") if c in sentences.columns):
        found = split_texts(sentences[column])
        parts.append(word_frame(found.text, found.word, found.start, found.end, part))
    return pl.concat(parts).sort("sentence", "part", maintain_order=True) if len(parts) > 1 else parts[0]


def positions(sentence: np.ndarray) -> np.ndarray:
    """(n_words,) uint32: how many words of the same sentence come before; `sentence` is non-decreasing."""
    n = len(sentence)
    if n == 0:
        return np.empty(0, np.uint32)
    first = np.concatenate(([0], np.flatnonzero(np.diff(sentence.astype(np.int64))) + 1))
    return (np.arange(n) - np.repeat(first, np.diff(np.append(first, n)))).astype(np.uint32)


def blank_to_null(values: pl.Series) -> pl.Series:
    """Null for the empty string, which is how a file says that a label is absent."""
    return values.set(values == "", None) if values.dtype == pl.String else values


def refuse_reserved(name: str, where: str = "") -> None:
    """A label must not hide a column that every corpus has, nor read as a value of a label.

    Parameters
    ----------
    where : the file that has it, if one has.

    Raises
    ------
    CorpusError : the name is one of those columns, or holds =, which stands between a label and its value in tables.
    """
    file = f"{where}: " if where else ""
    if "=" in name:
        raise CorpusError(
            f"{file}a label cannot be called {name!r}: tables write LABEL=VALUE, so = cannot be part of its name; "
            "rename it in the file"
        )
    if name in RESERVED:
        raise CorpusError(
            f"{file}a label cannot be called {name!r}: every corpus has a column of that name; rename it in the file"
        )


def note_empty_sentences(draft: Draft, where: str) -> Draft:
    """Count the sentences that have no word.

    Raises
    ------
    CorpusError : there is no word at all.
    """
    if draft.words.height == 0:
        raise CorpusError(f"{where} has no words: every text in it is empty or invisible")
    empty = np.setdiff1d(np.arange(draft.sentences.height), draft.words["sentence"].to_numpy())
    if len(empty) == 0:
        return draft
    count = "1 sentence has" if len(empty) == 1 else f"{len(empty):,} sentences have"
    note = f"{count} no words; the first is sentence {empty[0]}"
    return replace(draft, notes=(*draft.notes, note))


def concatenate(drafts: Mapping[str, Draft]) -> Draft:
    """Several files as the splits of one corpus, in the order given."""
    sentences, words, notes = [], [], []
    before = 0
    for split, draft in drafts.items():
        sentences.append(
            draft.sentences.with_columns(pl.col("sentence") + pl.lit(before, pl.UInt32), split=pl.lit(split))
        )
        words.append(draft.words.with_columns(pl.col("sentence") + pl.lit(before, pl.UInt32)))
        notes += [f"{split}: {note}" for note in draft.notes]
        before += draft.sentences.height
    unread = dict.fromkeys(name for draft in drafts.values() for name in draft.unread)
    return Draft(
        pl.concat(sentences, how="diagonal_relaxed"),
        pl.concat(words, how="diagonal_relaxed"),
        tuple(notes),
        tuple(unread),
    )
