"""Puts two activation stores side by side: the same word in the same row, whatever the tokenizers did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.activations import ActivationStore, LayerVectors
from isogloss.analysis import Classifier, LayerPair, ModelPair
from isogloss.errors import StoreError
from isogloss.progress import SILENT, Progress

KEY = ["sentence", "part", "position"]


@dataclass(frozen=True)
class PairedStores:
    """The words that both models cover.

    Attributes
    ----------
    base, tuned : the stores.
    words : n_words rows, as both models see them.
    base_rows, tuned_rows : the rows of each store that hold them; None where that is all of them.
    classifier : the tuned model with its head, for analyses that ask what causes its predictions.
    """

    base: ActivationStore
    tuned: ActivationStore
    words: pl.DataFrame
    base_rows: np.ndarray | None
    tuned_rows: np.ndarray | None
    classifier: Classifier | None = None

    @staticmethod
    def of(base: ActivationStore, tuned: ActivationStore, classifier: Classifier | None = None) -> PairedStores:
        """Pair two stores of the same corpus.

        Raises
        ------
        StoreError : they hold different corpora, or have no word in common.
        """
        if base.settings.corpus_sha256 != tuned.settings.corpus_sha256:
            raise StoreError(f"{base.directory} and {tuned.directory} hold different corpora")
        words = base.words.drop("n_subwords")
        if base.words.select(KEY).equals(tuned.words.select(KEY)):
            return PairedStores(base, tuned, words, None, None, classifier)
        numbered = tuned.words.select(KEY).with_row_index("tuned_row")
        both = base.words.select(KEY).with_row_index("base_row").join(numbered, on=KEY, how="inner").sort("base_row")
        if both.is_empty():
            raise StoreError("the two models have no covered word in common; their tokenizers do not fit this corpus")
        rows = both["base_row"].to_numpy().astype(np.int64)
        return PairedStores(base, tuned, words[rows], rows, both["tuned_row"].to_numpy().astype(np.int64), classifier)

    @property
    def layers(self) -> tuple[int, ...]:
        """Every layer that one of the two has."""
        return tuple(sorted({*self.base.layers, *self.tuned.layers}))

    def pair(self, layer: int, seed: int, tuned_index: int, progress: Progress = SILENT) -> LayerPair:
        """One layer of both models, ready for an analysis."""
        models = self.models(seed, tuned_index, progress)
        base, tuned = models.base_layers.get(layer), models.tuned_layers.get(layer)
        return LayerPair(**vars(models), layer=layer, base=base, tuned=tuned)

    def models(self, seed: int, tuned_index: int, progress: Progress = SILENT) -> ModelPair:
        """All layers of both models."""
        return ModelPair(
            words=self.words,
            sentences=self.base.sentences,
            base_layers={i: _restricted(self.base.vectors(i), self.base_rows) for i in self.base.layers},
            tuned_layers={i: _restricted(self.tuned.vectors(i), self.tuned_rows) for i in self.tuned.layers},
            token_labels=tuple(self.base.manifest["token_labels"]),
            sentence_labels=tuple(self.base.manifest["sentence_labels"]),
            seed=seed,
            tuned_index=tuned_index,
            classifier=self.classifier,
            progress=progress,
        )


def _restricted(vectors: LayerVectors, rows: np.ndarray | None) -> LayerVectors:
    return vectors if rows is None else vectors.restricted(rows)
