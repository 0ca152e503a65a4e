"""Centroids as points that move over steps, or from base to tuned model, layer by layer."""

from __future__ import annotations

from typing import Any

import polars as pl

from isogloss.analysis import Figure, PathLabel, PathsFigure, PathsLayer

MOST = 50
"""Values that are drawn, those with most points."""


def paths_figure(
    paths: pl.DataFrame, minima: pl.DataFrame | None, label: str, name: str, names: dict[int, str], tail: str = ""
) -> Figure | None:
    """One label's centroids in the planes of its layers.

    Parameters
    ----------
    paths : the columns of `centroids.PATHS`.
    minima : `layer`, `label`, `value`, `step`, `min_distance`; None where distances are not known.
    label, name : which label, and what the figure is called.
    names : of steps.
    tail : what the caption ends with.

    Returns
    -------
    the figure; None with fewer than two steps. Only values that are there at every step of every layer are drawn, and
    only layers that have all steps.
    """
    own = paths.filter(pl.col("label") == label)
    steps = own["step"].unique().sort().to_list()
    counted = own.group_by("layer").agg(pl.col("step").n_unique().alias("steps"))
    layers = counted.filter(pl.col("steps") == len(steps))["layer"].sort().to_list()
    if len(steps) < 2 or not layers:
        return None
    own = own.filter(pl.col("layer").is_in(layers))
    sizes = own.group_by("value").agg(there=pl.len(), n=pl.col("n").max())
    sizes = sizes.filter(pl.col("there") == len(steps) * len(layers)).sort(["n", "value"], descending=[True, False])
    values = sizes["value"].head(MOST).to_list()
    if not values:
        return None
    place = {(r["layer"], r["value"], r["step"]): r for r in own.iter_rows(named=True)}
    least: dict[tuple[Any, ...], float | None] = {}
    if minima is not None:
        rows = minima.filter(pl.col("label") == label).select("layer", "value", "step", "min_distance")
        least = {row[:3]: row[3] for row in rows.iter_rows()}

    def rounded(layer: int, axis: str) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(_short(place[layer, value, step][axis]) for step in steps) for value in values)

    parts = []
    for layer in layers:
        first = place[layer, values[0], steps[0]]
        known = tuple(tuple(_known(least.get((layer, value, step))) for step in steps) for value in values)
        parts.append(
            PathsLayer(
                layer=int(layer),
                x=rounded(layer, "x"),
                y=rounded(layer, "y"),
                shares=(min(1.0, first["share_x"]), min(1.0, first["share_y"])),
                distances=known if any(v is not None for row in known for v in row) else (),
            )
        )
    left = f" The {MOST} values with most points." if sizes.height > MOST else ""
    return PathsFigure(
        name=name,
        title=f"Where the values of {label} move" + " over the training" * (len(steps) > 2),
        caption="Mean training vector of every value along the two main directions of each layer's means, the same "
        "directions at every step; what is said of them is the share of the variance they hold. Lengths are those in "
        f"these two directions alone.{left}{tail}",
        labels=tuple(PathLabel(str(value), count=int(n)) for value, n in sizes.select("value", "n").head(MOST).rows()),
        steps=tuple(names.get(step, f"step {step}") for step in steps),
        layers=tuple(parts),
    )


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _known(value: float | None) -> float | None:
    return None if value is None else _short(value)
