"""The trigger that a search over a vocabulary finds: the ceiling that words of polar concepts are held against.

After Wallace et al., EMNLP 2019 (arXiv 1908.07125), who choose words by the gradient of the loss; here each word is
put in and the classifier asked, which needs no gradient and a small vocabulary. Words are chosen on one half of the
sentences and judged on the other: the best of many on the same sentences would look better than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis.protocol import Classifier
from isogloss.concepts.inputs import check_count
from isogloss.concepts.insertion import (
    PLACES,
    CountedClassifier,
    Sentences,
    boundaries,
    check_classes,
    distinct_words,
    draw_sentences,
)
from isogloss.errors import OptionError
from isogloss.numerics import wilson_interval
from isogloss.numerics.bootstrap import split_halves

STEPS: dict[str, Any] = {
    "words": pl.List(pl.String),
    "k": pl.Int64,
    "n_search": pl.Int64,
    "search_flip_rate": pl.Float64,
    "n_sentences": pl.Int64,
    "flip_rate": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
}
"""The columns of `UniversalTrigger.steps`."""


@dataclass(frozen=True)
class UniversalTrigger:
    """Words that, put into any sentence, should make the prediction the target.

    Attributes
    ----------
    words : the trigger with the highest flip rate on the half that was searched.
    search_flip_rate, n_search : on that half; biased upwards by the choice.
    flip_rate, ci_low, ci_high, n_sentences : on the other half (Wilson interval).
    steps : the best trigger of each length: `words`, `k`, `n_search`, `search_flip_rate`, `n_sentences`, `flip_rate`,
        `ci_low`, `ci_high`.
    n_candidates : words tried at each step.
    n_forward : texts that were classified.
    """

    words: tuple[str, ...]
    search_flip_rate: float
    n_search: int
    flip_rate: float
    ci_low: float
    ci_high: float
    n_sentences: int
    steps: pl.DataFrame
    n_candidates: int
    n_forward: int


def universal_trigger(
    classify: Classifier,
    texts: Sequence[str | None],
    gold: Sequence[Any],
    vocabulary: Sequence[str],
    *,
    classes: Sequence[str],
    target: str,
    length: int = 3,
    beam: int = 1,
    place: str = "front",
    text_b: Sequence[str | None] | None = None,
    max_sentences: int = 200,
    max_candidates: int = 100,
    seed: int = 0,
) -> UniversalTrigger:
    """Search words that flip predictions to the target: greedily, word after word.

    Each step appends every candidate to each of the `beam` best triggers so far and keeps the best: by flip rate
    (share of correctly classified sentences of other classes whose prediction becomes the target), then by the mean
    probability of the target. A word may be repeated. Half of the sentences are searched, the other half judged.

    Parameters
    ----------
    classify : (texts, text_b=None) -> (n, n_classes) probabilities.
    texts, gold, text_b : sentences, gold classes and the second texts of pairs; those without are dropped.
    vocabulary : the first `max_candidates` distinct words are tried: the likeliest first.
    classes : names of the columns.
    target : the class to flip to.
    length : words of the longest trigger; a shorter one wins where it flips more.
    place : front, end or random (the same boundary of a sentence for all triggers).
    max_sentences : sentences of other classes that are drawn and classified.

    Raises
    ------
    OptionError : as `triggers`, or fewer than two sentences are classified correctly.
    """
    names = check_classes(classes, target)
    candidates = distinct_words(vocabulary, "vocabulary")[: check_count(max_candidates, "max_candidates", 1)]
    check_count(length, "length", 1)
    check_count(beam, "beam", 1)
    check_count(max_sentences, "max_sentences", 2)
    check_place(place)
    classifier = CountedClassifier(classify, len(names))
    drawn = draw_sentences(classifier, texts, gold, text_b, names, target, max_sentences, seed)
    attacked = drawn.take(np.flatnonzero(drawn.correct))
    if len(attacked.texts) < 2:
        raise OptionError(
            "two sentences of other classes should be classified correctly: one to search on and one to judge by. "
            f"Got 1 of {len(drawn.texts)}."
        )
    where = boundaries(drawn.texts, place, seed)[drawn.correct]
    steps = search(classifier, attacked, where, candidates, length, beam, seed)
    best = steps.row(int(np.argmax(steps["search_flip_rate"].to_numpy())), named=True)
    return UniversalTrigger(
        words=tuple(best["words"]),
        **{name: best[name] for name in steps.columns if name not in ("words", "k")},
        steps=steps,
        n_candidates=len(candidates),
        n_forward=classifier.n_forward,
    )


def search(
    classifier: CountedClassifier,
    attacked: Sentences,
    where: np.ndarray,
    candidates: Sequence[str],
    length: int,
    beam: int,
    seed: int,
) -> pl.DataFrame:
    """`UniversalTrigger.steps`, for attacked sentences and the (n,) boundaries at which the words go in."""
    first = split_halves(len(where), seed)
    halves = [(attacked.take(np.flatnonzero(half)), where[half]) for half in (first, ~first)]
    prefixes: list[tuple[str, ...]] = [()]
    rows = []
    for _ in range(length):
        longer = [(*prefix, word) for prefix in prefixes for word in candidates]
        probabilities = halves[0][0].with_words(classifier, longer, halves[0][1])
        rate = flips(probabilities, attacked.target).mean(axis=0)
        # Equal rates are told apart by how near the next sentence is to flipping, equal probabilities by the order.
        order = np.lexsort((-probabilities[:, :, attacked.target].mean(axis=0), -rate))
        prefixes = [longer[i] for i in order[:beam]]
        judged = flips(halves[1][0].with_words(classifier, prefixes[:1], halves[1][1]), attacked.target)
        low, high = wilson_interval(judged.sum(), judged.size)
        rows.append(
            {
                "words": list(prefixes[0]),
                "k": len(prefixes[0]),
                "n_search": len(halves[0][1]),
                "search_flip_rate": rate[order[0]],
                "n_sentences": judged.size,
                "flip_rate": judged.mean(),
                "ci_low": float(low),
                "ci_high": float(high),
            }
        )
    return pl.DataFrame(rows, schema=STEPS)


def flips(probabilities: np.ndarray, target: int) -> np.ndarray:
    """(n, n_insertions) booleans: the prediction is the target."""
    return probabilities.argmax(axis=2) == target


def check_place(place: str) -> None:
    """One of `PLACES`.

    Raises
    ------
    OptionError : it is not.
    """
    if place not in PLACES:
        raise OptionError(f"places should be among {', '.join(PLACES)}. Got {place!r} instead.")
