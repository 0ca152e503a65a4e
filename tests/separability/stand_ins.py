"""Until the numerics of separation and of hulls are there: their names, made of the plain oracle."""

import importlib.util
import sys
from types import ModuleType

import numpy as np

from tests.separability.plain import hull_distance, separable


def point_hull_distances(X, hull, rtol=1e-6):
    return np.array([hull_distance(x[None], hull) for x in X])


def nearest_hulls(X, hulls, rtol=1e-6, progress=None):
    distances = np.stack([point_hull_distances(X, hull) for hull in hulls], axis=1)
    return distances.argmin(1), distances.min(1)


def pairwise_hull_distances(X, clusters, cluster_classes, rtol=1e-6, progress=None):
    k = len(clusters)
    found = np.full((k, k), np.nan)
    np.fill_diagonal(found, 0)
    for i in range(k):
        for j in range(i):
            if cluster_classes[i] != cluster_classes[j]:
                found[i, j] = found[j, i] = hull_distance(X[clusters[i]], X[clusters[j]])
    return found


def install():
    for name, functions in {
        "separation": [separable],
        "hulls": [point_hull_distances, nearest_hulls, pairwise_hull_distances],
    }.items():
        whole = f"isogloss.numerics.{name}"
        if importlib.util.find_spec(whole) is None:
            module = ModuleType(whole)
            for function in functions:
                setattr(module, function.__name__, function)
            sys.modules[whole] = module
