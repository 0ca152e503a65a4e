"""The nearest neighbours of clusters while they merge, told from lists of candidates or by searching anew.

How lists stay true is in `candidates`, how a search comes to a certain end in `neighbours`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from isogloss.numerics.ward.candidates import Lists, Nearest, inherit, settle
from isogloss.numerics.ward.clusters import Clusters
from isogloss.numerics.ward.neighbours import NeighbourSearch

TOGETHER = 2048
_ROOM = 8
"""Candidates that a search ends with: the nearest, and those that may tie with it, as on a lattice."""


class Searched:
    """Every cluster that is asked about is searched for among all: the least work where there are few.

    Parameters
    ----------
    clusters : what merges; `merged` is to be told of every round.
    dtype : of the search.
    room : candidates per cluster.
    """

    def __init__(self, clusters: Clusters, dtype: torch.dtype, room: int = _ROOM) -> None:
        self.clusters = clusters
        self.room = max(1, min(room, clusters.count - 1))
        self.search = NeighbourSearch(clusters, dtype, self.room)

    def find(self, queries: Tensor) -> Nearest:
        """What is nearest to (m,) live slots, at least one.

        Of clusters at exactly the same distance the one with the smallest `tie` is nearest.
        """
        parts = [self._nearest(queries[part]) for part in _parts(len(queries))]
        slot, value, tied = (torch.cat([getattr(part, name) for part in parts]) for name in ("slot", "value", "tied"))
        return Nearest(slot, value, torch.ones_like(tied), tied)

    def merged(self, a: Tensor, b: Tensor, weights: tuple[Tensor, Tensor], distance: Tensor) -> None:
        """Take note of what `Clusters.merge` has merged: pairs of slots, their weights before, their distances."""
        self.search.merged(a, b)

    def _nearest(self, queries: Tensor) -> Nearest:
        return self.search.find(queries)[0]


class Listed(Searched):
    """A list of candidates for every cluster, which tells most of them without a search.

    Attributes
    ----------
    settled : how many clusters have been looked up in their lists.
    """

    def __init__(self, clusters: Clusters, dtype: torch.dtype, room: int) -> None:
        super().__init__(clusters, dtype, room)
        shape, device = (clusters.count, self.room), clusters.device
        self.lists = Lists(
            torch.full(shape, -1, dtype=torch.int32, device=device),
            torch.full(shape, torch.inf, dtype=torch.float32, device=device),
            torch.zeros(clusters.count, dtype=torch.float64, device=device),
        )
        self.settled = 0

    def merged(self, a: Tensor, b: Tensor, weights: tuple[Tensor, Tensor], distance: Tensor) -> None:
        """See `Searched`; what was merged inherits the lists of its parts."""
        super().merged(a, b, weights, distance)
        for part in _parts(len(a)):
            ours, theirs = self.lists.of(a[part]), self.lists.of(b[part])
            both = weights[0][part], weights[1][part]
            self.lists.put(a[part], inherit(self.clusters, a[part], ours, theirs, both, distance[part]))

    def _nearest(self, queries: Tensor) -> Nearest:
        self.settled += len(queries)
        lists = self.lists.of(queries)
        nearest = settle(self.clusters, queries, lists)
        self.lists.put(queries, lists)
        unsure = (~nearest.certain).nonzero().view(-1)
        if len(unsure):
            found, lists = self.search.find(queries[unsure])
            self.lists.put(queries[unsure], lists)
            nearest.slot[unsure], nearest.value[unsure], nearest.tied[unsure] = found.slot, found.value, found.tied
        return nearest


def _parts(length: int) -> list[slice]:
    """Clusters handled together: their lists take many times the memory of the lists that are kept."""
    return [slice(start, start + TOGETHER) for start in range(0, length, TOGETHER)]
