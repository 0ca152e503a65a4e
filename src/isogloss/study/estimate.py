"""How long analyses will take, measured on made-up vectors of the model's width. Runs no model.

What an analysis asks of all layers at once, or of the running classifier, is not in it.
"""

from __future__ import annotations

import time

import numpy as np
import polars as pl

from isogloss.analysis import Analysis, ArrayVectors, LayerPair

SENTENCE = 20
"""Words of a made-up sentence."""
VOCABULARY = 2000
VALUES = 12
"""Values of the one made-up label of words; the vectors tell them apart in part."""
OPERATIONS = 3e10
"""About so many multiplications may one timed layer take; the number of words follows from it."""
FEWEST, MOST = 600, 12_000
"""Words timed on, at the least and at the most."""


def analysis_seconds(analysis: Analysis, hidden: int, n_layers: int, words: int) -> float:
    """Seconds that an analysis with its default options takes over all layers of two models of one shape.

    One layer is timed on two numbers of words; from there on the time is taken to grow in proportion to the words.
    They have one label: what is done for every label takes as often as long as there are labels.

    Parameters
    ----------
    hidden, n_layers : width, and number of blocks; layers run from 0 to this.
    words : of the corpus.
    """
    most = int(np.clip(OPERATIONS / (hidden * hidden * (n_layers + 1)), FEWEST, MOST))
    _timed(analysis, hidden, n_layers, FEWEST // 2)  # the first run of all loads what it needs
    if words <= most:
        return _timed(analysis, hidden, n_layers, max(words, SENTENCE)) * (n_layers + 1)
    few, many = (min(_timed(analysis, hidden, n_layers, n) for _ in range(2)) for n in (most // 2, most))
    per_word = max(0.0, many - few) / (most - most // 2)
    return (many + per_word * (words - most)) * (n_layers + 1)


def _timed(analysis: Analysis, hidden: int, n_layers: int, words: int) -> float:
    random = np.random.default_rng(0)
    rows = np.arange(words)
    # Frequencies like those of a language: rank r as 1 / r.
    ranks = np.exp(random.random(words) * np.log(VOCABULARY)).astype(int)
    centres = 0.3 * random.standard_normal((VALUES, hidden), dtype=np.float32)
    base = ArrayVectors(centres[ranks % VALUES] + random.standard_normal((words, hidden), dtype=np.float32))
    tuned = ArrayVectors(base.array + random.standard_normal((words, hidden), dtype=np.float32))
    spelled = [f"w{rank:04d}" for rank in ranks]
    # No two sentences alike: those with the same text stand on the same side of a split.
    texts = [" ".join(spelled[start : start + SENTENCE]) for start in range(0, words, SENTENCE)]
    frame = pl.DataFrame(
        {
            "sentence": (rows // SENTENCE).astype(np.uint32),
            "part": np.zeros(words, np.uint8),
            "position": (rows % SENTENCE).astype(np.uint32),
            "word": spelled,
            "start": (rows % SENTENCE * 6).astype(np.uint32),
            "end": (rows % SENTENCE * 6 + 5).astype(np.uint32),
            "kind": [f"k{rank % VALUES}" for rank in ranks],
        }
    )
    pair = LayerPair(
        layer=n_layers,
        base=base,
        tuned=tuned,
        words=frame,
        sentences=pl.DataFrame({"sentence": np.arange(len(texts), dtype=np.uint32), "text": texts}),
        token_labels=("kind",),
        base_layers=dict.fromkeys(range(n_layers + 1), base),
        tuned_layers=dict.fromkeys(range(n_layers + 1), tuned),
    )
    start = time.perf_counter()
    analysis.run(pair, analysis.Options())
    return time.perf_counter() - start
