"""DirectProbe as its published code goes, one step after the other, in plain NumPy and SciPy.

The peer of `isogloss.separability.directprobe`: timed against it and compared with it. Nothing of isogloss is used.
After Zhou & Srikumar, "DirectProbe", NAACL 2021 (arXiv 2104.05904) and its code, written anew. Kept: every point a
cluster, pairs of one label in the order of the distance of their centroids, the run to the end without tests, the
search of the first wrong state (steps of a hundredth from the end, then bisection), the careful run that drops a
refused pair for good, the sphere filter in float32, the two caches as lists of sets, the program w.x + b >= 1 and
<= -1, hull distances by support vector machines with a large C, nearest cluster as prediction, no stop at the first
overlap of a state.

What differs, each in the peer's favour where it is time: HiGHS in the place of Gurobi; a loop in the place of 30
processes; one heap of all pairs with dead ones skipped in the place of a heap of heaps ordered anew after each merge;
the state after k merges is built by merging again, in the place of a copy of all labels for each step; sets, centres
and radii of a cluster are made once. Pairs at the same distance are taken in the order of their clusters' numbers,
which the published code leaves to its heaps. Where a pair of hulls overlaps or the machine does not converge, its
distance is 0, as there.
"""

from __future__ import annotations

import heapq
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.spatial.distance import pdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

RATE = 0.01
FEW = 1000


class OutOfTimeError(Exception):
    """The time given to `DirectProbeSerial` is spent."""


@dataclass(eq=False)
class Cluster:
    """Rows of one label, their centroid (d,) and the distance of the farthest from it."""

    rows: np.ndarray
    label: int
    centre: np.ndarray
    radius: float
    members: frozenset[int] = field(repr=False)


def make_cluster(X: np.ndarray, rows: np.ndarray, label: int) -> Cluster:
    """The cluster of some rows of X."""
    centre = X[rows].mean(axis=0)
    radius = float(np.linalg.norm(X[rows] - centre, axis=1).max())
    return Cluster(rows, label, centre, radius, frozenset(rows.tolist()))


def linear_program_separates(A: np.ndarray, B: np.ndarray) -> bool:
    """Whether HiGHS finds w, b with A w + b >= 1 and B w + b <= -1."""
    rows = np.concatenate([-A, B]).astype(np.float64)
    sides = np.concatenate([-np.ones(len(A)), np.ones(len(B))])
    coefficients = np.column_stack([rows, sides])
    nothing = np.zeros(coefficients.shape[1])
    found = linprog(nothing, A_ub=coefficients, b_ub=-np.ones(len(rows)), bounds=(None, None), method="highs")
    return bool(found.status == 0)


class Space:
    """Which clusters overlap, with all answers of the solver remembered."""

    def __init__(self, X: np.ndarray) -> None:
        self.X = X
        self.apart: list[tuple[frozenset[int], frozenset[int]]] = []
        self.overlapping: list[tuple[frozenset[int], frozenset[int]]] = []
        self.programs = 0

    def overlaps_any(self, cluster: Cluster, others: Sequence[Cluster]) -> bool:
        """Whether the cluster overlaps one of another label; all that are near are asked."""
        near = self._near(cluster, [other for other in others if other.label != cluster.label])
        if any(self._known_to_overlap(other, cluster) for other in near):
            return True
        unknown = [other for other in near if not self._known_to_be_apart(other, cluster)]
        found = False
        for other in unknown:
            self.programs += 1
            pair = (cluster.members, other.members)
            if linear_program_separates(self.X[cluster.rows], self.X[other.rows]):
                self.apart.append(pair)
            else:
                self.overlapping.append(pair)
                found = True
        return found

    @staticmethod
    def _near(cluster: Cluster, others: list[Cluster]) -> list[Cluster]:
        if not others:
            return []
        centres = np.stack([other.centre for other in others])
        radii = np.array([other.radius for other in others])
        distances = np.linalg.norm(centres - cluster.centre, axis=1)
        return [others[i] for i in np.flatnonzero(radii + cluster.radius > distances)]

    def _known_to_be_apart(self, one: Cluster, other: Cluster) -> bool:
        a, b = one.members, other.members
        return any((a <= s and b <= t) or (b <= s and a <= t) for s, t in self.apart)

    def _known_to_overlap(self, one: Cluster, other: Cluster) -> bool:
        a, b = one.members, other.members
        return any((s <= a and t <= b) or (s <= b and t <= a) for s, t in self.overlapping)


class Pairs:
    """Clusters by number, and the pairs of one label, the closest centroids first."""

    def __init__(self, X: np.ndarray, clusters: Iterable[Cluster]) -> None:
        self.X = X
        self.clusters: list[Cluster] = list(clusters)
        self.active = set(range(len(self.clusters)))
        self.heap: list[tuple[float, int, int]] = []
        # Merging makes at most as many clusters again.
        self.centres = np.empty((2 * len(self.clusters), X.shape[1]))
        self.of_label: dict[int, list[int]] = {}
        for number, cluster in enumerate(self.clusters):
            self.centres[number] = cluster.centre
            self.of_label.setdefault(cluster.label, []).append(number)
        for numbers in self.of_label.values():
            if len(numbers) > 1:
                distances = pdist(self.centres[numbers])
                first, second = np.triu_indices(len(numbers), 1)
                index = np.array(numbers)
                self.heap += zip(distances.tolist(), index[first].tolist(), index[second].tolist(), strict=True)
        heapq.heapify(self.heap)

    def living(self) -> list[Cluster]:
        """The clusters that are not part of a larger one."""
        return [self.clusters[number] for number in sorted(self.active)]

    def closest(self) -> tuple[int, int] | None:
        """Take the closest pair away; None when there is none."""
        while self.heap:
            _, i, j = heapq.heappop(self.heap)
            if i in self.active and j in self.active:
                return i, j
        return None

    def merged(self, i: int, j: int) -> Cluster:
        """What would come of the two."""
        rows = np.sort(np.concatenate([self.clusters[i].rows, self.clusters[j].rows]))
        return make_cluster(self.X, rows, self.clusters[i].label)

    def replace(self, i: int, j: int, cluster: Cluster) -> None:
        """Put the merged cluster in the place of the two."""
        others = self.of_label[cluster.label]
        number = len(self.clusters)
        for gone in (i, j):
            self.active.remove(gone)
            others.remove(gone)
        self.clusters.append(cluster)
        self.centres[number] = cluster.centre
        distances = np.linalg.norm(self.centres[others] - self.centres[number], axis=1)
        for other, distance in zip(others, distances.tolist(), strict=True):
            heapq.heappush(self.heap, (distance, other, number))
        self.active.add(number)
        others.append(number)


class DirectProbeSerial:
    """Clusters of X (n, d) under labels y (n,), as the published code finds them.

    Parameters
    ----------
    seconds : `fit` raises OutOfTimeError after about so long; None for no limit.

    Attributes
    ----------
    labels_ (n,) cluster of each row; clusters_ rows of each; cluster_classes_ (k,); n_clusters_; programs_ number of
    linear programs solved; stages_ seconds of each stage.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds

    def fit(self, X: np.ndarray, y: np.ndarray) -> DirectProbeSerial:
        """Find the clusters."""
        self._start = self._mark = time.perf_counter()
        self.stages_: dict[str, float] = {}
        self._X = np.asarray(X, dtype=np.float32)
        classes, codes = np.unique(y, return_inverse=True)
        self._space = Space(self._X)
        start = [make_cluster(self._X, np.array([row]), int(code)) for row, code in enumerate(codes)]
        pairs = Pairs(self._X, start)
        merges = self._merge_to_the_end(pairs)
        self._stage("run to the end")
        wrong = self._any_overlap(pairs.living())
        self._stage("test of the end")
        clusters = pairs.living()
        if wrong:
            last_good = self._first_error(pairs.clusters, len(start), merges) - 1
            self._stage("search of the first error")
            clusters = self._careful(Pairs(self._X, _state(pairs.clusters, len(start), merges, last_good)))
            self._stage("careful run")
        self.classes_ = classes
        self.clusters_ = [cluster.rows for cluster in clusters]
        self.cluster_classes_ = classes[[cluster.label for cluster in clusters]]
        self.n_clusters_ = len(clusters)
        self.programs_ = self._space.programs
        self.labels_ = np.empty(len(codes), dtype=np.int64)
        for number, rows in enumerate(self.clusters_):
            self.labels_[rows] = number
        return self

    def distances(self) -> np.ndarray:
        """(k, k) distance of the hulls of clusters of different labels; NaN within a label, 0 to itself."""
        k = self.n_clusters_
        found = np.full((k, k), np.nan)
        np.fill_diagonal(found, 0.0)
        for i in range(k):
            for j in range(i + 1, k):
                if self.cluster_classes_[i] != self.cluster_classes_[j]:
                    A, B = self._X[self.clusters_[i]], self._X[self.clusters_[j]]
                    found[i, j] = found[j, i] = hull_to_hull(A, B)
        return found

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(m,) the label of the nearest cluster; the first of several."""
        points = np.asarray(X, dtype=np.float32)
        hulls = [self._X[rows] for rows in self.clusters_]
        nearest = [int(np.argmin([point_to_hull(point, hull) for hull in hulls])) for point in points]
        labels: np.ndarray = self.cluster_classes_[nearest]
        return labels

    def score(self, X: np.ndarray, y: np.ndarray) -> float:
        """Share of rows whose nearest cluster has their label."""
        return float(np.mean(self.predict(X) == np.asarray(y)))

    def _merge_to_the_end(self, pairs: Pairs) -> list[tuple[int, int]]:
        merges = []
        while (pair := pairs.closest()) is not None:
            self._check_time()
            pairs.replace(*pair, pairs.merged(*pair))
            merges.append(pair)
        return merges

    def _any_overlap(self, clusters: list[Cluster]) -> bool:
        found = False
        for cluster in clusters:
            self._check_time()
            # No stop at the first: the answers fill the caches.
            found = self._space.overlaps_any(cluster, clusters) or found
        return found

    def _first_error(self, clusters: list[Cluster], points: int, merges: list[tuple[int, int]]) -> int:
        """Number of merges after which the first state with an overlap stands."""
        low, high = 0, len(merges)
        if high >= FEW:
            step = int(high * RATE) + 1
            low = high - step
            while low > 0 and self._any_overlap(_state(clusters, points, merges, low)):
                low = max(0, low - step)
            high = min(low + step, high)
        while low < high:
            middle = (low + high) // 2
            if self._any_overlap(_state(clusters, points, merges, middle)):
                high = middle
            else:
                low = middle + 1
        # Points that are one and the same pass the sphere filter, so state 0 has no overlap.
        return max(1, high)

    def _careful(self, pairs: Pairs) -> list[Cluster]:
        while (pair := pairs.closest()) is not None:
            self._check_time()
            cluster = pairs.merged(*pair)
            if not self._space.overlaps_any(cluster, pairs.living()):
                pairs.replace(*pair, cluster)
        return pairs.living()

    def _check_time(self) -> None:
        if self.seconds is not None and time.perf_counter() - self._start > self.seconds:
            self._stage("unfinished")
            raise OutOfTimeError

    def _stage(self, name: str) -> None:
        now = time.perf_counter()
        self.stages_[name], self._mark = now - self._mark, now


def _state(clusters: list[Cluster], points: int, merges: list[tuple[int, int]], count: int) -> list[Cluster]:
    """The clusters that stand after the first `count` merges."""
    gone = {number for pair in merges[:count] for number in pair}
    return [cluster for number, cluster in enumerate(clusters[: points + count]) if number not in gone]


def hull_to_hull(A: np.ndarray, B: np.ndarray, C: float = 1e6, max_iter: int = 50_000) -> float:
    """Twice the smallest distance of a point of A or B from the separating plane; 0 where they are not separated."""
    X = np.concatenate([A, B])
    y = np.repeat([1, -1], [len(A), len(B)])
    machine = _machine(X, y, C, max_iter)
    if machine.score(X, y) != 1:
        return 0.0
    return float(2 * np.abs(_from_plane(machine, X)).min())


def point_to_hull(point: np.ndarray, hull: np.ndarray, C: float = 1e4, max_iter: int = 20_000) -> float:
    """Twice the point's distance from the plane between it and the hull; 0 where it is not separated."""
    X = np.concatenate([hull, point[None]])
    y = np.repeat([0, 1], [len(hull), 1])
    machine = _machine(X, y, C, max_iter)
    if machine.score(X, y) != 1:
        return 0.0
    return float(2 * np.abs(_from_plane(machine, point[None]))[0])


def _machine(X: np.ndarray, y: np.ndarray, C: float, max_iter: int) -> SVC:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SVC(tol=1e-5, C=C, kernel="linear", max_iter=max_iter).fit(X, y)


def _from_plane(machine: SVC, X: np.ndarray) -> np.ndarray:
    """(n,) signed distances of rows of X."""
    w = machine.coef_.reshape(-1)
    distances: np.ndarray = (X @ w + machine.intercept_[0]) / np.linalg.norm(w)
    return distances
