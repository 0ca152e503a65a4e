"""Hull distances between all clusters of different classes of one matrix, with the work shared over the pairs.

Small clusters are solved in step from blocks of one Gram matrix; the others, and whatever that leaves open, one pair
at a time.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from isogloss.errors import OptionError
from isogloss.numerics.hulls.batched import nearest_points_of_many
from isogloss.numerics.hulls.gap import gap_of
from isogloss.numerics.hulls.points import centred, read_precision
from isogloss.numerics.points import read_points
from isogloss.numerics.threads import one_blas_thread
from isogloss.progress import SILENT, Progress

SMALL = 48
"""Points of a cluster that is solved in step with others; larger ones are as fast a pair at a time."""

_NUMBERS = 4_000_000
"""Numbers in the inner products of the pairs solved in step: 32 MB."""


@one_blas_thread()
def pairwise_hull_distances(
    X: np.ndarray,
    clusters: Sequence[Sequence[int] | np.ndarray],
    cluster_classes: Sequence[Hashable] | np.ndarray,
    rtol: float = 1e-6,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Distance between the convex hulls of every two clusters of different classes.

    Parameters
    ----------
    X : (n, d), any real dtype; computed in float64.
    clusters : k arrays of row numbers of X, none empty.
    cluster_classes : (k,) the class of each cluster.
    rtol : relative precision of every distance, proved by a lower and an upper bound; as in `hull_gap`.
    progress : told of every pair.

    Returns
    -------
    (k, k) symmetric, 0 on the diagonal and where hulls touch, NaN between clusters of one class.

    Raises
    ------
    OptionError : a cluster is empty or names a row that X lacks, the classes do not match the clusters, or X or rtol
        is as `hull_gap` refuses it.
    NotFiniteError : a row holds NaN or infinity.
    """
    X, rtol = read_points(X, "X"), read_precision(rtol)
    rows = read_clusters(clusters, len(X))
    k = len(rows)
    names = list(cluster_classes)
    if len(names) != k:
        raise OptionError(f"every cluster should have a class. Got {k} clusters and {len(names)} classes.")
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    classes = np.array([numbers[name] for name in names], dtype=np.int64)

    distances = np.full((k, k), np.nan)
    np.fill_diagonal(distances, 0)
    pairs = (k * k - int(np.square(np.bincount(classes)).sum())) // 2 if k else 0
    with progress.task("Hull distances", pairs, "pair") as advance:
        small = np.array([i for i in range(k) if len(rows[i]) <= SMALL], dtype=np.int64)
        for i, js, found in _in_step(X, rows, classes, small, rtol):
            distances[i, js] = distances[js, i] = found
            advance(float(np.count_nonzero(~np.isnan(found))))
        for i in range(k):
            for j in range(i):
                if classes[i] != classes[j] and np.isnan(distances[i, j]):
                    gap = gap_of(X[rows[i]], X[rows[j]], rtol)
                    distances[i, j] = distances[j, i] = gap.distance
                    advance(1)
    return distances


def read_clusters(clusters: Sequence[Sequence[int] | np.ndarray], n: int) -> list[np.ndarray]:
    """Row numbers of each cluster.

    Raises
    ------
    OptionError : a cluster is empty, holds something else than row numbers, or a number outside 0 .. n - 1.
    """
    rows = []
    for i, cluster in enumerate(clusters):
        found = np.asarray(cluster)
        if found.ndim != 1 or not found.size or not np.issubdtype(found.dtype, np.integer):
            raise OptionError(
                f"cluster {i} should be a list of row numbers, at least one. Got {found.dtype} of shape {found.shape}."
            )
        if found.min() < 0 or found.max() >= n:
            bad = found[(found < 0) | (found >= n)][0]
            raise OptionError(f"cluster {i} names row {bad}, where X has rows 0 to {n - 1}")
        rows.append(found.astype(np.int64))
    return rows


def _in_step(
    X: np.ndarray, rows: list[np.ndarray], classes: np.ndarray, small: np.ndarray, rtol: float
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield (i, js, distances (len(js),)) of small clusters; NaN where inner products do not tell the distance."""
    if len(small) < 2:
        return
    # By size, so that little is padded.
    small = small[np.argsort([len(rows[i]) for i in small], kind="stable")]
    (points,), radius = centred([X[np.concatenate([rows[i] for i in small])]])
    starts = np.concatenate([[0], np.cumsum([len(rows[i]) for i in small])])
    sizes = np.diff(starts)
    own = [points[a:b] @ points[a:b].T for a, b in pairwise(starts)]
    widest = int(sizes.max())
    padded = np.zeros((len(small), widest, widest))
    for place, block in enumerate(own):
        padded[place, : len(block), : len(block)] = block
    slots = np.arange(widest)
    member = slots < sizes[:, None]
    numbers = np.where(member, starts[:-1, None] + slots, 0)
    for p in range(len(small)):
        partners = np.flatnonzero(classes[small[:p]] != classes[small[p]])
        size = int(sizes[p])
        step = max(1, _NUMBERS // (2 * size) ** 2)
        for first in range(0, len(partners), step):
            qs = partners[first : first + step]
            # No partner is larger: they come by size.
            wide = int(sizes[qs].max())
            mine = points[starts[p] : starts[p + 1]]
            low, high = starts[qs.min()], starts[qs.max() + 1]
            across = (mine @ points[low:high].T)[:, np.where(member[qs, :wide], numbers[qs, :wide] - low, 0)]
            products = np.zeros((len(qs), size + wide, size + wide))
            products[:, :size, :size] = own[p]
            products[:, size:, size:] = padded[qs, :wide, :wide]
            products[:, :size, size:] = -across.transpose(1, 0, 2)
            products[:, size:, :size] = -across.transpose(1, 2, 0)
            sides = np.zeros((len(qs), size + wide, 2), dtype=bool)
            sides[:, :size, 0] = True
            sides[:, size:, 1] = member[qs, :wide]
            products[:, size:] *= sides[:, size:, 1, None]
            products[:, :, size:] *= sides[:, None, size:, 1]
            batch = nearest_points_of_many(products, sides, rtol)
            solved = (batch.lower > 0) & (batch.upper - batch.lower <= rtol * batch.upper)
            yield int(small[p]), small[qs], np.where(solved, batch.upper * radius, np.nan)
