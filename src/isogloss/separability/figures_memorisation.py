"""What shows the memorisation test: learning curves before and after tuning, and the gaps over layers."""

from __future__ import annotations

from math import floor
from typing import Any

import polars as pl

from isogloss.analysis import Figure, Line, LinesFigure, Tables, curve, figure_names, first_tuned
from isogloss.analysis.figure_lines import MODELS, line_over
from isogloss.separability.findings_memorisation import GAP, measured_labels, told_layer
from isogloss.separability.memorisation import CURVES, SUBTEST, SUBTRAIN, TEST

WHEN = {"base": "before", "tuned": "after"}


def memorisation_figures(tables: Tables, options: Any = None) -> list[Figure]:
    """Of each label the learning curves before and after tuning, one beside the other, then its gaps over layers.

    The gaps are drawn where several layers were asked for. Of several tuned models the first, which captions say.
    """
    labels = measured_labels(tables)
    if not labels or CURVES not in tables:
        return []
    tail = " Of several tuned models, the first." if tables["separability"]["seed"].drop_nulls().n_unique() > 1 else ""
    own, curves = first_tuned(tables["separability"]), first_tuned(tables[CURVES])
    names = {model: figure_names(f"separability-memorisation-{WHEN[model]}", labels) for model in MODELS}
    found: list[Figure] = []
    for i, label in enumerate(labels):
        layer = told_layer(own, label)
        rows = curves.filter((pl.col("label") == label) & (pl.col("layer") == layer))
        lowest = rows.select(pl.min_horizontal(pl.col("accuracy").min(), pl.col("low").min())).item()
        for model in MODELS:
            of = rows.filter(pl.col("model") == model)
            if of.height:
                # The same axis on both, so that they can be held against each other.
                found.append(_learning(names[model][i], model, label, layer, of, floor(10 * lowest) / 10, tail))
    return found + _gaps(own, labels, tail)


def _learning(
    name: str, model: str, label: str, layer: int | None, rows: pl.DataFrame, y_min: float, tail: str
) -> LinesFigure:
    return LinesFigure(
        name=name,
        title=f"Is {label} memorised? {WHEN[model].capitalize()} tuning",
        caption=f"Accuracy of a classifier of layer {layer} of the {model} model over its training rows, with 95% "
        "intervals over sentences. Subtrain and subtest are parts of the model's training sentences; the classifier is "
        "trained on subtrain alone, test sentences are new to both. A subtest above the test after tuning, and not "
        f"before: the model has encoded what it was trained on.{tail}",
        x_label="training rows of the classifier",
        y_label="accuracy",
        lines=tuple(
            line_over(part, rows.filter(pl.col("part") == part), "n_train", "accuracy", "low", "high")
            for part in (SUBTRAIN, SUBTEST, TEST)
        ),
        y_min=y_min,
        y_max=1.0,
        log_x=True,
    )


def _gaps(own: pl.DataFrame, labels: list[str], tail: str) -> list[Figure]:
    found: list[Figure] = []
    for name, label in zip(figure_names("separability-memorisation-gap", labels), labels, strict=True):
        rows = own.filter((pl.col("measure") == GAP) & (pl.col("subset") == label) & pl.col("value").is_not_null())
        if rows["layer"].n_unique() < 2:
            continue
        lines: list[Line] = [curve(m, of) for m in MODELS if (of := rows.filter(pl.col("model") == m)).height]
        found.append(
            LinesFigure(
                name=name,
                title=f"Where {label} is memorised",
                caption="Accuracy on training sentences that were kept from the classifier minus that on unseen ones, "
                f"with 95% intervals over sentences: what only the tuned model has, it took from training.{tail}",
                y_label="subtest minus test",
                lines=tuple(lines),
            )
        )
    return found
