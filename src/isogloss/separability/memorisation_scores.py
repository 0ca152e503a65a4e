"""Accuracies on subtrain, subtest and test with their resamples: both models on the same sentences. Trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.analysis.tables import known
from isogloss.numerics import group_sums, percentile_interval, poisson_sums
from isogloss.separability.memorisation_parts import Parts

_TEST_STREAM = 2**32
"""Added to the seed: sentences of the test are drawn independently of those of the training part."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Which rows one model's classifiers predict rightly.

    Attributes
    ----------
    train : (n_stages, splits, m) booleans.
    test : (n_stages, splits, t) booleans.
    """

    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, eq=False)
class Scores:
    """Accuracies (1 + bootstrap, models, n_stages); the first is of the sentences as they are."""

    subtrain: np.ndarray
    subtest: np.ndarray
    test: np.ndarray

    @property
    def gap(self) -> np.ndarray:
        """(1 + bootstrap, models) subtest minus test, with the whole subtrain."""
        gaps: np.ndarray = self.subtest[..., -1] - self.test[..., -1]
        return gaps


def scored(found: Sequence[Predictions], parts: Parts, bootstrap: int, seed: int) -> Scores:
    """Accuracies of each model's classifiers, all splits together, of the sentences and of resamples of them.

    An accuracy on the subtest is over the subtests of all splits; a sentence is drawn in all splits or in none.
    """
    m, stages = len(found), parts.n_stages
    inside = np.stack([parts.subtrain(stage) for stage in range(stages)])
    n_train, n_test = int(parts.train_owner.max()) + 1, int(parts.test_owner.max()) + 1
    right = np.stack([predictions.train for predictions in found])
    columns = [
        (right & inside).sum(axis=2).reshape(m * stages, -1),
        (right & parts.subtest).sum(axis=2).reshape(m * stages, -1),
        inside.sum(axis=1),
        parts.subtest.sum(axis=0)[None],
    ]
    sums = group_sums(np.concatenate(columns).T.astype(np.float64), parts.train_owner, n_train)
    totals = np.concatenate([sums.sum(axis=0)[None], poisson_sums(sums, bootstrap, seed)])
    subtrain, subtest, drawn, tested = np.split(totals, np.cumsum([len(c) for c in columns])[:-1], axis=1)
    shape = (len(totals), m, stages)
    of_test = np.stack([predictions.test for predictions in found])
    columns = [of_test.sum(axis=2).reshape(m * stages, -1), np.full((1, len(parts.test)), len(parts.stage))]
    sums = group_sums(np.concatenate(columns).T.astype(np.float64), parts.test_owner, n_test)
    totals = np.concatenate([sums.sum(axis=0)[None], poisson_sums(sums, bootstrap, seed + _TEST_STREAM)])
    return Scores(
        _ratio(subtrain.reshape(shape), drawn[:, None, :]),
        _ratio(subtest.reshape(shape), tested[:, None, :]),
        _ratio(totals[:, :-1].reshape(shape), totals[:, None, -1:]),
    )


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    whole = np.broadcast_to(denominator, numerator.shape)
    return np.divide(numerator, whole, out=np.full(numerator.shape, np.nan), where=whole > 0)


def interval(values: np.ndarray) -> tuple[float, float | None, float | None]:
    """Value and ends of the 95% interval of (1 + bootstrap,) numbers; None without resamples."""
    if len(values) < 2:
        return float(values[0]), None, None
    low, high = percentile_interval(values[1:, None])
    return float(values[0]), known(float(low[0])), known(float(high[0]))
