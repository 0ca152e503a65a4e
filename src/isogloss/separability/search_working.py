"""Verdicts on large sets by way of small ones: the few points that decide, found by what decided before.

Parts whose hulls overlap prove that the wholes do; a plane between parts is tried on all points, and those nearest to
it or beyond join the parts. The verdict itself is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from isogloss.separability.search_planes import Sides

Verdict = Callable[[np.ndarray, np.ndarray], Any]
"""Of (n, d) and (m, d) points: true where their hulls are apart, and then with `.normal` and `.offset`, first above;
else, where it has them, with `.weights_a` (n,) and `.weights_b` (m,) of a common point."""

_LEAST = 300
"""Points, besides three for each dimension, from which parts are tried."""
_FADING = 0.9


class Answer(NamedTuple):
    """Whether n points are apart from m others.

    normal : (d,) of length 1, of a plane with the first above and the others below; None where they overlap.
    offset : x . normal on the plane.
    weights : (n + m,) convex weights on both sides of a point in both hulls; None where apart, or where not known.
    """

    normal: np.ndarray | None
    offset: float = 0.0
    weights: np.ndarray | None = None


class WorkingSets:
    """Asks the verdict about as few points as it can, for sets of two labels.

    Parameters
    ----------
    sides : the points.
    codes : (m,) their labels.
    separable : the verdict.
    """

    def __init__(self, sides: Sides, codes: np.ndarray, separable: Verdict) -> None:
        self._sides, self._codes, self._separable = sides, codes, separable
        self._scores: dict[tuple[int, int], np.ndarray] = {}
        self._normals: dict[tuple[int, int], np.ndarray] = {}

    def ask(self, points: np.ndarray, target: np.ndarray) -> Answer:
        """Whether points (n,) of a label and target (m,) of another are apart."""
        d, n, rows = self._sides.X.shape[1], len(points), np.concatenate([points, target])
        if len(rows) <= 3 * d + _LEAST:
            return self._verdict(points, target)
        label, other = int(self._codes[points[0]]), int(self._codes[target[0]])
        score = self._scores.setdefault((min(label, other), max(label, other)), np.zeros(len(self._codes), np.float32))
        near = self._sides.near[rows]
        normal = self._normals.get((label, other))
        if normal is None:
            normal = near[:n].mean(axis=0, dtype=np.float64) - near[n:].mean(axis=0, dtype=np.float64)
        margins, _ = _margins(near, n, normal)
        chosen = np.concatenate(
            [
                _first(score[part], margin, 3 * d // 2)
                for part, margin in ((rows[:n], margins[:n]), (rows[n:], margins[n:]))
            ]
        )
        while 3 * (size := int(np.count_nonzero(chosen))) < 2 * len(rows):
            answer = self._verdict(points[chosen[:n]], target[chosen[n:]])
            if answer.normal is None:
                if answer.weights is None:
                    return answer
                weights = np.zeros(len(rows))
                weights[chosen] = answer.weights
                score *= _FADING
                score[rows[weights > 0]] += 1
                return Answer(None, weights=weights)
            normal = answer.normal
            self._normals[label, other], self._normals[other, label] = normal, -normal
            margins, middle = _margins(near, n, normal)
            if margins.min() > 0:
                offset = middle + float(self._sides.mean @ normal)
                if self._sides.above(points, normal, offset) and self._sides.below(target, normal, offset).all():
                    score *= _FADING
                    score[rows[np.argpartition(margins, d)[:d]]] += 1
                    return Answer(normal, offset)
                break
            left = np.flatnonzero(~chosen)
            more = min(max(d // 2, size // 4), len(left) - 1)
            chosen[left[np.argpartition(margins[left], more)[:more]]] = True
        return self._verdict(points, target)

    def _verdict(self, points: np.ndarray, target: np.ndarray) -> Answer:
        verdict = self._separable(self._sides.X[points].astype(np.float64), self._sides.X[target].astype(np.float64))
        if not verdict:
            first, second = getattr(verdict, "weights_a", None), getattr(verdict, "weights_b", None)
            return Answer(None, weights=None if first is None or second is None else np.concatenate([first, second]))
        normal, offset = np.asarray(verdict.normal, dtype=np.float64), float(verdict.offset)
        size = float(np.linalg.norm(normal))
        return Answer(normal / size, offset / size)


def _margins(near: np.ndarray, n: int, normal: np.ndarray) -> tuple[np.ndarray, float]:
    """How far the first n rows lie above, the others below, the best plane across the normal; its offset."""
    margins = near @ normal.astype(np.float32)
    middle = (float(margins[:n].min()) + float(margins[n:].max())) / 2
    margins -= np.float32(middle)
    np.negative(margins[n:], out=margins[n:])
    return margins, middle


def _first(score: np.ndarray, margins: np.ndarray, most: int) -> np.ndarray:
    """(n,) bool: at most so many of the highest scores, and the least margins; a quarter as many, or what lacks."""
    chosen = np.zeros(len(score), dtype=bool)
    scored = min(int(np.count_nonzero(score)), most)
    chosen[np.argsort(-score, kind="stable")[:scored]] = True
    lacking = min(len(margins), max(most // 4 + 1, most - scored))
    chosen[np.argsort(margins, kind="stable")[:lacking]] = True
    return chosen
