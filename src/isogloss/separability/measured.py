"""What is measured of one label in one model's layer: clusters, distances, the nearest cluster of test rows.

Each thing is found once for the same vectors: a base model under several tuned ones, and a tuned model that is its
base. Compares nothing; that is in `rows`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.analysis.kept import Kept, digest
from isogloss.numerics.copies import distinct_rows
from isogloss.numerics.room import rows_of
from isogloss.progress import SILENT, Progress
from isogloss.separability.distances import least_distances
from isogloss.separability.geometry import Clusters, Geometry
from isogloss.separability.halves import half_masks, within
from isogloss.separability.options import SeparabilityOptions
from isogloss.separability.span import in_span
from isogloss.separability.spatial import label_distances
from isogloss.separability.targets import Target

_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Measured:
    """One label in one model's layer; c values of the label, t test rows, K splits of the training sentences.

    Attributes
    ----------
    clusters : of the training rows.
    found : whether they were found in this model, and not handed on from the base.
    sizes : (c,) training rows of each value.
    least : (c,) distance of each value to the nearest other one; NaN where distances were not found.
    nearest : (c,) that other value; -1 where there is none.
    distances : (c, c) between values, means over pairs of clusters; NaN where not found.
    spread : root mean square distance of the training rows from their mean.
    centroids : (c, d) float32 mean training row of each value.
    right : (t,) whether the nearest cluster of a test row has its value.
    test_clusters : of the test rows; None with fewer than 3 values among them.
    test_distances : (c, c) between values of the test rows; NaN where values are no single clusters there.
    half_least : (K, 2, c) `least` of both halves.
    half_distances : (K, 2, c, c) `distances` of both halves.
    half_test : (K, 2, c, c) `test_distances` of both halves of the test sentences.
    shared : training rows whose very vector also stands under another value.
    """

    clusters: Clusters
    found: bool
    sizes: np.ndarray
    least: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray
    spread: float
    centroids: np.ndarray
    right: np.ndarray
    test_clusters: Clusters | None
    test_distances: np.ndarray
    half_least: np.ndarray
    half_distances: np.ndarray
    half_test: np.ndarray
    shared: int

    @property
    def relative(self) -> np.ndarray:
        """(c,) `least` in units of the spread; NaN where all rows are one point."""
        return self.least / self.spread if self.spread > 0 else np.full_like(self.least, np.nan)

    @property
    def half_relative(self) -> np.ndarray:
        """(K, 2, c) `half_least` in units of the whole's spread."""
        return self.half_least / self.spread if self.spread > 0 else np.full_like(self.half_least, np.nan)


class Measuring:
    """Measures labels; nothing twice that was measured before on the same vectors.

    Parameters
    ----------
    geometry : what finds clusters and distances.
    most : results that are kept: those of a run's layers and labels.
    """

    def __init__(self, geometry: Geometry, most: int = 256) -> None:
        self._geometry = geometry
        self._kept: Kept[Measured] = Kept(most)

    def __call__(
        self,
        X: np.ndarray,
        X_test: np.ndarray,
        target: Target,
        options: SeparabilityOptions,
        *,
        seed: int = 0,
        like: Measured | None = None,
        progress: Progress = SILENT,
    ) -> Measured:
        """Measure a label.

        Parameters
        ----------
        X, X_test : (n_train, d) and (n_test, d) vectors of the target's rows.
        like : clusters are those of this one, and not found afresh.
        """
        sentences = target.sentences[target.train]
        handed = [] if like is None else [*like.clusters.rows, *(like.test_clusters or like.clusters).rows]
        key = digest(options, seed, X, X_test, target.y, target.truth, sentences, target.classes, *handed)
        found = self._kept.get(key)
        if found is None:
            found = self._measured(X, X_test, target, options, seed, like, progress)
            self._kept.put(key, found)
        return found

    def _measured(
        self,
        X: np.ndarray,
        X_test: np.ndarray,
        target: Target,
        options: SeparabilityOptions,
        seed: int,
        like: Measured | None,
        progress: Progress,
    ) -> Measured:
        y, c = target.y, len(target.classes)
        X, X_test = in_span(X, X_test)
        clusters = self._geometry.clusters(X, y, progress) if like is None else like.clusters
        sizes = np.bincount(y, minlength=c)
        sums = np.zeros((c, X.shape[1]))
        for start in range(0, len(X), _ROWS):
            np.add.at(sums, y[start : start + _ROWS], X[start : start + _ROWS].astype(np.float64))
        middle = sums.sum(axis=0) / len(X)
        from_middle = [np.square(X[start : start + _ROWS] - middle).sum() for start in range(0, len(X), _ROWS)]
        every = np.ones(len(X), dtype=bool)
        halves = list(half_masks(target.sentences[target.train], options.halves, seed))
        half_least = np.full((len(halves), 2, c), np.nan)
        half_distances = np.full((len(halves), 2, c, c), np.nan)
        whole = np.full((len(clusters), len(clusters)), np.nan)
        if len(clusters) <= options.most_clusters:
            with progress.task(f"distances of {target.name}", 1 + 2 * len(halves), "sets") as advance:
                whole = self._between(X, clusters, every)
                advance(1)
                for i, masks in enumerate(halves):
                    for j, mask in enumerate(masks):
                        part = self._between(X, clusters, mask)
                        half_least[i, j] = least_distances(part, clusters.classes, c)[0]
                        half_distances[i, j] = _by_label(part, clusters, c, options)
                        advance(1)
        least, nearest = least_distances(whole, clusters.classes, c)
        test_clusters, test_distances, half_test = self._of_test(X_test, target, options, seed, like, progress)
        hulls = [rows_of(X, rows) for rows in clusters.rows]
        return Measured(
            clusters=clusters,
            found=like is None,
            sizes=sizes,
            least=least,
            nearest=nearest,
            distances=_by_label(whole, clusters, c, options),
            spread=float(np.sqrt(sum(from_middle) / len(X))),
            centroids=(sums / np.maximum(sizes, 1)[:, None]).astype(np.float32),
            right=clusters.classes[self._geometry.nearest(X_test, hulls)] == target.truth,
            test_clusters=test_clusters,
            test_distances=test_distances,
            half_least=half_least,
            half_distances=half_distances,
            half_test=half_test,
            shared=int(distinct_rows(X).under_several(y).sum()),
        )

    def _between(self, X: np.ndarray, clusters: Clusters, mask: np.ndarray) -> np.ndarray:
        """(k, k) distances between the rows of clusters under a mask; NaN for clusters that have none."""
        rows, there = within(clusters.rows, mask)
        found = np.full((len(clusters), len(clusters)), np.nan)
        if len(there):
            found[np.ix_(there, there)] = self._geometry.distances(X, rows, clusters.classes[there])
        return found

    def _of_test(
        self,
        X: np.ndarray,
        target: Target,
        options: SeparabilityOptions,
        seed: int,
        like: Measured | None,
        progress: Progress,
    ) -> tuple[Clusters | None, np.ndarray, np.ndarray]:
        """Clusters of the test rows, and the distances between values, of all and of halves, if each is one cluster."""
        c = len(target.classes)
        whole = np.full((c, c), np.nan)
        halves = list(half_masks(target.sentences[target.test], options.halves, seed))
        parts = np.full((len(halves), 2, c, c), np.nan)
        there, y = np.unique(target.truth, return_inverse=True)
        if len(there) < 3:
            return None, whole, parts
        clusters = self._geometry.clusters(X, y, progress) if like is None else like.test_clusters
        if clusters is None or not clusters.linear:
            return clusters, whole, parts

        def between(mask: np.ndarray) -> np.ndarray:
            found = np.full((c, c), np.nan)
            found[np.ix_(there, there)] = _by_label(self._between(X, clusters, mask), clusters, len(there), options)
            return found

        whole = between(np.ones(len(X), dtype=bool))
        for i, masks in enumerate(halves):
            for j, mask in enumerate(masks):
                parts[i, j] = between(mask)
        return clusters, whole, parts


def _by_label(between: np.ndarray, clusters: Clusters, c: int, options: SeparabilityOptions) -> np.ndarray:
    return label_distances(
        between, clusters.classes, c, clusters.sizes, small=options.small, small_size=options.small_size
    )
