"""What a label column holds: classes (String) or scores (Float64); and which columns cannot be labels.

Knows nothing of files. Labels are never renamed or merged here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import polars as pl

from isogloss.corpus.draft import RESERVED, blank_to_null
from isogloss.errors import CorpusError

MOST_CLASSES = 1000
"""A label with more classes than this is taken for an identifier or free text."""

SEPARATOR = "|"
"""Between the values of a token label that may have several."""


def typed_label(values: pl.Series) -> pl.Series:
    """Scores as Float64, classes as String, absent as null.

    Scores are finite numbers that are not all whole. Whole numbers are classes: strings keep the file's own
    spelling, floating-point numbers lose their `.0`.
    """
    if values.dtype in (pl.Categorical, pl.Enum) or values.dtype == pl.Boolean:
        return values.cast(pl.String)
    if values.dtype.is_integer():
        return values.cast(pl.String)
    if values.dtype.is_numeric():
        numbers = values.cast(pl.Float64).fill_nan(None)
        return numbers if _fractional(numbers) else _whole(numbers, values)
    strings = blank_to_null(values.cast(pl.String))
    numbers = strings.str.strip_chars().cast(pl.Float64, strict=False)
    if numbers.null_count() == strings.null_count() and _fractional(numbers):
        return numbers
    return strings


def _fractional(numbers: pl.Series) -> bool:
    known = numbers.drop_nulls()
    return bool(known.is_finite().all()) and bool((known != known.round(0)).any())


def _whole(numbers: pl.Series, values: pl.Series) -> pl.Series:
    """Whole numbers as `1`; where some are infinite or beyond 2^63 the column keeps its spelling."""
    known = numbers.drop_nulls()
    if known.is_finite().all() and (known.abs() < 2.0**63).all():
        return numbers.cast(pl.Int64).cast(pl.String)
    return values.cast(pl.String)


def check_classes(values: pl.Series, where: str) -> None:
    """A label that was asked for must tell sentences (or words) apart.

    Raises
    ------
    CorpusError : it has no value, one class, or more than `MOST_CLASSES`.
    """
    known = values.drop_nulls()
    n = known.n_unique()
    remedy = "{check_labels} reads it nevertheless"
    if n == 0:
        raise CorpusError(f"{where}: the label {values.name!r} is empty everywhere", remedy, check_labels=False)
    if n == 1:
        raise CorpusError(
            f"{where}: the label {values.name!r} has one class only, {str(known[0])!r}; two are needed to tell "
            "anything apart",
            remedy,
            check_labels=False,
        )
    if values.dtype == pl.String and n > MOST_CLASSES:
        raise CorpusError(
            f"{where}: the label {values.name!r} has {n:,} different values, more than {MOST_CLASSES:,}; it looks "
            "like an identifier or free text",
            remedy,
            check_labels=False,
        )


def label_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """The columns of a frame of sentences or words that are labels."""
    return tuple(name for name in frame.columns if name not in RESERVED)


def count_labels(values: pl.Series) -> pl.DataFrame:
    """`label` and `count`, the commonest first, equal ones in order of label; unlabelled rows are left out."""
    counted = values.alias("label").drop_nulls().to_frame().group_by("label").len("count")
    return counted.sort(["count", "label"], descending=[True, False])


def explode_label(words: pl.DataFrame, name: str) -> pl.DataFrame:
    """One row per word and value, for labels that may have several (`a|b`).

    Parameters
    ----------
    words : a frame with the column `name`, such as `corpus.words`.
    name : the label.

    Returns
    -------
    The frame with `name` holding one value per row; unlabelled words keep one row with null.

    Raises
    ------
    CorpusError : there is no such column.
    """
    if name not in words.columns:
        raise missing_name(name, words.columns, "the words", "column")
    return words.with_columns(pl.col(name).str.split(SEPARATOR)).explode(name)


def refuse_taken(name: str, labels: Iterable[str], where: str, of: str) -> None:
    """A label must not hide another, nor one of words one of sentences: results name labels by name alone.

    Raises
    ------
    CorpusError : the name is one of these labels.
    """
    if name in labels:
        raise CorpusError(f"{where} has a label {name!r} of {of} already; give the new one another name")


def missing_name(name: str, known: Iterable[str], where: str, kind: str) -> CorpusError:
    """The error that says what there is instead, and which of it is meant perhaps."""
    there = list(known)
    shown = ", ".join(repr(n) for n in there[:40]) + (f" and {len(there) - 40} more" if len(there) > 40 else "")
    message = f"{where} has no {kind} {name!r}; there is {shown}" if there else f"{where} has no {kind} at all"
    return CorpusError(message + suggestion(name, there))


def suggestion(name: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?` where a name is near, else nothing."""
    by_folded = {n.casefold(): n for n in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[near[0]]!r}?" if near else ""
