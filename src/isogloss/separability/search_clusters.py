"""The clusters that stand while DirectProbe searches: which point belongs to which, and the ball around each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_UNIT = float(np.finfo(np.float32).eps)
_quiet = np.errstate(invalid="ignore")
"""Small float32 products of finite numbers were seen to raise the flag of an invalid operation in BLAS."""


class Balls:
    """Clusters of all labels, each named by its first point, and quick bounds on how far apart they lie.

    Parameters
    ----------
    points : (m, d) float32, about a common centre.
    owner : (m,) the first point of each point's cluster.
    directions : (d, r) orthonormal, of much variance: distances along them are tried first.

    Attributes
    ----------
    owner : (m,), kept up to date.
    members : points of each cluster, by name.
    alive : (m,) whether a cluster of this name stands.
    """

    @_quiet
    def __init__(self, points: np.ndarray, owner: np.ndarray, directions: np.ndarray) -> None:
        self.points, self.owner = points, owner.copy()
        self._slack = 2 * (points.shape[1] + 16) * _UNIT
        names, inverse, sizes = np.unique(owner, return_inverse=True, return_counts=True)
        order = np.argsort(inverse, kind="stable")
        parts = np.split(order, np.cumsum(sizes)[:-1])
        self.members: dict[int, np.ndarray] = dict(zip(names.tolist(), parts, strict=True))
        self.alive = np.zeros(len(points), dtype=bool)
        self.alive[names] = True
        self._directions = directions
        self._centres = points.copy()
        self._radii = np.zeros(len(points))
        for name in names[sizes > 1].tolist():
            self._measure(name)
        self._squares = np.square(self._centres, dtype=np.float64).sum(axis=1)
        self._low = self._centres @ directions
        self._low_squares = np.square(self._low, dtype=np.float64).sum(axis=1)

    @_quiet
    def touching(self, points: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """Names of the clusters whose balls touch the ball around these points, or might but for rounding.

        `allowed` (m,) bool: the points whose clusters are asked for.
        """
        near = self.points[points]
        centre = near.mean(axis=0, dtype=np.float64).astype(np.float32)
        radius = float(np.linalg.norm(near - centre, axis=1).max()) * (1 + self._slack)
        square = float(np.square(centre, dtype=np.float64).sum())
        low = centre @ self._directions
        reach = np.square(self._radii + radius) * (1 + self._slack)
        low_square = float(np.square(low, dtype=np.float64).sum())
        slack = self._slack * (self._squares + square)
        apart = self._low_squares + low_square - 2 * (self._low @ low) - slack
        found = np.flatnonzero(self.alive & allowed & (apart <= reach))
        apart = self._squares[found] + square - 2 * (self._centres[found] @ centre) - slack[found]
        return found[apart <= reach[found]]

    def members_of(self, names: Iterable[int]) -> np.ndarray:
        """The points of several clusters."""
        return np.concatenate([self.members[int(name)] for name in names])

    def centre(self, names: np.ndarray) -> np.ndarray:
        """(k, d) float32 centroids."""
        return self._centres[names]

    @_quiet
    def merge(self, i: int, j: int) -> None:
        """Cluster i takes the points of j."""
        self.owner[self.members[j]] = i
        self.members[i] = np.concatenate([self.members[i], self.members.pop(j)])
        self.alive[j] = False
        self._measure(i)
        self._squares[i] = np.square(self._centres[i], dtype=np.float64).sum()
        self._low[i] = self._centres[i] @ self._directions
        self._low_squares[i] = np.square(self._low[i], dtype=np.float64).sum()

    def _measure(self, name: int) -> None:
        near = self.points[self.members[name]]
        self._centres[name] = near.mean(axis=0, dtype=np.float64)
        self._radii[name] = np.linalg.norm(near - self._centres[name], axis=1).max() * (1 + self._slack)
