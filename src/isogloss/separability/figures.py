"""What shows the separability tables: curves per label, least distances of its values, and the study's table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import polars as pl

from isogloss.analysis import (
    BarPart,
    BarsFigure,
    Figure,
    LinesFigure,
    TableFigure,
    Tables,
    curve,
    figure_names,
    first_tuned,
    noise_band,
)
from isogloss.analysis.figure_lines import MODELS, line_over
from isogloss.separability.centroids import centroid_paths
from isogloss.separability.figures_memorisation import memorisation_figures
from isogloss.separability.figures_paths import paths_figure
from isogloss.separability.findings import labels_of
from isogloss.separability.options import SeparabilityOptions

LABELS = 8
"""Labels that get figures of their own, the first in the order of the corpus."""
VALUES = 30
"""Values of a label whose least distances are drawn, those with most points."""


def figures(tables: Tables, options: SeparabilityOptions) -> list[Figure]:
    """All figures for which there are tables; of several tuned models, the first."""
    table = tables["separability"]
    if table.is_empty():
        return []
    own = first_tuned(table)
    tail = _tail(tables)
    labels = labels_of(own)
    found: list[Figure] = []
    for show in OF_ALL:
        found += show(tables)
    for name, label in list(zip(figure_names("separability", labels), labels, strict=True))[:LABELS]:
        for draw in OF_A_LABEL:
            found += draw(tables, own.filter(pl.col("subset") == label), label, name, tail)
    return found


def _tail(tables: Tables) -> str:
    return " First tuned model." * (tables["separability"]["seed"].drop_nulls().n_unique() > 1)


def _study(tables: Tables) -> Iterator[Figure]:
    """The table in the layout of the study."""
    own, tail = first_tuned(tables["separability"]), _tail(tables)
    measures = ("intra_accuracy", "clusters", "linear", "train_test", "min_distance", "min_distance_relative")
    rows = []
    for label in labels_of(own):
        part = own.filter((pl.col("subset") == label) & pl.col("measure").is_in(measures))
        cells = {(r["layer"], r["model"], r["measure"]): r["value"] for r in part.iter_rows(named=True)}
        for layer in sorted(part["layer"].unique()):
            for model in MODELS:
                values = [cells.get((layer, model, measure)) for measure in measures]
                if any(value is not None for value in values):
                    values[2] = None if values[2] is None else ("yes" if values[2] else "no")
                    rows.append((label, layer, model, *values))
    yield TableFigure(
        name="separability-table",
        title="Labels before and after fine-tuning",
        caption="Accuracy of the nearest cluster on test rows; clusters of the training rows, whose hulls do not "
        "overlap those of other values; whether each value is one cluster, so that planes tell them all apart; spatial "
        "similarity of training and test rows, where they are; mean least distance between values, in the units of the "
        f"vectors and in units of their spread.{tail}",
        columns=(
            "label",
            "layer",
            "model",
            "accuracy",
            "clusters",
            "linear",
            "train-test similarity",
            "least distance",
            "relative distance",
        ),
        rows=tuple(rows),
        group_by="label",
    )


def _clusters(tables: Tables, own: pl.DataFrame, label: str, name: str, tail: str) -> Iterator[Figure]:
    rows = own.filter(pl.col("measure") == "clusters")
    lines = [curve(model, rows.filter(pl.col("model") == model)) for model in MODELS if model in rows["model"]]
    of_label = first_tuned(tables["separability_labels"]).filter(pl.col("label") == label)
    values = of_label["value"].n_unique()
    fewest = of_label.select("layer").unique().sort("layer").with_columns(values=pl.lit(float(values)))
    if lines:
        yield LinesFigure(
            name=f"{name}-clusters",
            title=f"Clusters of {label}",
            caption=f"Clusters of training rows whose convex hulls do not overlap those of other values. Where there "
            f"are no more than the {values} values, planes tell all of them apart.{tail}",
            y_label="clusters",
            lines=(*lines, line_over("one cluster per value", fewest, "layer", "values")),
            log_y=True,
        )


def _distance(tables: Tables, own: pl.DataFrame, label: str, name: str, tail: str) -> Iterator[Figure]:
    for measure, suffix, what in (
        ("min_distance", "distance", "in the units of the vectors"),
        ("min_distance_relative", "relative", "in units of the spread of all training rows"),
    ):
        rows = own.filter((pl.col("measure") == measure) & pl.col("value").is_not_null())
        changes = own.filter((pl.col("measure") == f"{measure}_change") & pl.col("value").is_not_null())
        lines = [curve(model, rows.filter(pl.col("model") == model)) for model in MODELS if model in rows["model"]]
        if changes.height:
            lines.append(curve("tuned minus base", changes))
        if lines:
            yield LinesFigure(
                name=f"{name}-{suffix}",
                title=f"How far the values of {label} lie apart, {what}",
                caption="Mean over values of the distance of a value's hull from that of the nearest other value. The "
                "band: by how much the change would differ with other training sentences, by disjoint halves of "
                f"them.{tail}",
                y_label="least distance",
                lines=tuple(lines),
                bands=noise_band("noise of the change", changes),
            )


def _values(tables: Tables, own: pl.DataFrame, label: str, name: str, tail: str) -> Iterator[Figure]:
    table = first_tuned(tables["separability_labels"]).filter(
        (pl.col("label") == label) & pl.col("min_distance").is_not_null()
    )
    both = [set(table.filter(pl.col("model") == model)["layer"]) for model in MODELS]
    shared = set.intersection(*both) or set.union(*both)
    if not shared:
        return
    layer = max(shared)
    table = table.filter(pl.col("layer") == layer)
    most = table.group_by("value").agg(pl.col("points").max()).sort(["points", "value"], descending=[True, False])
    cells = {(row["value"], row["model"]): row for row in table.iter_rows(named=True)}
    noise = {
        row["subset"].partition("=")[2]: row["null_high"]
        for row in first_tuned(tables["separability"])
        .filter(
            (pl.col("measure") == "min_distance_change")
            & (pl.col("layer") == layer)
            & pl.col("subset").str.starts_with(f"{label}=")
        )
        .iter_rows(named=True)
    }
    bars = [(value, model) for value in most["value"].head(VALUES) for model in MODELS if (value, model) in cells]
    parts = []
    for model in MODELS:
        if not any(of == model for _, of in bars):
            continue
        values = tuple(round(cells[bar]["min_distance"], 6) if bar[1] == model else None for bar in bars)
        texts = tuple(
            f"nearest: {cells[bar]['nearest']}"
            + (f"; the change is noise up to {noise[bar[0]]:.3g}" if noise.get(bar[0]) is not None else "")
            if bar[1] == model
            else ""
            for bar in bars
        )
        parts.append(BarPart(model, values, texts))
    left = f" The {VALUES} values with most points." if most.height > VALUES else ""
    yield BarsFigure(
        name=f"{name}-values",
        title=f"Least distance of the values of {label}, layer {layer}",
        caption=f"Distance of each value's hull from that of the nearest other value, before and after.{left}{tail}",
        x_label="value",
        y_label="least distance",
        bars=tuple(f"{value}, {model}" for value, model in bars),
        parts=tuple(parts),
        horizontal=True,
    )


def _spatial(tables: Tables, own: pl.DataFrame, label: str, name: str, tail: str) -> Iterator[Figure]:
    known = own.filter(pl.col("value").is_not_null())
    lines = []
    for shown, measure, model in (
        ("base with tuned", "spatial", "tuned"),
        ("training with test, base", "train_test", "base"),
        ("training with test, tuned", "train_test", "tuned"),
        ("halves of the base model", "spatial_halves", "base"),
        ("halves of base with tuned", "spatial_across", "tuned"),
    ):
        rows = known.filter((pl.col("measure") == measure) & (pl.col("model") == model))
        if rows.height:
            lines.append(line_over(shown, rows, "layer", "value"))
    if lines:
        yield LinesFigure(
            name=f"{name}-spatial",
            title=f"How the values of {label} lie to each other",
            caption="Spatial similarity: Pearson's correlation of the distances of all pairs of values in two spaces. "
            "Halves: one half of the training sentences with the other, in the base model, and of the base model with "
            "the tuned one; these two differ by the model alone. The band: 95% of what shuffled values "
            f"give.{tail}",
            y_label="spatial similarity",
            lines=tuple(lines),
            bands=noise_band("shuffled values", known.filter(pl.col("measure") == "spatial")),
            y_max=1.0,
        )


def _accuracy(tables: Tables, own: pl.DataFrame, label: str, name: str, tail: str) -> Iterator[Figure]:
    rows = own.filter(pl.col("measure") == "intra_accuracy")
    lines = [curve(model, rows.filter(pl.col("model") == model)) for model in MODELS if model in rows["model"]]
    if lines:
        yield LinesFigure(
            name=f"{name}-accuracy",
            title=f"What the nearest cluster says of {label}",
            caption="Share of test rows whose nearest cluster, by the distance from its hull, has their value, with "
            f"95% intervals over sentences.{tail}",
            y_label="accuracy",
            lines=tuple(lines),
            y_max=1.0,
        )


def _moves(tables: Tables, own: pl.DataFrame, label: str, name: str, tail: str) -> Iterator[Figure]:
    """Centroids in base and tuned model, as a path of two steps."""
    step = pl.when(pl.col("model") == "base").then(0).otherwise(1).alias("step")
    centroids, values = (
        first_tuned(tables[table]).filter(pl.col("label") == label).with_columns(step)
        for table in ("separability_centroids", "separability_labels")
    )
    if centroids["step"].n_unique() == 2:
        paths = centroid_paths(centroids)
        figure = paths_figure(paths, values, label, f"{name}-moves", {0: "base", 1: "tuned"}, tail)
        if figure is not None:
            yield figure


OF_A_LABEL: tuple[Callable[[Tables, pl.DataFrame, str, str, str], Iterator[Figure]], ...] = (
    _values,
    _clusters,
    _distance,
    _spatial,
    _accuracy,
    _moves,
)
"""What is drawn of a label, given all tables, its rows of the first tuned model, itself, how names begin, and what
captions end with."""

OF_ALL: tuple[Callable[[Tables], Iterable[Figure]], ...] = (_study, memorisation_figures)
"""What is drawn of all labels together, given all tables; it comes first."""
