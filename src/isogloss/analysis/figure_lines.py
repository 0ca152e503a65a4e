"""Lines of figures from rows of any table."""

from __future__ import annotations

import polars as pl

from isogloss.analysis.curves import values_of
from isogloss.analysis.figure import Line

MODELS = ("base", "tuned")


def line_over(name: str, rows: pl.DataFrame, x: str, y: str, low: str = "", high: str = "") -> Line:
    """One column over another, with the columns of its interval, if it has one."""
    rows = rows.sort(x)
    ends = (values_of(rows, low), values_of(rows, high)) if low else ((), ())
    return Line(name, tuple(float(v) for v in rows[x]), values_of(rows, y), *ends)


def lines_of_models(rows: pl.DataFrame, x: str, y: str) -> tuple[Line, ...]:
    """One line for each model that has rows."""
    of_each = ((model, rows.filter(pl.col("model") == model)) for model in MODELS)
    return tuple(line_over(model, own, x, y) for model, own in of_each if own.height)
