"""Made-up maps of words of any size. No model and no corpus stands behind them."""

from __future__ import annotations

import random
from collections import Counter
from math import log

from isogloss.analysis import WordColouring, WordMapFigure, WordMapLevel
from tests.report.concepts import vocabulary_of

CLASSES = (
    *("NOUN", "VERB", "ADJ", "ADP", "PUNCT", "DET", "PRON", "ADV"),
    *("AUX", "PROPN", "CCONJ", "PART", "NUM", "SCONJ", "INTJ", "SYM"),
)


def _level(rng: random.Random, model: str, layer: int, classes: list[int], layers: int) -> WordMapLevel:
    """One cloud per class; with the layers the tuned model's clouds draw out along one line."""
    pull = (layer + 1) / layers if model == "tuned" else 0.2
    centres = [(rng.gauss(0, 3), rng.gauss(0, 2)) for _ in CLASSES]
    found = [centres[c] for c in classes]
    x = tuple(round(cx * (1 + 3 * pull) + rng.gauss(0, 1), 4) for cx, _ in found)
    y = tuple(round(cy * (1 - 0.6 * pull) + rng.gauss(0, 0.8), 4) for _, cy in found)
    return WordMapLevel(model, layer, x, y, (round(0.1 + 0.4 * pull, 4), 0.06))


def word_map(
    words: int = 120,
    layers: int = 3,
    types: int = 60,
    *,
    classes: int = 8,
    seed: int = 0,
    models: tuple[str, ...] = ("base", "tuned"),
) -> WordMapFigure:
    """`words` words of `types` different ones in each of `layers` layers of each model, in three colourings."""
    rng = random.Random(seed)
    vocabulary = vocabulary_of(rng, types)
    of_type = [rng.choices(range(classes), weights=[1 / (k + 1) for k in range(classes)])[0] for _ in vocabulary]
    chosen = [min(int(rng.paretovariate(0.7)) - 1, types - 1) for _ in range(words)]
    counts = Counter(chosen)
    sentences, contexts = [], []
    for i, word in enumerate(chosen):
        before = " ".join(rng.choices(vocabulary, k=rng.randint(1, 12)))
        start = len(before) + 1
        sentences.append(" ".join([before, vocabulary[word], *rng.choices(vocabulary, k=9)]))
        contexts.append((i, start, start + len(vocabulary[word])))
    tags = [of_type[word] for word in chosen]
    tense = [None if tag != 1 else rng.randrange(2) for tag in tags]
    return WordMapFigure(
        "isotropy-words",
        "The words, seen along two directions",
        "The same words in both models, each map in the two directions in which its vectors vary most. Made up.",
        words=tuple(chosen),
        contexts=tuple(contexts),
        colourings=(
            WordColouring("upos", tuple(CLASSES[:classes]), tuple(tags)),
            WordColouring("log frequency", (), tuple(log(counts[word]) for word in chosen)),
            WordColouring("tense", ("past", "present"), tuple(tense)),
        ),
        levels=tuple(_level(rng, model, layer, tags, layers) for model in models for layer in range(layers)),
        vocabulary=tuple(vocabulary),
        sentences=tuple(sentences),
    )
