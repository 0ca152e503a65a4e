"""Delimited text with a header: comma-separated with quotes, tab-separated without.

A quoted field may hold delimiters, doubled quotes and line breaks. In tab-separated files a quote is a character
like any other, as in the GLUE files, unless quoting is asked for. Blank lines are skipped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from isogloss.corpus.draft import Draft, string_series
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tabular import Table, draft_from_table, requested_columns, require_columns
from isogloss.errors import CorpusError

REST = "*"
"""Last of the names of the columns: rows may have more fields, which are not read."""
_NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar", " ": "space"}


def read_csv(path: Path, options: ReadOptions) -> Draft:
    """Comma-separated, quoted where needed."""
    return _read(path, options, ",", quoting=True)


def read_tsv(path: Path, options: ReadOptions) -> Draft:
    """Tab-separated, quotes are ordinary characters."""
    return _read(path, options, "\t", quoting=False)


def _read(path: Path, options: ReadOptions, delimiter: str, *, quoting: bool) -> Draft:
    delimiter = options.delimiter or delimiter
    quoting = quoting if options.quoting is None else options.quoting
    if len(delimiter) != 1:
        raise CorpusError(f"a delimiter is one character, not {delimiter!r}")
    text = read_text(path, options.encoding)
    rows = _quoted_rows(text, delimiter, path) if quoting else _plain_rows(text, delimiter)
    more = False
    if options.columns is None:
        _, header = next(rows, (0, None))
        if header is None:
            raise CorpusError(f"{path} is empty")
        header = [name.strip() for name in header]
    else:
        more = options.columns[-1:] == (REST,)
        header = list(options.columns[: -1 if more else None])
    available = tuple(header)
    if len(header) == 1 and options.text not in header:
        _other_delimiter(path, header[0], delimiter)
    require_columns(available, options, str(path))

    wanted = {name: header.index(name) for name in requested_columns(options, available)}
    columns: dict[str, list[str]] = {name: [] for name in wanted}
    fill = [(columns[name].append, at) for name, at in wanted.items()]
    lines: list[int] = []
    for line, row in rows:
        if len(row) != len(header) and not (more and len(row) > len(header)):
            raise _ragged(path, line, len(row), header, delimiter, quoting, options.columns is not None)
        for append, at in fill:
            append(row[at])
        lines.append(line)
    frame = pl.DataFrame([string_series(name, values, str(path)) for name, values in columns.items()])
    return draft_from_table(Table(frame, available, str(path), np.asarray(lines, np.int64)), options)


def _plain_rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in numbered_lines(text):
        if line:
            yield number, line.split(delimiter)


def _quoted_rows(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    first = 1
    while True:
        with _long_fields(len(text)):
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _bad_quotes(path, first, str(error), delimiter) from None
        if row:
            yield first, row
        first = reader.line_num + 1


@contextmanager
def _long_fields(size: int) -> Iterator[None]:
    """The csv module's limit on a field is global; it is put back between rows."""
    before = csv.field_size_limit(max(size + 1, 131072))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _bad_quotes(path: Path, line: int, reason: str, delimiter: str) -> CorpusError:
    if "end of data" in reason:
        what = "a quoted field is opened in this row and never closed"
    elif "expected after" in reason:
        what = 'a closing quote is followed by more text; a quote inside a quoted field is written ""'
    else:
        what = reason
    name = _NAMES.get(delimiter, repr(delimiter))
    return CorpusError(
        f"{path}, line {line}: {what}",
        f"if quotes are ordinary characters in this {name}-separated file, read it with {{quoting}}",
        quoting=False,
    )


def _ragged(
    path: Path, line: int, found: int, header: list[str], delimiter: str, quoting: bool, named: bool
) -> CorpusError:
    name = _NAMES.get(delimiter, repr(delimiter))
    noun = "field" if found == 1 else "fields"
    message = (
        f"{path}, line {line}: {found} {noun} where the header has {len(header)} ({', '.join(header[:8])}"
        f"{', ...' if len(header) > 8 else ''})"
    )
    if named and found > len(header):
        return CorpusError(message, "if the fields after these are not wanted, {columns}", columns=(*header, REST))
    hint = f"a field that holds a {name} must be quoted" if quoting else "if fields are quoted, read with {quoting}"
    return CorpusError(message, hint, quoting=True)


def _other_delimiter(path: Path, header: str, delimiter: str) -> None:
    for other in ("\t", ";", ",", "|"):
        if other != delimiter and other in header:
            raise CorpusError(
                f"{path}, line 1: no {_NAMES.get(delimiter, repr(delimiter))} in the header but a {_NAMES[other]}",
                "read it with {delimiter}",
                delimiter=other,
            )
