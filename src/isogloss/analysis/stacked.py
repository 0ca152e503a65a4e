"""Vectors made of others, block by block: several layers side by side, means over sentences. Copies nothing whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.analysis.protocol import ArrayVectors, ModelPair, Vectors
from isogloss.errors import NotFiniteError
from isogloss.numerics import zip_blocks
from isogloss.numerics.room import empty, zeros

_ROWS = 4096


@dataclass(frozen=True)
class SideBySide:
    """Layers side by side as one matrix (n_words, sum of their widths).

    Attributes
    ----------
    parts : the layers, of the same words.
    """

    parts: tuple[Vectors, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(n_words, width of all parts)."""
        return self.parts[0].shape[0], sum(part.shape[1] for part in self.parts)

    def blocks(self, rows: int = 4096) -> Iterator[np.ndarray]:
        """Consecutive row blocks, float32."""
        for blocks in zip_blocks([part.blocks(rows) for part in self.parts]):
            yield np.concatenate(blocks, axis=1)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, float32."""
        out = empty((len(rows), self.shape[1]))
        start = 0
        for part in self.parts:
            out[:, start : start + part.shape[1]] = part.take(rows)
            start += part.shape[1]
        return out


def sentences_with_words(pair: ModelPair) -> pl.DataFrame:
    """The pair's sentences that hold at least one word, in order: the rows that a sentence label is of."""
    return pair.sentences.filter(pl.col("sentence").is_in(pair.words["sentence"].unique().implode()))


def sentence_vectors(pair: ModelPair, vectors: Vectors) -> ArrayVectors:
    """Means of the words of `sentences_with_words`, row by row, from the vectors of the pair's words."""
    sentences = sentences_with_words(pair)["sentence"].to_numpy()
    owner = np.searchsorted(sentences, pair.words["sentence"].to_numpy())
    return ArrayVectors(sentence_means(vectors, owner, len(sentences)))


def refuse_unfinite_rows(taken: np.ndarray, rows: np.ndarray, where: str, what: str) -> None:
    """Refuse vectors that hold NaN or infinity.

    Parameters
    ----------
    taken : (len(rows), d) vectors of the given rows.
    where, what : for the error, such as "probing: layer 3 of the base model" and "words".

    Raises
    ------
    NotFiniteError : some hold NaN or infinity; how many, and the first of them.
    """
    bad = np.flatnonzero(~np.isfinite(taken.sum(axis=1, dtype=np.float64)))
    if len(bad):
        raise NotFiniteError(
            f"{where} holds NaN or infinity for {len(bad):,} of {len(taken):,} {what}, the first of them in row "
            f"{rows[bad[0]]}"
        )


def sentence_means(vectors: Vectors, sentence_of: np.ndarray, n_sentences: int) -> np.ndarray:
    """Mean of the word vectors of each sentence.

    Parameters
    ----------
    vectors : (n_words, hidden).
    sentence_of : (n_words,) the sentence of each word, in [0, n_sentences).

    Returns
    -------
    (n_sentences, hidden) float32; zeros for a sentence without words.
    """
    sums = zeros((n_sentences, vectors.shape[1]))
    start = 0
    for block in vectors.blocks():
        owners = sentence_of[start : start + len(block)]
        changes = np.flatnonzero(np.diff(owners, prepend=-1))
        np.add.at(sums, owners[changes], np.add.reduceat(block, changes, axis=0, dtype=np.float64))
        start += len(block)
    counts = np.bincount(sentence_of, minlength=n_sentences)
    means = empty(sums.shape)
    for start in range(0, n_sentences, _ROWS):
        some = slice(start, start + _ROWS)
        means[some] = sums[some] / np.maximum(counts[some], 1)[:, None]
    return means
