"""A measure of one model's space with what sampling the sentences again would make of it; differences are paired.

Knows nothing of what was measured. How replicates are drawn is decided where they are made: resamples of sentences,
with weights that depend on the seed and the number of sentences alone, so that those of two models go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.errors import OptionError
from isogloss.numerics import percentile_interval


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number with its bootstrap replicates; replicates of two models under one seed belong together, row by row.

    Attributes
    ----------
    value : the measure on all words.
    replicates : (n_boot,) float64, the measure on resamples of the sentences; empty where there is no interval.
    """

    value: float
    replicates: np.ndarray

    def interval(self) -> tuple[float, float]:
        """The 2.5th and 97.5th percentile of the replicates; (nan, nan) without any."""
        if not len(self.replicates):
            return float("nan"), float("nan")
        low, high = percentile_interval(self.replicates[:, None])
        return float(low[0]), float(high[0])

    def minus(self, other: Estimate) -> Estimate:
        """The difference from another, replicate by replicate; without an interval where either has none.

        Raises
        ------
        OptionError : both have replicates, but not equally many.
        """
        mine, theirs = self.replicates, other.replicates
        if not len(mine) or not len(theirs):
            return Estimate(self.value - other.value, np.empty(0))
        if len(mine) != len(theirs):
            raise OptionError(
                f"replicates of one seed and number belong together: got {len(mine)} and {len(theirs)} of them"
            )
        return Estimate(self.value - other.value, mine - theirs)


def pooled(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of several estimates of one thing, such as from several starts of k-means.

    Replicate i is that of estimate i modulo their number, so that what differs between them is in the interval.
    """
    several = len(estimates)
    replicates = estimates[0].replicates.copy()
    for i, one in enumerate(estimates):
        replicates[i::several] = one.replicates[i::several]
    return Estimate(float(np.mean([one.value for one in estimates])), replicates)
