"""CALIGN and COLAP: two published ways to say that two models (or languages) share concepts.

After Mousi et al., ACL 2024, "Exploring Alignment in Shared Cross-lingual Spaces" (arXiv 2405.14535). There words
are matched through a translation dictionary; here both sides hold the same language and a word matches itself.
The defaults of the thresholds are choices of this project, not the paper's numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.concepts.alignment import Overlap, overlaps
from isogloss.concepts.inputs import Words, as_clusters, check_count, check_share, reaches
from isogloss.errors import OptionError

MATCH, MIN_SIZE, SIZE_RATIO = 0.8, 5, 0.4
OVERLAPS = 0.3


@dataclass(frozen=True)
class Calign:
    """Concepts of `a` aligned to concepts of `b`.

    Attributes
    ----------
    pairs : `a`, `b`, `shared`, `size_a`, `size_b` (in types), `match`, `size_ratio` of every aligned pair.
    n_a, aligned, share : concepts of `a`; how many have a partner in `b`; aligned / n_a.
    """

    pairs: pl.DataFrame
    n_a: int
    aligned: int
    share: float


@dataclass(frozen=True)
class Colap:
    """Concepts of one clustering of both models' vectors.

    Attributes
    ----------
    table : `concept`, `n_first`, `n_second` (vectors of each model), `share_first`, `share_second`, `overlaps`.
    n_concepts, overlapping, share : concepts; those that both models contribute to; overlapping / n_concepts.
    """

    table: pl.DataFrame
    n_concepts: int
    overlapping: int
    share: float


def calign(
    a: np.ndarray,
    b: np.ndarray,
    words: Words,
    *,
    words_b: Words | None = None,
    match: float = MATCH,
    min_size: int = MIN_SIZE,
    size_ratio: float = SIZE_RATIO,
) -> Calign:
    """CALIGN: concepts of `a` whose words one concept of `b` holds.

    C1 of `a` is aligned to C2 of `b` when, as sets of word types, |C1 and C2| / |C1| > `match`, |C1| > `min_size`,
    and |C1| / |C2| > `size_ratio`.

    Parameters
    ----------
    a, b : (n_words,) integers, -1 = in no cluster.
    words, words_b : as for `align_clusters`.
    match : in (0, 1].
    min_size : types, at least 0.
    size_ratio : at least 0; keeps a small concept from being aligned to one that holds everything.

    Raises
    ------
    OptionError : lengths differ, no word is in a cluster, or an option has no such value.
    """
    check_share(match, "match")
    check_count(min_size, "min_size")
    if not size_ratio >= 0:
        raise OptionError(f"size_ratio should be at least 0. Got {size_ratio} instead.")
    o = overlaps(a, b, words, words_b=words_b, on="types")
    size_a, size_b = o.size_a[o.a], o.size_b[o.b]
    keep = calign_pairs(o, match, min_size, size_ratio)
    ratios = {"match": o.shared / size_a, "size_ratio": size_a / size_b}
    pairs = o.table().with_columns(**{name: pl.Series(values) for name, values in ratios.items()}).filter(keep)
    aligned = pairs["a"].n_unique()
    return Calign(pairs, len(o.ids_a), aligned, aligned / len(o.ids_a))


def calign_pairs(
    o: Overlap, match: float = MATCH, min_size: int = MIN_SIZE, size_ratio: float = SIZE_RATIO
) -> np.ndarray:
    """(pairs,) which pairs of concepts CALIGN aligns, of overlaps in types."""
    size_a, size_b = o.size_a[o.a], o.size_b[o.b]
    keep = reaches(o.shared / size_a, match, strict=True) & (size_a > min_size)
    return keep & reaches(size_a / size_b, size_ratio, strict=True)


def calign_share(o: Overlap) -> float:
    """Share of the concepts of `a` that CALIGN aligns with its defaults."""
    return len(np.unique(o.a[calign_pairs(o)])) / len(o.ids_a)


def colap(joint_clusters: np.ndarray, n_first: int, *, threshold: float = OVERLAPS) -> Colap:
    """COLAP: concepts that both models have, in one clustering of the vectors of both.

    A concept overlaps if each model contributes more than `threshold` of its vectors.

    Parameters
    ----------
    joint_clusters : (n_first + n_second,) integers, the first model's vectors first; -1 = in no cluster.
    n_first : vectors of the first model. Where the models give unequally many, a threshold below both of their shares
        is needed for anything to overlap.
    threshold : in (0, 0.5): both cannot be above a half.

    Raises
    ------
    OptionError : one model has no vector, no word is in a cluster, or there is no such threshold.
    """
    found = as_clusters(joint_clusters, "joint_clusters")
    if not 0 < n_first < found.n_words:
        raise OptionError(f"n_first should be between 1 and {found.n_words - 1}. Got {n_first} instead.")
    if not 0 < threshold < 0.5:
        raise OptionError(f"threshold should be above 0 and below 0.5. Got {threshold} instead.")
    first = np.bincount(found.codes[found.rows < n_first], minlength=found.n)
    second = found.sizes - first
    share_first = first / found.sizes
    both = reaches(share_first, threshold, strict=True) & reaches(1 - share_first, threshold, strict=True)
    table = pl.DataFrame(
        {
            "concept": found.ids,
            "n_first": first,
            "n_second": second,
            "share_first": share_first,
            "share_second": 1 - share_first,
            "overlaps": both,
        }
    )
    return Colap(table, found.n, int(both.sum()), float(both.mean()))
