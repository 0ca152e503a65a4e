"""A toy classifier with known triggers, sentences for it, and the attack on them."""

import numpy as np

from isogloss.concepts.triggers import triggers

CLASSES = ["bad", "good"]
FILLER = [f"word{i}" for i in range(60)]
PLANTED = ["superb", "moving", "joy", "gem"]


class Bag:
    """Logistic in the sum of word weights; remembers every text it was asked."""

    def __init__(self, weights, bias=-1.0):
        self.weights, self.bias, self.asked = weights, bias, []

    def __call__(self, texts, text_b=None):
        seconds = text_b if text_b is not None else [""] * len(texts)
        self.asked += list(zip(texts, seconds, strict=True))
        z = np.array([self.bias + sum(self.weights.get(w, 0.0) for w in t.split()) for t in texts])
        p = 1 / (1 + np.exp(-z))
        return np.column_stack([1 - p, p])


def planted_attack():
    """Fillers push a little either way, planted words hard towards good; gold is what the classifier says mostly."""
    rng = np.random.default_rng(0)
    weights = dict(zip(FILLER, rng.normal(0, 0.3, len(FILLER)), strict=True)) | dict.fromkeys(PLANTED, 2.0)
    texts = [" ".join(rng.choice(FILLER, 8)) for _ in range(120)]
    gold = ["good" if i % 4 == 0 else "bad" for i in range(120)]
    return Bag(weights), texts, gold


def attack(planted, words=PLANTED, **options):
    bag, texts, gold = planted
    options = {"controls": {"random": FILLER[:4], "frequency": FILLER[4:8]}, "resamples": 300} | options
    return triggers(bag, texts, gold, words, classes=CLASSES, target="good", **options)
