"""Which words of a layer are clustered, and the two halves of them that give the noise floor.

The choice rests on words and seed only, so it is the same at every layer and in both models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair
from isogloss.concepts.options import FEWEST_WORDS, WORDS_PER_CONCEPT, ConceptsOptions
from isogloss.corpus.occurrences import filter_occurrences


@dataclass(frozen=True)
class ChosenWords:
    """The words that are clustered.

    Attributes
    ----------
    rows : (n,) their rows in the pair's words, increasing.
    words : n rows of the pair's words.
    in_first : (n,) whether a word's sentence is in the first half.
    n_clusters : concepts to make of them.
    other_numbers : other numbers of concepts to measure.
    """

    rows: np.ndarray
    words: pl.DataFrame
    in_first: np.ndarray
    n_clusters: int
    other_numbers: tuple[int, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether there is something to cluster."""
        return len(self.rows) >= FEWEST_WORDS

    def halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (not rows) of the words of each half."""
        return np.flatnonzero(self.in_first), np.flatnonzero(~self.in_first)


def choose_words(pair: LayerPair, options: ConceptsOptions) -> ChosenWords:
    """Words that are frequent enough, at most `max_count` random occurrences of each, of sentences of both halves."""
    numbered = pair.words.with_row_index("row")
    kept = filter_occurrences(
        numbered, options.min_count, options.max_count or None, options.drop_above, seed=pair.seed
    ).sort("row")
    rows = kept["row"].to_numpy().astype(np.int64)
    _, sentence = np.unique(kept["sentence"].to_numpy(), return_inverse=True)
    n_sentences = int(sentence.max()) + 1 if len(sentence) else 0
    order = np.random.default_rng(pair.seed).permutation(n_sentences)
    in_first = (order < n_sentences // 2)[sentence] if len(rows) else np.zeros(0, dtype=bool)
    most = max(2, len(rows) // WORDS_PER_CONCEPT)
    first, *others = dict.fromkeys(min(number, most) for number in options.numbers)
    return ChosenWords(rows, kept.drop("row"), in_first, first, tuple(others))
