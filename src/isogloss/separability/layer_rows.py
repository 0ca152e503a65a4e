"""The vectors of one layer of one model as the rows that labels are of: words, words beside their heads, sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from isogloss.analysis import ArrayVectors, ModelPair, Vectors
from isogloss.analysis.stacked import refuse_unfinite_rows, sentence_vectors
from isogloss.separability.targets import Target


@dataclass(frozen=True, eq=False)
class HeadAndWord:
    """Each word's head and the word side by side: `Vectors` of (n_words, 2 hidden).

    Attributes
    ----------
    vectors : (n_words, hidden).
    heads : (n_words,) row of each word's head; a word without one (-1) stands beside zeros.
    """

    vectors: Vectors
    heads: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(n_words, 2 hidden)."""
        n, hidden = self.vectors.shape
        return n, 2 * hidden

    def blocks(self, rows: int = 4096) -> Iterator[np.ndarray]:
        """Consecutive row blocks, float32."""
        for start in range(0, self.shape[0], rows):
            yield self.take(np.arange(start, min(start + rows, self.shape[0])))

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, float32, the head's half first."""
        above = self.heads[rows]
        found = self.vectors.take(np.where(above >= 0, above, 0))
        found = np.where((above >= 0)[:, None], found, np.float32(0))
        return np.concatenate([found, self.vectors.take(rows)], axis=1)


class LayerRows:
    """The vectors of one layer of one model, as the rows that labels are of.

    Parameters
    ----------
    vectors : (n_words, hidden).
    pair : its words and sentences.
    where : for errors, such as "layer 3 of the base model".
    """

    def __init__(self, vectors: Vectors, pair: ModelPair, where: str) -> None:
        self._vectors, self._pair, self._where = vectors, pair, where
        self._sentences: ArrayVectors | None = None

    def of(self, target: Target) -> Vectors:
        """The vectors whose rows a label is of, all of them."""
        if target.of == "sentences":
            if self._sentences is None:
                self._sentences = sentence_vectors(self._pair, self._vectors)
            return self._sentences
        return self._vectors if target.heads is None else HeadAndWord(self._vectors, target.heads)

    def take(self, target: Target, rows: np.ndarray) -> np.ndarray:
        """(len(rows), d) vectors, float32; of pairs d is twice the hidden size.

        Raises
        ------
        NotFiniteError : one of them holds NaN or infinity.
        """
        found = self.of(target).take(rows)
        refuse_unfinite_rows(found, rows, f"separability: {self._where}", f"{target.of} of {target.name}")
        return found
