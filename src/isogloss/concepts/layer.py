"""The concepts of one layer in both models, measured: every table that needs its vectors or its labels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import ArrayVectors, LayerPair, Tables, tidy
from isogloss.concepts.clustering import ConceptTree, TreesOnce, concepts_of, loss_against_ward
from isogloss.concepts.clusters import describe_clusters
from isogloss.concepts.fates import fates
from isogloss.concepts.joint import colap
from isogloss.concepts.labelling import label_families
from isogloss.concepts.members import classes_table, links_table, list_table, members_table, tree_table, words_table
from isogloss.concepts.model_concepts import ModelConcepts, concepts_of_model
from isogloss.concepts.options import ConceptsOptions
from isogloss.concepts.polarity import ALL
from isogloss.concepts.selection import ChosenWords
from isogloss.concepts.shuffled import shuffled_colap
from isogloss.concepts.stability import HalfTrees, compared_rows, half_trees, null_of
from isogloss.concepts.task_classes import TaskClasses
from isogloss.errors import OptionError
from isogloss.numerics.room import one_below_the_other

Row = dict[str, Any]


def measure_layer(
    pair: LayerPair, chosen: ChosenWords, classes: TaskClasses | None, options: ConceptsOptions, clustered: TreesOnce
) -> tuple[Tables, dict[str, ModelConcepts]]:
    """Tables of one layer of both models (of the one that has it), and the concepts that triggers are taken from.

    `clustered` gives trees, and keeps those of the base model.
    """
    vectors = {name: v.take(chosen.rows) for name, v in (("base", pair.base), ("tuned", pair.tuned)) if v is not None}
    for name, matrix in vectors.items():
        _check_finite(name, matrix, pair, chosen)
    numbers = (chosen.n_clusters, *chosen.other_numbers)
    trees = {
        name: clustered.of(matrix, numbers, options, pair.seed, pair.progress, keep=name == "base")
        for name, matrix in vectors.items()
    }
    halves = half_trees(vectors, chosen, numbers, options, pair.seed, clustered) if len(trees) == 2 else {}
    families = label_families(pair, chosen, options)
    measured = {}
    for k in numbers:
        of_number = {name: by_number[k] for name, by_number in trees.items()}
        found = {
            name: concepts_of_model(tree, families, pair, chosen, classes, options) for name, tree in of_number.items()
        }
        some = replace(chosen, n_clusters=k)
        rows = _rows(vectors, found, halves.get(k), some, options, classes, pair.seed)
        measured[k] = found, rows
    found, rows = measured[chosen.n_clusters]
    both = (
        fates(found["base"].tree.clusters, found["tuned"].tree.clusters, threshold=options.fate_threshold)
        if len(found) == 2
        else None
    )
    common = {"analysis": "concepts", "layer": pair.layer, "seed": pair.tuned_index}
    tables: Tables = {"concepts": tidy(common | row for row in rows)}
    if len(numbers) > 1:
        tables["concepts_numbers"] = pl.concat(
            tidy(common | row for row in rows).with_columns(clusters=pl.lit(k, pl.Int32))
            for k, (_, rows) in measured.items()
        )
    parts: dict[str, list[pl.DataFrame]] = {}
    for name, concepts in found.items():
        described = describe_clusters(concepts.tree.clusters, chosen.words, ArrayVectors(vectors[name]))
        parts.setdefault("concepts_list", []).append(list_table(name, concepts, described, both, pair, chosen))
        parts.setdefault("concepts_words", []).append(words_table(name, described, pair))
        parts.setdefault("concepts_tree", []).append(tree_table(name, concepts.tree, pair))
        parts.setdefault("concepts_members", []).append(members_table(name, concepts.tree, chosen, pair))
        if concepts.polarity is not None and classes is not None:
            parts.setdefault("concepts_classes", []).append(classes_table(name, classes.name, concepts.polarity, pair))
        parts.setdefault("concepts_labels", []).append(_label_table(name, concepts, pair))
    if both is not None:
        parts["concepts_links"] = [links_table(both, pair)]
    return tables | {name: pl.concat(frames) for name, frames in parts.items()}, found


def _check_finite(model: str, matrix: np.ndarray, pair: LayerPair, chosen: ChosenWords) -> None:
    # Sums of float32 in float64 cannot overflow, and need no second matrix.
    bad = np.flatnonzero(~np.isfinite(matrix.sum(axis=1, dtype=np.float64)))
    if len(bad):
        word = chosen.words.row(int(bad[0]), named=True)
        raise OptionError(
            f"concepts: layer {pair.layer} of the {model} model holds NaN or infinity for {len(bad):,} of "
            f"{len(matrix):,} words, the first of them {word['word']!r} in sentence {word['sentence']}"
        )


def _rows(
    vectors: Mapping[str, np.ndarray],
    found: Mapping[str, ModelConcepts],
    halves: HalfTrees | None,
    chosen: ChosenWords,
    options: ConceptsOptions,
    classes: TaskClasses | None,
    seed: int,
) -> list[Row]:
    """Rows of the tidy table for one number of concepts."""
    trees = {name: concepts.tree for name, concepts in found.items()}
    rows = _loss_rows(vectors, trees, options)
    for name, concepts in found.items():
        rows += _label_rows(name, concepts) + _polar_rows(name, concepts, classes)
    if len(trees) == 2:
        rows += compared_rows(trees, halves, chosen, options, seed)
        rows += _joint_rows(vectors, chosen, options, seed)
    return rows


def _loss_rows(
    vectors: Mapping[str, np.ndarray], trees: Mapping[str, ConceptTree], options: ConceptsOptions
) -> list[Row]:
    """What an approximation costs against Ward's method, in each model."""
    losses = {name: loss_against_ward(vectors[name], tree.clusters, options) for name, tree in trees.items()}
    return [
        {"measure": "loss", "model": name, "value": loss, "n": len(vectors[name])}
        for name, loss in losses.items()
        if loss is not None
    ]


def _label_rows(model: str, concepts: ModelConcepts) -> list[Row]:
    rows = []
    for family, found in concepts.labels.items():
        for measure, value, n in (
            ("alignment", found.alignment, found.n_concepts),
            ("coverage", found.coverage, found.n_labels),
            ("overall", found.overall, found.n_concepts),
        ):
            band = found.null.get(measure)
            row = {"measure": measure, "model": model, "subset": family, "value": value, "n": n}
            rows.append(row | null_of(band))
    return rows


def _polar_rows(model: str, concepts: ModelConcepts, classes: TaskClasses | None) -> list[Row]:
    if concepts.polarity is None or classes is None:
        return []
    return [
        {
            "measure": "polar",
            "model": model,
            "subset": "all" if row["class"] is ALL else f"{classes.name}={row['class']}",
            "value": float(row["n_polar"]),
            # Whole numbers: a percentile between two of them is widened to them.
            "null_low": None if row["null_low"] is None else float(math.floor(row["null_low"])),
            "null_high": None if row["null_high"] is None else float(math.ceil(row["null_high"])),
            "n": concepts.polarity.n_concepts,
        }
        for row in concepts.polarity.counts.iter_rows(named=True)
    ]


def _joint_rows(
    vectors: Mapping[str, np.ndarray], chosen: ChosenWords, options: ConceptsOptions, seed: int
) -> list[Row]:
    if not options.joint or vectors["base"].shape != vectors["tuned"].shape:
        return []
    together, n = one_below_the_other([vectors["base"], vectors["tuned"]]), len(vectors["base"])
    clusters = concepts_of(together, chosen.n_clusters, options, seed).clusters
    found = colap(clusters, n)
    row = {"measure": "colap", "model": "tuned", "value": found.share, "n": found.n_concepts}
    times = options.permutations
    return [row | null_of(shuffled_colap(clusters, n, permutations=times, seed=seed) if times else None)]


def _label_table(model: str, concepts: ModelConcepts, pair: LayerPair) -> pl.DataFrame:
    """Every label with the concept that covers it best, by family."""
    parts = [
        found.table.filter(pl.col("direction") == "label")
        .drop("direction", "unknown")
        .with_columns(family=pl.lit(family))
        for family, found in concepts.labels.items()
    ]
    where = {"model": pl.lit(model), "layer": pl.lit(pair.layer, pl.Int32), "seed": pl.lit(pair.tuned_index, pl.Int32)}
    return pl.concat(parts).with_columns(**where) if parts else pl.DataFrame()
