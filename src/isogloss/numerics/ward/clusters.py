"""The live clusters of an agglomeration: weights, exact means, Ward distances in float64.

Singletons are read from the data; only merged clusters (never more than half of the points) hold a float64 mean.
What is nearest to what is not known here.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from isogloss.numerics.room import empty_tensor

UNIT = 2.0**-53
"""Unit roundoff of float64."""

_NEAR, _NEAR_UNITS = 1e-12, 64
"""Distances this close are taken for equal: a share of them, and units of roundoff of the frame."""

_NUMBERS = 1 << 19
"""float64 numbers handled at once: the working arrays stay in the cache."""


class Clusters:
    """Clusters by slot 0..u-1; a merged cluster keeps the smaller slot of its two parts, the other slot dies.

    Everything is measured in the data's own frame: about the mean of all rows, in units of `scale`, a power of two
    that no row's distance from the mean exceeds. No vector here is longer than 1, so that absolute rounding errors
    are multiples of the unit roundoff whatever the offset and the units of the data.

    Parameters
    ----------
    X : (n, d) tensor, float32 or float64, finite.
    first : (u,) the row that slot s starts from; no two of these rows are equal.
    weights : (u,) how many rows of X are copies of it.
    mean : (d,) float64.
    scale : a power of two, at least the largest distance of a row from the mean.
    """

    def __init__(self, X: Tensor, first: Tensor, weights: Tensor, mean: Tensor, scale: float) -> None:
        u = len(first)
        self.X, self.first, self.mean, self.scale = X, first, mean, scale
        self.device = X.device
        self.width = X.shape[1]
        self.weight = weights.to(torch.float64)
        self.alive = torch.ones(u, dtype=torch.bool, device=self.device)
        self.count = u
        self.rounds = 0
        self.root = torch.arange(u, device=self.device)
        """The live slot that each slot's points belong to now."""
        # Pages that no merged cluster has used yet take no memory: places are given out from the bottom.
        self._means = empty_tensor((u // 2 + 1, self.width), torch.float64, self.device)
        self._place = torch.full((u,), -1, dtype=torch.int64, device=self.device)
        self._free = torch.empty(0, dtype=torch.int64, device=self.device)
        self._used = 0

    def live(self) -> Tensor:
        """Slots of the live clusters, increasing."""
        return self.alive.nonzero().view(-1)

    def blocks(self, length: int) -> list[slice]:
        """Consecutive slices of at most so many vectors as fit the working memory."""
        step = max(1, _NUMBERS // self.width)
        return [slice(start, min(start + step, length)) for start in range(0, length, step)]

    def means(self, slots: Tensor) -> Tensor:
        """(len(slots), d) float64 means in the frame; not chunked."""
        place = self._place[slots]
        merged = place >= 0
        if bool(merged.all()):
            return self._means.index_select(0, place)
        if not bool(merged.any()):
            return self._singletons(slots)
        out = torch.empty((len(slots), self.width), dtype=torch.float64, device=self.device)
        out[merged] = self._means.index_select(0, place[merged])
        out[~merged] = self._singletons(slots[~merged])
        return out

    def _singletons(self, slots: Tensor) -> Tensor:
        rows = self.X.index_select(0, self.first[slots]).to(torch.float64)
        return rows.sub_(self.mean).div_(self.scale)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Ward's 2 w_a w_b / (w_a + w_b) |m_a - m_b|^2 of pairs of slots, (pairs,) float64, in the frame.

        Bit for bit the same for (a, b) and (b, a), in whatever company a pair is computed, on whatever device: the
        sum over the dimensions is a fixed tree of additions.
        """
        out = torch.empty(len(a), dtype=torch.float64, device=self.device)
        for part in self.blocks(len(a)):
            difference = self.means(a[part]).sub_(self.means(b[part]))
            out[part] = row_sums(difference.square_())
        wa, wb = self.weight[a], self.weight[b]
        return out * (2 * ((wa * wb) / (wa + wb)))

    def merge(self, a: Tensor, b: Tensor) -> None:
        """Merge disjoint pairs of live clusters, a < b elementwise; one round."""
        place = torch.where(self._place[a] >= 0, self._place[a], self._place[b])
        # What this round frees is given out in the next: it may still have to be read.
        freed = self._place[b][(self._place[a] >= 0) & (self._place[b] >= 0)]
        new = (place < 0).nonzero().view(-1)
        fresh = max(0, len(new) - len(self._free))
        free = torch.cat([self._free, torch.arange(self._used, self._used + fresh, device=self.device)])
        place[new] = free[: len(new)]
        self._used += fresh
        self._free = torch.cat([free[len(new) :], freed])
        wa, wb = self.weight[a], self.weight[b]
        for part in self.blocks(len(a)):
            mean = self.means(a[part]).mul_(wa[part, None])
            mean.add_(self.means(b[part]).mul_(wb[part, None])).div_((wa + wb)[part, None])
            self._means[place[part]] = mean
        self._place[a], self._place[b] = place, -1
        self.weight[a] = wa + wb
        self.alive[b] = False
        self.root[b] = a
        self.root = self.root[self.root]
        self.count -= len(a)
        self.rounds += 1

    def below(self, bound: Tensor, weight: Tensor) -> Tensor:
        """What a bound on a cluster's Ward distances is worth after rounding; see `candidates`, "Rounding"."""
        relative, absolute = self._slack()
        return (bound.sqrt() * (1 - relative) - absolute * (2 * weight).sqrt()).clamp_(min=0).square_()

    def above(self, value: Tensor, weight: Tensor) -> Tensor:
        """At least the true distance of a pair with this computed one; weight: the smaller of the two suffices."""
        relative, absolute = self._slack()
        return (value.sqrt() * (1 + relative) + absolute * (2 * weight).sqrt()).square_()

    def nearly(self, value: Tensor, weight: Tensor) -> Tensor:
        """The largest distance that is taken for equal to a computed one of a cluster of this weight.

        Rounding may tell equal distances apart by about so much; those that differ lie this close by rare chance.
        """
        return (value.sqrt() * (1 + _NEAR) + _NEAR_UNITS * UNIT * (2 * weight).sqrt()).square_()

    def _slack(self) -> tuple[float, float]:
        rounds = self.rounds + 1
        return 150 * rounds * UNIT, 100 * rounds**2 * UNIT


def row_sums(values: Tensor) -> Tensor:
    """Sums of the rows of (m, d), by halving: the same additions whatever m is. Overwrites `values`."""
    width = values.shape[1]
    while width > 1:
        rest = width // 2
        values[:, :rest] += values[:, width - rest : width]
        width -= rest
    return values[:, 0]


def frame(X: np.ndarray, rows: int = 4096) -> tuple[np.ndarray, float]:
    """Mean of the rows (d,) in float64 and a power of two that no row's distance from it exceeds."""
    mean = np.zeros(X.shape[1])
    for start in range(0, len(X), rows):
        # Divided first: sums of values near the largest float64 would overflow.
        mean += (X[start : start + rows].astype(np.float64, order="C") / len(X)).sum(axis=0)
    largest = 0.0
    for start in range(0, len(X), rows):
        block = np.abs(X[start : start + rows].astype(np.float64, order="C") - mean)
        peak = float(block.max(initial=0.0))
        if peak > 0:
            largest = max(largest, peak * float(np.sqrt(np.square(block / peak).sum(axis=1).max())))
    if largest == 0:
        return mean, 1.0
    # One more doubling, so that rounding cannot bring a row's length above 1.
    return mean, math.ldexp(1.0, math.frexp(largest)[1] + 1)
