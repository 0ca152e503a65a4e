"""Exact Ward clustering with scikit-learn's contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import validate_data

from isogloss.errors import OptionError
from isogloss.numerics.ward.dendrogram import cut
from isogloss.numerics.ward.linkage import Compute, ward_linkage

_COMPLEX = "Complex data not supported"


class WardClustering(ClusterMixin, BaseEstimator):
    """Agglomerative clustering with Ward's criterion, exact, in memory linear in the data.

    Parameters
    ----------
    n_clusters : number of clusters, or several numbers, all cut from one tree.
    compute : precision of the search, "float32" or "bfloat16"; the result does not depend on it.
    device : where to compute; None for the CPU.

    Attributes
    ----------
    labels_ : (n_samples,) int64 clusters 0..k-1 numbered by first appearance; (n_samples, len(n_clusters)) if several
        numbers were given.
    linkage_ : (n_samples - 1, 4) the tree, as `ward_linkage` gives it.
    n_features_in_ : number of columns seen in `fit`.

    Examples
    --------
    >>> WardClustering(n_clusters=[2, 3]).fit([[0.0], [1.0], [5.0], [9.0]]).labels_.tolist()
    [[0, 0], [0, 0], [1, 1], [1, 2]]
    """

    def __init__(
        self,
        n_clusters: int | Sequence[int] = 2,
        compute: Compute = "float32",
        device: str | torch.device | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.compute = compute
        self.device = device

    def fit(self, X: Any, y: None = None) -> WardClustering:
        """Build the tree of (n_samples, n_features) X and cut it.

        Raises
        ------
        OptionError : n_clusters is empty, larger than n_samples or less than 1, X is no matrix of real numbers, or as
            in `ward_linkage`.
        """
        several = isinstance(self.n_clusters, Iterable)
        numbers = list(self.n_clusters) if isinstance(self.n_clusters, Iterable) else [self.n_clusters]
        if not numbers:
            raise OptionError("n_clusters should be a whole number >= 1 or several of them. Got an empty sequence.")
        try:
            X = validate_data(self, X, dtype=None, ensure_all_finite=False)
        except ValueError as error:
            complex_ones = str(error).startswith(_COMPLEX)
            reason = f"{_COMPLEX}: X should be real numbers." if complex_ones else str(error)
            raise OptionError(reason) from error
        for k in numbers:
            if not isinstance(k, Integral) or k < 1:
                raise OptionError(f"n_clusters should be a whole number >= 1. Got {k!r}.")
            if k > len(X):
                raise OptionError(f"n_clusters should be <= n_samples={len(X)}. Got {k}.")
        self.linkage_ = ward_linkage(X, compute=self.compute, device=self.device)
        labels = cut(self.linkage_, numbers)
        self.labels_ = np.stack([labels[k] for k in numbers], axis=1) if several else labels[numbers[0]]
        return self
