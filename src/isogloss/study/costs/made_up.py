"""Made-up vectors for the words of a corpus, where there are no weights to read them with.

A word's vector is that of its type, plus that of its labels' values, plus noise; the tuned model's is the base's plus
noise. So what analyses look for is there in part, and iterations end about when they do on a model's vectors.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from isogloss.activations import LayerVectors
from isogloss.analysis import ModelPair
from isogloss.study.costs.request import TrialRequest

FILES = 2
"""Different layers; a layer is one of them in turn."""


def made_up_models(request: TrialRequest, home: Path, hidden: int, layers: int) -> ModelPair:
    """Both models over the words of the request, with so many layers of this width, in files as a store has them."""
    home.mkdir(parents=True)
    corpus = request.corpus
    random = np.random.default_rng(0)
    found = {}
    for file in range(FILES):
        common = _centres(corpus.words["word"], hidden, 0.5, random)
        for name in corpus.token_labels:
            common += _centres(corpus.words[name], hidden, 0.3, random)
        for name in corpus.sentence_labels:
            of_word = corpus.sentences[name].cast(pl.String)[corpus.words["sentence"]]
            common += _centres(of_word, hidden, 0.1, random)
        base = common + random.standard_normal(common.shape, dtype=np.float32)
        tuned = base + 0.5 * random.standard_normal(common.shape, dtype=np.float32)
        for model, vectors in (("base", base), ("tuned", tuned)):
            path = home / f"{model}-{file}.npy"
            np.save(path, vectors)
            found[model, file] = LayerVectors(path, "float32")
    return ModelPair(
        words=corpus.words,
        sentences=corpus.sentences,
        base_layers={layer: found["base", layer % FILES] for layer in range(layers)},
        tuned_layers={layer: found["tuned", layer % FILES] for layer in range(layers)},
        token_labels=corpus.token_labels,
        sentence_labels=corpus.sentence_labels,
        seed=request.seed,
    )


def _centres(values: pl.Series, hidden: int, scale: float, random: np.random.Generator) -> np.ndarray:
    """(n, hidden) float32: the same random vector for the same value; zero where there is none."""
    codes = values.rank("dense").fill_null(0).to_numpy().astype(np.int64)
    centres = scale * random.standard_normal((int(codes.max(initial=0)) + 1, hidden), dtype=np.float32)
    centres[0] = 0.0
    return centres[codes]
