"""Words to hold triggers against: random ones, as frequent ones, and words of concepts that take no side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from isogloss.concepts.insertion import distinct_words
from isogloss.errors import OptionError


def matched_controls(
    word_counts: Mapping[str, int],
    trigger_words: Sequence[str],
    non_polar_words: Iterable[str],
    n: int | None = None,
    seed: int = 0,
    *,
    polar_words: Iterable[str] = (),
) -> dict[str, list[str]]:
    """Words to hold the triggers against; none is a trigger word, whatever the case of its letters.

    Parameters
    ----------
    word_counts : word -> occurrences in the corpus.
    trigger_words : best first.
    non_polar_words : words of concepts that are polar to no class.
    n : the first so many trigger words are matched; all by default.
    polar_words : words that must not be in `frequency` or `non-polar`: those of concepts polar to the triggers' class.

    Returns
    -------
    `random`: word types of the corpus, each as likely as any other. `frequency`: for trigger word i, best first, the
    word, none of `polar_words`, whose logarithm of the count is nearest and that is not taken yet, by lot between
    equally near ones. `non-polar`: the same among `non_polar_words` that are in the corpus and not in `frequency`.
    Each has n words, or fewer where the corpus has no more; one without any is left out.

    Raises
    ------
    OptionError : no trigger word, or one that is not in the corpus.
    """
    triggers = distinct_words(trigger_words, "trigger_words")[:n]
    missing = [word for word in triggers if word_counts.get(word, 0) < 1]
    if missing:
        raise OptionError(f"trigger_words should be words of the corpus. Got {missing[0]!r}, which it does not have.")
    taken = {word.casefold() for word in trigger_words}
    polar = taken | {word.casefold() for word in polar_words}
    corpus = sorted(word for word, count in word_counts.items() if count > 0)
    free = [word for word in corpus if word.casefold() not in taken]
    not_polar = [word for word in free if word.casefold() not in polar]
    members = set(non_polar_words)
    drawn = np.random.default_rng([seed, 2]).permutation(len(free))[: len(triggers)]
    controls = {
        "random": [free[i] for i in drawn],
        "frequency": (frequent := _nearest_counts(triggers, not_polar, word_counts, seed)),
        "non-polar": _nearest_counts(
            triggers, [w for w in not_polar if w in members and w not in frequent], word_counts, seed + 1
        ),
    }
    return {name: words for name, words in controls.items() if words}


def _nearest_counts(triggers: list[str], pool: list[str], word_counts: Mapping[str, int], seed: int) -> list[str]:
    order = np.random.default_rng([seed, 3]).permutation(len(pool))
    shuffled = [pool[i] for i in order]
    logs = np.log([word_counts[word] for word in shuffled]) if shuffled else np.empty(0)
    chosen = []
    for word in triggers[: len(shuffled)]:
        nearest = int(np.abs(logs - np.log(word_counts[word])).argmin())
        chosen.append(shuffled[nearest])
        logs[nearest] = np.inf
    return chosen
