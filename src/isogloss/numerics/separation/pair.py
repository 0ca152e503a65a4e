"""One pair of point sets on its way to a verdict: every solver in turn, the cheap ones first.

Each proposal is judged by the definition of `Separation` in float64 on the points as they were given, so no solver has
to be believed.
"""

from __future__ import annotations

import numpy as np

from isogloss.numerics.separation.gram import interpolating_normal, span_coordinates
from isogloss.numerics.separation.hinge import HingeNewton
from isogloss.numerics.separation.programme import nearest_by_programme
from isogloss.numerics.separation.verdict import (
    Method,
    Separation,
    largest_norm,
    middle_and_scale,
    plane_counts,
    tolerance,
    weights_count,
)

_SINGLE_STEPS = 30
_DOUBLE_STEPS = 200
_SINGLE_FROM = 1_000_000
"""Values (points times dimensions) from which float32 looks for a plane first; float64 always judges it."""


class Pair:
    """Points A (n_a, d) and B (n_b, d), float64 and finite, of one width."""

    def __init__(self, A: np.ndarray, B: np.ndarray) -> None:
        self.A, self.B = A, B
        self.middle, self.scale = middle_and_scale(A, B)
        self.size = max(largest_norm(A), largest_norm(B))
        self.tolerance = tolerance(A.shape[1], self.scale, self.size)
        self.verdict: Separation | None = None

    def settle(self, guess: np.ndarray | None = None) -> Separation:
        """Verdict with its certificate. `guess` (d,) is a normal to be tried first."""
        if guess is not None and self.try_normal(guess, "known"):
            return self.found
        if self.scale <= self.tolerance or self.A.shape[1] == 0:
            self.try_weights(_first(len(self.A)), _first(len(self.B)), "common")
        elif not self.try_normal(self.A.mean(axis=0) - self.B.mean(axis=0), "means"):
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
        above, below = float((self.A @ normal).min()), float((self.B @ normal).max())
        if not above - below > self.tolerance:
            return False
        offset = 0.5 * (above + below)
        if not plane_counts(self.A, self.B, normal, offset, self.scale, self.size):
            return False
        self.verdict = Separation(True, normal=normal, offset=offset, method=method)
        return True

    def try_weights(self, weights_a: np.ndarray, weights_b: np.ndarray, method: Method) -> bool:
        """Take weights (n_a,), (n_b,), nonnegative, to be scaled to sum 1, as the certificate, if they count."""
        total_a, total_b = float(weights_a.sum()), float(weights_b.sum())
        if not (total_a > 0.0 and total_b > 0.0):
            return False
        weights_a, weights_b = weights_a / total_a, weights_b / total_b
        A, B = self.A - self.middle, self.B - self.middle
        if not weights_count(A, B, weights_a, weights_b, self.scale, self.size):
            return False
        self.verdict = Separation(False, weights_a=weights_a, weights_b=weights_b, method=method)
        return True

    def _harder(self) -> None:
        n_a, n = len(self.A), len(self.A) + len(self.B)
        Z = np.concatenate([self.A, self.B])
        Z -= self.middle
        Z /= self.scale
        if n <= Z.shape[1] + 1:
            normal = interpolating_normal(Z, n_a)
            if normal is not None and self.try_normal(normal, "gram"):
                return
        if self._common(Z):
            return
        basis = None
        if n < Z.shape[1]:
            Z, basis = span_coordinates(Z)
        if not self._hinge(Z, basis):
            self._programme(Z, basis)

    def _common(self, Z: np.ndarray) -> bool:
        """Look for a vector that is on both sides: equal points are neighbours in any projection."""
        n_a = len(self.A)
        line = Z @ np.cos(np.arange(Z.shape[1]) ** 2 + 1.0)
        order = np.argsort(line[n_a:])
        others = line[n_a:][order]
        reach = 1e-13 * Z.shape[1]
        low, high = np.searchsorted(others, line[:n_a] - reach), np.searchsorted(others, line[:n_a] + reach, "right")
        for i in np.flatnonzero(high > low)[:20]:
            for j in order[low[i] : min(high[i], low[i] + 5)]:
                if np.array_equal(self.A[i], self.B[j]):
                    return self.try_weights(_first(n_a, int(i)), _first(len(self.B), int(j)), "common")
        return False

    def _hinge(self, Z: np.ndarray, basis: np.ndarray | None) -> bool:
        n_a = len(self.A)

        def plane_found(plane: np.ndarray) -> bool:
            return self.try_normal(_in_space(plane[:-1].astype(np.float64), basis), "hinge")

        def weights_found(residuals: np.ndarray) -> bool:
            return self.try_weights(residuals[:n_a], residuals[n_a:], "hinge")

        start = None
        if Z.size >= _SINGLE_FROM:
            single = HingeNewton(Z.astype(np.float32), n_a)
            if single.run(plane_found, None, _SINGLE_STEPS):
                return True
            start = single.plane.astype(np.float64)
        return HingeNewton(Z, n_a).run(plane_found, weights_found, _DOUBLE_STEPS, start)

    def _programme(self, Z: np.ndarray, basis: np.ndarray | None) -> None:
        weights_a, weights_b, normal = nearest_by_programme(Z, len(self.A))
        if not self.try_normal(_in_space(normal, basis), "programme"):
            self.try_weights(weights_a, weights_b, "programme")


def _first(n: int, at: int = 0) -> np.ndarray:
    weights = np.zeros(n)
    weights[at] = 1.0
    return weights


def _in_space(normal: np.ndarray, basis: np.ndarray | None) -> np.ndarray:
    return normal if basis is None else normal @ basis
