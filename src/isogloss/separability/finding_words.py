"""What findings on distances have in common: rows of one layer, and how a change stands to its noise."""

from __future__ import annotations

import polars as pl

from isogloss.analysis import stated
from isogloss.analysis.finding_rows import Row, margin, rows_of

_NORMAL_95 = 1.959963984540054


def beyond(row: Row, n: int) -> bool:
    """Whether a change of distances is beyond noise, widened for n that were looked at."""
    if row["value"] is None or row["null_high"] is None or not row["value"]:
        return False
    return bool(abs(row["value"]) > row["null_high"] * margin(n) / _NORMAL_95)


def doubt(row: Row, n: int) -> str:
    """What to say of a change beyond its own noise that is none all the same, of n that were looked at."""
    if row["null_high"] is None or abs(row["value"]) <= row["null_high"] or beyond(row, n):
        return ""
    return f"; among {n} looked at, one so large may be chance"


def of_both(own: pl.DataFrame, measure: str, subset: str, layer: int) -> dict[str, Row]:
    """A measure of a label at one layer, of the models that have it."""
    return {
        model: row
        for model in ("base", "tuned")
        for row in rows_of(own, measure, subset, model)
        if row["layer"] == layer
    }


def of_layer(own: pl.DataFrame, measure: str, label: str, layer: int) -> Row | None:
    """A measure of the tuned model, or of both together, at one layer."""
    return next((row for row in rows_of(own, measure, label, "tuned") if row["layer"] == layer), None)


def noise_of(row: Row) -> str:
    """The noise of a change."""
    if row["null_high"] is None:
        return "noise unknown"
    return f"noise {stated(row['null_high'], None if row['null_high'] < 0.01 else 2)}"


def signed(value: float) -> str:
    """A change with its sign."""
    text = stated(value, None if abs(value) < 0.01 else 2)
    return f"+{text}" if value > 0 and text[0] not in "<>" else text
