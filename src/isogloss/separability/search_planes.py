"""Planes that hold a cluster on one side, and which points of another label lie strictly beyond them.

A plane found for a cluster serves every part of it, and what it merges into as long as that stays on its side; a
cluster of the other label is clear of it where all its points are beyond.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_UNIT = float(np.finfo(np.float32).eps)
_FINE = float(np.finfo(np.float64).eps)
_TOUCHING = 1e-8


class Sides:
    """On which side of a plane x . normal = offset, |normal| = 1, rows of X lie: in float32, near it in float64.

    Parameters
    ----------
    X : (m, d) points.

    Attributes
    ----------
    near : (m, d) float32, X less its mean.
    """

    def __init__(self, X: np.ndarray) -> None:
        self.X = X
        self.mean = X.mean(axis=0, dtype=np.float64)
        self.near = np.empty(X.shape, dtype=np.float32)
        for start in range(0, len(X), 4096):
            self.near[start : start + 4096] = X[start : start + 4096] - self.mean
        self._norms = np.linalg.norm(self.near, axis=1)
        self._lengths = np.linalg.norm(X, axis=1).astype(np.float64)
        self._slack = 2 * (X.shape[1] + 16)
        # What is nearer than this is left to the verdict, whose definition of touching counts.
        self.least = _TOUCHING * float(self._norms.max(initial=0.0))

    def fine(self, rows: np.ndarray, normals: np.ndarray, offsets: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """X[rows] @ normals - offsets in float64, and what it must exceed to count as off the plane.

        For a normal (d,) both are (n,), for normals (d, p) and offsets (p,) both are (n, p).
        """
        values = self.X[rows].astype(np.float64) @ normals - offsets
        lengths = self._lengths[rows] if normals.ndim == 1 else self._lengths[rows, None]
        return values, self._slack * _FINE * (lengths + np.abs(offsets)) + self.least

    def above(self, rows: np.ndarray, normal: np.ndarray, offset: float) -> bool:
        """Whether all rows lie strictly above the plane."""
        values, error = self.fine(rows, normal, offset)
        return bool((values > error).all())

    def below(self, rows: np.ndarray, normal: np.ndarray, offset: float) -> np.ndarray:
        """(n,) whether each row lies strictly below the plane."""
        shifted = offset - float(self.mean @ normal)
        values = self.near[rows] @ normal.astype(np.float32) - np.float32(shifted)
        error = self._slack * _UNIT * (self._norms[rows] + abs(shifted)) + self.least
        found = values < -error
        unsure = np.flatnonzero(np.abs(values) <= error)
        if len(unsure):
            values, fine = self.fine(rows[unsure], normal, offset)
            found[unsure] = values < -fine
        return found


class Plane(NamedTuple):
    """A plane above which one cluster lies.

    normal : (d,) of length 1; offset : x . normal on the plane.
    beyond : (n,) whether each point of another label lies strictly below.
    """

    normal: np.ndarray
    offset: float
    beyond: np.ndarray


def holding(planes: list[Plane], sides: Sides, rows: np.ndarray) -> list[Plane]:
    """The planes above which these rows lie too."""
    if not planes:
        return []
    normals = np.stack([plane.normal for plane in planes], axis=1)
    values, room = sides.fine(rows, normals, np.array([plane.offset for plane in planes]))
    keep = np.asarray((values > room).all(axis=0))
    return [plane for plane, kept in zip(planes, keep.tolist(), strict=True) if kept]
