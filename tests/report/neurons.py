"""Made-up neurons of any size. No model and no corpus stands behind them."""

from __future__ import annotations

import random

from isogloss.analysis import NeuronEntry, NeuronsFigure, NeuronsLevel
from tests.report.concepts import vocabulary_of

VALUES = {
    "upos": ("NOUN", "VERB", "ADJ", "DET", "ADP", "PUNCT"),
    "casing": ("title", "upper"),
    "supersense": ("noun.time", "noun.person", "verb.motion"),
    "xpos": ("NNS", "VBD", "JJR"),
    "chunk": ("B-NP", "I-VP"),
    "ner": ("PER", "LOC"),
}
METHODS = ("lca", "probeless", "gaussian")


def _saliency(rng: random.Random, hidden: int, streaks: list[int], strength: float) -> tuple[float, ...]:
    """Mostly small numbers, some exactly none; a few neurons stand out at every layer."""
    row = [0.0 if rng.random() < 0.15 else min(rng.expovariate(1 / (0.02 * strength)), 1.0) for _ in range(hidden)]
    for neuron in streaks:
        row[neuron] = min(rng.uniform(0.2, 0.9) * strength, 1.0)
    return tuple(round(share, 6) for share in row)


def _entry(
    rng: random.Random, neuron: int, ranks: list[int], words: int, sentences: list[tuple[int, int]], fate: str
) -> NeuronEntry:
    chosen = rng.sample(range(words), min(words, 40))
    means = sorted((rng.gauss(0, 2) for _ in chosen), key=abs, reverse=True)
    labels = list(VALUES)
    return NeuronEntry(
        neuron=neuron,
        ranks=tuple((rank, rng.randrange(500), None if rank > 50 else rank // 2) for rank in ranks),
        salient=tuple((k, rng.randrange(len(VALUES[labels[k]]))) for k in range(len(ranks)) if ranks[k] < 40),
        fate=fate,
        words=tuple((word, round(mean, 1), rng.randint(1, 300)) for word, mean in zip(chosen, means, strict=True)),
        contexts=tuple(
            (place, *sentences[place], round(rng.gauss(3, 1), 1)) for place in rng.sample(range(len(sentences)), 6)
        ),
    )


def neurons(
    hidden: int = 96,
    layers: int = 4,
    pages: int = 8,
    words: int = 160,
    sentences: int = 60,
    *,
    labels: int = 3,
    seed: int = 0,
    models: tuple[str, ...] = ("base", "tuned"),
) -> NeuronsFigure:
    """`hidden` neurons in each of `layers` layers of each model, of which the `pages` foremost have a page."""
    rng = random.Random(seed)
    vocabulary = vocabulary_of(rng, words)
    written, marked = [], []
    for _ in range(sentences):
        before, word = " ".join(rng.choices(vocabulary, k=rng.randint(0, 9))), rng.choice(vocabulary)
        start = len(before) + 1 if before else 0
        marked.append((start, start + len(word)))
        written.append(" ".join([*([before] if before else []), word, *rng.choices(vocabulary, k=7)]))
    streaks = [rng.sample(range(hidden), max(hidden // 60, 2)) for _ in range(labels)]
    levels = []
    for model in models:
        fates = ("new", "kept", "changed") if model == "tuned" else ("lost", "kept", "changed")
        for layer in range(layers):
            strength = 0.3 + 0.7 * (layer + 1) / layers if model == "tuned" else 1.0 - 0.4 * layer / layers
            rows = tuple(_saliency(rng, hidden, streaks[k], strength) for k in range(labels))
            orders = [sorted(range(hidden), key=lambda i, row=row: -row[i]) for row in rows]
            paged = list(dict.fromkeys(order[i] for i in range(hidden) for order in orders))[:pages]
            entries = tuple(
                _entry(rng, i, [order.index(i) for order in orders], words, marked, rng.choice(fates)) for i in paged
            )
            levels.append(NeuronsLevel(model, layer, rows, entries))
    return NeuronsFigure(
        "probing-neurons",
        "The neurons, one by one",
        "How much each neuron of each layer matters for a label, before and after fine-tuning. These are made up.",
        labels=tuple(VALUES)[:labels],
        values=tuple(VALUES.values())[:labels],
        methods=METHODS,
        levels=tuple(levels),
        vocabulary=tuple(vocabulary),
        sentences=tuple(written),
    )
