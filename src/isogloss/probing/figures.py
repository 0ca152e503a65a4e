"""What shows the probing tables: curves per label, where neurons sit, what probes and the task lose without them."""

from __future__ import annotations

import polars as pl

from isogloss.analysis import (
    Band,
    Figure,
    LinesFigure,
    TableFigure,
    Tables,
    curve,
    figure_names,
    first_tuned,
    noise_band,
    values_of,
)
from isogloss.analysis.figure_lines import MODELS, line_over, lines_of_models
from isogloss.analysis.tables import of_whole_labels
from isogloss.probing.figures_asked import asked_figures
from isogloss.probing.neurons_figure import neurons_figure
from isogloss.probing.options import ProbingOptions

LABELS = 8
"""Labels that get figures of their own, the first in the order of the corpus."""


def figures(tables: Tables, options: ProbingOptions) -> list[Figure]:
    """All figures for which there are tables; of several tuned models, the first."""
    table = tables["probing"]
    if table.is_empty():
        return []
    own = first_tuned(table)
    tail = " First tuned model." * (table["seed"].drop_nulls().n_unique() > 1)
    whole = own.filter(of_whole_labels())
    labels = [str(name) for name in whole["subset"].unique(maintain_order=True)][:LABELS]
    found: list[Figure] = []
    for name, label in zip(figure_names("probing", labels), labels, strict=True):
        found += _label(name, label, whole.filter(pl.col("subset") == label), tail)
    found += _change(whole, labels, tail)
    found += _distribution(tables, labels, tail)
    found += _task(tables, labels, tail)
    found += _ablation(tables, labels, tail)
    found += _fewest(tables, tail)
    found += asked_figures(whole, tables, labels, tail)
    if neurons := neurons_figure(tables, tail):
        found.append(neurons)
    return found


def _label(name: str, label: str, rows: pl.DataFrame, tail: str) -> list[Figure]:
    numeric = rows.filter(pl.col("measure") == "r2").height > 0
    measure = "r2" if numeric else "accuracy"
    part = rows.filter(pl.col("measure") == measure)
    lines = [curve(model, part.filter(pl.col("model") == model)) for model in MODELS if model in part["model"]]
    bands: tuple[Band, ...] = ()
    caption = "Share of the variance of held-out sentences that a linear probe explains."
    if not numeric:
        for baseline, shown in (("per_type", "commonest per word"), ("majority", "commonest value")):
            given = rows.filter(pl.col("measure") == baseline)
            lines += [line_over(shown, given, "layer", "value")] if given.height else []
        by_model = ((model, part.filter(pl.col("model") == model)) for model in MODELS)
        bands = tuple(band for model, of in by_model for band in noise_band(f"control tasks, {model}", of))
        caption = (
            "Accuracy of a linear probe on test sentences, with 95% intervals over them. Commonest: the value that is "
            "commonest in training, of all words or of the word itself, is right so often without any vectors."
        )
        if bands:
            caption += (
                " The bands: the same probe on control tasks, which give each word a random value that can only be "
                "learnt by heart; the distance to them is selectivity."
            )
    return [
        LinesFigure(
            name=name,
            title=f"How well {label} is read",
            caption=caption + tail,
            y_label="R²" if numeric else "accuracy",
            lines=tuple(lines),
            bands=bands,
            y_max=1.0,
        )
    ]


def _change(whole: pl.DataFrame, labels: list[str], tail: str) -> list[Figure]:
    found: list[Figure] = []
    for measure, title, what in (
        ("accuracy_change", "What fine-tuning changed", "Accuracy"),
        ("selectivity_change", "What it changed beyond control tasks", "Selectivity"),
    ):
        part = whole.filter(pl.col("measure") == measure)
        lines = [curve(label, part.filter(pl.col("subset") == label)) for label in labels if label in part["subset"]]
        if lines:
            found.append(
                LinesFigure(
                    name=f"probing-{measure.replace('_', '-')}",
                    title=title,
                    caption=f"{what} of the probe in the tuned model minus that in the base model, on the same test "
                    f"words, with 95% intervals over sentences. Below 0: read less well than before.{tail}",
                    y_label=f"change of {what.lower()}",
                    lines=tuple(lines),
                )
            )
    return found


def _distribution(tables: Tables, labels: list[str], tail: str) -> list[Figure]:
    if "probing_distribution" not in tables:
        return []
    # The rows without a value are those of any value: each neuron once.
    table = first_tuned(tables["probing_distribution"]).filter(pl.col("value").is_null())
    there = [label for label in labels if label in table["label"]]
    found: list[Figure] = []
    for name, label in zip(figure_names("probing-neurons-of", there), there, strict=True):
        part = table.filter(pl.col("label") == label)
        found.append(
            LinesFigure(
                name=name,
                title=f"Where the neurons of {label} sit",
                caption="Share of the salient neurons at each layer, of a probe that may choose among all layers side "
                f"by side.{tail}",
                y_label="share of salient neurons",
                lines=lines_of_models(part, "layer", "share"),
                y_min=0.0,
            )
        )
    return found


def _task(tables: Tables, labels: list[str], tail: str) -> list[Figure]:
    if "probing_task" not in tables:
        return []
    table = first_tuned(tables["probing_task"])
    there = [label for label in labels if label in table["label"]]
    part = table.filter(pl.col("label").is_in(there))
    band = part.group_by("layer").agg(pl.col("random_low").min(), pl.col("random_high").max()).sort("layer")
    x = tuple(float(i) for i in band["layer"])
    count = max(part["n_neurons"].to_list(), default=0)
    return [
        LinesFigure(
            name="probing-task",
            title="What the task loses without a label's neurons",
            caption=f"Accuracy that the running classifier loses when the {count} neurons that hold a label most are "
            "set to their mean at one layer, with 95% intervals over sentences. The band: as many random neurons that "
            f"vary as much, least and most of all draws.{tail}",
            y_label="accuracy lost",
            lines=tuple(
                line_over(label, part.filter(pl.col("label") == label), "layer", "loss", "ci_low", "ci_high")
                for label in there
            ),
            bands=(Band("random neurons", x, values_of(band, "random_low"), values_of(band, "random_high")),),
        )
    ]


def _ablation(tables: Tables, labels: list[str], tail: str) -> list[Figure]:
    if "probing_ablation" not in tables:
        return []
    table = first_tuned(tables["probing_ablation"])
    top = max(table["layer"].to_list(), default=0)
    found: list[Figure] = []
    there = [label for label in labels if label in table["label"]]
    for keep, verb in ((True, "keeps"), (False, "loses")):
        for name, label in zip(figure_names(f"probing-{verb}", there), there, strict=True):
            part = table.filter((pl.col("label") == label) & (pl.col("layer") == top) & (pl.col("keep") == keep))
            mean = part.group_by("model", "which", "share", maintain_order=True).agg(
                pl.col("accuracy").mean(), low=pl.col("accuracy").min(), high=pl.col("accuracy").max()
            )
            lines = []
            for model in MODELS:
                for which in ("top", "random", "bottom"):
                    rows = mean.filter((pl.col("model") == model) & (pl.col("which") == which))
                    ends = ("low", "high") if which == "random" else ("", "")
                    lines += [line_over(f"{which}, {model}", rows, "share", "accuracy", *ends)] if rows.height else []
            found.append(
                LinesFigure(
                    name=name,
                    title=f"A probe of {label} that {verb} a share of layer {top}'s neurons",
                    caption="Accuracy on test words when all other neurons, or these, are set to their mean; nothing "
                    f"is trained again. Random: mean, least and most of several draws.{tail}",
                    x_label="share of neurons",
                    y_label="accuracy",
                    lines=tuple(lines),
                    y_max=1.0,
                )
            )
    return found


def _fewest(tables: Tables, tail: str) -> list[Figure]:
    if "probing_minimal" not in tables or tables["probing_minimal"].is_empty():
        return []
    table = first_tuned(tables["probing_minimal"])
    rows = [
        (
            row["label"],
            row["model"],
            f"{row['n']:,} of {row['of']:,} neurons" if row["what"] == "neurons" else f"layers 0 to {row['n']}",
            row["tolerance"],
            row["accuracy"],
            row["all"],
        )
        for row in table.iter_rows(named=True)
    ]
    return [
        TableFigure(
            name="probing-fewest",
            title="How little suffices",
            caption="Fewest neurons of all layers, and lowest layers together, with which a probe that is trained "
            f"again loses at most this share of its dev accuracy; accuracy is on test words.{tail}",
            columns=("label", "model", "suffice", "may lose", "accuracy", "with all"),
            rows=tuple(rows),
            group_by="label",
        )
    ]
