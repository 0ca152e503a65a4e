"""Exact nearest neighbours among a few thousand points, and how many of them two spaces share.

Every distance is computed, in blocks of bounded memory. Not an index: for millions of points take a sample.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch

_BYTES = 64_000_000
_DECIMALS = 12
"""Similarities are compared to 12 decimals, so that equal points tie whatever the order of summation."""


def nearest_neighbours(X: np.ndarray, k: int = 10, metric: Literal["cosine", "euclidean"] = "cosine") -> np.ndarray:
    """Find the k nearest other points of every point, exactly.

    Parameters
    ----------
    X : (m, d), any float dtype.
    k : neighbours per point, 1 <= k <= m - 1.
    metric : cosine similarity (a zero vector has similarity 0 to all) or Euclidean distance.

    Returns
    -------
    (m, k) int64, nearest first; among equal distances the lower index first. A point is not its own
    neighbour.

    Raises
    ------
    ValueError : k is out of range, the metric is unknown, or a value is NaN or infinite.
    """
    points = np.asarray(X, dtype=np.float64)
    m = len(points)
    if not 1 <= k <= m - 1:
        raise ValueError(f"k should be between 1 and the number of points - 1 = {m - 1}. Got {k} instead.")
    if metric not in ("cosine", "euclidean"):
        raise ValueError(f"metric should be 'cosine' or 'euclidean'. Got {metric!r} instead.")
    if not np.isfinite(points).all():
        bad = int(np.argmax(~np.isfinite(points).all(axis=1)))
        raise ValueError(f"X holds NaN or infinity in row {bad}")
    if metric == "cosine":
        norms = np.linalg.norm(points, axis=1, keepdims=True)
        points = np.divide(points, norms, out=np.zeros_like(points), where=norms > 0)
        squares = np.zeros(m)
    else:
        points = points - points.mean(axis=0)
        scale = np.sqrt(np.mean(np.square(points).sum(axis=1)))
        points = points / (scale if scale > 0 else 1.0)
        squares = np.square(points).sum(axis=1)
    found = np.empty((m, k), dtype=np.int64)
    columns = torch.from_numpy(points).T
    step = max(1, _BYTES // (8 * m))
    for start in range(0, m, step):
        rows = np.arange(start, min(start + step, m))
        nearness = torch.mm(torch.from_numpy(points[rows]), columns).numpy()
        if metric == "euclidean":
            # |x - y|^2 = |x|^2 + |y|^2 - 2 xy; |x|^2 does not change the order within a row.
            nearness = 2 * nearness - squares
        np.round(nearness, _DECIMALS, out=nearness)
        nearness[np.arange(len(rows)), rows] = -np.inf
        found[rows] = _largest(nearness, k)
    return found


def _largest(values: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k largest values of each row, largest first, equal ones in order of column."""
    threshold = torch.topk(torch.from_numpy(values), k, dim=1).values[:, -1:].numpy()
    above = values > threshold
    level = values == threshold
    needed = k - above.sum(axis=1, keepdims=True)
    tied = np.flatnonzero(level.sum(axis=1) > needed[:, 0])
    level[tied] &= np.cumsum(level[tied], axis=1) <= needed[tied]
    chosen = above | level
    columns = np.nonzero(chosen)[1].reshape(len(values), k)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def neighbour_overlap(
    X: np.ndarray, Y: np.ndarray, k: int = 10, metric: Literal["cosine", "euclidean"] = "cosine"
) -> np.ndarray:
    """Share of each point's k nearest neighbours in X that are also among its k nearest in Y.

    Parameters
    ----------
    X, Y : (m, dx) and (m, dy): the same points in two spaces; the widths may differ.
    k, metric : as in `nearest_neighbours`.

    Returns
    -------
    (m,) in [0, 1]; exactly 1 everywhere where X equals Y.

    Raises
    ------
    ValueError : the numbers of points differ, or as in `nearest_neighbours`.
    """
    if len(X) != len(Y):
        raise ValueError(f"the rows must be the same points: X has {len(X)} rows, Y has {len(Y)} rows")
    in_x = nearest_neighbours(X, k, metric)
    if X.shape == Y.shape and np.array_equal(X, Y):
        return np.ones(len(X))
    return shared_neighbours(in_x, nearest_neighbours(Y, k, metric))


def shared_neighbours(in_x: np.ndarray, in_y: np.ndarray) -> np.ndarray:
    """Share of each point's neighbours in one list that are also in the other, in any order.

    Parameters
    ----------
    in_x, in_y : (m, k) of the same points, as `nearest_neighbours` gives them.

    Returns
    -------
    (m,) in [0, 1].
    """
    # By rank, the points along the fast axis: the inner loops are then long, and only O(m k) is held.
    by_rank = np.ascontiguousarray(in_x.T)
    shared = np.zeros(len(in_x))
    for column in np.ascontiguousarray(in_y.T):
        shared += (by_rank == column).any(axis=0)
    return shared / in_x.shape[1]
