"""Parquet tables: only the columns asked for are read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from isogloss.corpus.draft import Draft
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tabular import Table, draft_from_table, requested_columns, require_columns
from isogloss.errors import CorpusError
from isogloss.sealed import first_line


def read_parquet(path: Path, options: ReadOptions) -> Draft:
    """Rows to sentences; a text column of lists gives words."""
    try:
        available = tuple(pl.read_parquet_schema(path))
        require_columns(available, options, str(path))
        frame = pl.read_parquet(path, columns=requested_columns(options, available))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise CorpusError(f"{path} is not a readable Parquet file: {first_line(error)}") from None
    return draft_from_table(Table(frame, available, str(path)), options)
