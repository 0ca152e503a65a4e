"""Cost of ranking neurons: Linguistic Correlation Analysis of all layers, Gaussian selection of one, words of neurons.

LCA orders LAYERS x 768 neurons from the weights of 50 classes; the Gaussian chooses 50 of 384 neurons for 17 classes
by WORDS training words, on a fifth as many dev words and on as many; the top words of 768 neurons are read from WORDS
vectors held in memory. Seconds of the processor stand beside those of the clock: the machine may be busy.

    python -m benchmarks.neurons [--words 20000] [--layers 13]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from benchmarks.common import save
from isogloss.analysis import ArrayVectors
from isogloss.probing import ablation_curves, rank_by_gaussian, rank_by_lca, rank_neurons, salient, top_words


def seconds(run: Callable[[], Any]) -> dict[str, float]:
    clock, processor = time.perf_counter(), time.process_time()
    run()
    return {
        "seconds": round(time.perf_counter() - clock, 3),
        "processor_seconds": round(time.process_time() - processor, 3),
    }


def vectors(words: int, d: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated noise around the means of the classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, words)
    mixing = rng.standard_normal((d, d)) / 20
    X = 0.3 * rng.standard_normal((classes, d))[y] + rng.standard_normal((words, d)) @ (mixing + np.eye(d))
    return X.astype(np.float32), y


class GivenProbe:
    """A probe of known size that was fitted to nothing."""

    def __init__(self, classes: int, d: int) -> None:
        self.classes_, self.intercept_ = np.arange(classes), np.zeros(classes)
        self.coef_ = np.random.default_rng(1).laplace(size=(classes, d))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--layers", type=int, default=13)
    options = parser.parse_args()
    words, d = options.words, options.layers * 768
    W = np.random.default_rng(0).laplace(size=(50, d))
    X, y = vectors(words, 384, 17)
    wide, labels = vectors(words, 768, 17)
    probe, order = GivenProbe(17, 768), np.random.default_rng(2).permutation(768)
    types = np.random.default_rng(3).zipf(1.3, words) % 5000
    at = np.arange(words)
    table = pl.DataFrame(
        {"word": types.astype(str), "sentence": at // 20, "start": at % 20 * 5, "end": at % 20 * 5 + 4}
    )
    dev = words // 5
    contenders = {
        f"LCA order, {d} neurons x 50 classes": lambda: rank_by_lca(W),
        f"LCA salient sets, {d} neurons x 50 classes": lambda: salient(W),
        f"Gaussian, 50 of 384 neurons, 17 classes, {dev} dev words": lambda: rank_by_gaussian(X, y, X[:dev], y[:dev]),
        f"Gaussian, 50 of 384 neurons, 17 classes, {words} dev words": lambda: rank_by_gaussian(X, y, X, y),
        "Probeless, 768 neurons, 17 classes": lambda: rank_neurons(wide, labels, "probeless"),
        "ablation curves, 768 neurons, 5 seeds": lambda: ablation_curves(probe, wide, labels, order),
        "top words, 768 neurons": lambda: top_words(ArrayVectors(wide), table),
    }
    save("neurons", {"words": words, "measured": {name: seconds(run) for name, run in contenders.items()}})


if __name__ == "__main__":
    main()
