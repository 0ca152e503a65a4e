"""Thousands of verdicts over row subsets of one matrix that share work.

Made for the question "does this cluster overlap that one?", asked again and again while clusters of a few groups
(labels) grow. What is shared: the matrix in float64, checked once; one verdict per pair of whole groups, which settles
every subset of theirs where it is a plane; and, where the groups overlap, the planes that leave the fewest points on
the wrong side, with the heights of all rows over them, so that most small pairs are settled by looking up numbers.

Does not know which clusters to merge, and forgets no verdict for the caller: a subset of a separable pair is separable.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.errors import OptionError
from isogloss.numerics.separation.hinge import HingeNewton, single_rows
from isogloss.numerics.separation.pair import Pair
from isogloss.numerics.separation.points import float64_points
from isogloss.numerics.separation.verdict import Separation, tolerance

_PLANES = 8
"""Planes remembered per pair of groups."""
_VALUES = 48_000_000
"""Heights remembered altogether."""
_WORTH_KEEPING = 96
"""Points of a pair from which its plane has cost more than the heights of all rows over it."""
_STEPS = 6
"""Newton steps towards the plane that an overlapping pair of groups shares."""


class Separator:
    """Separability of row subsets of one matrix.

    Parameters
    ----------
    X : (n, d) points, any real dtype.
    groups : (n,) label of each row, integers or anything else that sorts; None for one group.

    Raises
    ------
    OptionError : X is no (n, d) array of finite numbers, or groups is not one label per row.
    """

    def __init__(self, X: Any, groups: Any = None) -> None:
        self.points = float64_points(X, "X")
        n, d = self.points.shape
        labels = np.zeros(n, dtype=np.intp) if groups is None else np.asarray(groups)
        if labels.shape != (n,):
            raise OptionError(f"groups should be one label for each of the {n} rows. Got shape {labels.shape} instead.")
        self.classes, self._group = np.unique(labels, return_inverse=True)
        self._members = [np.flatnonzero(self._group == g) for g in range(len(self.classes))]
        apart = self.points - self.points.mean(axis=0)
        radius = float(np.sqrt(np.einsum("ij,ij->i", apart, apart).max()))
        size = float(np.sqrt(np.einsum("ij,ij->i", self.points, self.points).max()))
        # No pair of subsets has a larger scale than the diameter, so this tolerance is never too kind.
        self._tolerance = tolerance(d, 2.0 * radius, size)
        self._verdicts: dict[tuple[int, int], Separation] = {}
        self._normals: dict[tuple[int, int], np.ndarray] = {}
        self._heights: dict[tuple[int, int], np.ndarray] = {}
        self._turn: dict[tuple[int, int], int] = {}
        self._values = 0

    def separable(self, rows_a: Any, rows_b: Any) -> Separation:
        """Verdict on X[rows_a] and X[rows_b], with the certificate of `isogloss.numerics.separation.separable`.

        Parameters
        ----------
        rows_a, rows_b : row numbers, (n_a,), (n_b,); fastest where each set is of one group.

        Raises
        ------
        OptionError : a set is empty.
        IndexError : a row number is not a row of X.
        """
        rows_a, rows_b = np.asarray(rows_a), np.asarray(rows_b)
        if not rows_a.size or not rows_b.size:
            raise OptionError("rows_a and rows_b should name at least one row each.")
        g, h = int(self._group[rows_a[0]]), int(self._group[rows_b[0]])
        if g != h:
            if g > h:
                return _turned(self._looked_up(h, g, rows_b, rows_a))
            return self._looked_up(g, h, rows_a, rows_b)
        return self._solved(rows_a, rows_b)

    def groups_separable(self, g: int, h: int) -> Separation:
        """Verdict on all rows of `classes[g]` and all of `classes[h]`, computed once."""
        if g > h:
            return _turned(self.groups_separable(h, g))
        if (g, h) not in self._verdicts:
            rows_a, rows_b = self._members[g], self._members[h]
            verdict = self._verdicts[g, h] = self._solved(rows_a, rows_b)
            if verdict.normal is not None:
                self._remember(g, h, verdict.normal)
            elif len(rows_a) + len(rows_b) > 2:
                self._remember(g, h, self._shared_normal(rows_a, rows_b))
        return self._verdicts[g, h]

    def first_overlap(self, rows: Any, assignment: np.ndarray) -> tuple[int, Separation] | None:
        """A cluster of another group that the rows overlap, with the proof, or None where there is none.

        Parameters
        ----------
        rows : (m,) row numbers of one group.
        assignment : (n,) cluster of each row of X, negative for rows to leave out; a cluster is of one group.

        Returns
        -------
        the cluster's number and the verdict on (rows, the cluster's rows in ascending order); None: the rows are
        separable from every such cluster.
        """
        rows = np.asarray(rows)
        if not rows.size:
            raise OptionError("rows should name at least one row.")
        g = int(self._group[rows[0]])
        for h in range(len(self.classes)):
            if h != g and not self.groups_separable(g, h):
                members = self._members[h]
                members = members[assignment[members] >= 0]
                found = self._first_in_group(g, h, rows, members, assignment) if len(members) else None
                if found is not None:
                    return found
        return None

    def _first_in_group(
        self, g: int, h: int, rows: np.ndarray, members: np.ndarray, assignment: np.ndarray
    ) -> tuple[int, Separation] | None:
        """As `first_overlap`, for the clusters of one other group with these rows."""
        suspects = self._suspects(g, h, rows, members, assignment)
        if len(suspects) > 1:
            union = members[np.isin(assignment[members], suspects)]
            if self._solved(rows, union):
                return None
        for cluster in suspects:
            others = members[assignment[members] == cluster]
            verdict = self.separable(rows, others)
            if not verdict:
                return int(cluster), verdict
        return None

    def _suspects(self, g: int, h: int, rows: np.ndarray, members: np.ndarray, assignment: np.ndarray) -> np.ndarray:
        """Clusters that no remembered plane parts from the rows, those furthest on the rows' side first."""
        key, sign = ((g, h), 1.0) if g < h else ((h, g), -1.0)
        clusters = np.unique(assignment[members])
        for heights in self._heights.get(key, ()):
            own = (sign * heights[rows]).min()
            beyond = members[sign * heights[members] >= own - self._tolerance]
            still = np.unique(assignment[beyond])
            if len(still) < len(clusters) or len(still) == 0:
                clusters = np.intersect1d(clusters, still, assume_unique=True)
                members = members[np.isin(assignment[members], clusters)]
            if not len(clusters):
                break
        return clusters

    def _looked_up(self, g: int, h: int, rows_a: np.ndarray, rows_b: np.ndarray) -> Separation:
        """Verdict by a remembered plane of groups g < h, or else solved."""
        key = (g, h)
        if key not in self._verdicts:
            self.groups_separable(g, h)
        heights = self._heights.get(key)
        if heights is not None:
            above, below = heights[:, rows_a].min(axis=1), heights[:, rows_b].max(axis=1)
            gaps = above - below
            best = gaps.argmax()
            if gaps[best] > self._tolerance:
                offset = 0.5 * float(above[best] + below[best])
                return Separation(True, normal=self._normals[key][best], offset=offset, method="groups")
        verdict = self._solved(rows_a, rows_b)
        if verdict.normal is not None and len(rows_a) + len(rows_b) >= _WORTH_KEEPING:
            self._remember(g, h, verdict.normal)
        return verdict

    def _solved(self, rows_a: np.ndarray, rows_b: np.ndarray) -> Separation:
        return Pair(self.points[np.concatenate([rows_a, rows_b])], len(rows_a)).settle()

    def _shared_normal(self, rows_a: np.ndarray, rows_b: np.ndarray) -> np.ndarray:
        """Unit normal (d,) of a plane near the least squared hinge of two overlapping groups."""
        pair = Pair(self.points[np.concatenate([rows_a, rows_b])], len(rows_a))
        if not pair.scale > 0.0:
            return np.zeros(self.points.shape[1])
        hinge = HingeNewton(single_rows(pair.points, pair.middle)[0], pair.n_a)
        hinge.run(lambda plane: True, None, _STEPS)
        normal = hinge.plane[:-1].astype(np.float64)
        length = float(np.linalg.norm(normal))
        return normal / length if length > 0.0 else normal

    def _remember(self, g: int, h: int, normal: np.ndarray) -> None:
        """Keep a plane of groups g < h: the first for good, the others in turn."""
        key = (g, h)
        if key not in self._heights:
            if self._values + len(self.points) > _VALUES:
                return
            self._normals[key], self._heights[key] = normal[None], (self.points @ normal)[None]
            self._turn[key] = 1
            self._values += len(self.points)
            return
        at = self._turn[key]
        kept = len(self._heights[key])
        if at == kept and kept < _PLANES and self._values + len(self.points) <= _VALUES:
            self._normals[key] = np.vstack([self._normals[key], normal])
            self._heights[key] = np.vstack([self._heights[key], self.points @ normal])
            self._values += len(self.points)
        elif kept > 1:
            at = at if at < kept else 1
            # Verdicts hold rows of the old array: a fresh one leaves them as they were.
            self._normals[key] = self._normals[key].copy()
            self._normals[key][at] = normal
            self._heights[key][at] = self.points @ normal
        else:
            return
        self._turn[key] = at + 1


def _turned(verdict: Separation) -> Separation:
    """The same verdict with the sides exchanged."""
    return Separation(
        verdict.separable,
        normal=None if verdict.normal is None else -verdict.normal,
        offset=-verdict.offset,
        weights_a=verdict.weights_b,
        weights_b=verdict.weights_a,
        method=verdict.method,
    )
