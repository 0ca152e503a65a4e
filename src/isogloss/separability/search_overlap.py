"""Whether a cluster overlaps one of another label: balls first, then known planes, then cheap ones, then a verdict."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from isogloss.separability.search_clusters import Balls
from isogloss.separability.search_planes import Plane, Sides, holding
from isogloss.separability.search_working import Verdict, WorkingSets

_ROUNDS = 3
_KEPT = 32
_REACH = 64.0
_COARSE = 32
_SAMPLE = 20_000


class Overlaps:
    """Answers for the clusters of one run, remembering the planes that were found.

    Parameters
    ----------
    X : (m, d) points, no two alike within a label.
    codes : (m,) their labels.
    entangled : (c, c) bool, labels whose clusters may overlap at all.
    separable : the verdict.
    """

    def __init__(self, X: np.ndarray, codes: np.ndarray, entangled: np.ndarray, separable: Verdict) -> None:
        self.X, self.codes, self.entangled = X, codes, entangled
        self.sides = Sides(X)
        self._working = WorkingSets(self.sides, codes, separable)
        self.rows = [np.flatnonzero(codes == label) for label in range(len(entangled))]
        self._place = np.empty(len(X), dtype=np.intp)
        for rows in self.rows:
            self._place[rows] = np.arange(len(rows))
        sample = self.sides.near[:: max(1, len(X) // _SAMPLE)]
        spread = np.cov(sample.T, dtype=np.float64).reshape(X.shape[1], X.shape[1]) if len(sample) > 1 else None
        d = X.shape[1]
        spread = np.eye(d) if spread is None or not spread.any() else spread
        self.directions = eigh(spread, subset_by_index=[max(0, d - _COARSE), d - 1])[1].astype(np.float32)
        self._spread = cho_factor(spread + 1e-3 * np.trace(spread) / d * np.eye(d))
        self._planes: dict[tuple[int, int], list[Plane]] = {}
        self._sizes: dict[int, int] = {}
        self._reach: dict[tuple[int, int], float] = {}
        self._rivals: dict[int, int] = {}
        self.n_verdicts = 0

    def balls(self, owner: np.ndarray) -> Balls:
        """The clusters of a state; planes of what has grown since they were found are kept where they still hold."""
        balls = Balls(self.sides.near, owner, self.directions)
        for key in list(self._planes):
            if key[0] not in balls.members:
                del self._planes[key]
            elif len(balls.members[key[0]]) > self._sizes[key[0]]:
                self._planes[key] = holding(self._planes[key], self.sides, balls.members[key[0]])
        self._sizes = {name: len(points) for name, points in balls.members.items()}
        return balls

    def free(self, balls: Balls, parts: tuple[int, ...]) -> bool:
        """Whether what these clusters of one label become overlaps no standing cluster of another label."""
        points = balls.members_of(parts)
        label = int(self.codes[points[0]])
        near = balls.touching(points, self.entangled[label][self.codes])
        labels = self.codes[near]
        # What stood in the way of a part before is asked first.
        rivals = {int(balls.owner[self._rivals[part]]) for part in parts if part in self._rivals}
        others = np.unique(labels).tolist()
        first = {int(self.codes[rival]) for rival in rivals}
        others.sort(key=lambda other: other not in first)
        return all(self._clear_of(balls, parts, points, other, near[labels == other], rivals) for other in others)

    def merge(self, balls: Balls, i: int, j: int) -> None:
        """Cluster i takes j, and the planes found for either that hold for both."""
        for label in np.flatnonzero(self.entangled[self.codes[i]]).tolist():
            planes = self._known(balls, (i, j), label)
            self._planes.pop((j, label), None)
            self._planes[i, label] = planes
        if j in self._rivals:
            self._rivals.setdefault(i, self._rivals.pop(j))
        balls.merge(i, j)
        self._sizes[i] = len(balls.members[i])

    def _clear_of(
        self,
        balls: Balls,
        parts: tuple[int, ...],
        points: np.ndarray,
        other: int,
        left: np.ndarray,
        rivals: set[int],
    ) -> bool:
        for plane in reversed(self._known(balls, parts, other)):
            left = self._uncovered(balls, plane, other, left)
        label = int(self.codes[points[0]])
        left = left[[not self._covers(name, label, points) for name in left.tolist()]]
        left = self._cheaply(balls, parts, points, other, left)
        suspects = [name for name in left.tolist() if name in rivals]
        while len(left):
            # One question about several, as long as that is likely enough to save questions.
            reach = self._reach.get((label, other), _REACH)
            if suspects:
                asked = np.array(suspects[:1])
            elif len(left) > reach:
                asked = left[self._nearest(balls, points, left)[: int(reach)]]
            else:
                asked = left
            target = balls.members_of(asked)
            answer = self._working.ask(points, target)
            self.n_verdicts += 1
            if answer.normal is not None:
                plane = self._plane(answer.normal, answer.offset, target, other)
                self._remember(parts, other, plane)
                left = self._uncovered(balls, plane, other, left[~np.isin(left, asked)])
                suspects = [name for name in suspects if name in left]
                if len(asked) == int(reach):
                    self._reach[label, other] = 1.5 * reach
                continue
            guilty = self._guilty(balls, asked, target, points, answer.weights)
            if len(asked) == 1 or len(guilty) == 1:
                for part in parts:
                    self._rivals[part] = int(guilty[0])
                return False
            self._reach[label, other] = max(1.0, min(reach, len(asked)) / 2)
            suspects = guilty[:1].tolist()
        return True

    def _cheaply(
        self, balls: Balls, parts: tuple[int, ...], points: np.ndarray, other: int, left: np.ndarray
    ) -> np.ndarray:
        """What is left after a few planes that cost one product each."""
        for _ in range(_ROUNDS):
            if not len(left):
                break
            plane = self._cheap(points, balls.members_of(left), other)
            if plane is None:
                break
            fewer = self._uncovered(balls, plane, other, left)
            if len(fewer) == len(left):
                break
            self._remember(parts, other, plane)
            left = fewer
        return left

    def _nearest(self, balls: Balls, points: np.ndarray, left: np.ndarray) -> np.ndarray:
        centre = self.sides.near[points].mean(axis=0)
        return np.argsort(np.square(balls.centre(left) - centre).sum(axis=1), kind="stable")

    def _guilty(
        self, balls: Balls, asked: np.ndarray, target: np.ndarray, points: np.ndarray, weights: np.ndarray | None
    ) -> np.ndarray:
        """Clusters whose points make the common point, the weightiest first; where that is not known, the nearest."""
        if weights is None:
            return asked[self._nearest(balls, points, asked)]
        shares = np.bincount(balls.owner[target], weights=weights[len(points) :], minlength=len(self.X))
        guilty = np.flatnonzero(shares)
        return guilty[np.argsort(-shares[guilty], kind="stable")]

    def _known(self, balls: Balls, parts: tuple[int, ...], other: int) -> list[Plane]:
        known: dict[int, Plane] = {}
        for part in parts:
            planes = self._planes.get((part, other), [])
            for more in parts:
                if more != part:
                    planes = holding(planes, self.sides, balls.members[more])
            known |= {id(plane): plane for plane in planes}
        return list(known.values())[-_KEPT:]

    def _remember(self, parts: tuple[int, ...], other: int, plane: Plane) -> None:
        for part in parts:
            planes = self._planes.setdefault((part, other), [])
            planes.append(plane)
            del planes[:-_KEPT]

    def _uncovered(self, balls: Balls, plane: Plane, other: int, left: np.ndarray) -> np.ndarray:
        if not len(left):
            return left
        touched = np.zeros(len(self.X), dtype=bool)
        touched[balls.owner[self.rows[other][~plane.beyond]]] = True
        return left[touched[left]]

    def _covers(self, name: int, label: int, points: np.ndarray) -> bool:
        places = self._place[points]
        return any(plane.beyond[places].all() for plane in self._planes.get((name, label), ()))

    def _cheap(self, points: np.ndarray, target: np.ndarray, other: int) -> Plane | None:
        """The plane of a shared discriminant, laid between the cluster and what of the label lies beyond it."""
        rows = self.rows[other]
        towards = self.sides.near[points].mean(axis=0, dtype=np.float64)
        towards = towards - self.sides.near[target].mean(axis=0, dtype=np.float64)
        normal = cho_solve(self._spread, towards)
        size = np.linalg.norm(normal)
        if not size > 0:
            return None
        normal /= size
        values, error = self.sides.fine(points, normal, 0.0)
        lowest = float((values - error).min())
        rough = self.sides.near[rows] @ normal.astype(np.float32) + np.float32(self.sides.mean @ normal)
        below = rough[rough < lowest]
        if not len(below):
            return None
        room = 4 * float(error.max())
        offset = (lowest + float(below.max())) / 2 if len(below) == len(rows) else lowest - room
        if not self.sides.above(points, normal, offset):
            return None
        return Plane(normal, offset, self.sides.below(rows, normal, offset))

    def _plane(self, normal: np.ndarray, offset: float, target: np.ndarray, other: int) -> Plane:
        beyond = self.sides.below(self.rows[other], normal, offset)
        beyond[self._place[target]] = True
        return Plane(normal, offset, beyond)
