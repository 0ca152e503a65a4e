"""One pair of point sets on its way to a verdict: every solver in turn, the cheap ones first.

Each proposal is judged by the definition of `Separation` in float64 on the points as they were given, so no solver has
to be believed.
"""

from __future__ import annotations

import time
import warnings
from functools import cached_property

import numpy as np

from isogloss.numerics.points import mean_of, middle_of, refuse_unmeasured, scale_about
from isogloss.numerics.separation.descent import descend
from isogloss.numerics.separation.gram import interpolating_normal, span_coordinates
from isogloss.numerics.separation.hinge import OFFSET, HingeNewton, hinge_rows, single_rows
from isogloss.numerics.separation.interior import walk_inside
from isogloss.numerics.separation.nearest import meet_or_part
from isogloss.numerics.separation.programme import nearest_by_programme
from isogloss.numerics.separation.verdict import (
    Method,
    Separation,
    margins_count,
    rounding,
    tolerance,
    weights_count,
)

_SINGLE_STEPS = 30
_DOUBLE_STEPS = 120
_GLANCE = 2
"""Dimensions in which equal points are looked for first."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
_PROGRAMME_SECONDS = 10.0
"""Time of all linear programmes of one pair."""
_SINGLE_FROM = 200_000
"""Values (points times dimensions) from which float32 looks for a plane first; float64 always judges it."""
_WIDE = 64
"""Dimensions from which it does so at any number of points: a Newton step costs their cube."""


class Pair:
    """Points first (n_a, d) against points second (n_b, d), float64 and in C order.

    Raises
    ------
    NotFiniteError : from here or from `settle`, a value is NaN, infinite or too large to be squared.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        self.sets, self.n_a, self.n_b = (first, second), len(first), len(second)
        self.n, self.d = self.n_a + self.n_b, first.shape[1]
        if not self._wide:
            refuse_unmeasured(self.sets)
        with np.errstate(over="ignore", invalid="ignore"):
            self.middle = middle_of(first, second)
        self.verdict: Separation | None = None

    @cached_property
    def points(self) -> np.ndarray:
        """(n, d) both sets, the first on top; a copy, and not made before it is asked for."""
        return np.concatenate(self.sets)

    @cached_property
    def scale(self) -> float:
        """Largest distance of a point from the middle; a pass over all points, so not before it is asked for."""
        return scale_about(self.sets, self.middle)

    @property
    def size(self) -> float:
        """Bound of the distance of a point from the origin."""
        return self.scale + float(np.sqrt(self.middle @ self.middle))

    @property
    def tolerance(self) -> float:
        """Distance below which the hulls touch."""
        return tolerance(self.d, self.scale, self.size)

    def settle(self) -> Separation:
        """Verdict with its certificate."""
        # Of wide points, the first step in single precision is across the means too.
        if self._wide or not self.try_normal(mean_of(self.sets[0]) - self.middle, "means"):
            self._harder()
        return self.found

    @property
    def found(self) -> Separation:
        """The verdict, once there is one."""
        if self.verdict is None:
            raise ArithmeticError("no certificate of separation or overlap was found")
        return self.verdict

    def try_normal(self, normal: np.ndarray, method: Method) -> bool:
        """Take the best plane across `normal` (d,) as the certificate, if it counts."""
        length = float(np.sqrt(normal @ normal))
        if not length > 0.0:
            return False
        normal = normal / length
        above, below = float((self.sets[0] @ normal).min()), float((self.sets[1] @ normal).max())
        if not above > below or not above - below > self.tolerance:
            return False
        offset = 0.5 * (above + below)
        if not margins_count(above - offset, offset - below, len(normal), self.scale, self.size):
            return False
        self.verdict = Separation(True, normal=normal, offset=offset, method=method)
        return True

    def try_weights(self, weights_a: np.ndarray, weights_b: np.ndarray, method: Method) -> bool:
        """Take weights (n_a,), (n_b,), nonnegative, to be scaled to sum 1, as the certificate, if they count."""
        total_a, total_b = float(weights_a.sum()), float(weights_b.sum())
        if not (total_a > 0.0 and total_b > 0.0):
            return False
        weights_a, weights_b = weights_a / total_a, weights_b / total_b
        if not weights_count(self.points, self.n_a, weights_a, weights_b, self.middle, self.scale, self.size):
            return False
        self.verdict = Separation(False, weights_a=weights_a, weights_b=weights_b, method=method)
        return True

    @property
    def _wide(self) -> bool:
        """Whether a pass over the points in float64 is better not made before float32 has looked for a plane."""
        return self.n > self.d + 1 and self.d >= _WIDE

    @property
    def _many(self) -> bool:
        """Whether float32 looks for a plane first, in the coordinates that the points have."""
        return self._wide or (self.n > self.d + 1 and self.n * self.d >= _SINGLE_FROM)

    def _harder(self) -> None:
        if self.n <= self.d + 1:
            normal = interpolating_normal(self.points - self.middle, self.n_a)
            if normal is not None and self.try_normal(normal, "gram"):
                return
        if self._common():
            return
        single, start = self._single_rows() if self._many else None, None
        if self._one_point():
            return
        if single is not None:
            found, start = self._in_single(single, None)
            if found:
                return
        points, middle, basis = self.points, self.middle, None
        if self.n < self.d:
            points, basis = span_coordinates(points - middle)
            middle = np.zeros(points.shape[1])
            if points.size >= _SINGLE_FROM:
                single = hinge_rows(points, middle, self.scale).astype(np.float32)
                found, start = self._in_single(single, basis)
                if found:
                    return
        if self._hinge(hinge_rows(points, middle, self.scale), basis, start):
            return
        Z = (points - middle) / self.scale
        importance = self._interior(Z, basis)
        if importance is None:
            return
        weights = self._nearest(Z, basis)
        if self.verdict is None and not self._programme(Z, basis, importance):
            self._presume(weights)

    def _common(self) -> bool:
        """Look for a vector that is on both sides: equal points are neighbours in any projection."""
        if self._wide:
            if not _may_share(*(points[:, :_GLANCE] for points in self.sets)):
                return False
            refuse_unmeasured(self.sets)
        points, n_a, d = self.points, self.n_a, self.d
        line = points @ np.cos(np.arange(d) ** 2 + 1.0)
        order = np.argsort(line[n_a:])
        others = line[n_a:][order]
        longest = float(np.linalg.norm(points[:n_a] if n_a < self.n_b else points[n_a:]))
        reach = rounding(d, longest) * d**0.5
        low, high = np.searchsorted(others, line[:n_a] - reach), np.searchsorted(others, line[:n_a] + reach, "right")
        for i in np.flatnonzero(high > low)[:20]:
            for j in order[low[i] : min(high[i], low[i] + 5)]:
                if np.array_equal(points[i], points[n_a + j]):
                    return self.try_weights(_first(n_a, int(i)), _first(self.n_b, int(j)), "common")
        return False

    def _one_point(self) -> bool:
        """Whether all points are one, but for the tolerance."""
        return self.scale <= self.tolerance and self.try_weights(_first(self.n_a), _first(self.n_b), "common")

    def _single_rows(self) -> np.ndarray | None:
        """Points in float32 for a first look, and the scale, found in the pass that makes them; None where it is 0."""
        made = single_rows(self.sets, self.middle)
        if made is not None:
            single, self.scale = made
            return single
        refuse_unmeasured(self.sets)
        if not self.scale > 0.0:
            return None
        return np.concatenate([hinge_rows(points, self.middle, self.scale).astype(np.float32) for points in self.sets])

    def _in_single(self, rows: np.ndarray, basis: np.ndarray | None) -> tuple[bool, np.ndarray]:
        """Look for a plane in float32, where a step costs least first; whether there is one, and where to go on."""

        def plane_found(plane: np.ndarray) -> bool:
            return self.try_normal(_in_space(plane[:-1].astype(np.float64), basis), "hinge")

        found, plane = descend(rows, self.n_a, plane_found)
        if not found:
            newton = HingeNewton(rows, self.n_a)
            found, plane = newton.run(plane_found, None, _SINGLE_STEPS, plane), newton.plane
        return found, plane * (rows[0, -1] / OFFSET)

    def _hinge(self, rows: np.ndarray, basis: np.ndarray | None, start: np.ndarray | None) -> bool:
        n_a = self.n_a

        def plane_found(plane: np.ndarray) -> bool:
            return self.try_normal(_in_space(plane[:-1], basis), "hinge")

        def weights_found(residuals: np.ndarray) -> bool:
            return self.try_weights(residuals[:n_a], residuals[n_a:], "hinge")

        return HingeNewton(rows, n_a).run(plane_found, weights_found, _DOUBLE_STEPS, start)

    def _nearest(self, Z: np.ndarray, basis: np.ndarray | None) -> np.ndarray:
        n_a = self.n_a

        def plane_found(plane: np.ndarray) -> bool:
            return self.try_normal(_in_space(plane[:-1], basis), "nearest")

        def weights_found(weights: np.ndarray) -> bool:
            return self.try_weights(weights[:n_a], weights[n_a:], "nearest")

        return meet_or_part(Z, n_a, self.tolerance / self.scale, plane_found, weights_found)

    def _presume(self, weights: np.ndarray) -> None:
        """Take the nearest points found for a common point, and say that this is not proved."""
        weights_a, weights_b = weights[: self.n_a], weights[self.n_a :]
        warnings.warn(
            f"no certificate decides {self.n_a} against {self.n_b} points that nearly touch; presumed to overlap",
            RuntimeWarning,
            stacklevel=4,
        )
        self.verdict = Separation(
            False, weights_a=weights_a / weights_a.sum(), weights_b=weights_b / weights_b.sum(), method="presumed"
        )

    def _interior(self, Z: np.ndarray, basis: np.ndarray | None) -> np.ndarray | None:
        n_a = self.n_a

        def plane_found(plane: np.ndarray) -> bool:
            return self.try_normal(_in_space(plane[:-1], basis), "interior")

        def weights_found(weights: np.ndarray) -> bool:
            return self.try_weights(weights[:n_a], weights[n_a:], "interior")

        return walk_inside(Z, n_a, plane_found, weights_found)

    def _programme(self, Z: np.ndarray, basis: np.ndarray | None, importance: np.ndarray) -> bool:
        """Linear programme over the rows that matter; rows that its plane leaves on the wrong side join them."""
        end = time.monotonic() + _PROGRAMME_SECONDS
        n_a, n, wanted = self.n_a, len(Z), 2 * (Z.shape[1] + 2)
        chosen = np.zeros(n, dtype=bool)
        chosen[np.argsort(-importance)[:wanted]] = True
        chosen[[int(importance[:n_a].argmax()), n_a + int(importance[n_a:].argmax())]] = True
        while True:
            rows = np.flatnonzero(chosen)
            weights = np.zeros(n)
            split = int(np.count_nonzero(rows < n_a))
            solved = nearest_by_programme(Z[rows], split, end - time.monotonic())
            if solved is None:
                return False
            weights[rows[:split]], weights[rows[split:]], normal = solved
            if self.try_normal(_in_space(normal, basis), "programme"):
                return True
            if self.try_weights(weights[:n_a], weights[n_a:], "programme"):
                return True
            heights = Z @ normal
            beyond = np.concatenate(
                [heights[:n_a] - heights[rows[:split]].min(), heights[rows[split:]].max() - heights[n_a:]]
            )
            beyond[rows] = 0.0
            worst = np.argsort(beyond)[:wanted]
            worst = worst[beyond[worst] < 0.0]
            if not len(worst):
                return False
            chosen[worst] = True


def _may_share(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether a row of the first points (n_a, k) may be equal to one of the second: false only where none is."""
    keys, others = _keys(first), np.sort(_keys(second))
    return bool((others[np.searchsorted(others[:-1], keys)] == keys).any())


def _keys(points: np.ndarray) -> np.ndarray:
    """(n,) numbers made of the bits of the rows, which equal rows share."""
    keys = np.zeros(len(points), dtype=np.uint64)
    for column in points.T:
        # Adding zero turns -0.0 into 0.0.
        keys = keys * _ODD + (column + 0.0).view(np.uint64)
    return keys


def _first(n: int, at: int = 0) -> np.ndarray:
    weights = np.zeros(n)
    weights[at] = 1.0
    return weights


def _in_space(normal: np.ndarray, basis: np.ndarray | None) -> np.ndarray:
    return normal if basis is None else normal @ basis
