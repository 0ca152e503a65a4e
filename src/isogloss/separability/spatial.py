"""Spatial similarity: whether labels lie in the same places relative to each other in two spaces.

Zhou & Srikumar, "A closer look at how fine-tuning changes BERT", ACL 2022, arXiv 2106.14282: Pearson's correlation of
two vectors of label-pair distances. Pairs that share a label are not independent, so it comes with Mantel's test, and
with Spearman's correlation, which no single far label decides. Finds no distances itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.errors import OptionError
from isogloss.numerics.correlation import mantel, spearman

Small = Literal["keep", "drop", "zero"]
SMALL: tuple[Small, ...] = ("keep", "drop", "zero")
"""What becomes of clusters of few points."""


@dataclass(frozen=True)
class SpatialSimilarity:
    """How far two spaces agree on the distances between labels; NaN where that is not defined.

    Attributes
    ----------
    pearson, spearman : correlation over label pairs.
    p : Mantel's, one-sided: share of arrangements of the labels that agree as well.
    null_low, null_high : 95% of the Pearson correlations over these arrangements.
    n_labels : labels whose pairs were compared.
    excluded : labels that were not, because one of the spaces has no distance from them.
    """

    pearson: float
    spearman: float
    p: float
    null_low: float
    null_high: float
    n_labels: int
    excluded: int


def label_distances(
    distances: np.ndarray,
    cluster_classes: np.ndarray,
    n_classes: int,
    sizes: np.ndarray | None = None,
    *,
    small: str = "keep",
    small_size: int = 5,
) -> np.ndarray:
    """Distances between labels from those between clusters: means over the pairs of clusters of two labels.

    Parameters
    ----------
    distances : (k, k) between clusters; those of one class are not looked at, NaN are left out of means.
    cluster_classes : (k,) class of each cluster, in [0, n_classes).
    n_classes : the labels.
    sizes : (k,) points of each cluster; needed for `drop` and `zero`.
    small : what becomes of clusters of at most `small_size` points: `keep` them, `drop` them, so that a label of small
        clusters only has no distances, or count every one of their distances as 0 (`zero`), as the study's code does.

    Returns
    -------
    (n_classes, n_classes) float64, symmetric, 0 on the diagonal; NaN where no pair of clusters has a distance, also on
    the diagonal of a label without clusters.

    Raises
    ------
    OptionError : `small` is none of these, sizes are missing, or shapes do not fit.
    """
    if small not in SMALL:
        raise OptionError(f"small should be {', '.join(SMALL[:-1])} or {SMALL[-1]}. Got {small!r}.")
    classes = np.asarray(cluster_classes)
    k = len(classes)
    between = np.array(distances, dtype=np.float64)
    if between.shape != (k, k):
        raise OptionError(f"{k} clusters have ({k}, {k}) distances. Got {between.shape} instead.")
    there = np.ones(k, dtype=bool)
    if small != "keep":
        if sizes is None or len(sizes) != k:
            raise OptionError(f"small={small!r} needs the sizes of all {k} clusters.")
        tiny = np.asarray(sizes) <= small_size
        if small == "zero":
            between[tiny] = between[:, tiny] = 0.0
        else:
            there = ~tiny
    member = np.zeros((n_classes, k))
    member[classes[there], np.flatnonzero(there)] = 1.0
    known = np.isfinite(between)
    sums = member @ np.where(known, between, 0.0) @ member.T
    counts = member @ known @ member.T
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    np.fill_diagonal(means, np.where(member.any(axis=1), 0.0, np.nan))
    # Sums over rows and over columns differ in their last digits.
    upper = np.triu(means, 1)
    return upper + upper.T + np.diag(np.diag(means))


def compare_spaces(
    first: np.ndarray, second: np.ndarray, *, n_permutations: int = 999, seed: int = 0
) -> SpatialSimilarity:
    """Compare the distances between labels in two spaces.

    Parameters
    ----------
    first, second : (c, c) distances between the same labels, as `label_distances` gives them. A label takes part if
        both spaces have its distance from every other label that takes part; those with most unknown go first.
    n_permutations, seed : of Mantel's test.

    Returns
    -------
    SpatialSimilarity; NaN where fewer than 3 labels are left or all distances of a space are equal.

    Raises
    ------
    OptionError : they are no two symmetric tables of numbers of one size, or there are less than 0 permutations.
    """
    try:
        first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    except (TypeError, ValueError) as error:
        raise OptionError(f"distances should be numbers: {error}") from error
    if first.shape != second.shape or first.shape != (len(first),) * 2:
        raise OptionError(f"distances should be two square matrices of one size. Got {first.shape}, {second.shape}.")
    for name, distances in (("first", first), ("second", second)):
        if not np.allclose(distances, distances.T, equal_nan=True):
            raise OptionError(f"{name} should be as far from a to b as from b to a; it is not symmetric")
    if n_permutations < 0:
        raise OptionError(f"n_permutations should be 0 or more. Got {n_permutations} instead.")
    left = _comparable(np.isfinite(first) & np.isfinite(second))
    excluded = len(first) - len(left)
    a, b = first[np.ix_(left, left)], second[np.ix_(left, left)]
    upper = np.triu_indices(len(left), 1)
    if len(left) < 3:
        nan = float("nan")
        return SpatialSimilarity(nan, nan, nan, nan, nan, len(left), excluded)
    test = mantel(a, b, n_permutations, seed)
    return SpatialSimilarity(
        pearson=test.r,
        spearman=spearman(a[upper], b[upper]),
        p=test.p,
        null_low=test.null_low,
        null_high=test.null_high,
        n_labels=len(left),
        excluded=excluded,
    )


def correlation_of(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation alone, as `compare_spaces` has it; NaN where it is not defined."""
    return compare_spaces(first, second, n_permutations=0).pearson


def _comparable(known: np.ndarray) -> np.ndarray:
    """Labels all of whose pairs are known; the one with most unknown pairs is left out until there is none."""
    left = np.flatnonzero(np.diag(known))
    while len(left):
        unknown = (~known[np.ix_(left, left)]).sum(axis=1)
        if not unknown.any():
            break
        left = np.delete(left, int(np.argmax(unknown)))
    return left
