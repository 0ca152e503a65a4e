"""What findings on distances have in common: rows of one layer, and words for a change and its noise."""

from __future__ import annotations

import polars as pl

from isogloss.analysis import stated
from isogloss.analysis.finding_rows import Row, rows_of


def of_layer(own: pl.DataFrame, measure: str, label: str, layer: int) -> Row | None:
    """A measure of the tuned model, or of both together, at one layer."""
    return next((row for row in rows_of(own, measure, label, "tuned") if row["layer"] == layer), None)


def noise_of(width: float | None) -> str:
    """The noise of a change, which reaches as far from 0."""
    return "noise unknown" if width is None else f"noise {stated(width, None if width < 0.01 else 2)}"


def signed(value: float) -> str:
    """A change with its sign."""
    text = stated(value, None if abs(value) < 0.01 else 2)
    return f"+{text}" if value > 0 and text[0] not in "<>" else text
