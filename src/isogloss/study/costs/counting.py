"""Stand-ins that count what an analysis asks for: vectors of a layer, and the running classifier. They run no model."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

import numpy as np

from isogloss.analysis import Edit, Vectors
from isogloss.errors import ModelError


class Counts:
    """What was asked for so far.

    Attributes
    ----------
    read : bytes of vectors, in float32.
    texts : characters that the classifier was given.
    """

    def __init__(self) -> None:
        self.read = 0.0
        self.texts = 0.0


class CountedVectors:
    """The vectors of a layer; counts the bytes that are taken from it. Follows `isogloss.analysis.Vectors`."""

    def __init__(self, vectors: Vectors, counts: Counts) -> None:
        self._vectors, self._counts = vectors, counts

    @property
    def shape(self) -> tuple[int, int]:
        """(n_words, hidden)."""
        return self._vectors.shape

    def blocks(self, rows: int = 4096) -> Iterator[np.ndarray]:
        """Consecutive row blocks, float32."""
        for block in self._vectors.blocks(rows):
            self._counts.read += block.nbytes
            yield block

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, float32."""
        found = self._vectors.take(rows)
        self._counts.read += found.nbytes
        return found


class CountedClassifier:
    """Gives every text the same made-up probabilities whenever it is asked, and counts the characters.

    Parameters
    ----------
    classes : of the tuned model; empty where it is no classifier.
    counts : where to count.
    """

    def __init__(self, classes: tuple[str, ...], counts: Counts) -> None:
        self._classes, self._counts = classes, counts

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes.

        Raises
        ------
        ModelError : the tuned model is no classifier.
        """
        if not self._classes:
            raise ModelError("the tuned model has no classification head")
        return self._classes

    def __call__(
        self, sentences: Sequence[str], text_b: Sequence[str] | None = None, edit: Edit | None = None
    ) -> np.ndarray:
        """(n_sentences, n_classes) probabilities that depend on the texts only."""
        texts = [*sentences, *(text_b or ())]
        self._counts.texts += sum(map(len, texts))
        seeds = np.array([zlib.crc32(text.encode()) for text in sentences], dtype=np.uint64)
        columns = np.arange(1, len(self.classes) + 1, dtype=np.uint64)
        raw = 1.0 + (seeds[:, None] * columns * np.uint64(2654435761) % np.uint64(1000)).astype(float)
        return raw / raw.sum(axis=1, keepdims=True)
