"""Clusters of one label and the pair of them whose centroids are nearest, kept up to date through merges and refusals.

Holds no list of all pairs: each cluster knows its few nearest others and a bound below which nothing else can lie.
Distances are first found in float32 with a bound on their error; what could be the least is found again in float64, so
the order of merges is that of float64. Where that bound tells too many apart from none, as far from all others, the
whole row of a cluster is found in float64. Does not look at other labels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

KEPT = 6
_BLOCK = 1 << 22
_SAMPLE = 4096
_UNIT = float(np.finfo(np.float32).eps)


class Pair(NamedTuple):
    """Two clusters; pairs compare as they are merged: nearest first, of equals the one with the earliest rows.

    distance : squared Euclidean distance of the centroids.
    first, second : first rows (in the data) of the two clusters, first < second.
    """

    distance: float
    first: int
    second: int


class NearestPairs:
    """The living clusters of one label.

    Parameters
    ----------
    sums : (k, d) float64 sums of the points of each cluster; overwritten.
    sizes : (k,) numbers of points.
    firsts : (k,) increasing, the first row of each cluster, by which it is named from then on; what two clusters become
        bears the smaller of their names.

    Notes
    -----
    Memory is O(k d), and k^2 bytes from the first refusal on. A merge costs O(k d).
    """

    def __init__(self, sums: np.ndarray, sizes: np.ndarray, firsts: np.ndarray) -> None:
        self._sums, self._sizes, self._firsts = sums, sizes.astype(np.float64), firsts.copy()
        k, d = sums.shape
        centroids = sums / self._sizes[:, None]
        # The median: a few clusters far away, which a mean would follow, cost only themselves their precision.
        self._middle = np.median(centroids[:: max(1, k // _SAMPLE)], axis=0) if k else np.zeros(d)
        self._near = (centroids - self._middle).astype(np.float32)
        self._squares = np.square(self._near, dtype=np.float64).sum(axis=1)
        # Twice what rounding to float32 and summing d products in float32 can do, for |x|^2 + |y|^2 = 1.
        self._slack = 2 * (d + 16) * _UNIT
        kept = max(1, min(KEPT, k - 1))
        self._ids = np.zeros((k, kept), dtype=np.int32)
        self._keys = np.full((k, kept), np.inf)
        self._exact = np.zeros((k, kept), dtype=bool)
        self._rest = np.full(k, np.inf)
        self._best = np.full(k, np.inf)
        self._alive = np.ones(k, dtype=bool)
        # Rows whose nearest others, and the bound on the rest, are of float64; of equals they have the earliest.
        self._settled = np.zeros(k, dtype=bool)
        self._refused: np.ndarray | None = None
        step = max(1, _BLOCK // max(k, 1))
        for start in range(0, k if k > 1 else 0, step):
            self._search(np.arange(start, min(start + step, k)))

    def __len__(self) -> int:
        return int(self._alive.sum())

    def nearest(self) -> Pair | None:
        """The pair to be merged next, or None when all that are left are refused."""
        searched: set[int] = set()
        while len(self._best):
            least = self._best.min()
            if least == np.inf:
                return None
            rows = np.flatnonzero(self._best <= least)
            stale = rows[(self._rest[rows] <= least) & ~self._settled[rows]]
            if len(stale):
                fresh = [row for row in stale.tolist() if row not in searched][: max(1, _BLOCK // len(self._best))]
                if fresh:
                    self._search(np.array(fresh))
                    searched.update(fresh)
                else:
                    self._search_exactly(int(stale[0]))
                continue
            where, slots = np.nonzero((self._keys[rows] <= least) & ~self._exact[rows])
            if len(where):
                one = rows[where]
                self._keys[one, slots] = self._distances(one, self._ids[one, slots])
                self._exact[one, slots] = True
                self._settle(rows)
                continue
            where, slots = np.nonzero(self._keys[rows] == least)
            one, other = rows[where], self._ids[rows[where], slots]
            low, high = self._firsts[np.minimum(one, other)], self._firsts[np.maximum(one, other)]
            pick = np.lexsort((high, low))[0]
            return Pair(float(least), int(low[pick]), int(high[pick]))
        return None

    def merge(self, first: int, second: int) -> None:
        """Put one cluster, named `first`, in the place of two; what was refused to either is refused to it."""
        i, j = self._place(first), self._place(second)
        self._sums[i] += self._sums[j]
        self._sizes[i] += self._sizes[j]
        self._near[i] = self._sums[i] / self._sizes[i] - self._middle
        self._squares[i] = np.square(self._near[i], dtype=np.float64).sum()
        self._alive[j] = False
        if self._refused is not None:
            self._refused[i] |= self._refused[j]
            self._refused[:, i] = self._refused[i]
        gone = (self._ids == i) | (self._ids == j)
        self._keys[gone] = np.inf
        self._keys[j] = self._rest[j] = np.inf
        bounds = self._bounds(np.array([i]))[0]
        touched = gone.any(axis=1)
        self._settled[touched] = False
        self._insert(i, bounds, touched)
        self._fill(np.array([i]), bounds[None])
        touched[j] = touched[i] = True
        self._settle(np.flatnonzero(touched))
        if 64 < 2 * self._alive.sum() < len(self._alive):
            self._compact()

    def refuse(self, first: int, second: int) -> None:
        """Never offer this pair again, nor what either becomes together with the other."""
        i, j = self._place(first), self._place(second)
        if self._refused is None:
            self._refused = np.zeros((len(self._alive),) * 2, dtype=bool)
        self._refused[i, j] = self._refused[j, i] = True
        self._keys[i, self._ids[i] == j] = np.inf
        self._keys[j, self._ids[j] == i] = np.inf
        self._settled[[i, j]] = False
        self._settle(np.array([i, j]))

    def _place(self, first: int) -> int:
        return int(np.searchsorted(self._firsts, first))

    def _distances(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        difference = self._sums[one] / self._sizes[one, None] - self._sums[other] / self._sizes[other, None]
        return np.square(difference).sum(axis=1)

    def _bounds(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), k) values at or below the squared distances; infinite where no pair may be."""
        products = self._near[rows] @ self._near.T
        squares = self._squares[rows, None] + self._squares
        bounds = (1 - self._slack) * squares - 2 * products
        bounds[:, ~self._alive] = np.inf
        bounds[np.arange(len(rows)), rows] = np.inf
        if self._refused is not None:
            bounds[self._refused[rows]] = np.inf
        return bounds

    def _search(self, rows: np.ndarray) -> None:
        self._fill(rows, self._bounds(rows))
        self._settle(rows)

    def _search_exactly(self, row: int) -> None:
        """Take the nearest others of a row by their distances in float64, of equals the earliest."""
        others = np.flatnonzero(self._alive)
        others = others[others != row]
        if self._refused is not None:
            others = others[~self._refused[row, others]]
        distances = self._distances(np.full(1, row), others)
        order = np.argsort(distances, kind="stable")
        kept = min(self._keys.shape[1], len(others))
        self._keys[row] = np.inf
        self._keys[row, :kept], self._ids[row, :kept] = distances[order[:kept]], others[order[:kept]]
        self._rest[row] = distances[order[kept]] if kept < len(others) else np.inf
        self._exact[row] = self._settled[row] = True
        self._settle(np.array([row]))

    def _fill(self, rows: np.ndarray, bounds: np.ndarray) -> None:
        """Take the nearest of each row's bounds; the next is the bound on the rest."""
        k, kept = bounds.shape[1], self._keys.shape[1]
        if k <= kept:
            near = np.argsort(bounds, axis=1)
            self._keys[rows] = np.inf
            self._keys[rows, :k] = np.take_along_axis(bounds, near, axis=1)
            self._ids[rows, :k] = near
            self._rest[rows] = np.inf
        else:
            near = np.argpartition(bounds, kept, axis=1)[:, : kept + 1]
            values = np.take_along_axis(bounds, near, axis=1)
            self._keys[rows], self._ids[rows] = values[:, :kept], near[:, :kept]
            self._rest[rows] = values[:, kept]
        self._exact[rows] = self._settled[rows] = False

    def _insert(self, i: int, bounds: np.ndarray, touched: np.ndarray) -> None:
        """Tell the others of the new cluster i, where it may be among their nearest."""
        rows = np.flatnonzero(bounds < self._rest)
        self._settled[rows] = False
        slots = self._keys[rows].argmax(axis=1)
        worst, new = self._keys[rows, slots], bounds[rows]
        self._rest[rows] = np.minimum(self._rest[rows], np.maximum(worst, new))
        enters = new < worst
        rows, slots = rows[enters], slots[enters]
        self._keys[rows, slots], self._ids[rows, slots], self._exact[rows, slots] = new[enters], i, False
        touched[rows] = True

    def _settle(self, rows: np.ndarray) -> None:
        self._best[rows] = np.minimum(self._keys[rows].min(axis=1), self._rest[rows])

    def _compact(self) -> None:
        alive = self._alive
        place = np.cumsum(alive) - 1
        # Ids whose key is infinite may name what is gone.
        self._ids = np.where(np.isfinite(self._keys), place[self._ids], 0)[alive].astype(np.int32)
        if self._refused is not None:
            self._refused = self._refused[np.ix_(alive, alive)]
        names = ("_sums", "_sizes", "_firsts", "_near", "_squares", "_keys", "_exact", "_rest", "_best", "_settled")
        for name in names:
            setattr(self, name, getattr(self, name)[alive])
        self._alive = np.ones(int(alive.sum()), dtype=bool)
