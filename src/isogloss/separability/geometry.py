"""The geometry that the analysis asks of others: clusters of labels, distances between hulls, the nearest hull.

Another geometry, such as another solver, is handed to `SeparabilityAnalysis` in place of this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from isogloss.numerics.hulls import nearest_hulls, pairwise_hull_distances
from isogloss.progress import Progress
from isogloss.separability.directprobe import DirectProbe


@dataclass(frozen=True, eq=False)
class Clusters:
    """Training rows in clusters of one label each, whose convex hulls do not overlap those of other labels.

    Attributes
    ----------
    rows : row numbers of each of the k clusters.
    classes : (k,) the label of each.
    linear : whether every label is one cluster, so that planes tell all labels apart.
    """

    rows: tuple[np.ndarray, ...]
    classes: np.ndarray
    linear: bool

    @property
    def sizes(self) -> np.ndarray:
        """(k,) points of each cluster."""
        return np.array([len(rows) for rows in self.rows], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)


class Geometry(Protocol):
    """What can be asked of vectors with labels."""

    def clusters(self, X: np.ndarray, y: np.ndarray, progress: Progress) -> Clusters:
        """The clusters of (n, d) vectors with labels (n,), all of 0..c-1."""
        ...

    def distances(self, X: np.ndarray, rows: Sequence[np.ndarray], classes: np.ndarray) -> np.ndarray:
        """(k, k) distances between hulls of rows of X; NaN between those of one class, 0 on the diagonal."""
        ...

    def nearest(self, X: np.ndarray, hulls: Sequence[np.ndarray]) -> np.ndarray:
        """(n,) number of the hull that each vector lies nearest to; each hull is (points, d)."""
        ...


class HullGeometry:
    """`DirectProbe` and hull distances to a relative precision of 1e-6."""

    def clusters(self, X: np.ndarray, y: np.ndarray, progress: Progress) -> Clusters:
        """The clusters that `DirectProbe` finds."""
        probe = DirectProbe(progress=progress).fit(X, y)
        return Clusters(
            rows=tuple(np.asarray(rows) for rows in probe.clusters_),
            classes=np.asarray(probe.cluster_classes_),
            linear=bool(probe.linear_),
        )

    def distances(self, X: np.ndarray, rows: Sequence[np.ndarray], classes: np.ndarray) -> np.ndarray:
        """Hull distances of all pairs of clusters of different classes."""
        return np.asarray(pairwise_hull_distances(X, list(rows), classes))

    def nearest(self, X: np.ndarray, hulls: Sequence[np.ndarray]) -> np.ndarray:
        """Hulls by the distance of points from them."""
        return np.asarray(nearest_hulls(X, list(hulls))[0])
