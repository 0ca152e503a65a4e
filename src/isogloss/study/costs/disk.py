"""Bytes that an activation store takes, from its layout alone."""

from __future__ import annotations

import numpy as np
import polars as pl

from isogloss.activations.extraction import CHUNK_BYTES
from isogloss.activations.layout import storage
from isogloss.corpus import Corpus
from isogloss.sealed import parquet_bytes
from isogloss.study.costs.subjects import Subject, Subjects

HEADER = 128
"""Of an npy file, for any shape that matters."""
ENTRY, CHUNK_ENTRY, MANIFEST = 260, 108, 2000
"""Bytes of a store's manifest: per file, per file and chunk, and of the rest, about."""
SAMPLE = 200_000
"""Words whose table is written to see how large it is."""


def vector_bytes(subject: Subject, subjects: Subjects) -> float:
    """All vector files: (words + kinds * sentences) vectors of each layer, and a header each."""
    kinds = len(subjects.extraction.sentence_vectors)
    rows = subject.text.covered + kinds * subject.text.sentences
    row = subject.shape.hidden * storage(subjects.extraction.dtype)[0].itemsize
    return len(subject.layers) * (rows * row + (1 + kinds) * HEADER)


def chunk_bytes(subject: Subject, subjects: Subjects) -> float:
    """Vectors that are held at once while a model is read: those of one chunk of sentences."""
    return min(float(CHUNK_BYTES), vector_bytes(subject, subjects))


def table_bytes(corpus: Corpus, factor: float) -> float:
    """The tables of words and sentences beside the vectors."""
    words = corpus.words.head(SAMPLE)
    words = words.with_columns(pl.Series("n_subwords", np.arange(words.height) % 2 + 1, dtype=pl.UInt16))
    by_word = parquet_bytes(words) / max(words.height, 1)
    sentences = corpus.sentences.head(SAMPLE).with_columns(n_windows=pl.lit(1, pl.UInt32))
    return factor * (by_word * len(corpus.words) + parquet_bytes(sentences) / sentences.height * len(corpus))


def store_bytes(subject: Subject, subjects: Subjects) -> float:
    """A whole store."""
    vectors = vector_bytes(subject, subjects)
    files = len(subject.layers) * (1 + len(subjects.extraction.sentence_vectors))
    chunks = np.ceil(vectors / CHUNK_BYTES)
    tables = table_bytes(subjects.corpus, subjects.factor)
    return vectors + tables + MANIFEST + files * (ENTRY + CHUNK_ENTRY * chunks)
