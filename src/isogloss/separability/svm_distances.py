"""Distances between clusters as the published code of DirectProbe measures them, for comparison with its numbers.

A support vector machine with a large penalty and a limit of steps stands for the widest slab between two hulls. It is
not exact: gaps below about 1e-3 come out as 0, and where hulls all but touch it stops before it has come to the end, at
a distance that depends on the order of the points.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import SVC

from isogloss.progress import SILENT, Progress

_PENALTY, _STEPS, _PRECISION = 1e6, 50_000, 1e-5


def svm_distances(
    X: np.ndarray,
    clusters: Sequence[np.ndarray],
    classes: np.ndarray,
    order: np.ndarray,
    progress: Progress = SILENT,
) -> np.ndarray:
    """(k, k) distances between clusters of different classes, NaN within a class, 0 on the diagonal.

    Twice the least distance of a point of the two clusters from the machine's plane; 0 where a point is on the wrong
    side. Vectors are taken in float32.

    Parameters
    ----------
    X : (n, d) points; clusters : k arrays of their row numbers; classes : (k,) of the clusters.
    order : (k,) when each cluster became what it is: of two, the earlier is the machine's positive side.
    """
    points = X.astype(np.float32).astype(np.float64)
    k = len(clusters)
    found = np.where(np.asarray(classes)[:, None] == classes, np.nan, 0.0)
    np.fill_diagonal(found, 0.0)
    pairs = [(a, b) for a, b in combinations(range(k), 2) if classes[a] != classes[b]]
    with progress.task("distances of clusters", len(pairs), "pairs") as advance:
        for a, b in pairs:
            first, second = (a, b) if order[a] < order[b] else (b, a)
            found[a, b] = found[b, a] = _distance(points[clusters[first]], points[clusters[second]])
            advance(1)
    return found


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    both, sides = np.concatenate([first, second]), np.repeat([1, -1], [len(first), len(second)])
    machine = SVC(C=_PENALTY, kernel="linear", tol=_PRECISION, max_iter=_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(both, sides)
    if not np.array_equal(machine.predict(both), sides):
        return 0.0
    normal = machine.coef_[0]
    return float(2.0 * np.abs(both @ normal + machine.intercept_[0]).min() / np.linalg.norm(normal))
