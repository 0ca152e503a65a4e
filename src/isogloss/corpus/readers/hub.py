"""`hf:NAME[:config][:split]`: a data set through the `datasets` package, which is an optional extra.

A single part after the name is a split if it is called like one (`train`, `validation`, `test` ...), else a
configuration; `hf:NAME::odd` gives a split of another name. Without a split all are read and named in the corpus.
Class labels are written by name, and a class of -1 is no label.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from isogloss.corpus.draft import Draft, concatenate
from isogloss.corpus.readers.options import ReadOptions
from isogloss.corpus.readers.tabular import Table, draft_from_table, requested_columns, require_columns
from isogloss.errors import CorpusError
from isogloss.split_names import DEV_NAMES, TEST_NAMES, TRAIN_NAMES

PREFIX = "hf:"
_SPLITS = (*TRAIN_NAMES, *DEV_NAMES, *TEST_NAMES)


def read_hub(source: str, options: ReadOptions) -> Draft:
    """Rows of one split or of all.

    Raises
    ------
    CorpusError : the extra is not installed, or the data set cannot be had.
    """
    name, config, split = parse_source(source)
    try:
        import datasets
    except ImportError:
        raise CorpusError(f'{source} needs the package datasets: pip install "isogloss[datasets]"') from None
    try:
        found = datasets.load_dataset(name, config, split=split)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CorpusError(f"{source} cannot be loaded: {reason}") from error
    if isinstance(found, dict):
        return concatenate({str(key): _draft(part, f"{source} ({key})", options) for key, part in found.items()})
    return _draft(found, source, options)


def parse_source(source: str) -> tuple[str, str | None, str | None]:
    """Name, configuration and split of `hf:NAME[:config][:split]`.

    Raises
    ------
    CorpusError : there is no name or there are too many parts.
    """
    parts = source.removeprefix(PREFIX).split(":")
    if not parts[0] or len(parts) > 3:
        raise CorpusError(f"{source!r} is not of the form hf:NAME[:config][:split]")
    name, *rest = parts
    if len(rest) == 1 and rest[0] in _SPLITS:
        return name, None, rest[0]
    config, split = [*rest, "", ""][:2]
    return name, config or None, split or None


def _draft(part: Any, where: str, options: ReadOptions) -> Draft:
    available = tuple(part.column_names)
    require_columns(available, options, where)
    frame = pl.DataFrame([_column(part, name) for name in requested_columns(options, available)])
    return draft_from_table(Table(frame, available, where), options)


def _column(part: Any, name: str) -> pl.Series:
    feature = part.features[name]
    values = list(part[name])
    inner = getattr(feature, "feature", None)
    if hasattr(feature, "names"):
        return pl.Series(name, [_class(feature, v) for v in values], dtype=pl.String)
    if inner is not None and hasattr(inner, "names"):
        lists = [None if row is None else [_class(inner, v) for v in row] for row in values]
        return pl.Series(name, lists, dtype=pl.List(pl.String))
    return pl.Series(name, values)


def _class(feature: Any, value: int | None) -> str | None:
    return None if value is None or value < 0 else feature.names[value]
