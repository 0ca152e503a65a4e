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
_SPREAD = 4.0
"""Radius of a place, in distances within which a neighbour must lie: 1e-4 of its square is far less than those."""
_PLACES = 16
"""Places whose surroundings are looked up with one product."""


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
        left = self._left(nearest)
        self._estimate(queries, left, nearest, lists)
        extent = torch.full_like(nearest.value, torch.inf)
        while len(left):
            squares = self.matrix.squares(queries[left[:_PLACES]])
            for row, square in zip(left[:_PLACES], squares, strict=True):
                if not nearest.certain[row]:
                    self._around(queries, row, square, extent, nearest, lists)
            left = left[~nearest.certain[left]]
        return nearest, lists

    @staticmethod
    def _left(nearest: Nearest) -> Tensor:
        return (~nearest.certain).nonzero().view(-1)

    def _estimate(self, queries: Tensor, rows: Tensor, nearest: Nearest, lists: Lists) -> None:
        """The nearest listed cluster, where bounds were too coarse for any distance to be computed."""
        blind = Lists(lists.slots[rows], lists.low[rows], torch.full_like(lists.tau[rows], torch.inf))
        near = settle(self.clusters, queries[rows], blind)
        nearest.slot[rows], nearest.value[rows] = near.slot, near.value

    def _search(self, matrix: SearchMatrix, queries: Tensor) -> Lists:
        before = matrix.products
        slots, low, tau = matrix.nearest(queries, self.room)
        self.products += matrix.products - before
        # The product sees stored means; bounds are about exact ones.
        weight = self.clusters.weight[queries]
        return Lists(slots, self.clusters.below(low, weight[:, None]), self.clusters.below(tau, weight))

    def _retry(self, queries: Tensor, nearest: Nearest, lists: Lists) -> None:
        """The search once more in float32, if that is more than was done."""
        left = self._left(nearest)
        if self.dtype == torch.float32 or len(left) < _MANY:
            return
        self.again += len(left)
        matrix = SearchMatrix(self.clusters, self.clusters.live(), torch.float32)
        found = self._search(matrix, queries[left])
        _assign(nearest, lists, left, settle(self.clusters, queries[left], found), found)

    def _reach(self, queries: Tensor, value: Tensor) -> Tensor:
        """Distance (not weighted) from which on no cluster, however light, is as near as the best one known."""
        clusters = self.clusters
        weight = clusters.weight[queries]
        lightest = clusters.weight[clusters.alive].min()
        best = clusters.above(value, weight)
        return (best * (1 / weight + 1 / lightest) / 2).sqrt() * (1 + 1e-9) + 1e-12

    def _around(
        self, queries: Tensor, row: Tensor, square: Tensor, extent: Tensor, nearest: Nearest, lists: Lists
    ) -> None:
        """Settle a query that is left and the others that are left around it.

        `square`: lower bounds of the squared distances to the columns of the matrix. `extent`: of every query, the
        radius of the last surroundings searched for it; the next are much smaller or else computed.
        """
        clusters = self.clusters
        radius = _SPREAD * self._reach(queries[row[None]], nearest.value[row[None]])
        columns = self.matrix.slots[square[: len(self.matrix.slots)] <= (3 * radius) ** 2]
        away = self._distances(queries[row[None]], columns)
        position = torch.full((len(clusters.alive),), -1, dtype=torch.int64, device=columns.device)
        position[columns] = torch.arange(len(columns), device=columns.device)
        rows = self._left(nearest)
        rows = rows[position[queries[rows]] >= 0]
        reach, off = self._reach(queries[rows], nearest.value[rows]), away[position[queries[rows]]]
        near = ((off <= radius) & (reach <= radius)) | (rows == row)
        rows, reach, off = rows[near], reach[near], off[near]
        asked, outer = queries[rows], (off + 2 * reach).max()
        columns = columns[away <= outer]
        weight, lightest = clusters.weight[asked], clusters.weight[clusters.alive].min()
        rest = 2 * ((outer - off) * (1 - 1e-9)).square() / (1 / weight + 1 / lightest)
        rest = clusters.below(rest, weight) if len(columns) < clusters.count else torch.full_like(rest, torch.inf)
        self.nearby += len(rows)
        matrix = SearchMatrix(clusters, columns, torch.float32, clusters.means(queries[row[None]])[0])
        found = self._search(matrix, asked)
        found.tau = torch.minimum(found.tau, rest)
        before, settled = extent[rows], settle(clusters, asked, found)
        _assign(nearest, lists, rows, settled, found)
        unsettled = self._left(settled)
        self._estimate(queries, rows[unsettled], nearest, lists)
        extent[rows] = _SPREAD * self._reach(asked, nearest.value[rows])
        for i in unsettled:
            if not extent[rows[i]] < torch.minimum(before[i], outer) / 4:
                self._compute(asked[i : i + 1], columns, rest[i], rows[i : i + 1], nearest, lists)

    def _distances(self, centre: Tensor, slots: Tensor) -> Tensor:
        """Distances of means from that of one cluster, not weighted."""
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
        nearest.tied[row] = (values <= clusters.nearly(values.min(), clusters.weight[query])).sum() > 1
        lists.slots[row], lists.tau[row] = slots, tau
        lists.low[row] = torch.minimum(bounds, tau)


def _assign(nearest: Nearest, lists: Lists, rows: Tensor, settled: Nearest, found: Lists) -> None:
    nearest.slot[rows], nearest.value[rows] = settled.slot, settled.value
    nearest.certain[rows], nearest.tied[rows] = settled.certain, settled.tied
    lists.slots[rows], lists.low[rows], lists.tau[rows] = found.slots, found.low, found.tau
