"""What shows the measures that are made only where they are asked for: bits, learning curves, mixes of layers."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from isogloss.analysis import Figure, LinesFigure, Tables, curve, figure_names, first_tuned
from isogloss.analysis.figure_lines import MODELS, line_over, lines_of_models
from isogloss.probing.findings_asked import curve_layer


def asked_figures(whole: pl.DataFrame, tables: Tables, labels: Sequence[str], tail: str) -> list[Figure]:
    """Figures of labels; none of what was not asked for.

    Parameters
    ----------
    whole : the tidy table of the first tuned model, its rows of whole labels.
    tables : the others.
    tail : what to end captions with.
    """
    return [*_bits(whole, labels, tail), *_learning(tables, labels, tail), *_mix(tables, labels, tail)]


def _bits(whole: pl.DataFrame, labels: Sequence[str], tail: str) -> list[Figure]:
    table = whole.filter(pl.col("measure") == "bits")
    there = [label for label in labels if label in table["subset"]]
    found: list[Figure] = []
    for name, label in zip(figure_names("probing-bits", there), there, strict=True):
        lines = []
        for model in MODELS:
            rows = table.filter((pl.col("subset") == label) & (pl.col("model") == model))
            control = rows.filter(pl.col("null_low").is_not_null())
            lines += [curve(model, rows)] if rows.height else []
            lines += [line_over(f"control task, {model}", control, "layer", "null_low")] if control.height else []
        found.append(
            LinesFigure(
                name=name,
                title=f"How many bits {label} takes",
                caption="Bits per training word of the online code: words are sent in blocks that grow, each coded by "
                "a probe trained on those before, with 95% intervals over sentences. Fewer: read more easily. The "
                f"control task gives each word a random value.{tail}",
                y_label="bits per word",
                lines=tuple(lines),
                y_min=0.0,
            )
        )
    return found


def _learning(tables: Tables, labels: Sequence[str], tail: str) -> list[Figure]:
    if "probing_learning_curve" not in tables:
        return []
    table = first_tuned(tables["probing_learning_curve"])
    there = [label for label in labels if label in table["label"]]
    found: list[Figure] = []
    for name, label in zip(figure_names("probing-learning", there), there, strict=True):
        own = table.filter(pl.col("label") == label)
        layer = curve_layer(own.to_dicts())
        if layer is None:
            continue
        found.append(
            LinesFigure(
                name=name,
                title=f"How soon {label} is learnt",
                caption=f"Accuracy on test words over the number of training words, mean of {own['n_seeds'][0]} "
                f"orders of the sentences, at layer {layer}, where the base model is read best.{tail}",
                x_label="training words",
                y_label="accuracy",
                lines=lines_of_models(own.filter(pl.col("layer") == layer), "n_words", "accuracy"),
                y_max=1.0,
            )
        )
    return found


def _mix(tables: Tables, labels: Sequence[str], tail: str) -> list[Figure]:
    if "probing_mix" not in tables:
        return []
    table = first_tuned(tables["probing_mix"])
    there = [label for label in labels if label in table["label"]]
    return [
        LinesFigure(
            name=name,
            title=f"Which layers a mix takes {label} from",
            caption="Weight of each layer in a probe that mixes all of them; the weights of a model sum to 1. Layers "
            f"that are alike can trade weight at almost no cost.{tail}",
            y_label="weight",
            lines=lines_of_models(table.filter(pl.col("label") == label), "layer", "weight"),
            y_min=0.0,
        )
        for name, label in zip(figure_names("probing-mix", there), there, strict=True)
    ]
