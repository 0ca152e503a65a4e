"""JSON, one object per line (or one array of objects): named values, texts or lists of words.

A value may be a string, a number, a truth value, null, or a list of such; objects inside objects are not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from isogloss.corpus.draft import Draft
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tabular import SPLIT, Table, draft_from_table, requested_columns, require_columns
from isogloss.errors import CorpusError


def read_jsonl(path: Path, options: ReadOptions) -> Draft:
    """Objects to sentences; a key that a line lacks is absent there (for the text: an empty sentence)."""
    text = read_text(path, options.encoding)
    whole = text.lstrip().startswith("[")
    wanted = requested_columns(options, (SPLIT,))
    asked = requested_columns(options, ())
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    known: dict[str, None] = {}
    lines: list[int] = []
    for number, record in _array(text, path) if whole else _lines(text, path):
        where = f"{path}, {'record' if whole else 'line'} {number}"
        if not isinstance(record, dict):
            raise CorpusError(f"{where}: an object in braces is expected, found {_kind(record)}")
        known.update(dict.fromkeys(record))
        for name in wanted:
            value = record.get(name)
            if not _readable(value) and name not in asked:
                value = None
            elif not _readable(value):
                raise CorpusError(f"{where}: {name!r} is {_kind(value)}; a string, a number or a list is expected")
            columns[name].append(value)
        lines.append(number)
    if not lines:
        raise CorpusError(f"{path} has no rows")
    available = tuple(known)
    require_columns(available, options, str(path))
    if SPLIT not in available:
        columns.pop(SPLIT, None)
    numbers = np.asarray(lines, np.int64)
    frame = pl.DataFrame([_series(name, values, numbers, path) for name, values in columns.items()])
    return draft_from_table(Table(frame, available, str(path), None if whole else numbers), options)


def _lines(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in numbered_lines(text):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", str(error))
            column = getattr(error, "colno", 1)
            raise CorpusError(f"{path}, line {number}, column {column}: not JSON: {reason}") from None


def _array(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    try:
        records = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        reason = getattr(error, "msg", str(error))
        raise CorpusError(f"{path}, line {line}: not JSON: {reason}") from None
    yield from enumerate(records, 1)


def _readable(value: Any) -> bool:
    if isinstance(value, list):
        return all(v is None or isinstance(v, (str, int, float)) for v in value)
    return value is None or isinstance(value, (str, int, float))


def _series(name: str, values: list[Any], lines: np.ndarray, path: Path) -> pl.Series:
    """One column; where some lines hold numbers and others strings, all are strings."""
    kinds = {type(v) for v in values if v is not None}
    if list in kinds and len(kinds) > 1:
        row = next(i for i, v in enumerate(values) if v is not None and not isinstance(v, list))
        raise CorpusError(f"{path}, line {lines[row]}: {name!r} is {_kind(values[row])}; elsewhere it is a list")
    for row, value in enumerate(values):
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, str) and not part.isascii() and any("\ud800" <= c <= "\udfff" for c in part):
                raise CorpusError(
                    f"{path}, line {lines[row]}: {name!r} holds half of a surrogate pair, which is not text"
                )
    if list in kinds:
        lists = [None if v is None else [None if x is None else _spelled(x) for x in v] for v in values]
        return pl.Series(name, lists, dtype=pl.List(pl.String))
    if kinds and kinds <= {int, float} and all(abs(v) < 2**53 for v in values if v is not None):
        return pl.Series(name, values, dtype=pl.Float64 if float in kinds else pl.Int64, strict=False)
    return pl.Series(name, [None if v is None else _spelled(v) for v in values], dtype=pl.String)


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")
