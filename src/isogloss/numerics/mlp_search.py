"""The grid over `MLPProbe` that Zhou & Srikumar (ACL 2022) search, chosen on dev, the best one run several times.

Every point is trained in turn. Scores on test are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from isogloss.errors import OptionError
from isogloss.numerics.mlp import MLPProbe
from isogloss.progress import SILENT, Progress

SIZES = (32, 64, 128, 256)
L2 = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True, eq=False)
class MLPSearch:
    """What a grid search found.

    Attributes
    ----------
    hidden, l2 : of the best point.
    table : one row per point: `hidden_1`, `hidden_2`, `l2`, `dev_accuracy`, `dev_loss`, `epochs`.
    probes : the best point, trained with several seeds; the first is the one of the grid.
    """

    hidden: tuple[int, int]
    l2: float
    table: pl.DataFrame
    probes: tuple[MLPProbe, ...]

    def score(self, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """Mean accuracy over the seeds and its standard deviation (NaN for one seed)."""
        scores = [probe.score(X, y) for probe in self.probes]
        return float(np.mean(scores)), float(np.std(scores, ddof=1)) if len(scores) > 1 else float("nan")


def search_mlp(
    X: np.ndarray,
    y: np.ndarray,
    X_dev: np.ndarray,
    y_dev: np.ndarray,
    *,
    sizes: Sequence[int] = SIZES,
    l2: Sequence[float] = L2,
    repeats: int = 5,
    random_state: int = 0,
    progress: Progress = SILENT,
    **options: Any,
) -> MLPSearch:
    """Train every point of the grid; the highest dev accuracy wins, of equal ones the lowest dev loss.

    The study gives every point 1,000 iterations of Adam; here dev decides when to stop (`patience`, `max_epochs`).

    Parameters
    ----------
    X, y, X_dev, y_dev : training and dev rows.
    sizes : each hidden layer has one of these; all pairs are tried.
    l2 : weights of the penalty. The range is the study's; the steps are ours.
    repeats : seeds of the best point: random_state, random_state + 1, ...
    random_state : seed of every point of the grid.
    progress : told after each training.
    options : further ones of `MLPProbe`.

    Raises
    ------
    OptionError : the grid is empty, `repeats` is less than 1, or as `MLPProbe.fit`.

    References
    ----------
    Zhou & Srikumar, "A Closer Look at How Fine-tuning Changes BERT", ACL 2022, arXiv 2106.14282.
    """
    grid = list(product(sizes, sizes, l2))
    if not grid or repeats < 1:
        raise OptionError(f"there should be sizes, l2 and repeats >= 1. Got {tuple(sizes)}, {tuple(l2)}, {repeats}.")
    tried = []
    with progress.task("MLP probes", len(grid) + repeats - 1, "probes") as advance:
        best: MLPProbe | None = None
        for first, second, penalty in grid:
            probe = MLPProbe((first, second), penalty, random_state=random_state, **options)
            probe.fit(X, y, X_dev, y_dev)
            tried.append((first, second, penalty, probe.dev_accuracy_, probe.dev_loss_, probe.n_iter_))
            if best is None or (-probe.dev_accuracy_, probe.dev_loss_) < (-best.dev_accuracy_, best.dev_loss_):
                best = probe
            advance(1)
        assert best is not None
        hidden, chosen = (int(best.hidden[0]), int(best.hidden[1])), float(best.l2)
        probes = [best]
        for seed in range(random_state + 1, random_state + repeats):
            probes.append(MLPProbe(hidden, chosen, random_state=seed, **options).fit(X, y, X_dev, y_dev))
            advance(1)
    names = ["hidden_1", "hidden_2", "l2", "dev_accuracy", "dev_loss", "epochs"]
    return MLPSearch(hidden, chosen, pl.DataFrame(tried, schema=names, orient="row"), tuple(probes))
