"""What a ranking of neurons is; knows no method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Ranking:
    """Neurons from the most to the least salient.

    Attributes
    ----------
    method : how they were ranked.
    order : (d,) neurons, the most salient first.
    scores : (d,) by neuron, larger is more salient. LCA: 1 - mass before it; Probeless: sum of distances between
        class means; weights: mean |w|; Gaussian: bits that the neuron tells by itself, which is not what the first
        `n_selected` are ordered by; random: a uniform number.
    per_label : per class an order of its own, where the method has one (LCA, weights, Probeless).
    group_ends : where groups of equal keys end in `order` (LCA); empty for other methods.
    n_selected : how many were chosen by the method itself (Gaussian: greedily; the others follow by their score).
    bits : (n_selected,) dev mutual information of the first 1, 2, ... neurons together (Gaussian); else empty.
    """

    method: str
    order: np.ndarray
    scores: np.ndarray
    per_label: Mapping[Any, np.ndarray] = field(default_factory=dict)
    group_ends: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    n_selected: int | None = None
    bits: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def top(self, k: int) -> np.ndarray:
        """(k,) the most salient neurons."""
        return self.order[:k]
