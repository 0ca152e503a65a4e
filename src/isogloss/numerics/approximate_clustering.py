"""Clusterings that approximate Ward's at a fraction of its work, and what the approximation costs.

Both lower the same quantity as Ward does, the within-cluster sum of squares, and neither gives a tree. The exact
method is `ward`.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin

from isogloss.errors import OptionError
from isogloss.numerics.copies import distinct_rows
from isogloss.numerics.ward.dendrogram import cut, number_by_appearance, scipy_order
from isogloss.numerics.ward.linkage import as_points, merge_weighted

_ROWS = 8192


def kmeans_clusters(X: np.ndarray, k: int, seed: int = 0) -> np.ndarray:
    """Lloyd's k-means from one k-means++ start, by scikit-learn.

    Parameters
    ----------
    X : (n, d), finite.
    k : number of clusters, 1 <= k <= number of distinct rows.
    seed : of the start.

    Returns
    -------
    (n,) int64 clusters 0..k-1, numbered by first appearance.

    Raises
    ------
    OptionError : k is out of range, or X as in `ward_linkage`.
    """
    X = as_points(X)
    _refuse(k, "k", len(distinct_rows(X).first), "the number of distinct rows")
    return number_by_appearance(KMeans(k, n_init=1, random_state=seed).fit_predict(X))


def leaders_ward(X: np.ndarray, k: int, n_leaders: int, seed: int = 0) -> np.ndarray:
    """Ward's method on groups of points about leaders: the rows drawn at random, each point with the nearest one.

    The groups are merged by Ward's criterion with their means and sizes, exactly; the work is n n_leaders d. (In
    Hartigan's leader algorithm, Clustering Algorithms, 1975, a row leads if no earlier leader is within a threshold;
    here their number is what is given.)

    Parameters
    ----------
    X : (n, d), finite.
    k : number of clusters, 1 <= k <= n_leaders.
    n_leaders : number of leaders, at most the number of distinct rows.
    seed : of the drawing.

    Returns
    -------
    (n,) int64 clusters 0..k-1, numbered by first appearance.

    Raises
    ------
    OptionError : k or n_leaders is out of range, or X as in `ward_linkage`.
    """
    X = as_points(X)
    first = distinct_rows(X).first
    _refuse(n_leaders, "n_leaders", len(first), "the number of distinct rows")
    _refuse(k, "k", n_leaders, "n_leaders")
    leaders = np.sort(np.random.default_rng(seed).choice(first, n_leaders, replace=False))
    # About a row of the data: far from the origin squared lengths would drown the differences.
    origin = X[leaders[0]]
    led = X[leaders] - origin
    group = np.concatenate([pairwise_distances_argmin(X[i : i + _ROWS] - origin, led) for i in range(0, len(X), _ROWS)])
    # A leader may be nearest to another one by a rounding error only, if at all; empty groups are left out.
    held, group = np.unique(group, return_inverse=True)
    _refuse(k, "k", len(held), "the number of leaders with points")
    group = group.reshape(-1)
    return number_by_appearance(cut(ward_above(X, group), k)[group])


def ward_above(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Ward's tree above given clusters: they are merged by their means and sizes, exactly.

    Parameters
    ----------
    X : (n, d), finite.
    labels : (n,) cluster of each point, 0..k-1, none empty.

    Returns
    -------
    (k-1, 4) float64, as SciPy's linkage matrix of k points, each of which is a cluster here (the last column counts
    clusters).
    """
    means, counts = _means(as_points(X), labels)
    merges, heights = merge_weighted(means, np.arange(len(counts)), counts)
    return scipy_order(merges, heights, len(counts))


def within_cluster_sum_of_squares(X: np.ndarray, labels: np.ndarray) -> float:
    """Sum of squared Euclidean distances of points from the means of their clusters: what Ward merges raise least.

    Parameters
    ----------
    X : (n, d), finite.
    labels : (n,) cluster of each point, any integers.

    Raises
    ------
    OptionError : the lengths differ, or X as in `ward_linkage`.
    """
    X = as_points(X)
    if np.shape(labels) != (len(X),):
        raise OptionError(f"labels should be one per row of X, ({len(X)},). Got shape {np.shape(labels)}.")
    group = np.unique(labels, return_inverse=True)[1].reshape(-1)
    means, _ = _means(X, group)
    total = 0.0
    for i in range(0, len(X), _ROWS):
        total += float(np.square(X[i : i + _ROWS] - means[group[i : i + _ROWS]]).sum())
    return total


def _means(X: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (k, d) in float64 and sizes (k,) of groups 0..k-1 of the rows."""
    counts = np.bincount(group)
    sums = np.zeros((len(counts), X.shape[1]))
    for i in range(0, len(X), _ROWS):
        np.add.at(sums, group[i : i + _ROWS], X[i : i + _ROWS])
    return sums / counts[:, None], counts


def _refuse(value: int, name: str, most: int, what: str) -> None:
    if not 1 <= value <= most:
        raise OptionError(f"{name} should be between 1 and {what} = {most}. Got {value}.")
