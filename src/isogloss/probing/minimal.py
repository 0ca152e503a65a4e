"""How few neurons, and how few layers, do as well as all of them. Retrains probes; ranks nothing.

Dalvi et al., EMNLP 2020 (arXiv 2004.04010), and the code of the same group. What is chosen here is chosen on dev, so
its dev accuracy flatters: report it on test words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import polars as pl

from isogloss.errors import OptionError
from isogloss.numerics.room import by_rows, rows_of
from isogloss.probing.rankings.inputs import as_labels, at_least_two, matrix, width
from isogloss.probing.rankings.inputs import as_order as _as_order

SHARES = tuple(
    [i / 1000 for i in range(1, 101)] + [i / 100 for i in range(15, 51, 5)] + [i / 100 for i in range(60, 91, 10)]
)
"""Shares of the neurons that are tried: 0.1 to 10% by 0.1, 15 to 50% by 5, 60 to 90% by 10."""
BATCH = 8
"""Sizes handed to `fit` at a time when the search stops at the first that is good enough."""

Fit = Callable[[np.ndarray, np.ndarray, Sequence[np.ndarray]], Sequence[Any]]
"""(X, y, subsets) -> one fitted probe per subset of neurons, each with `predict(X[:, subset])`."""


@dataclass(frozen=True)
class MinimalNeurons:
    """The fewest of the first neurons of a ranking that do nearly as well as all.

    Attributes
    ----------
    neurons : (n,) the chosen ones, the most salient first; all d where no smaller set was good enough.
    probe : fitted on them.
    accuracy, oracle : dev accuracy with them, and with all neurons.
    threshold : what `accuracy` had to exceed.
    found : a set smaller than all neurons was good enough.
    search : how they were searched for.
    curve : `n`, `share`, `accuracy`, `enough` of every size that was tried, by size; the last is all neurons.
    """

    neurons: np.ndarray
    probe: Any
    accuracy: float
    oracle: float
    threshold: float
    found: bool
    search: str
    curve: pl.DataFrame

    @property
    def n(self) -> int:
        """How many."""
        return len(self.neurons)


def minimal_neurons(
    X: np.ndarray,
    y: Any,
    ranking: Any,
    X_dev: np.ndarray,
    y_dev: Any,
    *,
    tolerance: float = 0.01,
    sizes: Sequence[int] | None = None,
    fit: Fit | None = None,
    search: Literal["all", "first", "bisect"] = "all",
) -> MinimalNeurons:
    """Retrain on the first N neurons of a ranking; the first N whose dev accuracy > oracle x (1 - tolerance).

    Parameters
    ----------
    X, y : (n, d) training vectors and labels; None and "" take no part.
    ranking : a `Ranking` or an order of the d neurons.
    X_dev, y_dev : where accuracy is taken. A label that training lacks counts as a mistake.
    tolerance : share of the oracle's accuracy - that with all neurons - that may be lost.
    sizes : numbers of neurons to try; None takes `SHARES` of d, rounded down, at least 1.
    fit : trains a probe for each of several subsets, see `Fit`; None fits a `LinearProbe` of its defaults to each.
    search : "all" fits every size, in one call, and gives the whole curve; "first" goes up in batches and stops at
        the first good one, which is the same set. "bisect" halves the sizes: it needs few fits, and what it finds is
        good while the size before it is not, but where accuracy does not rise with N it may not be the first.

    Raises
    ------
    OptionError : the arrays do not fit together, fewer than two classes, or an option has no such value.
    """
    if not 0 <= tolerance < 1:
        raise OptionError(f"tolerance should be at least 0 and below 1. Got {tolerance} instead.")
    if search not in ("all", "first", "bisect"):
        raise OptionError(f"search should be one of all, first, bisect. Got {search!r} instead.")
    trial = _Trial(X, y, _as_order(ranking), X_dev, y_dev, fit or _linear_probes)
    tried = _sizes(sizes, trial.d)
    oracle = trial.accuracies([trial.d])[0]
    threshold = oracle * (1 - tolerance)

    def enough(ns: Sequence[int]) -> list[bool]:
        return [a > threshold for a in trial.accuracies(ns)]

    best: int | None = None
    if search == "bisect":
        low, high = -1, len(tried)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough([tried[middle]])[0] else (middle, high)
        best = tried[high] if high < len(tried) else None
    else:
        step = len(tried) if search == "all" else BATCH
        for start in range(0, len(tried), max(step, 1)):
            batch = tried[start : start + step]
            best = next((n for n, good in zip(batch, enough(batch), strict=True) if good), None)
            if best is not None:
                break
    chosen = trial.d if best is None else best
    fitted = sorted(trial.found)
    accuracies = [trial.found[n][0] for n in fitted]
    curve = pl.DataFrame(
        {
            "n": fitted,
            "share": [n / trial.d for n in fitted],
            "accuracy": accuracies,
            "enough": [a > threshold for a in accuracies],
        }
    )
    accuracy, probe = trial.found[chosen]
    return MinimalNeurons(trial.order[:chosen], probe, accuracy, oracle, threshold, best is not None, search, curve)


def minimal_layer(
    accuracies: Sequence[float] | np.ndarray,
    tolerances: Sequence[float] = (0.01, 0.02, 0.03),
    *,
    oracle: float | None = None,
) -> dict[float, int]:
    """Smallest L for which the layers 0..L together are within each tolerance of the oracle.

    Parameters
    ----------
    accuracies : (n_layers,) accuracy with the layers 0..L concatenated, for L = 0, 1, ...
    tolerances : shares of the oracle's accuracy that may be lost.
    oracle : accuracy of all layers; None is the last of `accuracies`.

    Returns
    -------
    for every tolerance the first L with accuracy >= oracle x (1 - tolerance); the last layer where, against a higher
    given oracle, none is.

    Raises
    ------
    OptionError : no accuracies, accuracies that are not in [0, 1], or a tolerance not in [0, 1).
    """
    values = np.asarray(accuracies, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise OptionError(f"accuracies should be one per layer, in [0, 1]. Got {np.asarray(accuracies).tolist()}.")
    if any(not 0 <= t < 1 for t in tolerances):
        raise OptionError(f"tolerances should be at least 0 and below 1. Got {list(tolerances)}.")
    best = float(values[-1]) if oracle is None else oracle
    layers = {}
    for tolerance in tolerances:
        near = np.flatnonzero(values >= best * (1 - tolerance) - 1e-12)
        layers[tolerance] = int(near[0]) if len(near) else len(values) - 1
    return layers


class _Trial:
    """Accuracy on dev with the first n neurons; each n is fitted once."""

    def __init__(self, X: Any, y: Any, order: np.ndarray, X_dev: Any, y_dev: Any, fit: Fit) -> None:
        labels = at_least_two(as_labels(y))
        dev = as_labels(y_dev, "y_dev")
        self.d, self.order, self._fit = width(X, labels), _as_order(order, width(X, labels)), fit
        if width(X_dev, dev, "X_dev") != self.d:
            raise OptionError(f"X and X_dev should be of the same neurons. Got {self.d} and {X_dev.shape[1]}.")
        self._X, self._y = rows_of(matrix(X), labels.rows), _values(labels.classes, labels.codes[labels.rows])
        self._X_dev, self._y_dev = rows_of(matrix(X_dev, "X_dev"), dev.rows), _values(dev.classes, dev.codes[dev.rows])
        self.found: dict[int, tuple[float, Any]] = {}

    def accuracies(self, sizes: Sequence[int]) -> list[float]:
        new = [n for n in sizes if n not in self.found]
        subsets = [self.order[:n] for n in new]
        for n, subset, probe in zip(new, subsets, self._fit(self._X, self._y, subsets) if new else (), strict=True):
            said = by_rows(partial(_said, probe, subset), self._X_dev)
            self.found[n] = float((said == self._y_dev).mean()), probe
        return [self.found[n][0] for n in sizes]


def _sizes(sizes: Sequence[int] | None, d: int) -> list[int]:
    if sizes is None:
        # A share of d that is a whole number should not be lost to rounding: 0.07 x 100 is 7.
        sizes = [max(1, int(share * d + 1e-9)) for share in SHARES]
    elif any(n != int(n) or not 1 <= n <= d for n in sizes):
        raise OptionError(f"sizes should be whole numbers from 1 to {d}. Got {list(sizes)}.")
    return sorted({int(n) for n in sizes} - {d})


def _values(classes: Sequence[Any], codes: np.ndarray) -> np.ndarray:
    return np.asarray(classes)[codes]


def _said(probe: Any, subset: np.ndarray, X: np.ndarray) -> np.ndarray:
    return np.asarray(probe.predict(X[:, subset]))


def _linear_probes(X: np.ndarray, y: np.ndarray, subsets: Sequence[np.ndarray]) -> list[Any]:
    from isogloss.probing.probe import LinearProbe

    return [LinearProbe(tol=1e-3).fit(X[:, subset], y) for subset in subsets]
