"""Rows of tables as the parts of figures: curves over layers, bands of noise, maps of layers."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from isogloss.analysis.figure import Band, HeatmapFigure, Line

_ROUND = 6


def values_of(rows: pl.DataFrame, column: str) -> tuple[float | None, ...]:
    """A column, rounded to what a figure can show."""
    return tuple(rows[column].round_sig_figs(_ROUND).to_list())


def figure_names(prefix: str, labels: Iterable[str]) -> tuple[str, ...]:
    """A name for a figure of each label, in order: letters and numbers only, each name once."""
    names: list[str] = []
    for label in labels:
        name = f"{prefix}-" + (re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-") or "x")
        while name in names:
            name += "-2"
        names.append(name)
    return tuple(names)


def curve(name: str, rows: pl.DataFrame) -> Line:
    """Value and interval of tidy rows over their layers."""
    rows = rows.sort("layer")
    low, high = values_of(rows, "ci_low"), values_of(rows, "ci_high")
    known = any(v is not None for v in low)
    x = tuple(float(i) for i in rows["layer"])
    return Line(name, x, values_of(rows, "value"), low if known else (), high if known else ())


def noise_band(name: str, rows: pl.DataFrame) -> tuple[Band, ...]:
    """The widest null of tidy rows over their layers; nothing where there is none."""
    known = (
        rows.filter(pl.col("null_low").is_not_null())
        .group_by("layer")
        .agg(pl.col("null_low").min(), pl.col("null_high").max())
        .sort("layer")
    )
    if known.is_empty():
        return ()
    x = tuple(float(i) for i in known["layer"])
    return (Band(name, x, values_of(known, "null_low"), values_of(known, "null_high")),)


def layer_map(rows: pl.DataFrame, name: str, title: str, caption: str) -> HeatmapFigure:
    """A map of every base layer against every tuned layer, from columns `base_layer`, `tuned_layer`, `value`."""
    base, tuned = (sorted(rows[column].unique()) for column in ("base_layer", "tuned_layer"))
    cells = {(i, j): v for i, j, v in rows.select("base_layer", "tuned_layer", "value").iter_rows()}
    return HeatmapFigure(
        name=name,
        title=title,
        caption=caption,
        row_label="base layer",
        column_label="tuned layer",
        rows=tuple(str(i) for i in base),
        columns=tuple(str(j) for j in tuned),
        values=tuple(
            tuple(None if (v := cells.get((i, j))) is None else round(v, _ROUND) for j in tuned) for i in base
        ),
    )
