"""The two penalties: their value, their proximal map and their conjugate. Both keep the intercepts free.

A penalty acts on weights (outputs, d) in the coordinates of its solver; there each feature may have its own strength.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor


class Penalty(Protocol):
    """What the solver asks of a penalty r."""

    def value(self, weights: Tensor) -> float:
        """r(W)."""
        ...

    def prox(self, weights: Tensor, step: float) -> Tensor:
        """The argmin over V of |V - W|^2 / 2 + step * r(V)."""
        ...

    def conjugate(self, slopes: Tensor, factor: float) -> float:
        """The supremum over V of <factor * U, V> - r(V); infinite where it has no bound."""
        ...

    def largest_factor(self, slopes: Tensor) -> float:
        """The largest factor in [0, 1] at which the conjugate of factor * U is finite."""
        ...


class Elastic:
    """sum_kj l1_kj |W_kj| + l2_kj / 2 W_kj^2.

    Parameters
    ----------
    l1, l2 : (d,) strengths for each feature, or (outputs, d) for each weight.
    """

    def __init__(self, l1: Tensor, l2: Tensor) -> None:
        self.l1, self.l2 = l1, l2
        self._ridged = bool((l2 > 0).all())

    def value(self, weights: Tensor) -> float:
        """r(W), summed in float64."""
        w = weights.double()
        return float((self.l1.double() * w.abs() + self.l2.double() / 2 * w * w).sum())

    def prox(self, weights: Tensor, step: float) -> Tensor:
        """Soft threshold, then shrink."""
        shrunk = weights - torch.clamp(weights, -step * self.l1, step * self.l1)
        return shrunk.div_(1 + step * self.l2)

    def conjugate(self, slopes: Tensor, factor: float) -> float:
        """sum_kj (|u| - l1)_+^2 / (2 l2); without l2, 0 where no |u| exceeds l1."""
        over = (slopes.double().abs() * factor - self.l1.double()).clamp_min_(0)
        if self._ridged:
            return float((over.square() / (2 * self.l2.double())).sum())
        return 0.0 if float(over.max()) <= 1e-12 * float(self.l1.max()) else math.inf

    def largest_factor(self, slopes: Tensor) -> float:
        """1 with l2; else min over weights of l1 / |u|."""
        if self._ridged:
            return 1.0
        ratio = slopes.double().abs() / self.l1.double().clamp_min(torch.finfo(torch.float64).tiny)
        return float(1 / ratio.max().clamp_min(1.0))


class NeuroX:
    """l1 * sum |W| + l2 * ||W||_F: the norm is not squared, as NeuroX codes it; convex, one group of all weights."""

    def __init__(self, l1: float, l2: float) -> None:
        self.l1, self.l2 = l1, l2

    def value(self, weights: Tensor) -> float:
        """r(W), summed in float64."""
        w = weights.double()
        return self.l1 * float(w.abs().sum()) + self.l2 * float(torch.linalg.vector_norm(w))

    def prox(self, weights: Tensor, step: float) -> Tensor:
        """Soft threshold, then shrink the whole (Simon et al. 2013, doi:10.1080/10618600.2012.681250, eq. 11)."""
        shrunk = weights - weights.clamp(-step * self.l1, step * self.l1)
        norm = float(torch.linalg.vector_norm(shrunk))
        return shrunk.mul_(max(0.0, 1 - step * self.l2 / norm) if norm else 0.0)

    def conjugate(self, slopes: Tensor, factor: float) -> float:
        """0 where ||(|u| - l1)_+||_F <= l2, else infinite."""
        return 0.0 if self._over(slopes, factor) <= self.l2 * (1 + 1e-12) + 1e-300 else math.inf

    def largest_factor(self, slopes: Tensor) -> float:
        """By bisection; the lower end, which is feasible."""
        if self._over(slopes, 1.0) <= self.l2:
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self._over(slopes, middle) <= self.l2 else (low, middle)
        return low

    def _over(self, slopes: Tensor, factor: float) -> float:
        return float(torch.linalg.vector_norm((slopes.double().abs() * factor - self.l1).clamp_min_(0)))
