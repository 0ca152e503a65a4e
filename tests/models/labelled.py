"""Small labelled corpora whose classes are decided by one word."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from isogloss.corpus import Corpus

WORDS = re.compile(r"\w+|[^\w\s]")


def labelled(
    texts: list[str],
    labels: list | None = None,
    *,
    text_b: list[str] | None = None,
    split: list[str] | None = None,
    word_label=None,
    name: str = "planted",
) -> Corpus:
    """A corpus; `word_label(word)` gives each word's label or None."""
    columns: dict = {"sentence": pl.Series(range(len(texts)), dtype=pl.UInt32), "text": texts}
    columns["split"] = pl.Series(split if split is not None else [None] * len(texts), dtype=pl.String)
    if text_b is not None:
        columns["text_b"] = text_b
    if labels is not None:
        columns["label"] = labels
    rows = [
        {"sentence": i, "part": 0, "position": n, "word": m[0], "start": m.start(), "end": m.end()}
        | ({"tag": word_label(m[0])} if word_label else {})
        for i, text in enumerate(texts)
        for n, m in enumerate(WORDS.finditer(text))
    ]
    kinds = {"sentence": pl.UInt32, "part": pl.UInt8, "position": pl.UInt32, "start": pl.UInt32, "end": pl.UInt32}
    order = ["sentence", "id", "split", "text", *(name for name in ("text_b", "label") if name in columns)]
    sentences = pl.DataFrame(columns).with_columns(id=pl.lit(None, pl.String)).select(order)
    return Corpus(name, "memory", sentences, pl.DataFrame(rows).cast(kinds))


GOOD, BAD = ("wonderful", "delight", "sings"), ("worse", "worst", "bad")
FILLERS = ("the film", "the movie", "he", "she", "the acting", "the café", "nobody")


def reviews(n: int, seed: int = 0, **options) -> Corpus:
    """Sentences whose class is decided by one word in them."""
    random = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        good = bool(random.integers(2))
        words = [str(random.choice(FILLERS)) for _ in range(random.integers(1, 6))]
        words.insert(int(random.integers(len(words) + 1)), str(random.choice(GOOD if good else BAD)))
        texts.append(" ".join(words))
        labels.append("1" if good else "0")
    return labelled(texts, labels, **options)
