"""How much two clusterings differ for no reason but the sample or the seed: what any change must be held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from isogloss.concepts.alignment import ClusterAlignment, align_clusters
from isogloss.concepts.inputs import Words, as_clusters, same_length
from isogloss.errors import OptionError


@dataclass(frozen=True)
class Agreement:
    """Two clusterings of the same words.

    Attributes
    ----------
    adjusted_rand : 1 = the same, 0 = as much as chance (Hubert & Arabie 1985, doi:10.1007/BF01908075).
    adjusted_mutual_information : 1 = the same, 0 = as much as chance (Vinh, Epps & Bailey 2010, JMLR 11), with the
        arithmetic mean of the entropies.
    n_words : words that are in a cluster of both.
    """

    adjusted_rand: float
    adjusted_mutual_information: float
    n_words: int


def half_alignment(
    first: np.ndarray,
    second: np.ndarray,
    words_first: Words,
    words_second: Words,
    *,
    threshold: float = 0.95,
    denominator: str = "first",
    min_size: int = 1,
) -> ClusterAlignment:
    """Alignment of one model's concepts on two disjoint halves of the sentences, on word types, both ways.

    Its `share_a` and `share_b` are the noise floor of `align_clusters` between models on types: nothing changed but
    the sentences. A half holds fewer words, and words that occur in one half only align to nothing, so the floor is
    on the careful side.

    Parameters
    ----------
    first, second : (n_first,) and (n_second,) integers, -1 = in no cluster.
    words_first, words_second : the words of each half.
    threshold, denominator, min_size : as for `align_clusters`.

    Raises
    ------
    OptionError : as for `align_clusters`.
    """
    return align_clusters(
        first,
        second,
        words_first,
        words_b=words_second,
        threshold=threshold,
        denominator=denominator,
        on="types",
        min_size=min_size,
    )


def agreement(a: np.ndarray, b: np.ndarray) -> Agreement:
    """Adjusted Rand index and adjusted mutual information of two clusterings of the same words.

    Parameters
    ----------
    a, b : (n_words,) integers, -1 = in no cluster; words that are in none of one of them are left out.

    Raises
    ------
    OptionError : lengths differ, or no word is in a cluster of both.
    """
    x, y = _in_both(a, b)
    rand = float(adjusted_rand_score(x, y))
    # The same partition is exactly 1; the entropies of adjusted mutual information would leave a rounding error.
    information = 1.0 if rand == 1.0 else float(adjusted_mutual_info_score(x, y))
    return Agreement(rand, information, len(x))


def adjusted_rand(a: np.ndarray, b: np.ndarray) -> float:
    """The adjusted Rand index of `agreement` alone, many times faster."""
    return float(adjusted_rand_score(*_in_both(a, b)))


def _in_both(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concepts of the words that are in one of both clusterings."""
    first, second = as_clusters(a, "a"), as_clusters(b, "b")
    same_length(first.n_words, second.n_words, "a", "b")
    _, in_first, in_second = np.intersect1d(first.rows, second.rows, assume_unique=True, return_indices=True)
    if not len(in_first):
        raise OptionError(
            f"a and b should cluster some words in common. Got {len(first.rows)} and {len(second.rows)} clustered "
            "words, none of them the same."
        )
    return first.codes[in_first], second.codes[in_second]
