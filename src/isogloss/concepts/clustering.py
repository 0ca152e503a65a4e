"""The concepts of one model's layer: flat clusters of a Ward tree or an approximation, and the tree above them.

Finds clusters; what they are of is said elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from isogloss.analysis.kept import Kept, digest
from isogloss.concepts.options import ConceptsOptions
from isogloss.numerics.approximate_clustering import (
    kmeans_clusters,
    leaders_ward,
    ward_above,
    within_cluster_sum_of_squares,
)
from isogloss.numerics.copies import distinct_rows
from isogloss.numerics.ward import cut, ward_linkage
from isogloss.progress import SILENT, Progress

LONG = 20_000
"""Fewer words are clustered in seconds, and say nothing of how far they are; approximations are held against Ward's."""
WORDS_PER_LEADER = 10


@dataclass(frozen=True)
class ConceptTree:
    """Concepts and how they come together.

    Attributes
    ----------
    clusters : (n_words,) concept of each word, 0 to k - 1 by first appearance.
    merges : (k - 1, 3) left, right, height of the merges above the concepts, by height: ids below k are concepts,
        k + i is what the i-th merge made.
    """

    clusters: np.ndarray
    merges: np.ndarray


def concepts_of(
    vectors: np.ndarray, k: int, options: ConceptsOptions, seed: int = 0, progress: Progress = SILENT
) -> ConceptTree:
    """Cluster the vectors (n_words, hidden) of one layer into k concepts by Ward's criterion.

    Ward 1963 (doi:10.1080/01621459.1963.10500845), on Euclidean distances, as ConceptX does (Sajjad et al., NAACL
    2022, arXiv 2206.13289). Approximations give at most as many concepts as there are different vectors; above their
    concepts Ward's tree goes on.
    """
    return concepts_by_number(vectors, [k], options, seed, progress)[k]


def concepts_by_number(
    vectors: np.ndarray, numbers: Iterable[int], options: ConceptsOptions, seed: int = 0, progress: Progress = SILENT
) -> dict[int, ConceptTree]:
    """As `concepts_of` for several numbers of concepts: of Ward's method one tree serves them all."""
    if options.clustering == "ward":
        linkage = ward_linkage(vectors, compute=options.compute, progress=progress if len(vectors) >= LONG else SILENT)
        cuts = cut(linkage, numbers)
        return {k: ConceptTree(clusters, merges_above(linkage, clusters, k)) for k, clusters in cuts.items()}
    return {k: _approximate(vectors, k, options, seed) for k in numbers}


def _approximate(vectors: np.ndarray, k: int, options: ConceptsOptions, seed: int) -> ConceptTree:
    different = len(distinct_rows(np.ascontiguousarray(vectors)).first)
    k = min(k, different)
    if options.clustering == "kmeans":
        clusters = kmeans_clusters(vectors, k, seed)
    else:
        clusters = leaders_ward(vectors, k, min(different, max(k, len(vectors) // WORDS_PER_LEADER)), seed)
    return ConceptTree(clusters, ward_above(vectors, clusters)[:, :3])


class TreesOnce:
    """Clusters vectors as `concepts_by_number` does, what was kept not twice: a base model under several tuned ones.

    What is kept is known by the bytes of the vectors and by what was asked of them, so that it is what would be found.

    Parameters
    ----------
    most : how many vectors' trees are kept, the latest ones; 8 bytes per word and number of concepts.
    """

    def __init__(self, most: int = 128) -> None:
        self._kept: Kept[dict[int, ConceptTree]] = Kept(most)

    def of(
        self,
        vectors: np.ndarray,
        numbers: Iterable[int],
        options: ConceptsOptions,
        seed: int,
        progress: Progress = SILENT,
        *,
        keep: bool = False,
    ) -> dict[int, ConceptTree]:
        """Return the trees of (n_words, hidden) vectors; with `keep` they are there when those come again."""
        numbers = tuple(numbers)
        key = digest(vectors, numbers, options.clustering, seed)
        trees = self._kept.get(key)
        if trees is None:
            trees = concepts_by_number(vectors, numbers, options, seed, progress)
            if keep:
                self._kept.put(key, trees)
        return trees


def loss_against_ward(vectors: np.ndarray, clusters: np.ndarray, options: ConceptsOptions) -> float | None:
    """Within-cluster sum of squares of these clusters, divided by that of as many of Ward's.

    None where the clusters are Ward's, where Ward's would take long, or where Ward's leave nothing within clusters.
    """
    if options.clustering == "ward" or len(vectors) > LONG:
        return None
    exact = cut(ward_linkage(vectors, compute=options.compute), int(clusters.max()) + 1)
    least = within_cluster_sum_of_squares(vectors, exact)
    return within_cluster_sum_of_squares(vectors, clusters) / least if least else None


def merges_above(linkage: np.ndarray, clusters: np.ndarray, k: int) -> np.ndarray:
    """The last k - 1 merges of a SciPy linkage matrix, told in concepts."""
    n = len(clusters)
    first = n - k
    # Any word of a subtree tells which concept the subtree is, or is part of.
    word_of = np.arange(2 * n - 1)
    left, right = linkage[:, 0].astype(np.int64), linkage[:, 1].astype(np.int64)
    for step in range(first):
        word_of[n + step] = word_of[left[step]]

    def name(node: int) -> int:
        return k + node - n - first if node >= n + first else int(clusters[word_of[node]])

    rows = [(name(left[i]), name(right[i]), linkage[i, 2]) for i in range(first, n - 1)]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)
