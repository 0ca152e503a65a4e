"""Figures of a series for any analysis: headline measures over steps, or of several tunings in one table."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from isogloss.analysis import Figure, Line, LinesFigure, TableFigure, values_of, with_interval
from isogloss.study.series import BASE
from isogloss.study.series_rows import common_layers, rows_of_measure, whole

MOST_LAYERS = 4
"""Layers drawn of one measure, evenly spread, the last among them."""
MOST_LABELS = 6


def over_steps(analysis: str, table: pl.DataFrame, measures: Mapping[str, str]) -> list[Figure]:
    """One figure per measure that has values: against the step, a line per layer; of labels, a line per label.

    Parameters
    ----------
    table : tidy with a column `step`.
    measures : with what each is called.
    """
    found: list[Figure] = []
    for measure, words in measures.items():
        rows = rows_of_measure(table, measure)
        layers = common_layers(rows, "step")
        if not layers:
            continue
        labels = rows["subset"].unique(maintain_order=True).to_list()
        if labels == ["all"]:
            chosen = _spread(layers)
            lines = [_line(f"layer {layer}", rows.filter(pl.col("layer") == layer)) for layer in chosen]
            where = "at some layers" if len(chosen) < len(layers) else "layer by layer"
        else:
            last = rows.filter(pl.col("layer") == layers[-1])
            lines = [_line(label, last.filter(pl.col("subset") == label)) for label in labels[:MOST_LABELS]]
            lines = [line for line in lines if line.x]
            where = f"label by label, at layer {layers[-1]}"
        found.append(
            LinesFigure(
                name=f"{analysis}-{measure.replace('_', '-')}-over-steps",
                title=f"{words[:1].upper()}{words[1:]} over the steps of training",
                caption=f"Each checkpoint compared with the base model, {where}; step 0 is the base model itself. "
                + "Bands are 95% intervals." * any(end is not None for line in lines for end in line.low),
                x_label="step",
                y_label=words,
                lines=tuple(lines),
            )
        )
    return found


def side_by_side(analysis: str, table: pl.DataFrame, measures: Mapping[str, str]) -> list[Figure]:
    """A table of tunings by measures, one layer at a time; nothing where no measure has a value.

    Parameters
    ----------
    table : tidy with a column `task`.
    measures : with what each is called.
    """
    columns: dict[str, pl.DataFrame] = {}
    for measure, words in measures.items():
        rows = rows_of_measure(table, measure)
        base = _of_base(table, measure) if (rows["model"] == "tuned").all() else rows.clear()
        for (subset,), part in rows.group_by("subset", maintain_order=True):
            own = base.filter(pl.col("subset") == subset)
            columns[words if subset == "all" else f"{words}, {subset}"] = pl.concat([own, part])
    if not columns:
        return []
    every = pl.concat(columns.values())
    tasks = [BASE] * (every["task"] == BASE).any() + table["task"].unique(maintain_order=True).to_list()
    layers = sorted(every["layer"].drop_nulls().unique().to_list())
    cells = {
        (name, row["layer"], row["task"]): row for name, part in columns.items() for row in part.iter_rows(named=True)
    }
    known = {name for name, part in columns.items() if part["ci_low"].is_not_null().any()}
    titles = [title for name in columns for title in (name, f"{name}: interval")[: 1 + (name in known)]]
    rows_shown = []
    for layer in layers:
        for task in tasks:
            shown = [_cells(cells.get((name, layer, task)))[: 1 + (name in known)] for name in columns]
            rows_shown.append((layer, task, *(cell for pair in shown for cell in pair)))
    return [
        TableFigure(
            name=f"{analysis}-tunings",
            title="Tunings side by side",
            caption="Every tuning compared with the same base model on the same words, one layer at a time; beside "
            "each number its 95% interval, where it has one.",
            columns=("layer", "tuning", *titles),
            rows=tuple(rows_shown),
            group_by="layer",
        )
    ]


def _line(name: str, rows: pl.DataFrame) -> Line:
    rows = rows.sort("step")
    low, high = values_of(rows, "ci_low"), values_of(rows, "ci_high")
    known = any(value is not None for value in low)
    x = tuple(float(step) for step in rows["step"])
    return Line(name, x, values_of(rows, "value"), low if known else (), high if known else ())


def _spread(layers: list[int]) -> list[int]:
    if len(layers) <= MOST_LAYERS:
        return layers
    return [layers[round(i * (len(layers) - 1) / (MOST_LAYERS - 1))] for i in range(MOST_LAYERS)]


def _of_base(table: pl.DataFrame, measure: str) -> pl.DataFrame:
    """The base's own values, which come again with every tuning: once."""
    rows = table.filter((pl.col("measure") == measure) & (pl.col("model") == "base") & pl.col("value").is_not_null())
    return whole(rows).with_columns(task=pl.lit(BASE)).unique(["layer", "subset"], keep="first", maintain_order=True)


def _cells(row: Mapping[str, float | None] | None) -> tuple[float | str | None, str | None]:
    if row is None:
        return None, None
    value, low, high = row["value"], row["ci_low"], row["ci_high"]
    if value is None or low is None or high is None:
        return value, None
    return value, with_interval(value, low, high).partition(" ")[2] or None
