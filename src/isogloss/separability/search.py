"""DirectProbe's search: merge to the end, find the first state with an overlap, go on with care from before it.

Points come without duplicates within a label. Says nothing of distances between clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.progress import SILENT, Progress
from isogloss.separability.merging import NearestPairs, Pair
from isogloss.separability.search_overlap import Overlaps, Verdict


@dataclass(frozen=True)
class Found:
    """What the search found.

    owner : (m,) the first point of each point's cluster.
    made : (m,) the number of the merge in which each point's cluster became what it is; 0 where it is one point, and m,
        which no merge has, where its label is apart from all others as a whole and was not merged point by point.
    n_merges : merges until the first overlap; None where labels are apart as wholes and nothing was merged.
    n_verdicts : pairs of sets the verdict was asked for.
    n_refused : merges refused in the careful run, less those that follow from earlier ones.
    """

    owner: np.ndarray
    made: np.ndarray
    n_merges: int | None
    n_verdicts: int
    n_refused: int


def search(
    X: np.ndarray,
    codes: np.ndarray,
    counts: np.ndarray,
    conflicts: np.ndarray,
    separable: Verdict,
    progress: Progress = SILENT,
) -> Found:
    """Clusters of points that overlap none of another label.

    Parameters
    ----------
    X : (m, d) points; codes : (m,) labels 0..c-1, each taken; counts : (m,) how often each stands in the data.
    conflicts : (m,) whether the same point stands under another label too; it is merged with nothing.
    separable : the verdict.
    """
    whole = [np.flatnonzero(codes == label) for label in range(int(codes.max()) + 1)]
    entangled, asked = entanglement(X, codes, whole, conflicts, separable, progress)
    first = np.array([rows[0] for rows in whole])
    bound = np.asarray(entangled.any(axis=1))
    owner = np.where(bound[codes], np.arange(len(X)), first[codes])
    made = np.where(bound[codes], 0, len(X))
    if not bound.any():
        return Found(owner, made, None, asked, 0)
    kept = np.flatnonzero(bound[codes])
    labels = np.cumsum(bound) - 1
    run = _Run(
        X[kept],
        labels[codes[kept]],
        counts[kept],
        conflicts[kept],
        entangled[np.ix_(bound, bound)],
        separable,
        progress,
    )
    owner[kept] = kept[run.owner]
    made[kept] = run.made[run.owner]
    return Found(owner, made, run.n_merges, asked + run.overlaps.n_verdicts, run.n_refused)


def entanglement(
    X: np.ndarray,
    codes: np.ndarray,
    whole: Sequence[np.ndarray],
    conflicts: np.ndarray,
    separable: Verdict,
    progress: Progress,
) -> tuple[np.ndarray, int]:
    """(c, c) whether two labels' points as wholes overlap, and how many verdicts that took."""
    c = len(whole)
    entangled = np.zeros((c, c), dtype=bool)
    rows = np.flatnonzero(conflicts)
    if len(rows):
        _, place = np.unique(X[rows], axis=0, return_inverse=True)
        has = np.zeros((int(place.max()) + 1, c), dtype=np.float32)
        has[place.ravel(), codes[rows]] = 1
        entangled = has.T @ has > 0
        np.fill_diagonal(entangled, False)
    pairs = [(a, b) for a in range(c) for b in range(a) if not entangled[a, b]]
    with progress.task("labels against labels", len(pairs), "pairs") as advance:
        for a, b in pairs:
            apart = separable(X[whole[a]].astype(np.float64), X[whole[b]].astype(np.float64))
            entangled[a, b] = entangled[b, a] = not apart
            advance(1)
    return entangled, len(pairs)


class _Run:
    """The three stages, for the labels that may overlap."""

    def __init__(
        self,
        X: np.ndarray,
        codes: np.ndarray,
        counts: np.ndarray,
        conflicts: np.ndarray,
        entangled: np.ndarray,
        separable: Verdict,
        progress: Progress,
    ) -> None:
        self._X, self._codes, self._counts, self._conflicts = X, codes, counts, conflicts
        self._progress = progress
        self.overlaps = Overlaps(X, codes, entangled, separable)
        merges = self._to_the_end()
        self._parent = np.arange(len(X))
        self._until = np.full(len(X), len(merges) + 1)
        for step, pair in enumerate(merges, start=1):
            self._parent[pair.second], self._until[pair.second] = pair.first, step
        self.n_merges = self._last_good(len(merges))
        self.made = np.zeros(len(X), dtype=np.int64)
        for step, pair in enumerate(merges[: self.n_merges], start=1):
            self.made[pair.first] = step
        self.n_refused = 0
        self.owner = self._carefully(self._state(self.n_merges))

    def _queues(self, owner: np.ndarray) -> list[NearestPairs]:
        """One for each label, of all clusters that may be merged."""
        queues = []
        for label in range(int(self._codes.max()) + 1):
            rows = np.flatnonzero((self._codes == label) & ~self._conflicts)
            names, place = np.unique(owner[rows], return_inverse=True)
            order = np.argsort(place, kind="stable")
            sizes = np.bincount(place, weights=self._counts[rows], minlength=len(names))
            sums = np.empty((len(names), self._X.shape[1]))
            if len(names):
                weighed = self._X[rows[order]] * self._counts[rows[order], None].astype(np.float64)
                starts = np.r_[0, np.cumsum(np.bincount(place))[:-1]]
                sums = np.add.reduceat(weighed, starts, axis=0)
            queues.append(NearestPairs(sums, sizes, names))
        return queues

    def _to_the_end(self) -> list[Pair]:
        merges = []
        with self._progress.task("merging without a test", len(self._X), "points") as advance:
            # Labels do not meet here: each is run alone, and their merges put in order afterwards.
            for queue in self._queues(np.arange(len(self._X))):
                mine = []
                advance(1 if len(queue) else 0)
                while (pair := queue.nearest()) is not None:
                    queue.merge(pair.first, pair.second)
                    mine.append(pair)
                    advance(1)
                merges.append(mine)
        places, order = [0] * len(merges), []
        while any(place < len(mine) for place, mine in zip(places, merges, strict=True)):
            pair, label = min(
                (mine[p], k) for k, (p, mine) in enumerate(zip(places, merges, strict=True)) if p < len(mine)
            )
            order.append(pair)
            places[label] += 1
        return order

    def _state(self, step: int) -> np.ndarray:
        """(m,) owner of each point after so many merges."""
        owner = np.where(self._until <= step, self._parent, np.arange(len(self._parent)))
        while not np.array_equal(after := owner[owner], owner):
            owner = after
        return owner

    def _last_good(self, end: int) -> int:
        """A number of merges after which nothing overlaps: the last such, or so near it that the rest is cheap."""
        good, bad, step = 0, end + 1, len(self.overlaps.rows)
        while bad - good > 1:
            at = bad - step if bad - step > good else (good + bad) // 2
            wrong, clusters = self._wrong(at)
            if wrong:
                bad = at
                step *= 2
            else:
                good = at
                step = bad - good
                if bad - good <= clusters:
                    break
        return good

    def _wrong(self, step: int) -> tuple[bool, int]:
        """Whether clusters of different labels overlap after so many merges, and how many clusters have two points."""
        balls = self.overlaps.balls(self._state(step))
        several = sorted(
            (name for name, points in balls.members.items() if len(points) > 1), key=lambda n: -len(balls.members[n])
        )
        with self._progress.task(f"overlaps after {step} merges", len(several), "clusters") as advance:
            for name in several:
                if not self.overlaps.free(balls, (name,)):
                    return True, len(several)
                advance(1)
        return False, len(several)

    def _carefully(self, owner: np.ndarray) -> np.ndarray:
        balls = self.overlaps.balls(owner)
        queues = self._queues(owner)
        heads = {label: pair for label, queue in enumerate(queues) if (pair := queue.nearest()) is not None}
        made = self.n_merges
        with self._progress.task("merging with care", sum(map(len, queues)), "clusters") as advance:
            while heads:
                pair, label = min((pair, label) for label, pair in heads.items())
                if self.overlaps.free(balls, (pair.first, pair.second)):
                    self.overlaps.merge(balls, pair.first, pair.second)
                    queues[label].merge(pair.first, pair.second)
                    made += 1
                    self.made[pair.first] = made
                    advance(1)
                else:
                    queues[label].refuse(pair.first, pair.second)
                    self.n_refused += 1
                following = queues[label].nearest()
                if following is None:
                    del heads[label]
                else:
                    heads[label] = following
        return balls.owner
