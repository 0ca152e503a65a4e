"""The plainest rankings: by mean size of a probe's weights, and by lot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.errors import OptionError
from isogloss.probing.rankings.ranking import Ranking


def rank_by_weights(W: np.ndarray, labels: Sequence[Any] | None = None) -> Ranking:
    """Order neurons by the mean over classes of |w|; equal ones by number. Per class by |w|.

    Parameters
    ----------
    W : (n_classes, n_neurons) weights.
    labels : names of the classes; 0, 1, ... if not given.

    Raises
    ------
    OptionError : W is no matrix of finite numbers.
    """
    size = np.abs(np.asarray(W, dtype=np.float64))
    if size.ndim != 2 or not size.size or not np.isfinite(size).all():
        raise OptionError(f"W should be finite weights (n_classes, n_neurons). Got shape {size.shape}.")
    names = list(range(len(size)) if labels is None else labels)
    scores = size.mean(axis=0)
    per_label = dict(zip(names, np.argsort(-size, axis=1, kind="stable"), strict=True))
    return Ranking("weights", np.argsort(-scores, kind="stable"), scores, per_label)


def rank_at_random(d: int, random_state: int = 0) -> Ranking:
    """Any order of d neurons, each equally likely."""
    scores = np.random.default_rng(random_state).random(d)
    return Ranking("random", np.argsort(-scores, kind="stable"), scores)
