"""Measures of a layer that are made only where they are asked for: bits, learning curves, probes that may bend.

Trains the probes that they need and makes their rows. How a code or a curve adds up is in the files of those names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import polars as pl
from scipy.special import softmax

from isogloss.analysis import LayerPair, Tables
from isogloss.numerics.elastic_net import Solution
from isogloss.numerics.mlp import MLPProbe
from isogloss.probing.description_length import OnlineBlocks, codelength
from isogloss.probing.learning_curve import LearningCurve, NestedSubsets, learning_curve
from isogloss.probing.options import ProbingOptions
from isogloss.probing.reading import Readable, Reading
from isogloss.probing.resampling import Resampled
from isogloss.probing.scores import accuracy, resampled_mean
from isogloss.probing.scoring import Row, models_of, names_of, row_of
from isogloss.probing.solving import predicted, problem_of, solved

CURVE_SEEDS = 2
"""Orders of the training sentences that a learning curve is the mean of."""

LEARNING_CURVE: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "label": pl.String(),
    "fraction": pl.Float64(),
    "n_words": pl.Float64(),
    "accuracy": pl.Float64(),
    "std": pl.Float64(),
    "n_seeds": pl.Int32(),
    "area": pl.Float64(),
    "seed": pl.Int32(),
}
"""One row per size of the training set, see `LearningCurve`; `area` is that of the whole curve."""

Sources = Mapping[str, Mapping[str, Readable]]
Found = TypeVar("Found")


def asked_for(
    sources: Sources, readings: Mapping[str, Mapping[str, Reading]], pair: LayerPair, options: ProbingOptions
) -> tuple[list[Row], Tables]:
    """Rows of the tidy table and further tables, of the labels of words that are classes; none where not asked for.

    Measures: `bits` (its null: the bits of the first control task), `compression`, `bits_change` (tuned minus base);
    `mlp_accuracy`, `mlp_gain` (minus the linear probe's, on the same words), `mlp_accuracy_change`.

    Every probe of a label has the penalty that dev chose for all its training words. It is weak for few words, so the
    first blocks' probes may be surer than they should be: what cannot be read can take more than log2 K bits.
    """
    rows: list[Row] = []
    curves: list[pl.DataFrame] = []
    for name in names_of(readings):
        of_models = models_of(readings, name)
        target = next(iter(of_models.values())).target
        if target.of != "words" or target.numeric:
            continue
        words = {model: sources[model]["words"] for model in of_models}
        if options.description_length:
            rows += _bits(of_models, words, options, pair)
        if options.learning_curve:
            curves += _curves(of_models, words, options, pair)
        if options.mlp:
            rows += _mlp(of_models, words, options, pair)
    return rows, {"probing_learning_curve": pl.concat(curves)} if curves else {}


def _of_each(of_models: Mapping[str, Reading], make: Callable[[str, Reading], Found]) -> dict[str, Found]:
    """What is made of each model; nothing is made twice of a model that is the same as the one before."""
    found: dict[str, Found] = {}
    for model, reading in of_models.items():
        same = next((other for other in found if of_models[other] is reading), None)
        found[model] = make(model, reading) if same is None else found[same]
    return found


def _probes(
    readable: Readable,
    reading: Reading,
    codes: np.ndarray,
    weights: Sequence[np.ndarray],
    options: ProbingOptions,
    pair: LayerPair,
) -> list[Solution]:
    """Probes of (n_train,) classes, each trained where its (n_train,) weights are not 0, all solved together."""
    inside = np.searchsorted(readable.train_rows, reading.target.rows.train)
    problems = []
    for given in weights:
        # The solver refuses classes without a word; those that a part of the words lacks are told by -1 alone.
        part = np.full(len(readable.train_rows), -1)
        part[inside] = np.where(given > 0, codes, -1)
        problems.append(problem_of(options, reading.strength, codes=part, n_classes=len(reading.target.classes)))
    return solved(readable.train, problems, options, pair.progress)


def _bits(
    of_models: Mapping[str, Reading], words: Mapping[str, Readable], options: ProbingOptions, pair: LayerPair
) -> list[Row]:
    """Bits per training word of the online code of the labels, and of the first control task."""
    target = next(iter(of_models.values())).target
    train, K = target.rows.train, len(target.classes)
    owners = target.rows.sentences[train]
    blocks = OnlineBlocks.of(owners, seed=pair.seed)
    tasks = [target.rows.codes[train]]
    if options.controls and target.has_controls:
        tasks.append(target.controls(range(pair.seed, pair.seed + 1))[0, train])

    def word_bits(model: str, reading: Reading) -> np.ndarray:
        X, coded = words[model].train_of(target), []
        for codes in tasks:
            probes = _probes(words[model], reading, codes, blocks.weights, options, pair)
            given = [
                softmax(predicted(probe, X[rows]).astype(np.float64), axis=1)
                for probe, rows in zip(probes, blocks.rows, strict=True)
            ]
            coded.append(codelength(codes, blocks, given, K).word_bits)
        return np.stack(coded)

    # (n_models, n_tasks, n_train)
    found = np.stack(list(_of_each(of_models, word_bits).values()))
    bits = resampled_mean(found[:, 0], owners, n_boot=options.bootstrap, seed=pair.seed)
    compression = Resampled(np.log2(K) / bits.value, np.log2(K) / bits.replicates, bits.origin)
    rows = []
    for i, model in enumerate(of_models):
        control = float(found[i, 1].mean()) if len(tasks) > 1 else None
        rows.append(row_of("bits", model, target.name, bits[i], len(train)))
        rows[-1] |= {"null_low": control, "null_high": control}
        rows.append(row_of("compression", model, target.name, compression[i], len(train)))
    if len(of_models) == 2:
        rows.append(row_of("bits_change", "tuned", target.name, bits[1] - bits[0], len(train)))
    return rows


def _curves(
    of_models: Mapping[str, Reading], words: Mapping[str, Readable], options: ProbingOptions, pair: LayerPair
) -> list[pl.DataFrame]:
    """Test accuracy over the number of training words."""
    rows = next(iter(of_models.values())).target.rows
    seeds = range(pair.seed, pair.seed + CURVE_SEEDS)
    subsets = NestedSubsets.of(rows.sentences[rows.train], seeds=tuple(seeds))

    def made(model: str, reading: Reading) -> LearningCurve:
        probes = _probes(words[model], reading, rows.codes[rows.train], subsets.weights, options, pair)
        test, truth = words[model].held_out(rows.test), rows.codes[rows.test]
        right = [float((predicted(probe, test).argmax(axis=1) == truth).mean()) for probe in probes]
        return learning_curve(subsets, right)

    frames = []
    for model, curve in _of_each(of_models, made).items():
        known = {"model": model, "layer": pair.layer, "label": rows.label, "area": curve.area, "seed": pair.tuned_index}
        placed = curve.table.with_columns(**{name: pl.lit(value) for name, value in known.items()})
        frames.append(placed.select(pl.col(name).cast(kind) for name, kind in LEARNING_CURVE.items()))
    return frames


def _mlp(
    of_models: Mapping[str, Reading], words: Mapping[str, Readable], options: ProbingOptions, pair: LayerPair
) -> list[Row]:
    """Test accuracy of probes with two hidden layers, and what they have over the linear ones."""
    target = next(iter(of_models.values())).target
    rows = target.rows
    y, truth = rows.codes[rows.train], rows.codes[rows.test]

    def predictions(model: str, reading: Reading) -> np.ndarray:
        probe = MLPProbe(standardize=options.standardize, device=options.device, random_state=pair.seed)
        held = (words[model].held_out(rows.dev), rows.codes[rows.dev]) if len(rows.dev) else (None, None)
        probe.fit(words[model].train_of(target), y, *held)
        return np.stack([probe.predict(words[model].held_out(rows.test)), reading.predictions])

    found = np.stack(list(_of_each(of_models, predictions).values()))
    right = accuracy(truth, found, rows.sentences[rows.test], n_boot=options.bootstrap, seed=pair.seed)
    made = []
    for i, model in enumerate(of_models):
        made.append(row_of("mlp_accuracy", model, target.name, right[i, 0], len(truth)))
        made.append(row_of("mlp_gain", model, target.name, right[i, 0] - right[i, 1], len(truth)))
    if len(of_models) == 2:
        made.append(row_of("mlp_accuracy_change", "tuned", target.name, right[1, 0] - right[0, 0], len(truth)))
    return made
