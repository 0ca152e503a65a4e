"""One layer of both models, probed: every table that needs its vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, Tables, Vectors, tidy
from isogloss.analysis.stacked import refuse_unfinite_rows, sentence_vectors
from isogloss.probing.asked_for import asked_for
from isogloss.probing.layer_neurons import Ranked, neuron_tables
from isogloss.probing.options import ProbingOptions
from isogloss.probing.read_once import ReadOnce
from isogloss.probing.reading import Readable, Reading, read_all
from isogloss.probing.scoring import baseline_rows, models_of, names_of, score_rows
from isogloss.probing.targets import Target

Readings = dict[str, dict[str, Reading]]


def probe_layer(
    pair: LayerPair, targets: list[Target], options: ProbingOptions, base: ReadOnce
) -> tuple[Tables, dict[str, dict[str, Ranked]]]:
    """Tables of one layer, and the rankings of its neurons per model and label; `base` reads the base model.

    Raises
    ------
    NotFiniteError : vectors hold NaN or infinity.
    """
    sources: dict[str, dict[str, Readable]] = {}
    readings: Readings = {}
    for model, vectors in (("base", pair.base), ("tuned", pair.tuned)):
        if vectors is None:
            continue
        sources[model] = readable(vectors, targets, pair, f"layer {pair.layer} of the {model} model")
        if model == "tuned" and "base" in sources and _same(sources["base"], sources["tuned"]):
            readings["tuned"] = readings["base"]
        else:
            readings[model] = {}
            for source in sources[model].values():
                readings[model] |= (
                    base(source, options, pair)
                    if model == "base"
                    else read_all(source, options, pair.seed, pair.progress)
                )
    common = {"analysis": "probing", "layer": pair.layer, "seed": pair.tuned_index}
    seeds = range(pair.seed, pair.seed + options.controls)
    by_name = {target.name: target for target in targets}
    rows: list[dict[str, Any]] = []
    for name in names_of(readings):
        rows += score_rows(by_name[name], models_of(readings, name), options, pair.seed, seeds)
        rows += baseline_rows(by_name[name], options, pair.seed)
    asked_rows, asked_tables = asked_for(sources, readings, pair, options)
    rows += asked_rows
    tables: Tables = {
        "probing": tidy(common | row for row in rows),
        "probing_probes": _probes_table(readings, options, pair),
    }
    of_neurons, ranked = neuron_tables(sources, readings, pair, options)
    return tables | asked_tables | of_neurons, ranked


def readable(vectors: Vectors, targets: list[Target], pair: Any, where: str) -> dict[str, Readable]:
    """The rows of a matrix that labels of words, and of sentences, need.

    Raises
    ------
    NotFiniteError : one of them holds NaN or infinity; `where` says where.
    """
    found = {}
    of_words = [target for target in targets if target.of == "words"]
    of_sentences = [target for target in targets if target.of == "sentences"]
    if of_words:
        found["words"] = Readable(vectors, of_words)
    if of_sentences:
        found["sentences"] = Readable(sentence_vectors(pair, vectors), of_sentences)
    for of, source in found.items():
        for rows, matrix in ((source.train_rows, source.train), (source.held_rows, source.held)):
            refuse_unfinite_rows(matrix, rows, f"probing: {where}", of)
    return found


def _same(base: Mapping[str, Readable], tuned: Mapping[str, Readable]) -> bool:
    return all(base[of].same_as(tuned[of]) for of in base)


def _probes_table(readings: Readings, options: ProbingOptions, pair: LayerPair) -> pl.DataFrame:
    """How each probe was trained: its penalties, how near its optimum it is, and how sparse."""
    rows = [
        {
            "model": model,
            "layer": pair.layer,
            "label": name,
            "of": reading.target.of,
            "n_classes": max(1, len(reading.target.classes)),
            "n_train": len(reading.target.rows.train),
            "n_dev": len(reading.target.rows.dev),
            "n_test": len(reading.target.rows.test),
            "l1": options.l1 * reading.strength,
            "l2": options.l2 * reading.strength,
            "objective": float(reading.solution.objective),
            "gap": float(reading.solution.gap),
            "iterations": int(reading.solution.n_iter),
            "stopped": reading.solution.stopped,
            "neurons": int((np.asarray(reading.solution.coef) != 0).any(axis=0).sum()),
            "seed": pair.tuned_index,
        }
        for model, of_labels in readings.items()
        for name, reading in of_labels.items()
    ]
    return pl.DataFrame(rows, schema=PROBES, orient="row")


PROBES: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "label": pl.String(),
    "of": pl.String(),
    "n_classes": pl.Int32(),
    "n_train": pl.Int64(),
    "n_dev": pl.Int64(),
    "n_test": pl.Int64(),
    "l1": pl.Float64(),
    "l2": pl.Float64(),
    "objective": pl.Float64(),
    "gap": pl.Float64(),
    "iterations": pl.Int64(),
    "stopped": pl.String(),
    "neurons": pl.Int64(),
    "seed": pl.Int32(),
}
"""`gap` bounds how far `objective` is above its least; `neurons` are those with a weight that is not zero."""
