"""Treatments that make a space more isotropic, with scikit-learn's contract: fitted on training vectors, then applied.

After Rajaee & Pilehvar (ACL 2021, arXiv 2106.01183; Findings of EMNLP 2021, arXiv 2109.04740) and Mu & Viswanath
(2018, arXiv 1702.01417). Reconstructed from the papers' descriptions; where choices are open, they are parameters.
Whether a treatment helps is asked in `sweep` and `compare_treatments`.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils.validation import check_is_fitted, validate_data

from isogloss.errors import OptionError
from isogloss.isotropy.directions import Directions, project
from isogloss.numerics import kmeans_clusters

_ROWS = 8192
_FLAT = 1e-12
"""Directions with less than this part of their largest variance hold nothing but rounding errors."""


class _Treatment(TransformerMixin, BaseEstimator):
    """What the treatments share: the check of what they are given, and precision kept."""

    def _checked(self, X: Any, *, reset: bool) -> np.ndarray:
        try:
            return validate_data(self, X, reset=reset, dtype=(np.float64, np.float32))
        except OptionError:
            raise
        except ValueError as error:
            raise OptionError(_where(X, str(error))) from error

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class ZeroMean(_Treatment):
    """Subtract the mean of the training vectors.

    Attributes
    ----------
    mean_ : (n_features,) float64.
    n_features_in_ : columns seen in `fit`.
    """

    def fit(self, X: Any, y: None = None) -> Self:
        """Learn the mean of (n_samples, n_features) X.

        Raises
        ------
        OptionError : X is no matrix of finite numbers; its row is named.
        """
        self.mean_ = self._checked(X, reset=True).mean(axis=0, dtype=np.float64)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """(n_samples, n_features) X less the mean; float32 stays float32."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return (X - self.mean_).astype(X.dtype, copy=False)


class AllButTheTop(_Treatment):
    """Subtract the mean and project onto what is left without the top principal directions.

    Parameters
    ----------
    n_components : directions to remove, 0 <= n_components < n_features; "auto" is n_features / 100, rounded, at least
        1 (where there are two features or more), the paper's rule of thumb.
    centred : project the centred vectors (the paper); False projects the vectors as they are, so that their mean stays
        but for what lies along the directions.

    Attributes
    ----------
    mean_ : (n_features,) float64.
    components_ : (n_components, n_features) float64 directions that are removed, orthonormal.
    variances_ : (n_features,) float64, along all principal directions, descending.
    n_features_in_ : columns seen in `fit`.

    References
    ----------
    Mu & Viswanath 2018, arXiv 1702.01417, algorithm 1.
    """

    def __init__(self, n_components: int | Literal["auto"] = "auto", *, centred: bool = True) -> None:
        self.n_components = n_components
        self.centred = centred

    def fit(self, X: Any, y: None = None) -> Self:
        """Learn mean and directions of (n_samples, n_features) X.

        Raises
        ------
        OptionError : n_components is no such number or would leave no direction, or X is no matrix of finite numbers.
        """
        X = self._checked(X, reset=True)
        d = X.shape[1]
        k: int | str = self.n_components
        if isinstance(k, str) and k == "auto":
            k = min(max(1, round(d / 100)), d - 1)
        if not isinstance(k, Integral) or not 0 <= int(k) < d:
            raise OptionError(
                f'n_components should be "auto" or a whole number at least 0 and less than n_features={d}. Got {k!r}.'
            )
        found = Directions.of(X)
        self.mean_: np.ndarray = found.mean
        self.variances_: np.ndarray = found.variances
        self.components_: np.ndarray = found.basis[: int(k)].copy()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """(n_samples, n_features) without the mean and the directions; float32 stays float32."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        return project(X, self.components_, self.mean_ if self.centred else None)


class ClusterEnhancement(_Treatment):
    """Cluster the vectors, then for each cluster subtract its mean and remove its own top directions.

    A cluster keeps at least one direction in which its training vectors differ: of m vectors that span r directions
    about their mean at most r - 1 are removed, and `notes_` says where fewer were removed than asked. The single vector
    of a cluster becomes zero. New vectors go to the cluster with the nearest mean.

    Parameters
    ----------
    n_clusters : of k-means (one seeded k-means++ start), at most the number of distinct vectors.
    n_components : directions to remove from each cluster, 0 <= n_components < n_features.
    random_state : seed of k-means.

    Attributes
    ----------
    labels_ : (n_samples,) int64 cluster of each training vector.
    cluster_means_ : (n_clusters, n_features) float64.
    components_ : for each cluster (n_removed_[i], n_features) float64 directions, orthonormal.
    n_removed_ : (n_clusters,) directions removed from each.
    notes_ : what was done otherwise than asked, with counts; () where nothing was.
    n_features_in_ : columns seen in `fit`.

    References
    ----------
    Rajaee & Pilehvar, ACL 2021, arXiv 2106.01183. The defaults are what the study's published code uses for the last
    layer of BERT-base-uncased; `sweep` finds what suits another space.
    """

    def __init__(self, n_clusters: int = 27, n_components: int = 12, *, random_state: int = 0) -> None:
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: Any, y: None = None) -> Self:
        """Cluster (n_samples, n_features) X and learn the clusters' means and directions.

        Raises
        ------
        OptionError : n_clusters or n_components is out of range, or X is no matrix of finite numbers.
        """
        X = self._checked(X, reset=True)
        n, d = X.shape
        if not isinstance(self.n_clusters, Integral) or not 1 <= self.n_clusters <= n:
            raise OptionError(
                f"n_clusters should be a whole number between 1 and n_samples={n}. Got {self.n_clusters!r}."
            )
        if not isinstance(self.n_components, Integral) or not 0 <= self.n_components < d:
            raise OptionError(
                f"n_components should be a whole number at least 0 and less than n_features={d}. "
                f"Got {self.n_components!r}."
            )
        self.labels_: np.ndarray = kmeans_clusters(X, int(self.n_clusters), int(self.random_state))
        means, components, sizes = [], [], []
        for cluster in range(int(self.n_clusters)):
            members = X[self.labels_ == cluster]
            mean, basis = _top(members, int(self.n_components))
            means.append(mean)
            components.append(basis)
            sizes.append(len(members))
        self.cluster_means_: np.ndarray = np.array(means)
        self.components_: list[np.ndarray] = components
        self.n_removed_: np.ndarray = np.array([len(basis) for basis in components])
        self.notes_: tuple[str, ...] = _notes(np.array(sizes), self.n_removed_, int(self.n_components))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """(n_samples,) int64 cluster with the nearest mean."""
        check_is_fitted(self)
        return self._nearest(self._checked(X, reset=False))

    def transform(self, X: Any) -> np.ndarray:
        """(n_samples, n_features) less the mean and the directions of each one's cluster; float32 stays float32."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        out = np.empty_like(X)
        clusters = self._nearest(X)
        for cluster in np.unique(clusters):
            rows = clusters == cluster
            out[rows] = project(X[rows], self.components_[cluster], self.cluster_means_[cluster])
        return out

    def with_components(self, n_components: int) -> ClusterEnhancement:
        """The same clusters, with fewer directions removed; nothing is fitted again.

        Raises
        ------
        OptionError : more directions are asked for than were fitted.
        """
        check_is_fitted(self)
        if not 0 <= n_components <= self.n_components:
            raise OptionError(
                f"n_components should be between 0 and the fitted {self.n_components}. Got {n_components}."
            )
        fewer = ClusterEnhancement(self.n_clusters, n_components, random_state=self.random_state)
        fewer.n_features_in_ = self.n_features_in_
        fewer.labels_, fewer.cluster_means_ = self.labels_, self.cluster_means_
        fewer.components_ = [basis[:n_components] for basis in self.components_]
        fewer.n_removed_ = np.array([len(basis) for basis in fewer.components_])
        fewer.notes_ = _notes(np.bincount(self.labels_), fewer.n_removed_, n_components)
        return fewer

    def _nearest(self, X: np.ndarray) -> np.ndarray:
        # About a point of the data: far from the origin squared lengths would drown the differences.
        origin = self.cluster_means_[0]
        means = (self.cluster_means_ - origin).astype(X.dtype)
        found = [
            pairwise_distances_argmin((X[start : start + _ROWS] - origin).astype(X.dtype), means)
            for start in range(0, len(X), _ROWS)
        ]
        return np.concatenate(found).astype(np.int64)


class ClusterZeroMean(ClusterEnhancement):
    """Cluster the vectors and subtract each cluster's mean; no direction is removed.

    Parameters
    ----------
    n_clusters, random_state : as in `ClusterEnhancement`, whose attributes it has.
    """

    def __init__(self, n_clusters: int = 27, *, random_state: int = 0) -> None:
        super().__init__(n_clusters, 0, random_state=random_state)


def _top(members: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,), and the top directions (<= k, d) of a cluster, one fewer than it spans at most."""
    mean = members.mean(axis=0, dtype=np.float64)
    if not k or len(members) < 3:
        return mean, np.empty((0, members.shape[1]))
    if len(members) > members.shape[1]:
        found = Directions.of(members)
        variances, basis = found.variances, found.basis
    else:
        _, sizes, basis = np.linalg.svd(members.astype(np.float64) - mean, full_matrices=False)
        variances = np.square(sizes)
    rank = int((variances > _FLAT * variances[0]).sum())
    return mean, basis[: max(0, min(k, rank - 1))].copy()


def _notes(sizes: np.ndarray, removed: np.ndarray, asked: int) -> tuple[str, ...]:
    notes = []
    short = removed < asked
    if short.any():
        words = int(sizes[short].sum())
        notes.append(
            f"{int(short.sum()):,} of {len(sizes):,} clusters ({words:,} vectors) span too few directions to lose "
            f"{asked}: as many were removed as leave one"
        )
    if alone := int((sizes == 1).sum()):
        are = "is" if alone == 1 else "are"
        notes.append(f"{alone:,} of {len(sizes):,} clusters {are} of one vector, which becomes zero")
    return tuple(notes)


def _where(X: Any, message: str) -> str:
    """The reason, and the row with NaN or infinity where that is it."""
    values = np.asarray(X)
    if values.ndim == 2 and values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            row, column = np.argwhere(~finite)[0]
            what = "NaN" if np.isnan(values[row, column]) else "infinity"
            return f"X should be finite. Input X contains {what} in row {row}, column {column}."
    return message
