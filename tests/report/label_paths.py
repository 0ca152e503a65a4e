"""Made-up paths of labels of any size. No model and no corpus stands behind them."""

from __future__ import annotations

import random
from math import cos, hypot, pi, sin

from isogloss.analysis import PathLabel, PathsFigure, PathsLayer
from tests.report.concepts import vocabulary_of

UPOS = (
    *("NOUN", "VERB", "ADJ", "ADP", "PUNCT", "DET", "PRON", "ADV"),
    *("AUX", "PROPN", "CCONJ", "PART", "NUM", "SCONJ", "INTJ", "SYM", "X"),
)


def _layer(rng: random.Random, layer: int, labels: int, steps: int, layers: int) -> PathsLayer:
    """Labels that begin in one heap and draw apart, each in its own bend; the more so the deeper the layer."""
    pull = 0.5 + 4 * (layer + 1) / layers
    xs, ys = [], []
    for i in range(labels):
        turn, bend, far = 2 * pi * i / labels + rng.gauss(0, 0.3), rng.gauss(0, 1.2), pull * rng.uniform(0.2, 1.0)
        x, y = rng.gauss(0, 0.8), rng.gauss(0, 0.5)
        along = [step / (steps - 1) for step in range(steps)]
        noise = 0.03 * pull if steps > 2 else 0.0
        xs.append(tuple(round(x + 1.5 * far * t * cos(turn + bend * t) + rng.gauss(0, noise), 4) for t in along))
        ys.append(tuple(round(y + 0.8 * far * t * sin(turn + bend * t) + rng.gauss(0, noise), 4) for t in along))
    distances = tuple(
        tuple(
            min(
                (round(hypot(xs[i][s] - xs[k][s], ys[i][s] - ys[k][s]), 4) for k in range(labels) if k != i),
                default=None,
            )
            for s in range(steps)
        )
        for i in range(labels)
    )
    return PathsLayer(layer, tuple(xs), tuple(ys), (round(0.3 + 0.02 * layer, 4), 0.12), distances)


def paths(
    labels: int = 17, steps: int = 21, layers: int = 3, *, groups: tuple[str, ...] = (), seed: int = 0
) -> PathsFigure:
    """`labels` labels at `steps` steps of each of `layers` layers, in the given groups in turn."""
    rng = random.Random(seed)
    names = UPOS[:labels] if labels <= len(UPOS) else tuple(vocabulary_of(rng, labels))
    return PathsFigure(
        "separability-paths",
        "Where the labels went",
        "The middle of each label's words, from the model before fine-tuning to the one after. Made up.",
        labels=tuple(
            PathLabel(name, groups[i % len(groups)] if groups else "", 20 + 900 // (i + 1))
            for i, name in enumerate(names)
        ),
        steps=("base", *(f"step {50 * k}" for k in range(1, steps - 1)), "tuned"),
        layers=tuple(_layer(rng, layer, labels, steps, layers) for layer in range(layers)),
    )
