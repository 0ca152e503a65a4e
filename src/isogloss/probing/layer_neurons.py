"""The neurons of one layer: their ranks by each method, what probes lose without them, the words they answer to.

Ranking, ablation and top words are computed in the files of those names; here they are asked and put into tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import CONTEXT, LayerPair, Tables, Vectors, contexts
from isogloss.probing.ablation import ablation_curves
from isogloss.probing.agreement import agreement
from isogloss.probing.distribution import neuron_fates
from isogloss.probing.options import ProbingOptions
from isogloss.probing.placing import placed
from isogloss.probing.rankings import (
    Ranking,
    class_means,
    rank_by_gaussian,
    rank_by_lca,
    rank_by_probeless,
    rank_by_weights,
    salient,
)
from isogloss.probing.reading import Readable, Reading
from isogloss.probing.top_words import top_words

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 0.9)
"""Shares of a layer's neurons that are kept or taken out."""
AGREE_ON = (10, 50)
"""First neurons of two rankings that are held against each other."""
RANDOM_ORDERS = (0, 1, 2)

NEURONS: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "label": pl.String(),
    "neuron": pl.Int32(),
    "share": pl.Float64(),
    "values": pl.List(pl.String()),
    "lca": pl.Int32(),
    "probeless": pl.Int32(),
    "weights": pl.Int32(),
    "gaussian": pl.Int32(),
    "seed": pl.Int32(),
}
"""`share` is the largest share that the neuron has of a value's weight, `values` those values it is salient for; the
rest are ranks by each method, 0 = first, null where a method was not asked."""

WORDS: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "neuron": pl.Int32(),
    "side": pl.String(),
    "rank": pl.Int32(),
    "word": pl.String(),
    "count": pl.Int64(),
    "mean": pl.Float64(),
    "z": pl.Float64(),
    "examples": pl.List(pl.Struct({**CONTEXT, "activation": pl.Float64()})),
    "seed": pl.Int32(),
}


@dataclass(frozen=True)
class Ranked:
    """The neurons of one layer of one model for one label.

    Attributes
    ----------
    rankings : by method; `lca` is among them.
    salient : per value, its salient neurons.
    share : (hidden,) the largest share that each neuron has of a value's weight.
    """

    rankings: dict[str, Ranking]
    salient: dict[str, np.ndarray]
    share: np.ndarray


def rank_reading(reading: Reading, source: Readable, options: ProbingOptions) -> Ranked | None:
    """Rank the neurons that a probe reads; None where the probe gives none any weight, or reads no classes."""
    W = reading.weights
    if reading.target.numeric or not W.any():
        return None
    classes = reading.target.classes
    # Two classes have the same weights with opposite signs: one sorted order for both.
    rankings = {"lca": rank_by_lca(W, classes)}
    X = source.train_of(reading.target) if {"probeless", "gaussian"} & set(options.ranking_names) else None
    for method in options.ranking_names:
        if method == "weights":
            rankings[method] = rank_by_weights(W, classes)
        elif method == "probeless" and X is not None:
            codes = reading.target.rows.codes[reading.target.rows.train]
            rankings[method] = rank_by_probeless(class_means(X, codes), standardize=options.standardize)
        elif method == "gaussian" and X is not None:
            rankings[method] = _by_gaussian(reading, source, X)
    size = np.abs(W)
    mass = size.sum(axis=1, keepdims=True)
    share = (size / np.where(mass > 0, mass, 1.0)).max(axis=0)
    return Ranked(rankings, salient(W, options.salient_share, classes), share)


def neuron_tables(
    sources: Mapping[str, Mapping[str, Readable]],
    readings: Mapping[str, Mapping[str, Reading]],
    pair: LayerPair,
    options: ProbingOptions,
) -> tuple[Tables, dict[str, dict[str, Ranked]]]:
    """Tables of the neurons of a layer in each model, and their rankings per model and label."""
    ranked: dict[str, dict[str, Ranked]] = {}
    parts: dict[str, list[pl.DataFrame]] = {}
    for model, of_labels in readings.items():
        same = model == "tuned" and "base" in readings and of_labels is readings["base"]
        ranked[model] = {}
        for name, reading in of_labels.items():
            source = sources[model][reading.target.of]
            found = ranked["base"].get(name) if same else rank_reading(reading, source, options)
            if found is None:
                continue
            ranked[model][name] = found
            where = {"model": model, "layer": pair.layer, "label": name}
            parts.setdefault("probing_neurons", []).append(_neurons(found, where, pair))
            if len(found.rankings) > 1:
                agreed = agreement(found.rankings, [k for k in AGREE_ON if k <= len(found.share)] or [1]).pairs
                parts.setdefault("probing_agreement", []).append(placed(agreed, pair, **where))
            if options.ablation:
                curves = _ablation(reading, found, source)
                parts.setdefault("probing_ablation", []).append(placed(curves, pair, **where))
        vectors = pair.base if model == "base" else pair.tuned
        if vectors is not None and options.pages and ranked[model]:
            parts.setdefault("probing_words", []).append(_words(vectors, ranked[model], model, pair, options))
    if len(ranked) == 2:
        for name in [name for name in ranked["base"] if name in ranked["tuned"]]:
            fates = _fates(ranked["base"][name], ranked["tuned"][name])
            parts.setdefault("probing_fates", []).append(placed(fates, pair, layer=pair.layer, label=name))
    return {name: pl.concat(frames) for name, frames in parts.items()}, ranked


def _by_gaussian(reading: Reading, source: Readable, X: np.ndarray) -> Ranking:
    rows = reading.target.rows
    dev = rows.dev if len(rows.dev) else rows.train
    X_dev = source.held_out(dev) if len(rows.dev) else X
    return rank_by_gaussian(X, rows.codes[rows.train], X_dev, rows.codes[dev])


def _neurons(found: Ranked, where: Mapping[str, Any], pair: LayerPair) -> pl.DataFrame:
    hidden = len(found.share)
    values: list[list[str]] = [[] for _ in range(hidden)]
    for value, neurons in found.salient.items():
        for neuron in neurons:
            values[neuron].append(value)
    columns: dict[str, Any] = {
        "model": [where["model"]] * hidden,
        "layer": [where["layer"]] * hidden,
        "label": [where["label"]] * hidden,
        "neuron": np.arange(hidden),
        "share": found.share,
        "values": values,
    }
    for method in ("lca", "probeless", "weights", "gaussian"):
        rank: Any = [None] * hidden
        if method in found.rankings:
            rank = np.empty(hidden, dtype=np.int64)
            rank[found.rankings[method].order] = np.arange(hidden)
        columns[method] = rank
    return pl.DataFrame(columns | {"seed": [pair.tuned_index] * hidden}, schema_overrides=NEURONS).select(*NEURONS)


class _Probe:
    """A reading in the shape that ablation takes: classes are their numbers."""

    def __init__(self, reading: Reading) -> None:
        self.coef_, self.intercept_ = reading.solution.coef, reading.solution.intercept
        self.classes_ = np.arange(len(reading.target.classes))


def _ablation(reading: Reading, found: Ranked, source: Readable) -> pl.DataFrame:
    rows = reading.target.rows
    hidden = len(found.share)
    return ablation_curves(
        _Probe(reading),
        source.held_out(rows.test),
        rows.codes[rows.test],
        found.rankings["lca"],
        sizes=sorted({max(1, round(share * hidden)) for share in SHARES}),
        replace="mean",
        means=source.train_of(reading.target).mean(axis=0, dtype=np.float64),
        seeds=RANDOM_ORDERS,
    ).rename({"seed": "draw"})


def _fates(base: Ranked, tuned: Ranked) -> pl.DataFrame:
    """What became of the neurons salient for each value; chance relabels them within the layer."""
    return neuron_fates(base.salient, tuned.salient, len(base.share)).rename({"label": "value"})


def _words(
    vectors: Vectors, ranked: Mapping[str, Ranked], model: str, pair: LayerPair, options: ProbingOptions
) -> pl.DataFrame:
    neurons = most_salient(ranked, options.pages)
    found = top_words(vectors, pair.words, neurons, n=8, min_count=min(5, max(1, pair.words.height // 200)), examples=1)
    shown = [
        [
            {**context, "activation": example["activation"]}
            for example, context in zip(examples, _contexts(pair, examples), strict=True)
        ]
        for examples in found["examples"].to_list()
    ]
    with_contexts = found.with_columns(pl.Series("examples", shown, dtype=WORDS["examples"]))
    table = placed(with_contexts, pair, model=model, layer=pair.layer)
    return table.select([pl.col(name).cast(kind) for name, kind in WORDS.items()])


def _contexts(pair: LayerPair, examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return contexts(pair.sentences, pair.words[[example["row"] for example in examples]])


def most_salient(ranked: Mapping[str, Ranked], count: int) -> np.ndarray:
    """The first neurons of every label in turn, until there are so many; in the order found."""
    chosen: dict[int, None] = {}
    orders = [found.rankings["lca"].order for found in ranked.values()]
    for place in range(max(len(order) for order in orders)):
        for order in orders:
            if len(chosen) >= count:
                return np.array(list(chosen), dtype=np.int64)
            if place < len(order):
                chosen[int(order[place])] = None
    return np.array(list(chosen), dtype=np.int64)
