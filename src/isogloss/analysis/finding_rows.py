"""Rows of tables as findings need them, and findings made of rows. Says nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from scipy.stats import norm

from isogloss.analysis.finding import Finding
from isogloss.analysis.protocol import Tables
from isogloss.analysis.tables import BETWEEN_SEEDS, first_tuned
from isogloss.analysis.wording import stated, with_interval

Row = dict[str, Any]
_NORMAL_95 = 1.959963984540054


def rows_of(table: pl.DataFrame, measure: str, subset: str, model: str | None = None) -> list[Row]:
    """Rows that have a value, by layer; `subset` is a label, or LABEL=VALUE."""
    kept = table.filter((pl.col("measure") == measure) & (pl.col("subset") == subset) & pl.col("value").is_not_null())
    kept = kept if model is None else kept.filter(pl.col("model") == model)
    return list(kept.sort("layer").iter_rows(named=True))


def of_both(table: pl.DataFrame, measure: str, subset: str, layer: int) -> dict[str, Row]:
    """A measure of words, or of a label, at one layer, of the models that have it."""
    return {
        model: row
        for model in ("base", "tuned")
        for row in rows_of(table, measure, subset, model)
        if row["layer"] == layer
    }


def z_of(row: Row) -> float:
    """How many standard errors a change is from 0; 0 where it has no interval, or is none."""
    if row["ci_low"] is None or row["ci_high"] is None or not row["value"]:
        return 0.0
    error = (row["ci_high"] - row["ci_low"]) / (2 * _NORMAL_95)
    return float(row["value"] / error) if error > 0 else float("inf") * (1 if row["value"] > 0 else -1)


def sure(row: Row, n: int) -> bool:
    """Whether a change is one, of n that were looked at: its interval does not hold 0, nor does it widened for all n.

    Intervals of counts are lopsided, so their width alone does not tell.
    """
    if row["ci_low"] is None or row["ci_high"] is None or row["ci_low"] <= 0 <= row["ci_high"]:
        return False
    return abs(z_of(row)) > margin(n)


def unsure(row: Row, n: int) -> str:
    """What to say of an interval without 0 that is no change all the same, of n that were looked at; else nothing."""
    if row["ci_low"] is None or row["ci_high"] is None or row["ci_low"] <= 0 <= row["ci_high"] or sure(row, n):
        return ""
    return f"; among {n} looked at, one so far from 0 may be chance"


def beyond(row: Row, n: int) -> bool:
    """Whether a change judged by a noise band about 0 is beyond it, widened for n that were looked at."""
    if row["value"] is None or row["null_high"] is None or not row["value"]:
        return False
    return bool(abs(row["value"]) > row["null_high"] * margin(n) / _NORMAL_95)


def doubt(row: Row, n: int) -> str:
    """What to say of a change beyond its own noise that is none all the same, of n that were looked at."""
    if row["null_high"] is None or abs(row["value"]) <= row["null_high"] or beyond(row, n):
        return ""
    return f"; among {n} looked at, one so large may be chance"


def margin(n: int) -> float:
    """Standard errors that one of n changes is beyond in 5% of cases where there is none."""
    return float(norm.ppf(1 - 0.05 / (2 * max(n, 1))))


def said(row: Row) -> str:
    """The value of a row with its interval."""
    return with_interval(row["value"], row["ci_low"], row["ci_high"])


def finding_in(text: str, measure: str, table: str, rows: list[Row], value: Any, weight: float, **ends: Any) -> Finding:
    """A finding on rows of a table named ANALYSIS_..., not the tidy one."""
    return Finding(
        text=text,
        analysis=table.partition("_")[0],
        measure=measure,
        value=value,
        table=table,
        rows=tuple(row["row"] for row in rows),
        weight=weight,
        **ends,
    )


def seeds_of_labels(table: pl.DataFrame, measure: str, what: str, weight: float) -> Iterator[Finding]:
    """How far several tuned models agree on a change, for the label and the layer where it is largest.

    Parameters
    ----------
    table : tidy, with `between_seeds_of_labels`, and the row numbers as `row`.
    measure : the change.
    what : what it is of, with {} for the label and {layer}.
    """
    between = pl.col("subset").str.ends_with(f" {BETWEEN_SEEDS}") & pl.col("value").is_not_null()
    rows = list(table.filter(between, pl.col("measure") == measure).iter_rows(named=True))
    if not rows:
        return
    most = max(rows, key=lambda row: abs(row["value"]))
    about = what.format(most["subset"].removesuffix(f" {BETWEEN_SEEDS}"), layer=f"layer {most['layer']}")
    mean, least, greatest = (stated(most[end], 3) for end in ("value", "ci_low", "ci_high"))
    size = max(abs(most[end]) for end in ("value", "ci_low", "ci_high")) or 1.0
    yield Finding.of_rows(
        f"Over {most['n']} tuned models, {about} changes by {mean} on average, from {least} to {greatest}.",
        [most],
        most,
        weight,
        scale=(-size, size),
    )


def first_rows(tables: Tables, name: str, label: str | None = None) -> list[Row]:
    """Rows of a table, of the first tuned model; none where there is no such table."""
    if name not in tables:
        return []
    table = first_tuned(tables[name].with_row_index("row"))
    return list((table if label is None else table.filter(pl.col("label") == label)).iter_rows(named=True))
