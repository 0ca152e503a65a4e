"""Where rows of a table belong: model, layer, label before them, the tuned model after them."""

from __future__ import annotations

from typing import Any

import polars as pl

from isogloss.analysis import ModelPair


def placed(table: pl.DataFrame, pair: ModelPair, **where: Any) -> pl.DataFrame:
    """The table with these columns first and `seed`, which of the tuned models it is of, last."""
    columns = [pl.lit(value, pl.Int32 if isinstance(value, int) else None).alias(key) for key, value in where.items()]
    return table.select(*columns, pl.all(), pl.lit(pair.tuned_index, pl.Int32).alias("seed"))
