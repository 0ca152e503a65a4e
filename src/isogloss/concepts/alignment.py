"""Concepts of one clustering found again in another: between models, layers, or halves of a corpus.

Compares sets of tokens or of word types; knows no vectors and no labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from isogloss.concepts.inputs import (
    Clusters,
    Words,
    as_clusters,
    check_choice,
    check_count,
    check_share,
    incidence,
    reaches,
    same_length,
    type_codes,
    word_strings,
)
from isogloss.errors import OptionError

DENOMINATORS = ("first", "smaller", "union")


@dataclass(frozen=True)
class ClusterAlignment:
    """Two clusterings against each other.

    Attributes
    ----------
    overlap : one row per pair that shares anything, in order of ids: `a`, `b`, `shared`, `size_a`, `size_b`,
        `share_a` (shared / size_a), `share_b`, `jaccard`. Sizes are in tokens or types.
    first, second : one row per concept of `a` (of `b`): `concept`, `size`, `best` (the other's concept that it is
        found in most, by the share asked for; null where it shares nothing), `share`, `aligned`.
    n_a, n_b, aligned_a, aligned_b : concepts, and how many of them are aligned to some concept of the other.
    share_a, share_b : aligned / all.
    """

    overlap: pl.DataFrame
    first: pl.DataFrame
    second: pl.DataFrame
    n_a: int
    n_b: int
    aligned_a: int
    aligned_b: int
    share_a: float
    share_b: float


@dataclass(frozen=True)
class Overlap:
    """Sparse overlaps: pair k is of the concepts `a[k]`, `b[k]` (numbers, not ids) and shares `shared[k]`."""

    a: np.ndarray
    b: np.ndarray
    shared: np.ndarray
    size_a: np.ndarray
    size_b: np.ndarray
    ids_a: np.ndarray
    ids_b: np.ndarray

    @property
    def turned(self) -> Overlap:
        """The same with `a` and `b` exchanged."""
        return Overlap(self.b, self.a, self.shared, self.size_b, self.size_a, self.ids_b, self.ids_a)

    def table(self) -> pl.DataFrame:
        """One row per pair: ids `a` and `b`, `shared`, and the sizes `size_a`, `size_b` of both concepts."""
        sizes = {"size_a": self.size_a[self.a], "size_b": self.size_b[self.b]}
        return pl.DataFrame({"a": self.ids_a[self.a], "b": self.ids_b[self.b], "shared": self.shared, **sizes})


def align_clusters(
    a: np.ndarray,
    b: np.ndarray,
    words: Words | None = None,
    *,
    words_b: Words | None = None,
    threshold: float = 0.95,
    denominator: str = "first",
    on: str = "types",
    min_size: int = 1,
) -> ClusterAlignment:
    """Say which concepts of each clustering are found in the other.

    C1 is aligned to C2 when |C1 and C2| / denominator >= `threshold`. The denominator is |C1| (`first`; in the second
    direction C1 is the concept of `b`), the smaller of both sizes, or the size of the union (Jaccard). After Durrani
    et al., EMNLP 2022 (arXiv 2210.12696); threshold and denominator are not known from the paper, hence options.

    Parameters
    ----------
    a, b : (n_words,) integers, -1 = in no cluster.
    words : n_words words; needed where `on` is types.
    words_b : the words of `b`, if they are others than those of `a` (two halves of a corpus): types only.
    threshold : in (0, 1].
    denominator : first, smaller or union.
    on : types (sets of spellings) or tokens (sets of rows).
    min_size : smaller concepts are aligned to nothing, and nothing to them; they stay in the denominator of the shares.

    Raises
    ------
    OptionError : lengths differ, no word is in a cluster, words are needed and missing, or there is no such option.
    """
    check_choice(denominator, DENOMINATORS, "denominator")
    theta = check_share(threshold, "threshold")
    check_count(min_size, "min_size", 1)
    o = overlaps(a, b, words, words_b=words_b, on=on)
    size_a, size_b = o.size_a[o.a], o.size_b[o.b]
    union = size_a + size_b - o.shared
    below = {"first": (size_a, size_b), "smaller": (np.minimum(size_a, size_b),) * 2, "union": (union, union)}
    large = (size_a >= min_size) & (size_b >= min_size)
    forth, back = (o.shared / size for size in below[denominator])
    first = _direction(o, forth, large, theta)
    second = _direction(o.turned, back, large, theta)
    counts = int(first["aligned"].sum()), int(second["aligned"].sum())
    return ClusterAlignment(
        overlap=o.table().with_columns(
            share_a=pl.Series(o.shared / size_a),
            share_b=pl.Series(o.shared / size_b),
            jaccard=pl.Series(o.shared / union),
        ),
        first=first,
        second=second,
        n_a=first.height,
        n_b=second.height,
        aligned_a=counts[0],
        aligned_b=counts[1],
        share_a=counts[0] / first.height,
        share_b=counts[1] / second.height,
    )


def overlaps(
    a: np.ndarray, b: np.ndarray, words: Words | None = None, *, words_b: Words | None = None, on: str = "types"
) -> Overlap:
    """All pairs of concepts that share a token or a type; see `align_clusters`."""
    check_choice(on, ("types", "tokens"), "on")
    first, second = as_clusters(a, "a"), as_clusters(b, "b")
    if on == "tokens" and words_b is not None:
        raise OptionError(
            "on should be 'types' where the two clusterings are of different words. Got 'tokens' instead."
        )
    if words_b is None:
        same_length(first.n_words, second.n_words, "a", "b")
    if on == "tokens":
        return shared(first, second, first.rows, second.rows, first.n_words)
    if words is None:
        raise OptionError("words should be given where on='types'")
    strings = word_strings(words, first.n_words)
    if words_b is None:
        codes, types = type_codes(strings)
        return shared(first, second, codes[first.rows], codes[second.rows], len(types))
    codes, types = type_codes(pl.concat([strings, word_strings(words_b, second.n_words, "words_b")]))
    return shared(first, second, codes[first.rows], codes[first.n_words :][second.rows], len(types))


def shared(first: Clusters, second: Clusters, is_first: np.ndarray, is_second: np.ndarray, n: int) -> Overlap:
    """Overlaps as sets of things that words are: `is_first` (m,) says of each word of `first`, in 0..n-1, what it is.

    Tokens are rows, types are numbers of spellings.
    """
    sets = [incidence(c.codes, thing, (c.n, n)) for c, thing in ((first, is_first), (second, is_second))]
    for members in sets:
        members.data[:] = 1
    both = (sets[0] @ sets[1].T).tocsr().tocoo()
    order = np.lexsort((both.col, both.row))
    sizes = [np.diff(members.indptr).astype(np.int64) for members in sets]
    return Overlap(both.row[order], both.col[order], both.data[order], sizes[0], sizes[1], first.ids, second.ids)


def matched_share(o: Overlap, threshold: float) -> float:
    """Share of the concepts of `a` that `align_clusters` aligns to one of `b`, with its defaults and this threshold."""
    return len(np.unique(o.a[reaches(o.shared / o.size_a[o.a], threshold)])) / len(o.ids_a)


def _direction(o: Overlap, share: np.ndarray, large: np.ndarray, threshold: float) -> pl.DataFrame:
    """One row per concept of `a`: the one of `b` with the largest share, the lowest id of equal ones."""
    order = np.lexsort((o.b, -share, ~large, o.a))
    found, at = np.unique(o.a[order], return_index=True)
    chosen = order[at]
    best, best_share = np.full(len(o.ids_a), -1, dtype=np.int64), np.zeros(len(o.ids_a))
    best[found], best_share[found] = o.b[chosen], share[chosen]
    aligned = np.zeros(len(o.ids_a), dtype=bool)
    aligned[found] = large[chosen] & reaches(share[chosen], threshold)
    return pl.DataFrame(
        {
            "concept": o.ids_a,
            "size": o.size_a,
            "best": pl.Series([int(o.ids_b[i]) if i >= 0 else None for i in best], dtype=pl.Int64),
            "share": best_share,
            "aligned": aligned,
        }
    )
