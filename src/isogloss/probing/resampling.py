"""Statistics that carry their own resamples, so that what is computed from them is paired without further thought.

Sentences are resampled (`isogloss.numerics`), and the same seed over the same number of sentences draws the same
ones: the difference of two accuracies is taken resample by resample. Knows no score.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from isogloss.analysis.tables import FEWEST_SENTENCES
from isogloss.errors import OptionError
from isogloss.numerics import percentile_interval


@dataclass(frozen=True)
class Estimate:
    """One number with its 95% interval over sentences; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Resampled:
    """Numbers with their values in each resample of the sentences.

    Attributes
    ----------
    value : (*s,) on all sentences.
    replicates : (n_boot, *s) in each resample; NaN where it is not defined.
    origin : seed, number of resamples and of sentences: what must agree for two to be paired.
    """

    value: np.ndarray
    replicates: np.ndarray
    origin: tuple[int, int, int]

    @cached_property
    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, each (*s,); NaN without resamples and below `FEWEST_SENTENCES`."""
        if not len(self.replicates) or self.origin[2] < FEWEST_SENTENCES:
            unknown = np.full(self.value.shape, np.nan)
            return unknown, unknown
        low, high = percentile_interval(self.replicates.reshape(len(self.replicates), self.value.size))
        return low.reshape(self.value.shape), high.reshape(self.value.shape)

    @property
    def low(self) -> np.ndarray:
        """(*s,) 2.5% percentiles of the resamples."""
        return self.interval[0]

    @property
    def high(self) -> np.ndarray:
        """(*s,) 97.5% percentiles of the resamples."""
        return self.interval[1]

    def estimate(self, *index: int) -> Estimate:
        """The number at an index of `value`, with its interval."""
        part = self[index] if index else self
        if part.value.ndim:
            raise OptionError(f"an index of {self.value.ndim} numbers names one of shape {self.value.shape}")
        return Estimate(float(part.value), float(part.low), float(part.high))

    def mean(self, axis: int = 0) -> Resampled:
        """The mean over an axis of `value`, in every resample."""
        inside = axis if axis < 0 else axis + 1
        return Resampled(self.value.mean(axis=axis), self.replicates.mean(axis=inside), self.origin)

    def __getitem__(self, index: Any) -> Resampled:
        index = index if isinstance(index, tuple) else (index,)
        return Resampled(np.asarray(self.value[index]), self.replicates[(slice(None), *index)], self.origin)

    def __sub__(self, other: Resampled) -> Resampled:
        if self.origin != other.origin:
            raise OptionError(
                "only what is resampled alike can be subtracted: "
                f"seed, resamples and sentences are {self.origin} and {other.origin}"
            )
        # Shapes are aligned at their ends, beginning after the axis of resamples.
        width = max(self.value.ndim, other.value.ndim)
        first, second = (_widened(r.replicates, width) for r in (self, other))
        return Resampled(np.asarray(self.value - other.value), first - second, self.origin)


def _widened(replicates: np.ndarray, width: int) -> np.ndarray:
    shape = replicates.shape
    return replicates.reshape(shape[0], *[1] * (width + 1 - len(shape)), *shape[1:])
