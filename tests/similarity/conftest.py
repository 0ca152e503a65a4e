"""A planted comparison: a small vocabulary, labels, and layers that moved by known amounts."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from isogloss.similarity import SimilarityAnalysis, SimilarityOptions
from tests.vectors import SteppedVectors, layer_pair

VOCABULARY = ("the", "of", "film", "plot", "quiet", "loud", "sings", "sleeps")
UPOS = {"the": "DET", "of": "DET", "film": "NOUN", "plot": "NOUN", "quiet": "ADJ", "loud": "ADJ"}
HIDDEN = 12


@dataclass(frozen=True)
class Planted:
    words: pl.DataFrame
    sentences: pl.DataFrame
    base: list[np.ndarray]

    def pair(self, layer, base, tuned, seed=0, tuned_index=0):
        """One layer of two lists of arrays, with all their layers for the map."""
        return layer_pair(
            layer,
            base,
            tuned,
            words=self.words,
            sentences=self.sentences,
            tuned_layers={i: SteppedVectors(a, 77) for i, a in enumerate(tuned)},
            token_labels=("upos",),
            sentence_labels=("label", "score"),
            seed=seed,
            tuned_index=tuned_index,
        )

    def tables(self, *tuned, base=None, options=None, analysis=None):
        """What a study would do: every layer of every tuned model, concatenated, combined."""
        analysis, options = analysis or SimilarityAnalysis(), options or SimilarityOptions(bootstrap=200)
        base = base or self.base
        parts: dict[str, list[pl.DataFrame]] = {}
        for index, arrays in enumerate(tuned):
            for layer in range(max(len(base), len(arrays))):
                pair = self.pair(layer, base, arrays, tuned_index=index)
                for name, table in analysis.run(pair, options).items():
                    parts.setdefault(name, []).append(table)
        return analysis.combine({name: pl.concat(tables) for name, tables in parts.items()}, options)

    def moved(self, amounts, seed=1):
        """Layers with noise of the given size added."""
        rng = np.random.default_rng(seed)
        return [
            (a + size * rng.normal(size=a.shape)).astype(np.float32) if size else a.copy()
            for a, size in zip(self.base, amounts, strict=True)
        ]


@pytest.fixture(scope="session")
def planted():
    rng = np.random.default_rng(0)
    words, sentences = [], []
    for s in range(150):
        chosen = [VOCABULARY[i] for i in rng.integers(0, len(VOCABULARY), rng.integers(2, 10))]
        chosen[0] = chosen[0].title()
        start = 0
        for position, word in enumerate(chosen):
            words.append((s, 0, position, word, start, start + len(word), UPOS.get(word.lower(), "VERB")))
            start += len(word) + 1
        sentences.append((s, " ".join(chosen), "pos" if s % 2 else "neg", s / 150))
    kinds = {"sentence": pl.UInt32, "part": pl.UInt8, "position": pl.UInt32, "word": pl.String}
    frame = pl.DataFrame(words, schema=kinds | {"start": pl.UInt32, "end": pl.UInt32, "upos": pl.String}, orient="row")
    texts = pl.DataFrame(
        sentences,
        schema={"sentence": pl.UInt32, "text": pl.String, "label": pl.String, "score": pl.Float64},
        orient="row",
    )
    layers = [
        (rng.normal(size=(frame.height, HIDDEN)) @ rng.normal(size=(HIDDEN, HIDDEN))).astype(np.float32) + 3
        for _ in range(4)
    ]
    return Planted(frame, texts, layers)
