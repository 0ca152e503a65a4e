"""DirectProbe with scikit-learn's contract: clusters of one label each whose convex hulls meet no other label's.

Holds points, options and results; how clusters are found is said in `search`, how far hulls lie apart in `numerics`.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Literal, get_args

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from isogloss.errors import NotFiniteError, OptionError
from isogloss.numerics.classes import checked_labels
from isogloss.numerics.copies import distinct_rows
from isogloss.numerics.hulls import nearest_hulls, pairwise_hull_distances, point_hull_distances
from isogloss.numerics.points import refuse_unfinite
from isogloss.numerics.separation import separable
from isogloss.numerics.threads import one_blas_thread
from isogloss.progress import SILENT, Progress
from isogloss.separability.search import search
from isogloss.separability.spatial import SMALL, Small
from isogloss.separability.svm_distances import svm_distances

_LONGEST = 1e150

Measure = Literal["hull", "svm"]
MEASURES = get_args(Measure)


class DirectProbe(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator):
    """Divide labelled points into the clusters that linear separability leaves, without training a classifier.

    Every point starts as a cluster. The two clusters of one label with the nearest centroids (means of their points)
    are merged unless what they become overlaps a cluster of another label; a refused pair is dropped for good. It ends
    when no pair is left. If each label ends as one cluster, the labels are linearly separable, pair by pair.

    Hulls that touch overlap (`isogloss.numerics.separation` says within which tolerance), and every "apart" rests on a
    plane checked in float64. Nothing is random. Of pairs at the same distance, the one with the earliest first row goes
    first, then the one whose other cluster has the earliest first row; so where many distances are equal (counts,
    pixels), the order of the rows may decide.

    Parameters
    ----------
    small : what `distances_` says of clusters of at most `small_size` points: "keep" their distances, "drop" them
        (NaN), or "zero" them, as the reference does. They predict in any case.
    small_size : the reference has 5.
    rtol : relative precision of distances.
    measure : "hull", the distance of the convex hulls to that precision, or "svm", what the published code says of it
        (`isogloss.separability.svm_distances.svm_distances`), for comparison with published numbers: not exact, and 0
        for small gaps.
    progress : told how far the work is; None for nobody.

    Attributes
    ----------
    classes_ : (n_classes,) labels, sorted.
    n_clusters_ : k.
    labels_ : (n,) cluster 0..k-1 of each training point. Clusters are numbered class by class, within a class by their
        first rows.
    clusters_ : k arrays of row numbers.
    cluster_classes_ : (k,) label of each cluster.
    centroids_ : (k, n_features) float64 means.
    linear_ : whether each label is one cluster.
    distances_ : (k, k) distance of the convex hulls of clusters of different labels, NaN within a label, 0 on the
        diagonal. Computed when first asked for.
    min_distances_ : (n_classes,) least distance of a cluster of the label to one of another label; NaN where none
        counts (a single label, or small clusters dropped or zeroed). Computed when first asked for.
    n_conflicts_ : number of rows whose vector also stands under another label. No plane separates these: rows with
        the same vector and label form a cluster, which is merged with no other and lies at distance 0 from its rival.
    n_merges_ : merges made without a test, before anything could overlap; None where that was known at once.
    n_refused_, n_verdicts_ : merges refused; questions asked whether two sets are separable.
    n_features_in_ : number of columns seen in `fit`.

    Notes
    -----
    One label is one cluster, linear, with no distance to anything. A label with one point is a cluster of one point.
    Memory is a few times that of X, and n_label^2 bytes for labels that are merged with refusals.

    References
    ----------
    Zhou & Srikumar, "DirectProbe", NAACL 2021, arXiv 2104.05904; "A Closer Look at How Fine-tuning Changes BERT",
    ACL 2022, arXiv 2106.14282. The partition is that of the authors' code; where equal vectors carry two labels, that
    code decides by rounding.

    Examples
    --------
    >>> X = [[0.0, 0.0], [1.0, 0.0], [5.0, 5.0], [6.0, 5.0], [0.0, 5.0], [5.0, 0.0]]
    >>> probe = DirectProbe().fit(X, ["a", "a", "a", "a", "b", "b"])
    >>> probe.n_clusters_, probe.labels_.tolist(), probe.linear_
    (3, [0, 0, 0, 0, 1, 2], False)
    """

    def __init__(
        self,
        *,
        small: Small = "keep",
        small_size: int = 5,
        rtol: float = 1e-6,
        measure: Measure = "hull",
        progress: Progress | None = None,
    ) -> None:
        self.small = small
        self.small_size = small_size
        self.rtol = rtol
        self.measure = measure
        self.progress = progress

    @one_blas_thread()
    def fit(self, X: Any, y: Any) -> DirectProbe:
        """Find the clusters of X (n, n_features) under labels y (n,).

        Raises
        ------
        OptionError : X is no matrix of real numbers, y is no classes, of several kinds or of another length, a label is
            missing, or an option has no such value.
        NotFiniteError : X holds NaN or infinity; in which row.
        """
        self._check_options()
        y = None if y is None else checked_labels(y)
        try:
            X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], ensure_all_finite=False)
        except ValueError as error:
            raise OptionError(str(error)) from error
        refuse_unfinite(X, "X")
        self.classes_, codes = np.unique(y, return_inverse=True)
        points = _scaled(X)
        vectors = distinct_rows(points)
        first, copies, counts = _distinct(vectors.of_row, codes)
        conflicts = vectors.under_several(codes)[first]
        found = search(points[first], codes[first], counts, conflicts, separable, self.progress or SILENT)
        owner = first[found.owner][copies]
        order = np.lexsort((np.arange(len(owner)), owner, codes))
        starts = np.flatnonzero(np.r_[True, np.diff(owner[order]) != 0])
        self._points = X
        # In the order in which they became what they are; by their first rows, where that says nothing.
        self._order = np.argsort(np.lexsort((order[starts], found.made[copies][order[starts]])))
        self.clusters_ = np.split(order, starts[1:])
        self.n_clusters_ = self._n_features_out = len(self.clusters_)
        self.labels_ = np.empty(len(codes), dtype=np.int64)
        for number, rows in enumerate(self.clusters_):
            self.labels_[rows] = number
        self.cluster_classes_ = self.classes_[codes[order[starts]]]
        self.centroids_ = np.stack([X[rows].mean(axis=0, dtype=np.float64) for rows in self.clusters_])
        # A vector under two labels is on no side of any plane.
        self.linear_ = self.n_clusters_ == len(self.classes_) and not conflicts.any()
        self.n_conflicts_ = int(counts[conflicts].sum())
        self.n_merges_, self.n_refused_, self.n_verdicts_ = found.n_merges, found.n_refused, found.n_verdicts
        self.__dict__.pop("_measured", None)
        return self

    @property
    def distances_(self) -> np.ndarray:
        """(k, k) distances between the hulls of clusters of different labels, in the units of X."""
        check_is_fitted(self)
        if self.__dict__.get("_measured") != self.measure:
            given, progress = (self._points, self.clusters_, self.cluster_classes_), self.progress or SILENT
            if self.measure == "svm":
                self._distances = svm_distances(*given, self._order, progress)
            else:
                self._distances = pairwise_hull_distances(*given, rtol=self.rtol, progress=progress)
            self._measured = self.measure
        if self.small == "keep":
            return self._distances
        small = np.array([len(rows) <= self.small_size for rows in self.clusters_])
        rivals = self.cluster_classes_[:, None] != self.cluster_classes_
        fill = np.nan if self.small == "drop" else 0.0
        return np.where((small[:, None] | small) & rivals, fill, self._distances)

    @property
    def min_distances_(self) -> np.ndarray:
        """(n_classes,) least distance of each label to another label, in the units of X."""
        distances = np.where(self._counted(), self.distances_, np.inf)
        least = np.array([distances[self.cluster_classes_ == label].min() for label in self.classes_])
        return np.where(np.isfinite(least), least, np.nan)

    def transform(self, X: Any) -> np.ndarray:
        """Distance of each row of X (m, n_features) to each cluster's hull, (m, k)."""
        X = self._read(X)
        distances = [point_hull_distances(X, self._points[rows], rtol=self.rtol) for rows in self.clusters_]
        return np.stack(distances, axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """Minus the distance to the nearest cluster of each class, (m, n_classes).

        For two classes (m,), the second's less the first's, as scikit-learn has it. `transform` tells clusters apart.
        """
        distances = self.transform(X)
        nearest = np.stack(
            [distances[:, self.cluster_classes_ == label].min(axis=1) for label in self.classes_], axis=1
        )
        return nearest[:, 0] - nearest[:, 1] if nearest.shape[1] == 2 else -nearest

    def predict(self, X: Any) -> np.ndarray:
        """Class of the nearest cluster of each row of X (m, n_features), (m,); of equals the first cluster."""
        X = self._read(X)
        index, _ = nearest_hulls(X, [self._points[rows] for rows in self.clusters_], progress=self.progress or SILENT)
        return self.cluster_classes_[index]

    def _read(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        try:
            X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32], ensure_all_finite=False)
        except ValueError as error:
            raise OptionError(str(error)) from error
        refuse_unfinite(X, "X")
        return np.asarray(X)

    def _counted(self) -> np.ndarray:
        small = np.array([self.small != "keep" and len(rows) <= self.small_size for rows in self.clusters_])
        return (self.cluster_classes_[:, None] != self.cluster_classes_) & ~small[:, None] & ~small

    def _check_options(self) -> None:
        if self.small not in SMALL:
            raise OptionError(f"small is {self.small!r}; it may be {', '.join(map(repr, SMALL))}")
        if self.measure not in MEASURES:
            raise OptionError(f"measure is {self.measure!r}; it may be {', '.join(map(repr, MEASURES))}")
        if not isinstance(self.small_size, Integral) or self.small_size < 0:
            raise OptionError(f"small_size is {self.small_size!r}; it should be a whole number >= 0")
        if not isinstance(self.rtol, Real) or not 0 < self.rtol < 1:
            raise OptionError(f"rtol is {self.rtol!r}; it should be above 0 and below 1")


def _scaled(X: np.ndarray) -> np.ndarray:
    """X times a power of two, so that float32 can square it; rounds nothing."""
    largest = float(np.abs(X).max())
    if largest > _LONGEST:
        row = int(np.abs(X).max(axis=1).argmax())
        raise NotFiniteError(f"X holds {largest:.3g} in row {row}, too long to be squared; scale the vectors down")
    if largest == 0 or 2.0**-20 < largest < 2.0**20:
        return X
    return np.ldexp(X, -int(np.frexp(largest)[1])).astype(X.dtype, copy=False)


def _distinct(vectors: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that differ in vector (n,), by number, or in label (n,), by first row.

    Returns
    -------
    first : (m,) increasing row numbers; copies : (n,) which of them each row equals; counts : (m,) rows of each.
    """
    keys = vectors * (int(codes.max()) + 1) + codes
    _, first, copies, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[copies], counts[order]
