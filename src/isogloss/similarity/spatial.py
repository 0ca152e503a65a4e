"""Spatial similarity: whether labels lie in the same places relative to each other in two spaces.

Zhou & Srikumar 2022, "A closer look at how fine-tuning changes BERT", arXiv 2106.14282, section 3.3. Their
distances are between convex hulls of clusters (one per label); any distances between label pairs will do
here.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist

from isogloss.numerics.correlation import pearson


def spatial_similarity(a: np.ndarray, b: np.ndarray, labels: np.ndarray | None = None) -> float:
    """Pearson correlation of two vectors of label-pair distances.

    Pairs that share a label are not independent: the correlation is descriptive, and no p-value belongs to
    it.

    Parameters
    ----------
    a, b : distances of the same label pairs in the same order in two spaces, (pairs,); or, with `labels`, the
        vectors themselves, (n, da) and (n, db), whose distances are then Euclidean, between label means.
    labels : (n,) label of each row.

    Returns
    -------
    float in [-1, 1]; exactly 1.0 where the distances are equal.

    Raises
    ------
    ValueError : different lengths, fewer than two pairs (three labels), NaN or infinity, or all distances
        equal.
    """
    if labels is not None:
        a, b = _label_distances(a, labels), _label_distances(b, labels)
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"distances should be two vectors over the same label pairs. Got shapes {a.shape} and {b.shape} instead."
        )
    if len(a) < 2:
        raise ValueError(f"at least 2 label pairs (3 labels) are needed; got {len(a)}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("distances hold NaN or infinity")
    for name, values in (("first", a), ("second", b)):
        if np.ptp(values) == 0:
            raise ValueError(
                f"spatial similarity is undefined: all {len(values)} distances of the {name} space are equal"
            )
    return pearson(a, b)


def _label_distances(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    X, labels = np.asarray(X), np.asarray(labels)
    if X.ndim != 2 or len(X) != len(labels):
        raise ValueError(
            f"vectors should be (n, d) with one label per row. Got shape {X.shape} and {len(labels)} labels instead."
        )
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(counts) < 3:
        raise ValueError(f"at least 3 labels are needed to compare distances between them; got {len(counts)}")
    # Means about a common point, so that a large offset costs no precision.
    shifted = X.astype(np.float64) - X[0].astype(np.float64)
    means = np.zeros((len(counts), X.shape[1]))
    np.add.at(means, codes, shifted)
    return pdist(means / counts[:, None])
