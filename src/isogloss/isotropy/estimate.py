"""A number and what it is when sentences are drawn again. Draws nothing itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.numerics import percentile_interval


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number with its bootstrap replicates; replicates of two models under one seed belong together, row by row.

    Attributes
    ----------
    value : the number.
    replicates : (n_boot,) float64; empty where there is no interval (a single sentence, bootstrap 0).
    """

    value: float
    replicates: np.ndarray

    def interval(self) -> tuple[float, float]:
        """Percentiles of 95%; (nan, nan) without replicates."""
        if not len(self.replicates):
            return float("nan"), float("nan")
        low, high = percentile_interval(self.replicates[:, None])
        return float(low[0]), float(high[0])

    def minus(self, other: Estimate) -> Estimate:
        """The paired difference, of values and of replicates; exactly zero for identical estimates."""
        paired = len(self.replicates) == len(other.replicates)
        return Estimate(self.value - other.value, self.replicates - other.replicates if paired else np.empty(0))
