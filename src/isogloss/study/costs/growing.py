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


def with_width(parts: Sequence[float], hidden: int) -> list[float]:
    """What work is made of at a width: each part once per number of a vector, and once per pair of these.

    Besides, once per layer, what decomposes a matrix of this width: its cube.
    """
    return [
        *(part * hidden for part in parts),
        *(part * hidden**2 for part in parts),
        float(hidden) ** 3,
    ]
