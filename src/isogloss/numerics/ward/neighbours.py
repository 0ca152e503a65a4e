"""The nearest neighbour of clusters whose lists do not tell it: from matrix products, ever closer, to a certain end.

First the products of all live clusters; where their rounding is too coarse for a cluster (it has more near-copies
than a list has room for) the same in float32, then among its surroundings alone, measured from its own place, where
vectors are short and rounding is small; at last every distance in the surroundings is computed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from isogloss.numerics.ward.candidates import Lists, Nearest, settle, tie
from isogloss.numerics.ward.clusters import Clusters
from isogloss.numerics.ward.search import SearchMatrix

_COMPACT = 0.75
"""Dead columns are left out when fewer than this share are alive."""
_MANY = 64
"""Clusters from which on a float32 search after the bfloat16 one pays."""
_SPREAD = 16.0
"""Radius of a place, in distances within which a neighbour must lie; float32 tells those apart with room to spare."""


class NeighbourSearch:
    """Finds certain nearest neighbours among the live clusters, with lists for later.

    Parameters
    ----------
    clusters : the clusters.
    dtype : precision of the first search.
    room : length of the lists.

    Attributes
    ----------
    searched, again, nearby, computed : how many clusters went through each of the steps, for measurements.
    """

    def __init__(self, clusters: Clusters, dtype: torch.dtype, room: int) -> None:
        self.clusters, self.dtype, self.room = clusters, dtype, room
        self.matrix = SearchMatrix(clusters, clusters.live(), dtype)
        self.searched = self.again = self.nearby = self.computed = self.products = 0

    def merged(self, kept: Tensor, gone: Tensor) -> None:
        """Take note of the merges of a round."""
        self.matrix.remove(gone)
        self.matrix.update(kept)

    def find(self, queries: Tensor) -> tuple[Nearest, Lists]:
        """Return the certain nearest neighbours of (m,) live slots and their new lists."""
        clusters = self.clusters
        if clusters.count < _COMPACT * len(self.matrix.slots):
            self.matrix.compact(clusters.live())
        self.searched += len(queries)
        lists = self._search(self.matrix, queries)
        nearest = settle(clusters, queries, lists)
        self._retry(queries, nearest, lists)
        left = (~nearest.certain).nonzero().view(-1)
        while len(left):
            done = self._around(queries, left, nearest, lists)
            left = left[~torch.isin(left, done)]
        return nearest, lists

    def _search(self, matrix: SearchMatrix, queries: Tensor) -> Lists:
        before = matrix.products
        slots, low, tau = matrix.nearest(queries, self.room)
        self.products += matrix.products - before
        # The product sees stored means; bounds are about exact ones.
        weight = self.clusters.weight[queries]
        return Lists(slots, self.clusters.below(low, weight[:, None]), self.clusters.below(tau, weight))

    def _retry(self, queries: Tensor, nearest: Nearest, lists: Lists) -> None:
        """The search once more in float32, if that is more than was done."""
        left = (~nearest.certain).nonzero().view(-1)
        if self.dtype == torch.float32 or len(left) < _MANY:
            return
        self.again += len(left)
        matrix = SearchMatrix(self.clusters, self.clusters.live(), torch.float32)
        found = self._search(matrix, queries[left])
        _assign(nearest, lists, left, settle(self.clusters, queries[left], found), found)

    def _around(self, queries: Tensor, left: Tensor, nearest: Nearest, lists: Lists) -> Tensor:
        """Settle the first of the `left` and all that lie around it; return those that were settled."""
        clusters, live = self.clusters, self.clusters.live()
        centre = queries[left[:1]]
        away = self._distances(centre, live)
        # At distance `reach` or more from a query no cluster, however light, comes as near as the best one known.
        weight = clusters.weight[queries[left]]
        lightest = clusters.weight[live].min()
        best = clusters.above(nearest.value[left], weight)
        reach = (best * (1 / weight + 1 / lightest) / 2).sqrt() * (1 + 1e-9) + 1e-12
        position = torch.full((len(clusters.alive),), -1, dtype=torch.int64, device=live.device)
        position[live] = torch.arange(len(live), device=live.device)
        off = away[position[queries[left]]]
        radius = _SPREAD * reach[0]
        near = (off <= radius) & (reach <= radius)
        near[0] = True
        off, reach, weight = off[near], reach[near], weight[near]
        rows, asked = left[near], queries[left[near]]
        outer = float((off + 2 * reach).max())
        columns = live[away <= outer]
        beyond = (outer - off) * (1 - 1e-9)
        rest = clusters.below(2 * beyond.square() / (1 / weight + 1 / lightest), weight)
        if len(columns) == len(live):
            rest = torch.full_like(rest, torch.inf)
        self.nearby += len(rows)
        matrix = SearchMatrix(clusters, columns, torch.float32, clusters.means(centre)[0])
        found = self._search(matrix, asked)
        found.tau = torch.minimum(found.tau, rest)
        settled = settle(clusters, asked, found)
        _assign(nearest, lists, rows, settled, found)
        for i in (~settled.certain).nonzero().view(-1):
            self._compute(asked[i : i + 1], columns, rest[i], rows[i : i + 1], nearest, lists)
        return rows

    def _distances(self, centre: Tensor, slots: Tensor) -> Tensor:
        """Distances of means from that of one cluster, not weighted, each at most too small."""
        mean = self.clusters.means(centre)
        out = torch.empty(len(slots), dtype=torch.float64, device=slots.device)
        for part in self.clusters.blocks(len(slots)):
            out[part] = torch.linalg.vector_norm(self.clusters.means(slots[part]).sub_(mean), dim=1)
        return out

    def _compute(
        self, query: Tensor, columns: Tensor, rest: Tensor, row: Tensor, nearest: Nearest, lists: Lists
    ) -> None:
        """Every distance from one cluster to the columns; `rest` bounds those to all others."""
        clusters = self.clusters
        self.computed += 1
        columns = columns[columns != query]
        values = clusters.distance(query.expand(len(columns)), columns)
        equal = columns[values == values.min()]
        count = min(self.room + 1, len(values))
        low, order = values.topk(count, largest=False)
        low = clusters.below(low, clusters.weight[query])
        slots = torch.full((self.room,), -1, dtype=torch.int64, device=query.device)
        bounds = torch.full((self.room,), torch.inf, dtype=torch.float64, device=query.device)
        held = min(self.room, count)
        slots[:held], bounds[:held] = columns[order[:held]], low[:held]
        tau = torch.minimum(rest, low[self.room]) if count > self.room else rest
        nearest.slot[row] = equal[tie(query, equal).argmin()]
        nearest.value[row], nearest.certain[row] = values.min(), True
        lists.slots[row], lists.tau[row] = slots, tau
        lists.low[row] = torch.minimum(bounds, tau)


def _assign(nearest: Nearest, lists: Lists, rows: Tensor, settled: Nearest, found: Lists) -> None:
    nearest.slot[rows], nearest.value[rows], nearest.certain[rows] = settled.slot, settled.value, settled.certain
    lists.slots[rows], lists.low[rows], lists.tau[rows] = found.slots, found.low, found.tau
