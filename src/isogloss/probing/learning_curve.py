"""Accuracy by how many words a probe is trained on, after Mehrafarin et al. (Findings of ACL 2022).

Two models that end equal may differ in how soon they get there. Chooses the words and makes the table; the probes are
trained by whoever calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from isogloss.analysis.seeded import nested_portions
from isogloss.errors import OptionError

FRACTIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class NestedSubsets:
    """Growing subsets of the training sentences, for one order of the sentences per seed.

    Attributes
    ----------
    seeds, fractions : rows and columns of the subsets.
    stage : (n_seeds, n) int64 the first fraction that holds each word; n_fractions where none does.
    """

    seeds: tuple[int, ...]
    fractions: tuple[float, ...]
    stage: np.ndarray

    @classmethod
    def of(
        cls, sentences: np.ndarray, *, fractions: Sequence[float] = FRACTIONS, seeds: Sequence[int] = (0,)
    ) -> NestedSubsets:
        """Subsets of whole sentences, each within the next.

        Parameters
        ----------
        sentences : (n,) integers >= 0: the sentence of each training word.
        fractions : of the words, increasing, each in (0, 1]; those that add no sentence under some seed are left out.
        seeds : one order of the sentences each.

        Raises
        ------
        OptionError : there are no words or seeds, or the fractions are not as above.
        """
        if not len(sentences) or not seeds:
            raise OptionError(f"there should be words and seeds. Got {len(sentences)} and {len(seeds)}.")
        if not fractions or min(fractions) <= 0 or max(fractions) > 1 or any(np.diff(fractions) <= 0):
            raise OptionError(f"fractions should increase within (0, 1]. Got {tuple(fractions)} instead.")
        kept = set(fractions)
        for seed in seeds:
            kept &= set(nested_portions(sentences, fractions, seed)[1])
        common = tuple(sorted(kept))
        stages = [nested_portions(sentences, common, seed)[0] for seed in seeds]
        return cls(tuple(seeds), common, np.stack(stages))

    def masks(self, seed: int) -> list[np.ndarray]:
        """(n,) booleans per fraction: the words of the subset, in the order number `seed`."""
        return [self.stage[seed] <= i for i in range(len(self.fractions))]

    @cached_property
    def n_words(self) -> np.ndarray:
        """(n_seeds, n_fractions) words of each subset."""
        return np.array([[mask.sum() for mask in self.masks(s)] for s in range(len(self.seeds))])

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """n_seeds x n_fractions times (n,) float64 training weights; a subset that is all words is there once only.

        In the order of `index`.
        """
        return [self.masks(s)[i].astype(np.float64) for s, i in self.index]

    @cached_property
    def index(self) -> list[tuple[int, int]]:
        """Seed and fraction of each of `weights`."""
        whole = self.fractions[-1] == 1.0
        columns = range(len(self.fractions))
        return [(s, i) for s in range(len(self.seeds)) for i in columns if s == 0 or not whole or i != columns[-1]]


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """Accuracy over training-set size.

    Attributes
    ----------
    table : one row per fraction: `fraction`, `n_words` (mean over seeds), `accuracy` (mean), `std` (over seeds, null
        for one), `n_seeds`.
    area : mean accuracy over log(n_words) between the smallest and the largest subset, by trapezoids; so in the
        units of accuracy, and that of a flat curve is its height.
    """

    table: pl.DataFrame
    area: float


def learning_curve(subsets: NestedSubsets, accuracies: Sequence[float]) -> LearningCurve:
    """Make the curve.

    Parameters
    ----------
    subsets : what the probes were trained on.
    accuracies : of the probes trained with each of `subsets.weights`, all on the same words.

    Raises
    ------
    OptionError : another number of accuracies.
    """
    if len(accuracies) != len(subsets.index):
        raise OptionError(f"there should be {len(subsets.index)} accuracies. Got {len(accuracies)}.")
    grid = np.empty((len(subsets.seeds), len(subsets.fractions)))
    for (seed, fraction), value in zip(subsets.index, accuracies, strict=True):
        if (seed, fraction) == (0, len(subsets.fractions) - 1):
            grid[:, fraction] = value
        grid[seed, fraction] = value
    words, mean = subsets.n_words.mean(axis=0), grid.mean(axis=0)
    spread = grid.std(axis=0, ddof=1).tolist() if len(grid) > 1 else [None] * grid.shape[1]
    table = pl.DataFrame(
        {
            "fraction": list(subsets.fractions),
            "n_words": words,
            "accuracy": mean,
            "std": pl.Series(spread, dtype=pl.Float64),
            "n_seeds": pl.Series([len(grid)] * len(words), dtype=pl.Int32),
        }
    )
    return LearningCurve(table, _area(np.log(words), mean))


def _area(x: np.ndarray, y: np.ndarray) -> float:
    return float(y[0] if len(x) == 1 else np.trapezoid(y, x) / (x[-1] - x[0]))
