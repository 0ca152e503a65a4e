"""A planted comparison: known labels written into known neurons of known layers, moved or lost by tuning."""

from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import ArrayVectors, ModelPair
from isogloss.probing.options import ProbingOptions
from tests.vectors import layer_pair

HIDDEN, LAYERS, SENTENCES, LENGTH = 16, 3, 150, 6
VALUES = ("A", "B", "C")
HOME = (3, 4, 5)
"""Neurons that hold `kind` where a layer holds it; one for each value."""
NEW_HOME = (10, 11, 12)
OTHER = (7, 8)
"""Neurons that hold `other`, at every layer of both models."""
QUICK = ProbingOptions(bootstrap=50, controls=2, strengths="100", pages=6, task_sentences=60, task_random=3)


class Reading:
    """Says "yes" where the sum of the neurons it reads at layer 1 is above 0."""

    classes = ("no", "yes")

    def __init__(self, texts, vectors, neurons):
        self.texts, self.vectors, self.neurons = texts, vectors, list(neurons)

    def __call__(self, sentences, text_b=None, edit=None):
        rows = np.concatenate([np.arange(LENGTH) + LENGTH * self.texts.index(text) for text in sentences])
        vectors = self.vectors[rows].copy()
        if edit is not None and edit[0] == 1:

            class Info:
                special = np.zeros(len(rows), dtype=bool)
                ids = rows

            vectors = edit[1](vectors, Info)
        z = vectors[:, self.neurons].sum(axis=1).reshape(len(sentences), LENGTH).sum(axis=1)
        p = 1 / (1 + np.exp(-z))
        return np.column_stack([1 - p, p])


@dataclass(frozen=True)
class Planted:
    """`kind` is in `HOME` at layers 1 and 2 of the base; tuning takes it from layer 1 and writes it into layer 0."""

    words: pl.DataFrame
    sentences: pl.DataFrame
    base: list
    tuned: list
    classifier: object = None
    options: ProbingOptions = field(default=QUICK)

    @property
    def common(self):
        return {
            "words": self.words,
            "sentences": self.sentences,
            "token_labels": ("kind", "other"),
            "sentence_labels": ("class", "score"),
            "classifier": self.classifier,
        }

    def pair(self, layer, base=None, tuned=None, **more):
        """One layer of both models."""
        return layer_pair(layer, base or self.base, tuned or self.tuned, **self.common | more)

    def models(self, **more):
        """All layers of both models."""
        layers = {"base_layers": self.base, "tuned_layers": self.tuned}
        vectors = {name: {i: ArrayVectors(a) for i, a in enumerate(given)} for name, given in layers.items()}
        return ModelPair(**vectors, **self.common | more)

    def with_words(self, **columns):
        """Other labels of words."""
        return replace(self, words=self.words.with_columns(**columns))


@pytest.fixture(scope="session")
def planted():
    rng = np.random.default_rng(0)
    n = SENTENCES * LENGTH
    kind, other = rng.integers(0, 3, n), rng.integers(0, 2, n)

    def layer(home):
        vectors = 0.5 * rng.standard_normal((n, HIDDEN))
        if home:
            vectors[np.arange(n), np.array(home)[kind]] += 4
        vectors[np.arange(n), np.array(OTHER)[other]] += 4
        return vectors.astype(np.float32)

    base = [layer(None), layer(HOME), layer(HOME)]
    tuned = [layer(NEW_HOME), layer(None), base[2].copy()]
    words = pl.DataFrame(
        {
            "sentence": np.repeat(np.arange(SENTENCES), LENGTH),
            "position": np.tile(np.arange(LENGTH), SENTENCES),
            "word": rng.choice([f"word{i}" for i in range(40)], n),
            "kind": np.array(VALUES)[kind],
            "other": np.array(["x", "y"])[other],
        }
    )
    texts = words.group_by("sentence", maintain_order=True).agg(pl.col("word").str.join(" "))["word"]
    length = words["word"].str.len_chars() + 1
    start = pl.concat([length[i : i + LENGTH].cum_sum() - length[i : i + LENGTH] for i in range(0, n, LENGTH)])
    words = words.with_columns(start=start, end=start + length - 1)
    texts = [f"{text} {i}" for i, text in enumerate(texts)]
    score = base[1].reshape(SENTENCES, LENGTH, HIDDEN).mean(axis=1)[:, 0].astype(np.float64)
    classifier = Reading(texts, tuned[1] - 0.5 * np.eye(HIDDEN, dtype=np.float32)[list(OTHER)].sum(0) * 4, OTHER[:1])
    gold = np.array(classifier.classes)[classifier(texts).argmax(axis=1)]
    sentences = pl.DataFrame({"sentence": np.arange(SENTENCES), "text": texts, "class": gold, "score": score})
    return Planted(words, sentences, base, tuned, classifier)
