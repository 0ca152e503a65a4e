"""A layer whose tuned model is stretched along the direction that a label was written into."""

import numpy as np
import polars as pl

from isogloss.isotropy import IsotropyAnalysis, IsotropyOptions
from tests.vectors import layer_pair

ANALYSIS = IsotropyAnalysis()
SENTENCES, LENGTH, HIDDEN = 120, 6, 12
QUICK = IsotropyOptions(
    bootstrap=60, clusters="1,4", permutations=5, dimension_neighbours=10, counts="0,1,3,6", draws=2, map_words=50,
    elongated="2,4", head_sentences=0, treatment_clusters=3, treatment_components=2,
)  # fmt: skip


def corpus(seed=0):
    rng = np.random.default_rng(seed)
    n = SENTENCES * LENGTH
    kinds = rng.choice(["A", "B"], n)
    words = pl.DataFrame(
        {
            "sentence": np.arange(n) // LENGTH,
            "part": np.zeros(n, dtype=np.uint8),
            "position": np.arange(n) % LENGTH,
            "word": [f"{'the' if k == 'A' else 'dog'}{i}" for k, i in zip(kinds, rng.integers(0, 9, n), strict=True)],
            "kind": kinds,
        }
    )
    texts = [" ".join(group) for group in words["word"].to_numpy().reshape(SENTENCES, LENGTH)]
    starts = [sum(len(w) + 1 for w in text.split()[:i]) for text in texts for i in range(LENGTH)]
    words = words.with_columns(pl.Series("start", starts)).with_columns(
        end=pl.col("start") + pl.col("word").str.len_chars()
    )
    return words, pl.DataFrame({"sentence": np.arange(SENTENCES), "text": texts})


def planted(seed=0):
    """Base: the kind lies in a direction of little variance. Tuned, layer 1: it lies in the one that is stretched."""
    words, sentences = corpus()
    rng = np.random.default_rng(seed)
    sign = np.where(words["kind"].to_numpy() == "A", 1.0, -1.0)
    base = [rng.standard_normal((len(words), HIDDEN)) for _ in range(2)]
    for layer in base:
        layer[:, 5] = 0.2 * sign + 0.04 * rng.standard_normal(len(words))
    tuned = [base[0].copy(), base[1].copy()]
    tuned[1][:, 5] = 0.1 * rng.standard_normal(len(words))
    tuned[1][:, 2] = 4 * sign + 0.5 * rng.standard_normal(len(words))
    return words, sentences, base, tuned


def run(base, tuned, words, sentences, options=QUICK, **more):
    given = {"words": words, "sentences": sentences, "token_labels": ("kind",)} | more
    parts = [ANALYSIS.run(layer_pair(i, base, tuned, **given), options) for i in range(max(len(base), len(tuned)))]
    names = dict.fromkeys(name for part in parts for name in part)
    return ANALYSIS.combine({n: pl.concat([p[n] for p in parts if n in p]) for n in names}, options)


def cell(tables, measure, model="tuned", layer=1, subset="all"):
    table = tables["isotropy"].filter(
        (pl.col("measure") == measure)
        & (pl.col("model") == model)
        & (pl.col("layer") == layer)
        & (pl.col("subset") == subset)
    )
    return table.row(0, named=True)
