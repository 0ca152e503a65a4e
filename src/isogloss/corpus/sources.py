"""Where a corpus comes from: a file, several files as splits, texts in memory, words in memory; each to a draft."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from isogloss.corpus.draft import (
    Draft,
    concatenate,
    note_empty_sentences,
    refuse_reserved,
    sentence_frame,
    split_frame,
    string_series,
)
from isogloss.corpus.labels import check_classes, label_columns, typed_label
from isogloss.corpus.readers import ReadOptions, read_draft
from isogloss.corpus.readers.hub import PREFIX
from isogloss.corpus.readers.tabular import Table, draft_from_table
from isogloss.errors import CorpusError

Source = str | Path
Labels = Sequence[Any] | Mapping[str, Sequence[Any]]


def read_source(
    path: Source | Mapping[str, Source], options: ReadOptions, format_name: str | None, *, check_labels: bool
) -> tuple[Draft, str, str]:
    """A draft from one file or one file per split; its name and its source.

    Raises
    ------
    CorpusError : whatever is wrong with a file or with a label that was asked for.
    """
    if isinstance(path, Mapping):
        if not path:
            raise CorpusError("no file is named: the mapping of splits to files is empty")
        draft = concatenate({name: read_draft(file, options, format_name) for name, file in path.items()})
        source = ", ".join(f"{name}={file}" for name, file in path.items())
        name = "+".join(dict.fromkeys(_name_of(file) for file in path.values()))
    else:
        draft = read_draft(path, options, format_name)
        source, name = str(path), _name_of(path)
    # A column is classes or scores as a whole, which may be more than one file.
    typed = [typed_label(draft.sentences[label]) for label in label_columns(draft.sentences)]
    draft = note_empty_sentences(replace(draft, sentences=draft.sentences.with_columns(typed)), source)
    if check_labels:
        for asked in options.labels or ():
            holder = draft.words if asked in draft.words.columns else draft.sentences
            check_classes(holder[asked], source)
    return draft, name, source


def draft_of_texts(
    texts: Sequence[str] | pl.Series,
    labels: Labels | None,
    text_b: Sequence[str] | pl.Series | None,
    splits: Sequence[str | None] | None,
    ids: Sequence[str | None] | None,
    name: str,
) -> Draft:
    """Texts in memory; see `Corpus.from_texts`."""
    if isinstance(texts, str):
        raise CorpusError("texts must be a sequence of texts, not one string; put it in a list")
    if not len(texts):
        raise CorpusError(f"{name} has no texts")
    sentences = sentence_frame(
        string_series("text", texts, name),
        text_b=None if text_b is None else aligned("text_b", text_b, len(texts), name),
        split=None if splits is None else aligned("split", splits, len(texts), name),
        ids=None if ids is None else aligned("id", ids, len(texts), name),
        labels=_given_labels(labels, len(texts), name),
    )
    return note_empty_sentences(Draft(sentences, split_frame(sentences)), name)


def draft_of_words(
    sentences: Sequence[Sequence[str]],
    token_labels: Mapping[str, Sequence[Sequence[str | None]]] | None,
    labels: Labels | None,
    name: str,
) -> Draft:
    """Words in memory; see `Corpus.from_words`."""
    if not len(sentences):
        raise CorpusError(f"{name} has no sentences")
    lists = {"text": sentences, **(token_labels or {})}
    for label, values in lists.items():
        if len(values) != len(sentences):
            raise CorpusError(f"{name}: {len(values)} lists of {label!r} for {len(sentences)} sentences")
        if any(isinstance(value, str) for value in values):
            raise CorpusError(f"{name}: {label!r} must hold one list per sentence, not strings")
    frame = pl.DataFrame(
        [pl.Series(n, [list(v) for v in values], dtype=pl.List(pl.String)) for n, values in lists.items()]
    )
    options = ReadOptions(labels=tuple(token_labels or ()))
    draft = draft_from_table(Table(frame, tuple(frame.columns), name), options)
    given = _given_labels(labels, len(sentences), name)
    return note_empty_sentences(replace(draft, sentences=draft.sentences.with_columns(**given)), name)


def aligned(name: str, values: Sequence[str | None] | pl.Series, n: int, where: str) -> pl.Series:
    """`values` as a String column of `n` rows.

    Raises
    ------
    CorpusError : there are more or fewer.
    """
    if len(values) != n:
        raise CorpusError(f"{where}: {len(values)} values of {name!r} for {n} rows; there must be one for each")
    return string_series(name, values, where)


def _given_labels(labels: Labels | None, n: int, where: str) -> dict[str, pl.Series]:
    if labels is None:
        return {}
    by_name = labels if isinstance(labels, Mapping) else {"label": labels}
    made = {}
    for name, values in by_name.items():
        refuse_reserved(name)
        if len(values) != n:
            raise CorpusError(f"{where}: {len(values)} values of the label {name!r} for {n} sentences")
        made[name] = typed_label(pl.Series(name, list(values), strict=False))
    return made


def _name_of(source: Source) -> str:
    text = str(source)
    if text.startswith(PREFIX):
        return re.split("[:/]", text.removeprefix(PREFIX).split(":")[0])[-1]
    return Path(text).stem
