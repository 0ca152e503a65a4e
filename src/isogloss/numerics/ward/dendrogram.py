"""Linkage matrices in SciPy's order, and flat clusters from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import overload

import numpy as np

from isogloss.errors import OptionError


def scipy_order(pairs: np.ndarray, heights: np.ndarray, n: int) -> np.ndarray:
    """Linkage matrix of merges given in any order in which parts come before what is made of them.

    Parameters
    ----------
    pairs : (n-1, 2) two points of the two clusters that merge, any of theirs.
    heights : (n-1,), no merge lower than those of its parts.
    n : number of points.

    Returns
    -------
    (n-1, 4) float64: ids of the two clusters, smaller first, height, number of points; rows by increasing height,
    equal heights in the order given. Row i makes cluster n + i.
    """
    order = np.argsort(heights, kind="stable")
    linkage = np.empty((n - 1, 4))
    linkage[:, 2] = heights[order]
    parent = list(range(2 * n - 1))
    size = [1] * n + [0] * (n - 1)

    def top(point: int) -> int:
        root = point
        while parent[root] != root:
            root = parent[root]
        while parent[point] != root:
            parent[point], point = root, parent[point]
        return root

    for i, (a, b) in enumerate(pairs[order].tolist()):
        a, b = top(a), top(b)
        parent[a] = parent[b] = n + i
        size[n + i] = size[a] + size[b]
        linkage[i, 0], linkage[i, 1], linkage[i, 3] = min(a, b), max(a, b), size[n + i]
    return linkage


@overload
def cut(linkage: np.ndarray, k: int) -> np.ndarray: ...
@overload
def cut(linkage: np.ndarray, k: Iterable[int]) -> dict[int, np.ndarray]: ...


def cut(linkage: np.ndarray, k: int | Iterable[int]) -> np.ndarray | dict[int, np.ndarray]:
    """Flat clusters: the tree without its k - 1 last merges.

    Parameters
    ----------
    linkage : (n-1, 4), in SciPy's format.
    k : number of clusters, or several numbers.

    Returns
    -------
    (n,) int64 clusters 0..k-1, numbered by first appearance; for several k a dict of them.

    Raises
    ------
    OptionError : k is not between 1 and n; both are stated.
    """
    if not isinstance(k, Iterable):
        return cut(linkage, [k])[k]
    n = len(linkage) + 1
    parent = np.arange(2 * n - 1)
    if n > 1:
        parent[linkage[:, :2].astype(np.int64)] = np.arange(n, 2 * n - 1)[:, None]
    return {one: _labels(parent, n, one) for one in k}


def _labels(parent: np.ndarray, n: int, k: int) -> np.ndarray:
    if k < 1:
        raise OptionError(f"n_clusters should be >= 1. Got {k}.")
    if k > n:
        raise OptionError(f"n_clusters should be <= n_samples={n}. Got {k}.")
    # A node's parent that is one of the k - 1 last merges is no parent; the rest is followed to its top by doubling.
    top = np.where(parent < 2 * n - k, parent, np.arange(2 * n - 1))
    while True:
        further = top[top]
        if np.array_equal(further, top):
            break
        top = further
    return number_by_appearance(top[:n])


def number_by_appearance(labels: np.ndarray) -> np.ndarray:
    """The same clusters, (n,) int64, as 0, 1, 2 ... in the order in which they first appear."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.reshape(-1)]
