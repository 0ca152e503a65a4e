"""What checkpoints of one training show, and tunings on several tasks side by side: the study's paths and its table."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from isogloss.analysis import Figure, Finding, Tables, figure_names
from isogloss.analysis.finding_rows import finding_in
from isogloss.separability.centroids import centroid_paths
from isogloss.separability.distances import NO_TASK, cross_task, cross_task_figure
from isogloss.separability.figures_paths import paths_figure
from isogloss.separability.finding_words import noise_of, signed
from isogloss.separability.findings import labels_of

LABELS = 8
"""Labels that are drawn and spoken of, the first in the order of the corpus."""


def over_steps(tables: Tables) -> tuple[Tables, Sequence[Finding], Sequence[Figure]]:
    """Paths of centroids over the steps of a training.

    Parameters
    ----------
    tables : those of the analysis, of all steps' comparisons with the base one below the other, with a column `step`.
        Rows of the model `tuned` are the series; at step 0 they are the base's.
    """
    if "separability_centroids" not in tables:
        return {}, [], []
    paths = centroid_paths(tables["separability_centroids"])
    own = tables["separability_labels"].filter(pl.col("model") == "tuned")
    labels = paths["label"].unique(maintain_order=True).to_list()[:LABELS]
    drawn = (
        paths_figure(paths, own, label, name, {0: "base"})
        for name, label in zip(figure_names("separability-paths", labels), labels, strict=True)
    )
    return {"separability_paths": paths}, [], [figure for figure in drawn if figure is not None]


def over_tasks(tables: Tables) -> tuple[Tables, Sequence[Finding], Sequence[Figure]]:
    """The study's cross-task table: what tuning on each of several tasks does to the values of every label.

    Parameters
    ----------
    tables : those of the analysis, of all tunings' comparisons with the base one below the other, with a column `task`.
    """
    if "separability" not in tables:
        return {}, [], []
    table = cross_task(tables["separability"])
    found = []
    for label in labels_of(tables["separability"])[:LABELS]:
        rows = [
            row
            for row in table.with_row_index("row").iter_rows(named=True)
            if row["label"] == label and row["task"] != NO_TASK and row["mean_change"] is not None
        ]
        if len(rows) < 2:
            continue
        before = next((row["clusters"] for row in table.iter_rows(named=True) if row["label"] == label), None)
        said = [
            f"on {row['task']} {row['grew']} lie farther and {row['shrank']} closer (mean change "
            f"{signed(row['mean_change'])}, {noise_of(row['noise'])}"
            f"{_in_parts(row['clusters'], before)})"
            for row in rows
        ]
        most = max(rows, key=lambda row: abs(row["mean_change"]))
        size = max(abs(most["mean_change"]), most["noise"] or 0.0) or 1.0
        clear = any(row["noise"] is not None and abs(row["mean_change"]) > row["noise"] for row in rows)
        about = f"Of the values of {label} at layer {most['layer']}, seen from their nearest other value, after tuning"
        found.append(
            finding_in(
                f"{about} {'; '.join(said)}.",
                "mean_change",
                "separability_cross_task",
                [most, *[row for row in rows if row is not most]],
                most["mean_change"],
                0.5 if clear else 0.3,
                null_low=None if most["noise"] is None else -most["noise"],
                null_high=most["noise"],
                layers=(most["layer"],),
                scale=(-size, size),
                figure="separability-cross-task",
            )
        )
    return {"separability_cross_task": table}, found, [cross_task_figure(table)] if table.height else []


def _in_parts(clusters: float | None, before: float | None) -> str:
    """What to say of distances between other clusters than before."""
    if clusters is None or before is None or clusters == before:
        return ""
    return f", between {clusters:,.0f} clusters in the place of {before:,.0f}"
