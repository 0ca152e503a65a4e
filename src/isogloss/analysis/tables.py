"""The tidy table that every analysis fills: one row per number, with its noise beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import polars as pl

TIDY: dict[str, pl.DataType] = {
    "analysis": pl.String(),
    "measure": pl.String(),
    "model": pl.String(),
    "layer": pl.Int32(),
    "subset": pl.String(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "null_low": pl.Float64(),
    "null_high": pl.Float64(),
    "n": pl.Int64(),
    "seed": pl.Int32(),
}
"""Columns of a tidy table, in order.

`model` is `base` or `tuned` (a measure of the pair belongs to `tuned`), `layer` counts from 0 = embeddings,
`subset` is `all` or `LABEL=VALUE`, `ci_*` the 95% interval, `null_*` what the value would be if nothing had
changed (or if labels meant nothing), `n` the number of words or sentences behind the value, `seed` the index
of the tuned model when several were given.
"""


def tidy(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Build a tidy table from rows that name only what they know; the rest is null (`subset` is `all`)."""
    complete = [{column: row.get(column) for column in TIDY} | {"subset": row.get("subset", "all")} for row in rows]
    return pl.DataFrame(complete, schema=TIDY)


def known(value: float) -> float | None:
    """A number as a cell of a table: None where it is not defined or not finite."""
    return float(value) if isfinite(value) else None


FEWEST_SENTENCES = 10
"""Sentences below which there is no interval: that of a few is far too narrow, and any difference looks sure."""

BETWEEN_SEEDS = "between seeds"
"""The subset of the rows that sum up several tuned models."""


def first_tuned(table: pl.DataFrame) -> pl.DataFrame:
    """The rows of the first tuned model, of any table with a column `seed`; all there are, of an empty one."""
    return table.filter(pl.col("seed") == pl.col("seed").min())


def of_whole_labels() -> pl.Expr:
    """Whether a row is of all words or of a label, and not of a single value of one (LABEL=VALUE)."""
    return ~pl.col("subset").str.contains("=", literal=True)


def between_seeds_of_labels(table: pl.DataFrame) -> pl.DataFrame:
    """`between_seeds` of every whole label: those of single values are not summed up."""
    labels = table.filter(of_whole_labels())["subset"].unique(maintain_order=True)
    return pl.concat([tidy([]), *(between_seeds(table, str(label)) for label in labels)])


def between_seeds(table: pl.DataFrame, subset: str = "all") -> pl.DataFrame:
    """What several tuned models give, as rows of the subset `between seeds`; none where there is only one.

    `value` is the mean, `ci_low` and `ci_high` the least and the greatest, the null the widest of them, `n` the number
    of models. Sums up the rows of one subset; those of another than `all` are called `SUBSET between seeds`.
    """
    name = BETWEEN_SEEDS if subset == "all" else f"{subset} {BETWEEN_SEEDS}"
    spread = (
        table.filter((pl.col("subset") == subset) & pl.col("value").is_not_null())
        .group_by("analysis", "measure", "model", "layer", maintain_order=True)
        .agg(
            value=pl.col("value").mean(),
            ci_low=pl.col("value").min(),
            ci_high=pl.col("value").max(),
            null_low=pl.col("null_low").min(),
            null_high=pl.col("null_high").max(),
            n=pl.col("seed").n_unique(),
        )
        .filter(pl.col("n") > 1)
        .sort("layer", "measure", "model")
    )
    return tidy(row | {"subset": name} for row in spread.to_dicts())
