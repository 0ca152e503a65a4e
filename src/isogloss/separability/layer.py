"""One layer of both models: every table that needs its vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from isogloss.analysis import LayerPair, Tables, tidy
from isogloss.analysis.kept import Kept
from isogloss.analysis.layer_choice import last_layer
from isogloss.analysis.notes import notes_table
from isogloss.separability.layer_rows import LayerRows
from isogloss.separability.measured import Measured, Measuring
from isogloss.separability.memorisation_scores import Predictions
from isogloss.separability.memorised_layer import memorised_layer
from isogloss.separability.options import SeparabilityOptions
from isogloss.separability.rows import beside, label_rows
from isogloss.separability.targets import Target


def separability_layer(
    pair: LayerPair,
    targets: list[Target],
    options: SeparabilityOptions,
    measuring: Measuring,
    predicted: Kept[Predictions],
) -> Tables:
    """Tables of one layer; of one model alone where the other lacks the layer.

    `measuring` and `predicted` keep what was found of a base model that comes again under another tuned one.

    Raises
    ------
    NotFiniteError : vectors hold NaN or infinity.
    """
    models = {
        model: LayerRows(vectors, pair, f"layer {pair.layer} of the {model} model")
        for model, vectors in (("base", pair.base), ("tuned", pair.tuned))
        if vectors is not None
    }
    reference = _reference(pair, options)
    rows: list[dict[str, Any]] = []
    parts: list[Tables] = []
    notes: list[str] = []
    for target in targets:
        measured: dict[str, Measured] = {}

        def measure(layer: LayerRows, like: Measured | None = None, target: Target = target) -> Measured:
            train, test = (layer.take(target, rows) for rows in (target.train, target.test))
            return measuring(train, test, target, options, seed=pair.seed, like=like, progress=pair.progress)

        like = None if reference is None else measure(reference)
        for model, layer in models.items():
            its_own = model == "base" and pair.layer == max(pair.base_layers, default=None)
            handed = measured.get("base") if options.clusters == "base" else like
            measured[model] = measure(layer, None if its_own else handed)
        rows += label_rows(target, measured, options, pair.seed)
        parts.append(beside(target, measured, pair))
        notes += _notes(target, measured, options)
    if options.memorised_at(pair.layer, last_layer(pair, pair.layer)):
        of_memory, tables_of_memory = memorised_layer(pair, models, targets, options, predicted)
        rows += of_memory
        parts.append(tables_of_memory)
    common = {"analysis": "separability", "layer": pair.layer, "seed": pair.tuned_index}
    names = dict.fromkeys(name for part in parts for name in part)
    tables = {name: pl.concat([part[name] for part in parts if name in part]) for name in names}
    return {
        "separability": tidy(common | row for row in rows),
        **tables,
        "separability_notes": notes_table((pair.layer, note) for note in notes),
    }


def _reference(pair: LayerPair, options: SeparabilityOptions) -> LayerRows | None:
    """The base model's last layer, if clusters are found there for all others."""
    if options.clusters != "once" or not pair.base_layers:
        return None
    last = max(pair.base_layers)
    return LayerRows(pair.base_layers[last], pair, f"layer {last} of the base model")


def _notes(target: Target, measured: dict[str, Measured], options: SeparabilityOptions) -> Iterator[str]:
    """What could not be found, said once for both models where it is the same."""
    said: dict[str, list[str]] = {}
    for model, one in measured.items():
        for note in _notes_of(target, one, options):
            said.setdefault(note, []).append(model)
    for note, models in said.items():
        yield f"{target.name}, {' and '.join(models)} model: {note}."


def _notes_of(target: Target, one: Measured, options: SeparabilityOptions) -> Iterator[str]:
    if one.shared:
        yield (
            f"{one.shared:,} of {len(target.train):,} training {target.of} have the very vector of one under another "
            "value, at distance 0"
        )
    if len(one.clusters) > options.most_clusters:
        yield f"{len(one.clusters):,} clusters are more than {options.most_clusters:,}, so no distances were found"
    if single := [name for name, size in zip(target.classes, one.sizes, strict=True) if size == 1]:
        shown = ", ".join(single[:3]) + (", ..." if len(single) > 3 else "")
        yield f"one training point only of {len(single)} value{'s' * (len(single) > 1)} ({shown})"
    if one.clusters.linear and one.test_clusters is not None and not one.test_clusters.linear:
        yield "the test rows are not one cluster per value, so they have no similarity with the training rows"
    if len(target.classes) < 3:
        yield "2 values have no spatial similarity, which takes 3"
    elif one.clusters.linear and one.test_clusters is None:
        yield "fewer than 3 values among the test rows, so they have no similarity with the training rows"
