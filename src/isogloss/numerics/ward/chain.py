"""Ward's tree by nearest-neighbour chains in the order of SciPy's: which of equally near clusters merge is as there.

For data in which equal distances decide. SciPy updates distances by Lance and Williams' recurrence, so that rounding
tells many equal ones apart, and takes the first of those that stay equal (`scipy.cluster._hierarchy.nn_chain`); the
same is done here with the same operations. Copies of a row are always at the same distances, to the last bit, so those
that have not merged yet share one row of the matrix: memory grows with the square of the distinct rows, not of all.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from isogloss.numerics.copies import Distinct
from isogloss.numerics.room import rows_of, zeros
from isogloss.progress import Advance

_ROWS = 1024
_TOLD = 500
"""Merges between reports of progress."""


def places_needed(distinct: Distinct) -> int:
    """Rows of the matrix: one per distinct vector, and one more where copies have merged and others have not yet.

    Copies are at distance 0, nearer than all else, so they are one cluster before anything joins them. Until then
    there is one cluster of copies at most: what starts or continues a chain is the first of those not merged, being
    at an equal distance and of an earlier place than the others, and nearer than the heavier cluster of copies.
    """
    return len(distinct.first) + int((distinct.counts > 2).sum())


class Chain:
    """The state of the algorithm. A cluster is known by a point of it, as in SciPy: the last of the latest merge.

    Parameters
    ----------
    X : (n, d), finite.
    distinct : its distinct rows.
    scale : a power of two; distances are computed of X / scale, so that none overflows.
    """

    def __init__(self, X: np.ndarray, distinct: Distinct, scale: float) -> None:
        u = len(distinct.first)
        places = places_needed(distinct)
        self.scale = scale
        self._distance = zeros((places, places))
        points = rows_of(X, distinct.first, np.float64)
        points /= scale
        for start in range(0, u, _ROWS):
            stop = min(start + _ROWS, u)
            block = cdist(points[start:stop], points[start:])
            self._distance[start:stop, start:u], self._distance[start:u, start:stop] = block, block.T
        np.fill_diagonal(self._distance[:u, :u], np.where(distinct.counts > 1, 0.0, np.inf))
        order = np.argsort(distinct.of_row, kind="stable")
        self._single = [part.tolist() for part in np.split(order, np.cumsum(distinct.counts)[:-1])]
        """By place, the points of it that have not merged; a cluster's place has the cluster's one."""
        self._single += [[] for _ in range(places - u)]
        self._point = np.array([points[0] if points else -1 for points in self._single])
        """By place, the first of those: what its cluster is known by."""
        self._gone = np.where(self._point < 0, np.inf, 0.0)
        """Added to distances; what is no more stays in the matrix, whose columns are slow to write."""
        self._size = np.zeros(places)
        self._size[:u] = 1
        self._place = distinct.of_row.copy()
        self._alive = np.ones(len(X), dtype=bool)
        self._free = list(range(u, places))

    def merges(self, advance: Advance = lambda _: None) -> tuple[np.ndarray, np.ndarray]:
        """(n-1, 2) a point of each of the two clusters that merge, and (n-1,) heights; parts before wholes."""
        n = len(self._alive)
        pairs, heights = np.empty((n - 1, 2), dtype=np.int64), np.empty(n - 1)
        chain: list[int] = []
        first = 0
        for step in range(n - 1):
            if not chain:
                while not self._alive[first]:
                    first += 1
                chain = [first]
            while True:
                x = chain[-1]
                y, height = self._nearest(x, chain[-2] if len(chain) > 1 else None)
                if len(chain) > 1 and y == chain[-2]:
                    break
                chain.append(y)
            del chain[-2:]
            pairs[step], heights[step] = (min(x, y), max(x, y)), height
            self._merge(min(x, y), max(x, y), height)
            if step % _TOLD == _TOLD - 1:
                advance(_TOLD)
        advance((n - 1) % _TOLD)
        return pairs, heights * self.scale

    def _nearest(self, x: int, before: int | None) -> tuple[int, float]:
        """The nearest cluster and its distance: of equal ones the one before in the chain, else the first point."""
        own = self._place[x]
        row = self._distance[own] + self._gone
        least = float(row.min())
        if before is not None and row[self._place[before]] <= least:
            return before, least
        equal = row == least
        copies = [point for point in self._single[own][:2] if point != x] if equal[own] else []
        equal[own] = False
        return int(min([*copies, *self._point[equal]])) if copies else int(self._point[equal].min()), least

    def _merge(self, x: int, y: int, height: float) -> None:
        """Ward's distances of what x and y make, with SciPy's operations in their order; it is known as y."""
        at_x, at_y = self._place[x], self._place[y]
        dx, dy, others = self._distance[at_x] + self._gone, self._distance[at_y] + self._gone, self._size
        nx, ny = others[at_x], others[at_y]
        t = 1.0 / (nx + ny + others)
        updated = np.sqrt((others + nx) * t * dx * dx + (others + ny) * t * dy * dy - others * t * height * height)
        self._alive[x] = False
        for place, point in ((at_x, x), (at_y, y)):
            self._single[place].remove(point)
        for place in {at_x, at_y}:
            left = self._single[place]
            if left:
                self._point[place] = left[0]
                self._distance[place, place] = 0.0 if len(left) > 1 else np.inf
            else:
                self._gone[place] = updated[place] = np.inf
                self._free.append(place)
        if not self._free:
            self._grow()
            updated = np.pad(updated, (0, len(self._size) - len(updated)), constant_values=np.inf)
        place = self._free.pop()
        updated[place], self._gone[place] = np.inf, 0.0
        self._distance[place] = self._distance[:, place] = updated
        self._size[place] = nx + ny
        self._single[place], self._point[place], self._place[y] = [y], y, place

    def _grow(self) -> None:
        """More places than `places_needed`: only where points are so close that their distance is 0 in float64."""
        n = len(self._size)
        self._distance = np.pad(self._distance, (0, n))
        self._size, self._point = np.pad(self._size, (0, n)), np.pad(self._point, (0, n))
        self._gone = np.pad(self._gone, (0, n), constant_values=np.inf)
        self._single += [[] for _ in range(n)]
        self._free = list(range(n, 2 * n))
