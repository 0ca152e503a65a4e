"""TREC question classification: one question per line, `COARSE:fine question`.

Gives the sentence labels `coarse` (6 classes) and `fine` (50 classes, written with their coarse one). The published
files are in latin-1, which is the caller's to say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from isogloss.corpus.draft import Draft, string_series
from isogloss.corpus.readers.files import numbered_lines, read_text
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tabular import Table, draft_from_table
from isogloss.errors import CorpusError

_LABELS = ("coarse", "fine")


def read_trec(path: Path, options: ReadOptions) -> Draft:
    """Questions with their classes; both labels unless some are asked for."""
    columns: dict[str, list[str]] = {"text": [], "coarse": [], "fine": []}
    lines: list[int] = []
    for number, line in numbered_lines(read_text(path, options.encoding)):
        if not line.strip():
            continue
        fine, space, text = line.partition(" ")
        coarse, colon, _ = fine.partition(":")
        if not (space and colon and coarse):
            raise CorpusError(f"{path}, line {number}: `COARSE:fine question` is expected, found {line[:60]!r}")
        columns["text"].append(text)
        columns["coarse"].append(coarse)
        columns["fine"].append(fine)
        lines.append(number)
    frame = pl.DataFrame([string_series(name, values, str(path)) for name, values in columns.items()])
    table = Table(frame, tuple(frame.columns), str(path), np.asarray(lines, np.int64))
    labels = _LABELS if options.labels is None else options.labels
    return draft_from_table(table, ReadOptions(labels=labels, encoding=options.encoding))
