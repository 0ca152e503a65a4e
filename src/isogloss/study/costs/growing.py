"""From what a task took on little text to what it will take on much: parts that each grow in their own way.

Fits no parameter freely: every part is what an analysis says its work is made of, and none can be negative.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls


class Growth:
    """A number that is a sum of non-negative multiples of known parts.

    Least squares of the relative errors: a trial of a tenth of a second weighs as much as one of ten.

    Parameters
    ----------
    parts : (trials, parts) what each trial's work was made of; a constant is added.
    values : (trials,) what each took.
    """

    def __init__(self, parts: Sequence[Sequence[float]], values: Sequence[float]) -> None:
        made_of = np.column_stack([np.ones(len(values)), np.asarray(parts, dtype=np.float64).reshape(len(values), -1)])
        measured = np.asarray(values, dtype=np.float64)
        self._scale = np.maximum(made_of.max(axis=0), 1e-300)
        floor = max(measured.max(initial=0.0) * 1e-3, 1e-9)
        weights = 1.0 / np.maximum(measured, floor)
        found, _ = nnls(made_of / self._scale * weights[:, None], measured * weights)
        self._factors = found / self._scale

    def __call__(self, parts: Sequence[float]) -> float:
        """What it takes where the work is made of these parts."""
        return float(self._factors @ np.array([1.0, *parts]))


def time_parts(parts: Sequence[float], hidden: int) -> list[float]:
    """What the time of a task is made of at a width.

    Each part once per number of a vector; the first, all words, also once per pair of numbers, as for a covariance; and
    the cube of the width, as for a decomposition of one.
    """
    return [*(part * hidden for part in parts), parts[0] * hidden**2, float(hidden) ** 3]


def memory_parts(parts: Sequence[float], hidden: int) -> list[float]:
    """What the memory of a task is made of at a width: each part once per number of a vector, and a covariance."""
    return [*(part * hidden for part in parts), float(hidden) ** 2]


def size_parts(parts: Sequence[float], hidden: int) -> list[float]:
    """What the bytes that a task reads are made of at a width: each part once per number of a vector."""
    return [part * hidden for part in parts]
