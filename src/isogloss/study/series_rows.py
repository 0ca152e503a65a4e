"""Rows of a tidy table of a series as curves and sentences need them: of one measure, one layer, the moving model."""

from __future__ import annotations

import polars as pl

from isogloss.analysis import BETWEEN_SEEDS, By
from isogloss.analysis.tables import of_whole_labels


def rows_of_measure(table: pl.DataFrame, measure: str) -> pl.DataFrame:
    """The rows with a value: those of the tuned model, or where the measure has none, of the base's side of the pair.

    Of all words if they are there, else of whole labels; none of halves or of single values of a label.
    """
    rows = table.filter((pl.col("measure") == measure) & pl.col("value").is_not_null())
    tuned = rows.filter(pl.col("model") == "tuned")
    return whole(tuned if tuned.height else rows)


def whole(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of all words, if there are such; else of whole labels."""
    everything = rows.filter(pl.col("subset") == "all")
    if everything.height:
        return everything
    return rows.filter(of_whole_labels(), ~pl.col("subset").str.contains(BETWEEN_SEEDS, literal=True))


def common_layers(rows: pl.DataFrame, by: By) -> list[int]:
    """The layers that every member has, in order."""
    members = rows[by].n_unique()
    counted = rows.group_by("layer").agg(pl.col(by).n_unique()).filter(pl.col(by) == members)
    return sorted(counted["layer"].drop_nulls().to_list())
