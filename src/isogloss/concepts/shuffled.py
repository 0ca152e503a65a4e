"""What chance gives of concepts found again: the same shares after the tuned model's concepts are shuffled over words.

Word types trade concepts, as in the nulls of labels (`nulls.type_shuffle`): all occurrences of a type get the concepts
of another type about as frequent. Concepts stay as many, and of about as many words and types; that a word goes on
lying with itself is no agreement between models.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from isogloss.concepts.alignment import matched_share, shared
from isogloss.concepts.fates import BASE_FATES, TUNED_FATES, fate_numbers
from isogloss.concepts.inputs import Words, as_clusters, same_length, type_codes, word_strings
from isogloss.concepts.joint import calign_share, colap
from isogloss.concepts.nulls import NullBand, type_shuffle

Key = tuple[str, str]
"""A measure, and the model whose concepts it counts."""


def shuffled_shares(
    base: np.ndarray,
    tuned: np.ndarray,
    words: Words,
    *,
    fate_threshold: float = 0.7,
    match_threshold: float = 0.95,
    permutations: int = 100,
    seed: int = 0,
) -> Mapping[Key, NullBand]:
    """Bands of `kept`, `inherited`, `matched` and `calign` where the tuned concepts are shuffled over word types.

    Parameters
    ----------
    base, tuned : (n_words,) integers, -1 = in no cluster.
    words : n_words words.
    fate_threshold, match_threshold : as for `fates` and `align_clusters`.
    permutations : shuffles; 0 gives no bands.

    Raises
    ------
    OptionError : lengths differ, or no word is in a cluster of one of them.
    """
    first = as_clusters(base, "base")
    same_length(first.n_words, len(tuned), "base", "tuned")
    types, spellings = type_codes(word_strings(words, first.n_words))
    draw, rng = type_shuffle(types), np.random.default_rng([seed, 2])
    values: dict[Key, list[float]] = {}
    for _ in range(permutations):
        second = as_clusters(np.asarray(tuned)[draw(rng)], "tuned")
        both = np.intersect1d(first.rows, second.rows, assume_unique=True)
        if not len(both):
            continue
        tokens = shared(first, second, first.rows, second.rows, first.n_words)
        fate, origin = fate_numbers(tokens, fate_threshold)
        by_type = shared(first, second, types[first.rows], types[second.rows], len(spellings))
        drawn = {
            ("kept", "base"): float(np.mean(fate == BASE_FATES.index("kept"))),
            ("inherited", "tuned"): float(np.mean(origin == TUNED_FATES.index("inherited"))),
        }
        for model, o in (("base", by_type), ("tuned", by_type.turned)):
            drawn |= {("matched", model): matched_share(o, match_threshold), ("calign", model): calign_share(o)}
        for key, value in drawn.items():
            values.setdefault(key, []).append(value)
    return {key: NullBand.of(found) for key, found in values.items()}


def shuffled_colap(joint_clusters: np.ndarray, n_first: int, *, permutations: int = 100, seed: int = 0) -> NullBand:
    """Band of `colap`, with its default threshold, where it is by chance which model a vector comes from.

    Every concept then holds about as much of both models as there is, so this is what two models give that chance
    alone tells apart; models that lie apart stay below it.

    Parameters
    ----------
    joint_clusters, n_first : as for `colap`.
    permutations : shuffles, at least 1.

    Raises
    ------
    OptionError : as for `colap`.
    """
    rng, clusters = np.random.default_rng([seed, 3]), np.asarray(joint_clusters)
    return NullBand.of([colap(rng.permutation(clusters), n_first).share for _ in range(permutations)])
