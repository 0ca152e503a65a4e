"""The memorisation test at one layer: of which labels it is made, and the vectors that it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import polars as pl

from isogloss.analysis import LayerPair, Tables
from isogloss.analysis.kept import Kept
from isogloss.analysis.task_label import gold_label
from isogloss.separability.layer_rows import LayerRows
from isogloss.separability.memorisation import measure_memorisation
from isogloss.separability.memorisation_classifiers import Classifier
from isogloss.separability.memorisation_scores import Predictions
from isogloss.separability.options import SeparabilityOptions
from isogloss.separability.targets import Target

Row = dict[str, Any]


def memorised_layer(
    pair: LayerPair,
    models: Mapping[str, LayerRows],
    targets: Sequence[Target],
    options: SeparabilityOptions,
    kept: Kept[Predictions],
) -> tuple[list[Row], Tables]:
    """Rows of the tidy table and the tables of `measure_memorisation`, of every label it is made for."""
    rows: list[Row] = []
    parts: list[Tables] = []
    for target in _chosen(pair, targets, options):
        vectors = {model: layer.of(target) for model, layer in models.items()}
        found, tables = measure_memorisation(
            vectors.get("base"),
            vectors.get("tuned"),
            target.rows,
            pair.sentences,
            layer=pair.layer,
            seed=pair.seed,
            tuned_index=pair.tuned_index,
            classifier=cast(Classifier, options.classifier),
            splits=options.memorise_splits,
            max_train=options.max_train,
            bootstrap=options.bootstrap,
            kept=kept,
            progress=pair.progress,
        )
        rows += found
        parts.append(tables)
    return rows, {name: pl.concat([part[name] for part in parts]) for name in (parts[0] if parts else {})}


def _chosen(pair: LayerPair, targets: Sequence[Target], options: SeparabilityOptions) -> list[Target]:
    """The labels asked for; else the task's, as the classifier says it; else all labels of sentences."""
    wanted = options.memorise_names
    if wanted is None:
        task, _ = gold_label(pair)
        sentences = [target.name for target in targets if target.of == "sentences"]
        wanted = (task,) if task in sentences else tuple(sentences)
    return [target for target in targets if target.name in wanted]
