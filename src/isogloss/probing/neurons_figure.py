"""The tables of neurons in the shape of the page's map of neurons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from isogloss.analysis import NeuronEntry, NeuronsFigure, NeuronsLevel, Tables, first_tuned
from isogloss.analysis.places import Numbers

LABELS = 6
"""Labels on the map, the first in the order of the corpus."""
BY_SHARE = "share"
"""The ranking by what the map shows; it stands first among the methods."""
_METHODS = {"lca": "LCA", "probeless": "Probeless", "weights": "mean weight", "gaussian": "Gaussian"}
_ROUND = 6

Key = tuple[str, int]


def neurons_figure(tables: Tables, tail: str = "") -> NeuronsFigure | None:
    """The neurons of every layer of both models, of the first tuned model; None where no neurons were ranked.

    The map shows the largest share that a neuron has of a value's weight: in the probe that reads all layers side by
    side where there is one - then layers compare -, else in each layer's own probe.
    """
    if "probing_neurons" not in tables:
        return None
    neurons = first_tuned(tables["probing_neurons"])
    whole = first_tuned(tables["probing_map"]) if "probing_map" in tables else None
    labels = (neurons if whole is None else whole)["label"].unique(maintain_order=True).to_list()[:LABELS]
    values = {label: _values(neurons, label) for label in labels}
    methods = [method for method in _METHODS if neurons[method].null_count() < neurons.height]
    shares = _shares(neurons, whole, labels)
    ranked = neurons.filter(pl.col("label").is_in(labels))
    ranks = ranked.partition_by("model", "layer", "neuron", as_dict=True)
    words, sentences = Numbers(), Numbers()
    shown = _shown(tables)
    levels = []
    for (model, layer), rows in shares.items():
        order = [{n: i for i, n in enumerate(sorted(range(len(row)), key=lambda n: -row[n]))} for row in rows]
        entries = []
        for neuron, given in shown.get((model, layer), {}).items():
            of = {row["label"]: row for row in ranks.get((model, layer, neuron), pl.DataFrame()).to_dicts()}
            other = ranks.get(("tuned" if model == "base" else "base", layer, neuron))
            entries.append(
                NeuronEntry(
                    neuron=neuron,
                    ranks=tuple(
                        (order[i][neuron], *(of[label][m] if label in of else None for m in methods))
                        for i, label in enumerate(labels)
                    ),
                    salient=tuple(
                        (i, values[label].index(value))
                        for i, label in enumerate(labels)
                        if label in of
                        for value in of[label]["values"]
                    ),
                    fate=_fate(model, of, other),
                    words=tuple((words(r["word"]), round(r["z"], 3), r["count"]) for r in given),
                    contexts=tuple(
                        (sentences(e["text"]), e["start"], e["end"], round(e["activation"], 3))
                        for r in given[:1] + [r for r in given if r["side"] == "negative"][:1]
                        for e in r["examples"]
                    ),
                )
            )
        levels.append(NeuronsLevel(model, layer, tuple(tuple(row) for row in rows), tuple(entries)))
    where = (
        "in a probe that reads all layers side by side, so that layers compare"
        if whole is not None
        else "in the layer's own probe"
    )
    return NeuronsFigure(
        name="probing-neurons",
        title="The neurons themselves",
        caption=f"The largest share that a neuron has of a value's weight, {where}. Ranks by the other methods, and "
        f"what a neuron is salient for, are of the layer's own probe. Open a neuron for the words it answers to.{tail}",
        labels=tuple(labels),
        values=tuple(values[label] for label in labels),
        methods=(BY_SHARE, *(_METHODS[method] for method in methods)),
        levels=tuple(levels),
        vocabulary=tuple(words.known),
        sentences=tuple(sentences.known),
    )


def _values(neurons: pl.DataFrame, label: str) -> tuple[str, ...]:
    found = neurons.filter(pl.col("label") == label)["values"].explode().drop_nulls().unique().sort()
    return tuple(found)


def _shares(neurons: pl.DataFrame, whole: pl.DataFrame | None, labels: list[str]) -> dict[Key, list[list[float]]]:
    """Per model and layer, per label, the share of every neuron as a part of the model's largest."""
    source = neurons if whole is None else whole
    most = {(m, la): v for m, la, v in source.group_by("model", "label").agg(pl.col("share").max()).iter_rows()}
    widths = neurons.group_by("model", "layer").agg(pl.col("neuron").max() + 1).sort("model", "layer")
    found: dict[Key, list[list[float]]] = {
        (model, layer): [[0.0] * width for _ in labels] for model, layer, width in widths.iter_rows()
    }
    number = {label: i for i, label in enumerate(labels)}
    for model, layer, label, neuron, share in source.select("model", "layer", "label", "neuron", "share").iter_rows():
        largest = most[model, label]
        if label in number and (model, layer) in found and largest > 0:
            found[model, layer][number[label]][neuron] = round(share / largest, _ROUND)
    return found


def _shown(tables: Tables) -> dict[Key, dict[int, list[dict[str, Any]]]]:
    """Per model and layer the neurons that have a page, with their words, the strongest positive ones first."""
    found: dict[Key, dict[int, list[dict[str, Any]]]] = {}
    if "probing_words" in tables:
        rows = first_tuned(tables["probing_words"]).sort("side", "rank", descending=[True, False], maintain_order=True)
        for row in rows.iter_rows(named=True):
            found.setdefault((row["model"], row["layer"]), {}).setdefault(row["neuron"], []).append(row)
    return found


def _fate(model: str, own: Mapping[str, Mapping[str, Any]], other: pl.DataFrame | None) -> str:
    """What became of what a neuron is salient for: all labels together."""
    here = {(label, value) for label, row in own.items() for value in row["values"]}
    if other is None:
        return ""
    there = {(label, value) for label, values in other.select("label", "values").iter_rows() for value in values}
    if not here and not there:
        return ""
    if here and there:
        return "kept" if here & there else "changed"
    return "lost" if (model == "base") == bool(here) else "new"
