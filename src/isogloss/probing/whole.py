"""All layers side by side: where the neurons that hold a label sit, how few suffice, and what tuning moved.

Probes of one layer always find neurons in it; only a probe that may choose among all layers says where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import ModelPair, Tables, Vectors
from isogloss.analysis.stacked import SideBySide
from isogloss.numerics.room import by_rows
from isogloss.probing.distribution import layer_distribution, layer_shift, neuron_fates
from isogloss.probing.layer_neurons import Ranked, rank_reading
from isogloss.probing.minimal import minimal_layer, minimal_neurons
from isogloss.probing.mixed_layers import mix_table
from isogloss.probing.options import ProbingOptions
from isogloss.probing.placing import placed
from isogloss.probing.read_once import ReadOnce
from isogloss.probing.reading import Readable, Reading, read_all
from isogloss.probing.scoring import models_of, names_of, score_rows
from isogloss.probing.solving import fitted, predicted
from isogloss.probing.targets import Target

TOLERANCES = (0.01, 0.02, 0.03)
"""Shares of accuracy that the fewest layers and neurons may lose."""
MINIMAL_SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Shares of the neurons that probes are trained on again to find the fewest that suffice."""

MAP: dict[str, Any] = {
    "model": pl.String(),
    "label": pl.String(),
    "layer": pl.Int32(),
    "neuron": pl.Int32(),
    "share": pl.Float64(),
    "rank": pl.Int32(),
    "values": pl.List(pl.String()),
    "seed": pl.Int32(),
}
"""Neurons with a weight in the probe of all layers: `share` is the largest share of a value's weight, `rank` by LCA."""


def probe_together(pair: ModelPair, targets: Sequence[Target], options: ProbingOptions, base: ReadOnce) -> Tables:
    """Tables of the probes that read all layers at once; none where layers differ in width or nothing is classed.

    Side by side with `together`, mixed with `scalar_mix`. `base` reads the base model.
    """
    classed = [_first(target, options.together_train) for target in targets if target.of == "words"]
    classed = [target for target in classed if not target.numeric]
    if not classed:
        return {}
    # Only the order by LCA is used here, and a Gaussian needs more words of each value than these may hold.
    few = replace(options, controls=min(options.controls, 1), rankings="lca")
    widths: dict[str, int] = {}
    sources: dict[str, Readable] = {}
    readings: dict[str, dict[str, Reading]] = {}
    layers = {"base": pair.base_layers, "tuned": pair.tuned_layers}
    for model, of_layers in layers.items():
        vectors: Sequence[Vectors] = [of_layers[i] for i in sorted(of_layers)]
        if len({v.shape[1] for v in vectors}) != 1:
            continue
        widths[model] = vectors[0].shape[1]
        source = Readable(SideBySide(tuple(vectors)), classed)
        same = "base" in sources and sources["base"].same_as(source)
        sources[model] = sources["base"] if same else source
        if options.together:
            if model == "base":
                readings[model] = base(source, few, pair)
            else:
                readings[model] = readings["base"] if same else read_all(source, few, pair.seed, pair.progress)
    by_name = {target.name: target for target in classed}
    parts: dict[str, list[pl.DataFrame]] = {}
    for name in names_of(readings):
        of_models = models_of(readings, name)
        ranked: dict[str, Ranked] = {}
        for model, reading in of_models.items():
            same = model == "tuned" and reading is of_models.get("base")
            found = ranked.get("base") if same else rank_reading(reading, sources[model], few)
            if found is None:
                continue
            ranked[model] = found
            numbers = sorted(layers[model])
            where = {"model": model, "label": name}
            distribution = _numbered(layer_distribution(found.salient, widths[model], len(numbers)), numbers)
            _add(parts, "probing_distribution", distribution.rename({"label": "value"}), where, pair)
            _add(parts, "probing_map", _map(found, widths[model], numbers), where, pair)
            minimal = _minimal(reading, found, sources[model], widths[model], numbers, options)
            _add(parts, "probing_minimal", minimal, where, pair)
        _add(parts, "probing_together", _scores(by_name[name], of_models, few, pair), {"label": name}, pair)
        if len(ranked) == 2 and widths["base"] == widths["tuned"] and sorted(layers["base"]) == sorted(layers["tuned"]):
            hidden, numbers = widths["base"], sorted(layers["base"])
            shift, by_layer = _shift(ranked, hidden, numbers, pair.seed)
            _add(parts, "probing_shift", shift, {"label": name}, pair)
            _add(parts, "probing_shift_layers", by_layer, {"label": name}, pair)
            fates = neuron_fates(ranked["base"].salient, ranked["tuned"].salient, hidden * len(numbers), hidden=hidden)
            _add(parts, "probing_fates_together", fates.rename({"label": "value"}), {"label": name}, pair)
    if options.scalar_mix and sources:
        numbers_of = {model: sorted(layers[model]) for model in sources}
        parts["probing_mix"] = [mix_table(sources, numbers_of, classed, options, pair)]
    return {name: pl.concat(frames) for name, frames in parts.items()}


def _first(target: Target, most: int) -> Target:
    """The label with at most so many training rows; a value that they lack keeps its number and is never predicted."""
    return replace(target, rows=replace(target.rows, train=target.rows.train[:most]))


def _scores(target: Target, readings: Mapping[str, Reading], options: ProbingOptions, pair: ModelPair) -> pl.DataFrame:
    seeds = range(pair.seed, pair.seed + options.controls)
    rows = [row for row in score_rows(target, readings, options, pair.seed, seeds) if row["subset"] == target.name]
    known = [{"null_low": None, "null_high": None} | row for row in rows]
    schema = {"measure": pl.String(), "model": pl.String(), "value": pl.Float64(), "ci_low": pl.Float64()}
    schema |= {"ci_high": pl.Float64(), "null_low": pl.Float64(), "null_high": pl.Float64(), "n": pl.Int64()}
    return pl.DataFrame([{name: row[name] for name in schema} for row in known], schema=schema)


def _map(found: Ranked, hidden: int, numbers: Sequence[int]) -> pl.DataFrame:
    neurons = np.flatnonzero(found.share)
    rank = np.empty(len(found.share), dtype=np.int64)
    rank[found.rankings["lca"].order] = np.arange(len(rank))
    values: dict[int, list[str]] = {}
    for value, members in found.salient.items():
        for neuron in members.tolist():
            values.setdefault(neuron, []).append(value)
    columns = {
        "layer": np.asarray(numbers)[neurons // hidden],
        "neuron": neurons % hidden,
        "share": found.share[neurons],
        "rank": rank[neurons],
        "values": [values.get(neuron, []) for neuron in neurons.tolist()],
    }
    return pl.DataFrame(columns, schema={name: MAP[name] for name in columns})


def _shift(
    ranked: Mapping[str, Ranked], hidden: int, numbers: Sequence[int], seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    base, tuned = (np.unique(np.concatenate(list(ranked[m].salient.values()))) for m in ("base", "tuned"))
    found = layer_shift(base, tuned, hidden, len(numbers), seed=seed)
    names = ("base_mean", "tuned_mean", "shift", "null_mean", "null_low", "null_high", "p")
    whole = pl.DataFrame({name: [getattr(found, name)] for name in names}, schema=dict.fromkeys(names, pl.Float64()))
    return whole, _numbered(found.layers, numbers)


def _minimal(
    reading: Reading,
    found: Ranked,
    source: Readable,
    hidden: int,
    numbers: Sequence[int],
    options: ProbingOptions,
) -> pl.DataFrame:
    """Fewest neurons, and the lowest layers, that lose at most a share of accuracy; chosen on dev, told on test."""
    target, rows = reading.target, reading.target.rows
    schema: dict[str, Any] = {"what": pl.String(), "tolerance": pl.Float64(), "n": pl.Int64(), "of": pl.Int64()}
    schema |= {"accuracy": pl.Float64(), "all": pl.Float64(), "found": pl.Boolean()}
    if not len(rows.dev):
        return pl.DataFrame(schema=schema)
    X, dev, test = source.train_of(target), source.held_out(rows.dev), source.held_out(rows.test)
    y, y_dev, y_test = (rows.codes[part] for part in (rows.train, rows.dev, rows.test))
    oracle = float((reading.predictions == y_test).mean())

    def fit(X: np.ndarray, y: np.ndarray, subsets: Sequence[np.ndarray]) -> list[Any]:
        probes = []
        for subset in subsets:
            some = by_rows(lambda block, subset=subset: np.ascontiguousarray(block[:, subset]), X)  # type: ignore[misc]
            probes.append(fitted(some, y, len(target.classes), reading.strength, options))
        return probes

    made = []
    if options.minimal_neurons:
        d = len(found.share)
        sizes = sorted({max(1, round(share * d)) for share in MINIMAL_SHARES})
        fewest = minimal_neurons(
            X, y, found.rankings["lca"], dev, y_dev, tolerance=TOLERANCES[0], sizes=sizes, fit=fit, search="bisect"
        )
        told = oracle if not fewest.found else float((fewest.probe.predict(test[:, fewest.neurons]) == y_test).mean())
        made.append(("neurons", TOLERANCES[0], fewest.n, d, told, oracle, fewest.found))
    if options.minimal_layers:
        widths = [(i + 1) * hidden for i in range(len(numbers) - 1)]
        probes = fit(X, y, [np.arange(width) for width in widths])
        on_dev = [float((p.predict(dev[:, :w]) == y_dev).mean()) for w, p in zip(widths, probes, strict=True)]
        on_dev.append(float((predicted(reading.solution, dev).argmax(axis=1) == y_dev).mean()))
        for tolerance, layer in minimal_layer(on_dev, TOLERANCES).items():
            told = oracle
            if layer < len(probes):
                told = float((probes[layer].predict(test[:, : widths[layer]]) == y_test).mean())
            made.append(("layers", tolerance, numbers[layer], numbers[-1], told, oracle, layer < len(probes)))
    return pl.DataFrame(made, schema=schema, orient="row")


def _numbered(table: pl.DataFrame, numbers: Sequence[int]) -> pl.DataFrame:
    """Places of layers as the layers' own numbers."""
    return table.with_columns(pl.col("layer").replace_strict(dict(enumerate(numbers)), return_dtype=pl.Int32))


def _add(
    parts: dict[str, list[pl.DataFrame]], name: str, table: pl.DataFrame, where: Mapping[str, str], pair: ModelPair
) -> None:
    parts.setdefault(name, []).append(placed(table, pair, **where))
