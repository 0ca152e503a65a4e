"""Parquet tables: only the columns asked for are read, and no file that expands without measure.

A few bytes of Parquet can say "this text, ten million times" or hold gigabytes that compress to nothing. What the file
says of itself is looked at before anything is read, and the texts are measured before anything is made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from isogloss.corpus.draft import Draft
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tabular import Table, draft_from_table, requested_columns, require_columns
from isogloss.errors import CorpusError
from isogloss.sealed import first_line

MOST_TIMES = 200
"""How many times the bytes of its file a table may take in memory ..."""
FREE = 64 << 20
"""... once it takes more than this, bytes. Text compresses to a tenth; labels that repeat, to little more than that."""
_PER_VALUE = 16


def read_parquet(path: Path, options: ReadOptions) -> Draft:
    """Rows to sentences; a text column of lists gives words.

    Raises
    ------
    CorpusError : it is no Parquet file, is damaged, or expands to more than `MOST_TIMES` its size.
    """
    from pyarrow import ArrowException

    try:
        available = tuple(pl.read_parquet_schema(path))
        require_columns(available, options, str(path))
        columns = requested_columns(options, available)
        _refuse_expanding(path, _announced(path, columns))
        _refuse_expanding(path, _repeated(path, columns))
        frame = pl.read_parquet(path, columns=columns)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ArrowException, OSError, ValueError) as error:
        raise CorpusError(f"{path} is not a readable Parquet file: {first_line(error)}") from None
    return draft_from_table(Table(frame, available, str(path)), options)


def _chunks(path: Path, columns: list[str]) -> Iterator[Any]:
    """What the file's end says of each part of these columns."""
    from pyarrow.parquet import read_metadata

    metadata, roots = read_metadata(path), tuple(f"{name}." for name in columns)
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        parts = map(group.column, range(group.num_columns))
        yield from (part for part in parts if part.path_in_schema.startswith(roots) or part.path_in_schema in columns)


def _announced(path: Path, columns: list[str]) -> int:
    """Bytes that the columns take where every value is stored by itself."""
    return sum(part.total_uncompressed_size + part.num_values * _PER_VALUE for part in _chunks(path, columns))


def _repeated(path: Path, columns: list[str]) -> int:
    """Bytes of the texts that are stored once for many rows, as often as they stand in them.

    Only where it could be too much: read as numbers of a dictionary, which do not repeat the texts.
    """
    from pyarrow.parquet import ParquetFile

    parts = [part for part in _chunks(path, columns) if part.physical_type == "BYTE_ARRAY" and part.has_dictionary_page]
    most = sum(part.total_uncompressed_size * part.num_values for part in parts)
    if most <= _limit(path):
        return most
    paths = sorted({part.path_in_schema for part in parts})
    total = 0
    with ParquetFile(path, read_dictionary=paths) as file:
        for batch in file.iter_batches(columns=paths):
            total += sum(_length(column) for column in batch.columns)
            _refuse_expanding(path, total)
    return total


def _length(values: Any) -> int:
    """Bytes of the texts of a column, or of its lists, that are numbers of a dictionary."""
    import pyarrow as pa
    import pyarrow.compute

    while pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        values = values.flatten()
    if not pa.types.is_dictionary(values.type):
        return 0
    lengths = pa.compute.binary_length(values.dictionary)
    return pa.compute.sum(lengths.take(values.indices)).as_py() or 0


def _limit(path: Path) -> int:
    return max(FREE, MOST_TIMES * path.stat().st_size)


def _refuse_expanding(path: Path, expanded: int) -> None:
    if expanded > _limit(path):
        raise CorpusError(
            f"{path}: its {path.stat().st_size:,} bytes expand to {expanded / 2**20:,.0f} MiB, more than {MOST_TIMES} "
            "times as much, which no file of texts does; if it is right, write its texts as JSON lines and read those"
        )
