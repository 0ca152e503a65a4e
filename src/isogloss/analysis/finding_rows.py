"""Rows of tables as findings need them, and findings made of rows. Says nothing itself."""

from __future__ import annotations

from typing import Any

import polars as pl
from scipy.stats import norm

from isogloss.analysis.finding import Finding
from isogloss.analysis.protocol import Tables
from isogloss.analysis.tables import first_tuned
from isogloss.analysis.wording import with_interval

Row = dict[str, Any]
_NORMAL_95 = 1.959963984540054


def rows_of(table: pl.DataFrame, measure: str, subset: str, model: str | None = None) -> list[Row]:
    """Rows that have a value, by layer; `subset` is a label, or LABEL=VALUE."""
    kept = table.filter((pl.col("measure") == measure) & (pl.col("subset") == subset) & pl.col("value").is_not_null())
    kept = kept if model is None else kept.filter(pl.col("model") == model)
    return list(kept.sort("layer").iter_rows(named=True))


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


def first_rows(tables: Tables, name: str, label: str | None = None) -> list[Row]:
    """Rows of a table, of the first tuned model; none where there is no such table."""
    if name not in tables:
        return []
    table = first_tuned(tables[name].with_row_index("row"))
    return list((table if label is None else table.filter(pl.col("label") == label)).iter_rows(named=True))
