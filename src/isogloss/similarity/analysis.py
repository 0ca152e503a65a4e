"""The similarity analysis: how far did each layer move? The measures in the protocol's shape.

How a number is computed is in the other files; what is said about it in `findings` and `figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import polars as pl

from isogloss.analysis import (
    BETWEEN_SEEDS,
    TIDY,
    Figure,
    Finding,
    LayerPair,
    Need,
    Tables,
    TextAmount,
    between_seeds,
    tidy,
)
from isogloss.similarity.figures import figures
from isogloss.similarity.findings import findings
from isogloss.similarity.labels import labels_tables
from isogloss.similarity.layer import measure_layer
from isogloss.similarity.layer_map import complete_map, map_row
from isogloss.similarity.neighbour_lists import LISTS
from isogloss.similarity.options import SimilarityOptions
from isogloss.similarity.words import words_table


class SimilarityAnalysis:
    """CKA, Procrustes distance, cosine and nearest neighbours of each layer of two models.

    Tables
    ------
    similarity : tidy; measures `cka`, `cka_debiased`, `procrustes`, `cosine`, `neighbours`; subsets `all`,
        `half A`, `half B`, `LABEL=VALUE` (cosine; neighbours where the widths differ) and, for several tuned
        models, `between seeds` (`value` the mean, `ci_low` and `ci_high` the least and greatest, the null the
        widest of them, `n` the number of models).
    similarity_map : base_layer, tuned_layer, measure (the same five), value, seed; complete after `combine`, which
        needs for it a table of neighbour lists that only `run` gives.
    similarity_words : the word types that moved most and least, with examples.
    similarity_labels : label values by how far their words moved.
    """

    name: ClassVar[str] = "similarity"
    question: ClassVar[str] = "how far did each layer move?"
    needs: ClassVar[frozenset[Need]] = frozenset({"words"})
    uses: ClassVar[frozenset[Need]] = frozenset({"token labels", "sentence labels"})
    Options: ClassVar[type] = SimilarityOptions
    headline: ClassVar[Mapping[str, str]] = {
        "cka": "CKA",
        "neighbours": "neighbour overlap",
        "procrustes": "Procrustes distance",
    }

    def run(self, pair: LayerPair, options: SimilarityOptions) -> Tables:
        """Tables of one layer; where one model lacks it, only its part of the map.

        Raises
        ------
        OptionError : vectors hold NaN or infinity, or do not belong to the words.
        """
        tables: Tables = {}
        measured = None
        if pair.base is not None and pair.tuned is not None:
            measured = measure_layer(pair, pair.base, pair.tuned, options)
            labels, label_rows = labels_tables(pair, measured.movement, options)
            tables["similarity"] = tidy([*measured.rows, *label_rows])
            tables["similarity_words"] = words_table(pair, measured.movement, options)
            tables["similarity_labels"] = labels
        if options.map:
            tables["similarity_map"], tables[LISTS] = map_row(pair, options, measured)
        return tables

    def growth(self, amount: TextAmount, options: SimilarityOptions) -> Sequence[float]:
        """Words, words of the map at every layer, and pairs of the words that are sampled for neighbours."""
        mapped = min(amount.words, options.map_words or amount.words) * amount.layers if options.map else 0.0
        return amount.words, mapped, min(amount.words, options.neighbour_words) ** 2

    def combine(self, tables: Tables, options: SimilarityOptions) -> Tables:
        """Complete the map, and add the spread between tuned models where there are several."""
        # Models with no layer number in common have no rows, but a table all the same.
        combined = {"similarity": tidy([])} | dict(tables)
        lists = combined.pop(LISTS, None)
        if "similarity_map" in combined:
            combined["similarity_map"] = complete_map(combined["similarity_map"], lists)
        if "similarity" in combined:
            own = combined["similarity"].filter(pl.col("subset") != BETWEEN_SEEDS).select(list(TIDY))
            combined["similarity"] = pl.concat([own, between_seeds(own)])
        return combined

    def findings(self, tables: Tables, options: SimilarityOptions) -> Sequence[Finding]:
        """Say what the tables hold, the most important first."""
        return findings(tables, options.neighbours)

    def figures(self, tables: Tables, options: SimilarityOptions) -> Sequence[Figure]:
        """Curves per layer, the layer x layer map, words and labels."""
        return figures(tables)
