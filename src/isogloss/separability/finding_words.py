"""What findings on distances have in common: rows of one layer, and words for a change and its noise."""

from __future__ import annotations

import polars as pl

from isogloss.analysis import stated
from isogloss.analysis.finding_rows import Row, rows_of


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
