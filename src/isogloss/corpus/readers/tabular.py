"""Rows with named columns (a table of any format) to sentences, words and labels.

A text column that holds lists of words gives the words; label columns that hold lists of the same lengths then label
the words. Does not read files.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.corpus.draft import Draft, blank_to_null, refuse_reserved, sentence_frame, split_frame, word_frame
from isogloss.corpus.labels import missing_name, typed_label
from isogloss.corpus.readers.options import ReadOptions
from isogloss.errors import CorpusError


@dataclass(frozen=True)
class Table:
    """A table as read.

    Attributes
    ----------
    frame : at least the columns asked for that exist.
    available : the names of all columns.
    where : the file.
    lines : (n_rows,) line number of each row, or None where rows are all there is.
    """

    frame: pl.DataFrame
    available: tuple[str, ...]
    where: str
    lines: np.ndarray | None = None

    def row(self, number: int) -> str:
        """Where a row is, for messages."""
        if self.lines is None:
            return f"{self.where}, row {number + 1}"
        return f"{self.where}, line {self.lines[number]}"


SPLIT = "split"
"""The column that names the splits unless another is asked for."""
_UNSPELLED = (pl.Binary, pl.Duration, pl.Object)
"""Kinds of values that have no one spelling as text."""


def requested_columns(options: ReadOptions, available: tuple[str, ...]) -> list[str]:
    """The columns that the options name, each once, and the one called `split` if there is one."""
    split = options.split or (SPLIT if SPLIT in available else None)
    names = [options.text, options.text_b, *(options.labels or ()), split, options.id]
    return list(dict.fromkeys(name for name in names if name is not None))


def require_columns(available: tuple[str, ...], options: ReadOptions, where: str) -> None:
    """Every column asked for exists, once.

    Raises
    ------
    CorpusError : one does not; says which there are.
    """
    for name in requested_columns(options, available):
        if name not in available:
            error = missing_name(name, available, where, "column")
            # The name is the default: the user may not know that there is a choice.
            if name != "text":
                raise error
            raise CorpusError(str(error), "{text} names the column of the sentences", text=None)
        if available.count(name) > 1:
            raise CorpusError(f"{where} has {available.count(name)} columns called {name!r}; rename all but one")


def draft_from_table(table: Table, options: ReadOptions) -> Draft:
    """Sentences and words of a table.

    Raises
    ------
    CorpusError : a column is missing or has the wrong type, or a row's words and labels differ in number.
    """
    require_columns(table.available, options, table.where)
    if table.frame.height == 0:
        raise CorpusError(f"{table.where} has columns but no rows")
    if isinstance(table.frame[options.text].dtype, pl.List):
        return _draft_from_words(table, options)
    notes: list[str] = []
    text = _text_column(table, options.text, notes)
    text_b = _text_column(table, options.text_b, notes) if options.text_b else None
    sentences = sentence_frame(
        text,
        text_b=text_b,
        ids=_plain(table, options.id),
        split=_split(table, options),
        labels={name: _sentence_label(table, name) for name in options.labels or ()},
    )
    return Draft(sentences, split_frame(sentences), tuple(notes), _unread(table, options))


def _draft_from_words(table: Table, options: ReadOptions) -> Draft:
    if options.text_b:
        raise CorpusError(f"{table.where}: pairs of sentences need texts, but {options.text!r} holds lists of words")
    words = _word_lists(table, options.text)
    counts = words.list.len().to_numpy().astype(np.int64)
    flat = _flat(words)
    owner = np.repeat(np.arange(len(words)), counts)
    # The text is rebuilt: words with one space between them.
    ends = np.cumsum(flat.str.len_chars().to_numpy().astype(np.int64) + 1) - 1
    starts = ends - flat.str.len_chars().to_numpy()
    first = np.concatenate(([0], np.cumsum(counts)))[:-1]
    before = np.zeros(len(words), np.int64)
    before[counts > 0] = starts[first[counts > 0]]
    frame = word_frame(owner, flat, starts - before[owner], ends - before[owner])
    sentence_labels = {}
    for name in options.labels or ():
        if isinstance(table.frame[name].dtype, pl.List):
            refuse_reserved(name, table.where)
            frame = frame.with_columns(_token_label(table, name, counts).alias(name))
        else:
            sentence_labels[name] = _sentence_label(table, name)
    sentences = sentence_frame(
        words.list.join(" "),
        ids=_plain(table, options.id),
        split=_split(table, options),
        labels=sentence_labels,
    )
    return Draft(sentences, frame, unread=_unread(table, options))


def _unread(table: Table, options: ReadOptions) -> tuple[str, ...]:
    asked = requested_columns(options, table.available)
    return tuple(name for name in table.available if name not in asked)


def _text_column(table: Table, name: str, notes: list[str]) -> pl.Series:
    values = table.frame[name]
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.Null:
        values = values.cast(pl.String)
    if values.dtype != pl.String:
        raise CorpusError(
            f"{table.where}: the column {name!r} holds {values.dtype}, not text; name the column of the sentences"
        )
    if absent := values.null_count():
        row = int(values.is_null().arg_max() or 0)
        rows = "1 row has" if absent == 1 else f"{absent:,} rows have"
        notes.append(f"{rows} no {name!r} and count as empty; the first is {table.row(row)}")
    if len(known := values.drop_nulls()) and known.str.strip_chars().cast(pl.Float64, strict=False).is_not_null().all():
        notes.append(
            f"every {name!r} in {table.where} is a number, such as {known[0]!r}: is it the column of the text?"
        )
    return values


def _word_lists(table: Table, name: str) -> pl.Series:
    values = table.frame[name]
    if values.dtype != pl.List(pl.String):
        raise CorpusError(f"{table.where}: the column {name!r} holds {values.dtype}; lists of words are expected")
    values = values.fill_null(pl.Series([[]], dtype=pl.List(pl.String)))
    # An empty or absent word would have no place in the text.
    bad = values.list.eval((pl.element().is_null() | (pl.element() == "")).any()).list.first().fill_null(False)
    if bad.any():
        raise CorpusError(f"{table.row(int(bad.arg_max() or 0))}: the list {name!r} has an empty word")
    return values


def _token_label(table: Table, name: str, counts: np.ndarray) -> pl.Series:
    values = table.frame[name].cast(pl.List(pl.String))
    lengths = values.list.len().fill_null(0).to_numpy().astype(np.int64)
    wrong = np.flatnonzero(lengths != counts)
    if len(wrong):
        row = int(wrong[0])
        raise CorpusError(f"{table.row(row)}: {counts[row]} words but {lengths[row]} values of {name!r}")
    return blank_to_null(_flat(values))


def _flat(lists: pl.Series) -> pl.Series:
    return lists.filter(lists.list.len() > 0).explode()


def _plain(table: Table, name: str | None) -> pl.Series | None:
    if name is None:
        return None
    values = table.frame[name]
    if values.dtype.is_nested() or values.dtype in _UNSPELLED:
        raise CorpusError(f"{table.where}: the column {name!r} holds {values.dtype}; one value per row is expected")
    return values.cast(pl.String)


def _split(table: Table, options: ReadOptions) -> pl.Series | None:
    if options.split is not None:
        return _plain(table, options.split)
    # A column that was not asked for is no reason to complain.
    usable = SPLIT in table.frame.columns and not (
        table.frame[SPLIT].dtype.is_nested() or table.frame[SPLIT].dtype in _UNSPELLED
    )
    return _plain(table, SPLIT) if usable else None


def _sentence_label(table: Table, name: str) -> pl.Series:
    values = table.frame[name]
    if values.dtype.is_nested() or values.dtype in _UNSPELLED:
        raise CorpusError(
            f"{table.where}: the label {name!r} holds {values.dtype}; one class or number per row is expected"
        )
    return typed_label(values)
