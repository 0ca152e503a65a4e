"""What surrounds words, as rows: how much they depend on their sentences, their clusters, their intrinsic dimension.

The measures are in `contextuality`, `clusters`, `frequency` and `dimension`; here base and tuned model stand side by
side, on the same sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import polars as pl

from isogloss.analysis import ModelPair, Vectors, word_classes
from isogloss.analysis.codes import word_types
from isogloss.analysis.tables import known
from isogloss.corpus.annotators import by_type, word_class_of
from isogloss.errors import NotFiniteError, OptionError
from isogloss.isotropy.clusters import LocalStructure, cluster_isotropy
from isogloss.isotropy.contextuality import contextuality
from isogloss.isotropy.dimension import Dimension, measure_dimension
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.frequency import FrequencyAgreement, frequency_agreement
from isogloss.isotropy.labellings import Labelling, frequency_bands, null_interval
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.shape_rows import SENTENCES, WORDS, Row, estimate_rows

MOST_VALUES = 60
"""Labels with more values are not looked for in clusters, save for the words themselves."""
MOST_LABELS = 6
"""Labels of the corpus that clusters are compared with, the first ones."""

STARTS = 5
"""Starts of k-means: two clusterings of the same words differ, and a change must be more than that."""
FEWEST_TYPES = 10
"""Different words that a label needs: with fewer it cannot be told from the words themselves."""

CLUSTERS: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "clusters": pl.Int32(),
    "measure": pl.String(),
    "label": pl.String(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "null_low": pl.Float64(),
    "null_high": pl.Float64(),
    "n": pl.Int64(),
    "seed": pl.Int32(),
}
"""Measures `partition`, `partition_log10`, `mean_cosine` when every cluster has its mean taken away (no label), and
`purity`, `nmi` with a label; model `change` is tuned minus base."""


@dataclass(frozen=True, eq=False)
class Words:
    """What the words of a pair are, for both models.

    Attributes
    ----------
    types, groups : (n_words,) type and sentence of each word, numbers from 0.
    n_groups : sentences with words.
    labellings : what clusters are compared with.
    """

    types: np.ndarray
    groups: np.ndarray
    n_groups: int
    labellings: tuple[Labelling, ...]

    @staticmethod
    def of(pair: ModelPair) -> Words:
        """Words by spelling in lower case, with their class, frequency and the corpus's labels of few values."""
        lower = pair.words["word"].str.to_lowercase()
        types, _ = word_types(lower)
        numbers, groups = np.unique(pair.words["sentence"].to_numpy(), return_inverse=True)
        values: dict[str, pl.Series] = {
            "word_class": by_type(pair.words["word"], word_class_of),
            "frequency": frequency_bands(types),
            "word": lower,
        }
        named = [name for name in word_classes(pair) if name not in values]
        few = [name for name in named if 1 < pair.words[name].drop_nulls().n_unique() <= MOST_VALUES]
        values |= {name: pair.words[name] for name in sorted(few, key=lambda n: (n.lower() != "tense", named.index(n)))}
        chosen = list(values)[: 3 + MOST_LABELS]
        labellings = tuple(
            Labelling.of(name, values[name], types)
            for name in chosen
            if lower.filter(values[name].is_not_null()).n_unique() >= FEWEST_TYPES
        )
        return Words(types, groups, len(numbers), labellings)


def context_rows(
    models: Mapping[str, Vectors], means: Mapping[str, Vectors], words: Words, options: IsotropyOptions, seed: int
) -> tuple[list[Row], list[str]]:
    """Rows of contextuality, intrinsic dimension and neighbours of like frequency; notes.

    `means` are the models' sentence vectors, whose intrinsic dimension is measured too; empty for none.
    """
    rows, notes = _rows_of({model: _around(vectors, words, options, seed) for model, vectors in models.items()}, WORDS)
    if means and options.dimension_words and words.n_groups > options.dimension_neighbours:
        more, said = _rows_of({model: _of_sentences(of, options, seed) for model, of in means.items()}, SENTENCES)
        rows, notes = rows + more, notes + [f"sentence vectors: {note}" for note in said]
    return rows, notes


def _rows_of(around: Mapping[str, _Around], subset: str) -> tuple[list[Row], list[str]]:
    rows = estimate_rows(
        {model: one.measures for model, one in around.items()},
        {(model, name): size for model, one in around.items() for name, size in one.sizes.items()},
        subset,
        {(model, name): null for model, one in around.items() for name, null in one.nulls.items()},
    )
    return rows, list(dict.fromkeys(note for one in around.values() for note in one.notes))


def _of_sentences(means: Vectors, options: IsotropyOptions, seed: int) -> _Around:
    """The intrinsic dimension of sentence vectors."""
    found, n = _Around(), means.shape[0]
    _dimension(found, means, np.arange(n), n, options, seed)
    return found


def _dimension(
    found: _Around, vectors: Vectors, groups: np.ndarray, n_groups: int, options: IsotropyOptions, seed: int
) -> None:
    def dimension() -> Dimension:
        return measure_dimension(
            vectors,
            groups,
            n_groups,
            neighbours=options.dimension_neighbours,
            max_words=options.dimension_words,
            bootstrap=options.bootstrap,
            seed=seed,
        )

    if (measured := _tried(found.notes, dimension)) is not None:
        found.measures["intrinsic_dimension"] = measured.estimate
        found.sizes["intrinsic_dimension"] = measured.n


@dataclass
class _Around:
    """What was measured around the words of one model, by name."""

    measures: dict[str, Estimate] = field(default_factory=dict)
    nulls: dict[str, tuple[float, float]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def _around(vectors: Vectors, words: Words, options: IsotropyOptions, seed: int) -> _Around:
    found = _Around()
    groups, n_groups, bootstrap = words.groups, words.n_groups, options.bootstrap
    if options.contextuality:
        contexts = contextuality(
            vectors, words.types, groups, n_groups, min_count=options.min_count, bootstrap=bootstrap, seed=seed
        )
        # The mean cosine of any two words is a measure of the layer's shape already.
        own = {name: one for name, one in contexts.measures.items() if name != "random_similarity"}
        found.measures |= own
        found.sizes |= dict.fromkeys(own, len(words.types))
        found.notes += contexts.notes

    def agreement() -> FrequencyAgreement:
        return frequency_agreement(
            vectors,
            words.types,
            groups,
            n_groups,
            max_words=options.local_words,
            permutations=options.permutations,
            bootstrap=bootstrap,
            seed=seed,
        )

    if options.dimension_words:
        _dimension(found, vectors, groups, n_groups, options, seed)
    if options.local and (alike := _tried(found.notes, agreement)) is not None:
        found.measures["frequency_neighbours"] = alike.agreement
        found.nulls["frequency_neighbours"] = null_interval(alike.null)
        found.sizes["frequency_neighbours"] = len(alike.rows)
    return found


def cluster_table(
    models: Mapping[str, Vectors], words: Words, options: IsotropyOptions, layer: int, index: int, seed: int
) -> tuple[pl.DataFrame, list[str]]:
    """The table `isotropy_clusters` of one layer, and notes."""
    found = {
        model: cluster_isotropy(
            vectors,
            words.groups,
            options.cluster_counts,
            labellings=words.labellings,
            max_words=options.local_words,
            starts=STARTS,
            permutations=options.permutations,
            bootstrap=options.bootstrap,
            seed=seed,
        )
        for model, vectors in models.items()
    }
    cells = {model: _cells(structure) for model, structure in found.items()}
    rows = []
    for model, own in cells.items():
        for key, (estimate, null, n) in own.items():
            rows.append(_cluster_row(model, layer, index, key, estimate, null_interval(null), n))
    for key, (after, _, n) in cells.get("tuned", {}).items():
        if key in cells.get("base", {}):
            change = after.minus(cells["base"][key][0])
            rows.append(_cluster_row("change", layer, index, key, change, (float("nan"),) * 2, n))
    notes = [f"Clusters: {note}." for structure in found.values() for note in structure.notes]
    return pl.DataFrame(rows, schema=CLUSTERS, orient="row"), list(dict.fromkeys(notes))


_Key = tuple[int, str, str]
_Cell = tuple[Estimate, np.ndarray, int]


def _cells(structure: LocalStructure) -> dict[_Key, _Cell]:
    cells: dict[_Key, _Cell] = {}
    nothing = np.empty(0)
    for clustering in structure.clusterings:
        for measure, estimate in clustering.measures.items():
            cells[clustering.k, measure, ""] = estimate, nothing, len(structure.rows)
        for agreement in clustering.agreements:
            cells[clustering.k, "purity", agreement.label] = agreement.purity, agreement.purity_null, agreement.n
            cells[clustering.k, "nmi", agreement.label] = agreement.nmi, agreement.nmi_null, agreement.n
    return cells


def _cluster_row(
    model: str, layer: int, index: int, key: _Key, estimate: Estimate, null: tuple[float, float], n: int
) -> tuple[Any, ...]:
    k, measure, label = key
    low, high = estimate.interval()
    if measure in ("nmi", "purity") and model != "change":
        low, high = max(low, 0.0), min(high, 1.0)
    numbers = (estimate.value, low, high, *null)
    return (model, layer, k, measure, label or None, *(known(v) for v in numbers), n, index)


T = TypeVar("T")


def _tried(notes: list[str], measure: Callable[[], T]) -> T | None:
    """What a measure gives, or None and a note where there are too few words for it."""
    try:
        return measure()
    except NotFiniteError:
        raise
    except OptionError as error:
        notes.append(str(error).rstrip("."))
        return None
