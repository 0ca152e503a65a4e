"""Do polar concepts cause predictions? Their words are put into sentences of other classes, the classifier is asked.

Compares with control words and with the best trigger that a search finds. Does not choose the concepts and does not
run a model itself: it is handed the classifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import norm, t

from isogloss.analysis.protocol import Classifier
from isogloss.concepts.inputs import check_count
from isogloss.concepts.insertion import (
    PLACES,
    CountedClassifier,
    Sentences,
    boundaries,
    check_classes,
    class_name,
    distinct_words,
    draw_sentences,
)
from isogloss.concepts.universal_trigger import STEPS, check_place, flips, search
from isogloss.errors import OptionError
from isogloss.numerics import wilson_interval

TRIGGERS = "triggers"
UNIVERSAL = "universal"


@dataclass(frozen=True)
class Triggers:
    """What words do to predictions when they are put into sentences of other classes than the target.

    Attributes
    ----------
    table : one row per group of words ("triggers" and each control), `k` words put in at once and `place`: `group`,
        `words` (the group's words), `n_insertions`, `k`, `place`, `n_sentences` (attacked: classified correctly
        before), `flip_rate` (mean over attacked sentences and insertions: the prediction becomes the target), `ci_low`,
        `ci_high`; and over all sentences drawn, `n_drawn`, right or wrong before: `accuracy_before`,
        `accuracy_after`, `accuracy_drop` (before - after), `drop_low`, `drop_high`.
    differences : triggers minus each control on the same sentences: `control`, `k`, `place`, `difference` of flip
        rates, `ci_low`, `ci_high`, `separates` (the triggers' flip rate is the higher one and the two intervals of
        `table` do not overlap; null without intervals).
    by_word : one row per group, place and word put in alone (empty unless k = 1 was asked for), the most effective
        first: `group`, `place`, `word`, `n_sentences`, `flips`, `flip_rate`, `ci_low`, `ci_high` (Wilson, sentences
        only). The first of many is better here than on new sentences: see `universal`.
    universal : the best by search, chosen on half of the attacked sentences and judged on the other: `group`
        ("universal"; "best of triggers", "best of ..." for the best single word of each group), `place`, and the
        columns of `UniversalTrigger.steps`. Empty if not asked for.
    target : class to flip to.
    n_forward : texts that were classified.
    notes : what was left out, and what limits the numbers; plain sentences.
    """

    table: pl.DataFrame
    differences: pl.DataFrame
    by_word: pl.DataFrame
    universal: pl.DataFrame
    target: str
    n_forward: int
    notes: tuple[str, ...]


def triggers(
    classify: Classifier,
    texts: Sequence[str | None] | pl.Series | np.ndarray,
    gold: Sequence[Any] | pl.Series | np.ndarray,
    trigger_words: Sequence[str],
    *,
    classes: Sequence[Any],
    target: Any,
    controls: Mapping[str, Sequence[str]] | None = None,
    text_b: Sequence[str | None] | pl.Series | np.ndarray | None = None,
    n_words: int | Sequence[int] = 1,
    places: Sequence[str] = PLACES,
    max_sentences: int = 200,
    max_words: int = 20,
    resamples: int = 1000,
    seed: int = 0,
    universal_length: int | None = None,
    vocabulary: Sequence[str] | None = None,
    max_candidates: int = 100,
) -> Triggers:
    """Put words of polar concepts, and control words, into sentences and count the predictions that become the target.

    The question is that of Durrani et al., EMNLP 2022 (arXiv 2210.12696); controls, intervals and the search are not
    from there. All groups meet the same sentences at the same boundaries. Intervals (95%) resample sentences and words,
    both: they speak of other sentences and other words of the kind. Percentiles are expanded for small numbers
    (Hesterberg 2015, doi:10.1080/00031305.2015.1089789), and an interval of a flip rate is never narrower than the
    Wilson interval of one trial per sentence: the bootstrap of flips that never (or always) happen has no width. Those
    of differences and drops have no such floor.

    Parameters
    ----------
    classify : (texts, text_b=None) -> (n, n_classes) probabilities. Each different text is given to it once.
    texts, gold : sentences and gold classes; those without a text or a class are dropped.
    trigger_words : words of concepts polar to `target`, best first; the first `max_words` are used.
    classes : names of the columns. They, `gold` and `target` are compared as strings: 1 and 1.0 are the class "1".
    target : the class to flip to. Attacked are sentences of other classes that are classified correctly.
    controls : name -> words, as `matched_controls` gives them; the first `max_words` are used. None: no differences.
    text_b : the second texts of pairs; words go into the first.
    n_words : how many words go in at once, one number or several. For k > 1 a group is shuffled (the same way for
        groups of the same size) and cut into sets of k; a remainder is left out, so that no word is in two sets.
    places : of front, end and random (a boundary between two words, drawn per sentence).
    max_sentences : sentences of other classes drawn at random, classified correctly or not.
    resamples : 0 gives no intervals.
    universal_length : words of the longest universal trigger; by default the largest of `n_words`; 0 leaves it out. It
        goes to the first of `places`. See `universal_trigger`.
    vocabulary, max_candidates : what is searched; by default triggers and controls, each group's best words first.

    Raises
    ------
    OptionError : fewer than two classes, a target that is none of them, no word, a control that shares words with the
        triggers, a k above the number of words of a group, no sentence of another class or none classified correctly,
        lengths that differ, or an option has no such value.
    """
    names, target = check_classes(classes, target), class_name(target)
    check_count(max_words, "max_words", 1)
    check_count(max_sentences, "max_sentences", 1)
    check_count(resamples, "resamples")
    check_count(max_candidates, "max_candidates", 1)
    groups, notes = _groups(trigger_words, controls or {}, max_words)
    ks = _numbers(n_words, groups)
    if isinstance(places, str) or not len(places):
        raise OptionError(f"places should be a list of {', '.join(PLACES)}. Got {places!r} instead.")
    for place in places:
        check_place(place)
    length = check_count(max(ks) if universal_length is None else universal_length, "universal_length")
    classifier = CountedClassifier(classify, len(names))
    drawn = draw_sentences(classifier, texts, gold, text_b, names, target, max_sentences, seed)
    notes += _notes(drawn, groups, ks, target)
    where = {place: boundaries(drawn.texts, place, seed) for place in places}

    resampling = _Resampling(drawn.correct, resamples, seed)
    rows, differences, singles = [], [], [pl.DataFrame(schema=_BY_WORD)]
    for k in ks:
        for place in dict.fromkeys(places):
            replicates = []
            unread = np.ones(len(drawn.texts), dtype=bool)
            for number, (group, words) in enumerate(groups.items()):
                after = drawn.with_words(classifier, _sets(words, k, seed), where[place])
                unread &= (np.abs(after - drawn.probabilities[:, None, :]) < _SAME).all(axis=(1, 2))
                row, replicated = _row(drawn, after, resampling, (number, k))
                rows.append({"group": group, "words": words, "k": k, "place": place, **row})
                replicates.append(replicated)
                if k == 1:
                    singles.append(_by_word(group, place, words, flips(after, drawn.target)[drawn.correct]))
            differences += _differences(rows[-len(groups) :], replicates)
            if unread.any():
                notes.append(
                    f"{unread.sum()} of {len(unread)} sentences gave the same probabilities whatever was put in at "
                    f"{place} (k = {k}): the classifier does not read it there, as where it cuts long texts."
                )
    found = pl.DataFrame(schema={"group": pl.String, "place": pl.String, **STEPS})
    if length and drawn.correct.sum() < 2:
        notes.append("No universal trigger: it takes two sentences classified correctly, to search on and to judge by.")
    elif length:
        pool = distinct_words(_in_turn(groups) if vocabulary is None else vocabulary, "vocabulary")
        if len(pool) > max_candidates:
            notes.append(f"The universal trigger was searched among the first {max_candidates} of {len(pool)} words.")
        found = _best(classifier, drawn, where[places[0]], places[0], groups, pool[:max_candidates], length, seed)
    return Triggers(
        table=pl.DataFrame(rows, schema=_TABLE),
        differences=pl.DataFrame(differences, schema=_DIFFERENCES),
        by_word=pl.concat(singles).sort("flip_rate", descending=True, maintain_order=True),
        universal=found,
        target=target,
        n_forward=classifier.n_forward,
        notes=tuple(notes),
    )


_SAME = 1e-6
"""Probabilities this near are the same but for the rounding of other batches."""
_FEW = 10
"""Insertions below which intervals are known to miss where flips are rare: one word can make the whole rate."""
_RATE: dict[str, Any] = dict.fromkeys(["flip_rate", "ci_low", "ci_high"], pl.Float64)
_TABLE: dict[str, Any] = {
    "group": pl.String,
    "words": pl.List(pl.String),
    "n_insertions": pl.Int64,
    "k": pl.Int64,
    "place": pl.String,
    "n_sentences": pl.Int64,
    **_RATE,
    "n_drawn": pl.Int64,
    **dict.fromkeys(["accuracy_before", "accuracy_after", "accuracy_drop", "drop_low", "drop_high"], pl.Float64),
}
_DIFFERENCES: dict[str, Any] = {
    "control": pl.String,
    "k": pl.Int64,
    "place": pl.String,
    **dict.fromkeys(["difference", "ci_low", "ci_high"], pl.Float64),
    "separates": pl.Boolean,
}
_BY_WORD: dict[str, Any] = {
    "group": pl.String,
    "place": pl.String,
    "word": pl.String,
    "n_sentences": pl.Int64,
    "flips": pl.Int64,
    **_RATE,
}


class _Resampling:
    """Weights of resampled sentences, the same for all that is compared, and of resampled words."""

    def __init__(self, correct: np.ndarray, resamples: int, seed: int) -> None:
        self._resamples = resamples
        self._seed = seed
        self.drawn = self._weights(len(correct), 0)
        self.attacked = self._weights(int(correct.sum()), 1)

    def _weights(self, n: int, *stream: int) -> np.ndarray:
        rng = np.random.default_rng([self._seed, 4, *stream])
        return rng.multinomial(n, np.full(n, 1 / n), size=self._resamples) / n

    def means(self, values: np.ndarray, sentences: np.ndarray, words: tuple[int, int]) -> np.ndarray:
        """(resamples,) means of values (n, n_insertions) with both axes resampled; `words` names the words' stream."""
        return ((sentences @ values) * self._weights(values.shape[1], 2, *words)).sum(axis=1)


def _interval(replicates: np.ndarray, n_sentences: int, *n_insertions: int) -> tuple[float, float] | None:
    """95% percentiles, expanded for the smaller number of what is resampled; none for one sentence.

    Of one insertion, nothing can be said but of itself: its interval is over sentences only.
    """
    if not len(replicates) or n_sentences < 2:
        return None
    n = min([n_sentences, *(m for m in n_insertions if m > 1)])
    tail = norm.cdf(-np.sqrt(n / (n - 1)) * t.ppf(0.975, n - 1))
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)


def _row(
    drawn: Sentences, after: np.ndarray, resampling: _Resampling, stream: tuple[int, int]
) -> tuple[dict[str, Any], np.ndarray]:
    """Numbers of one row of the table, and the replicates of its flip rate."""
    flipped = flips(after, drawn.target)[drawn.correct].astype(np.float64)
    right = after.argmax(axis=2) == drawn.gold[:, None]
    lost = drawn.correct[:, None].astype(np.float64) - right
    rate, (n_attacked, n_insertions) = float(flipped.mean()), flipped.shape
    replicates = resampling.means(flipped, resampling.attacked, stream)
    low, high = _interval(replicates, n_attacked, n_insertions) or (rate, rate)
    least_low, least_high = wilson_interval(rate * n_attacked, n_attacked)
    drops = resampling.means(lost, resampling.drawn, stream)
    drop_low, drop_high = _interval(drops, len(lost), n_insertions) or (None, None)
    row = {
        "n_insertions": n_insertions,
        "n_sentences": n_attacked,
        "flip_rate": rate,
        "ci_low": min(low, float(least_low)) if len(replicates) else None,
        "ci_high": max(high, float(least_high)) if len(replicates) else None,
        "n_drawn": len(lost),
        "accuracy_before": float(drawn.correct.mean()),
        "accuracy_after": float(right.mean()),
        "accuracy_drop": float(lost.mean()),
        "drop_low": drop_low,
        "drop_high": drop_high,
    }
    return row, replicates


def _differences(rows: list[dict[str, Any]], replicates: list[np.ndarray]) -> list[dict[str, Any]]:
    """The first row, the triggers', minus each of the others."""
    own, found = rows[0], []
    for row, other in zip(rows[1:], replicates[1:], strict=True):
        sizes = own["n_insertions"], row["n_insertions"]
        low, high = _interval(replicates[0] - other, own["n_sentences"], *sizes) or (None, None)
        found.append(
            {
                "control": row["group"],
                "k": row["k"],
                "place": row["place"],
                "difference": own["flip_rate"] - row["flip_rate"],
                "ci_low": low,
                "ci_high": high,
                "separates": None if own["ci_low"] is None else own["ci_low"] > row["ci_high"],
            }
        )
    return found


def _by_word(group: str, place: str, words: list[str], flipped: np.ndarray) -> pl.DataFrame:
    """Words in the order of the columns of (n_attacked, n_words); sets of one word keep the order of the group."""
    count, n = flipped.sum(axis=0), len(flipped)
    low, high = wilson_interval(count, n)
    return pl.DataFrame(
        {
            "group": [group] * len(words),
            "place": [place] * len(words),
            "word": words,
            "n_sentences": [n] * len(words),
            "flips": count.astype(np.int64),
            "flip_rate": count / n,
            "ci_low": low,
            "ci_high": high,
        }
    )


def _best(
    classifier: CountedClassifier,
    drawn: Sentences,
    where: np.ndarray,
    place: str,
    groups: dict[str, list[str]],
    pool: list[str],
    length: int,
    seed: int,
) -> pl.DataFrame:
    """The universal trigger of each length, and each group's best single word, chosen and judged on the same halves."""
    attacked, at = drawn.take(np.flatnonzero(drawn.correct)), where[drawn.correct]
    searches = {UNIVERSAL: (pool, length)} | {f"best of {group}": (words, 1) for group, words in groups.items()}
    steps = [
        search(classifier, attacked, at, words, most, 1, seed).select(
            pl.lit(name).alias("group"), pl.lit(place).alias("place"), pl.all()
        )
        for name, (words, most) in searches.items()
    ]
    return pl.concat(steps)


def _sets(words: list[str], k: int, seed: int) -> list[tuple[str, ...]]:
    """The words, shuffled and cut into disjoint sets of k; for k = 1 in their own order."""
    if k == 1:
        return [(word,) for word in words]
    order = np.random.default_rng([seed, 5, k]).permutation(len(words))
    return [tuple(words[i] for i in order[start : start + k]) for start in range(0, len(words) - k + 1, k)]


def _in_turn(groups: dict[str, list[str]]) -> list[str]:
    """All words, the first of each group first."""
    longest = max(len(words) for words in groups.values())
    return [words[i] for i in range(longest) for words in groups.values() if i < len(words)]


def _groups(
    trigger_words: Sequence[str], controls: Mapping[str, Sequence[str]], max_words: int
) -> tuple[dict[str, list[str]], list[str]]:
    """The words of each group, triggers first, and notes on groups that are smaller than the triggers."""
    own = distinct_words(trigger_words, "trigger_words")
    groups, notes = {TRIGGERS: own[:max_words]}, []
    for name, given in controls.items():
        words = distinct_words(given, f"controls[{name!r}]")
        shared = sorted(set(words) & set(own))
        if name == TRIGGERS:
            raise OptionError(f"controls should have names of their own. Got {name!r}, which the triggers have.")
        if shared:
            raise OptionError(f"controls[{name!r}] should share no word with trigger_words. Got {shared[0]!r} in both.")
        groups[name] = words[:max_words]
        if len(groups[name]) < len(groups[TRIGGERS]):
            notes.append(f"Control {name!r} has {len(groups[name])} words, the triggers {len(groups[TRIGGERS])}.")
    return groups, notes


def _numbers(n_words: int | Sequence[int], groups: dict[str, list[str]]) -> list[int]:
    given = [int(n_words)] if isinstance(n_words, int | np.integer) else list(n_words)
    if not given:
        raise OptionError("n_words should be at least one number. Got none.")
    ks = sorted({check_count(k, "n_words", 1) for k in given})
    smallest = min(groups, key=lambda name: len(groups[name]))
    if ks[-1] > len(groups[smallest]):
        raise OptionError(
            f"n_words should be at most the number of words of each group. "
            f"Got {ks[-1]}, but {smallest!r} has {len(groups[smallest])}."
        )
    return ks


def _notes(drawn: Sentences, groups: dict[str, list[str]], ks: list[int], target: str) -> list[str]:
    notes = []
    if drawn.n_unlabelled:
        notes.append(f"{drawn.n_unlabelled} sentences without a text or a class were left out.")
    if len(drawn.texts) < drawn.n_other:
        notes.append(f"{len(drawn.texts)} of {drawn.n_other} sentences of other classes than {target!r} were drawn.")
    for k in ks:
        least = min(len(words) // k for words in groups.values())
        if least == 1:
            notes.append(f"A group has one insertion of k = {k}: its interval is over sentences only.")
        elif least < _FEW:
            notes.append(f"A group has only {least} insertions of k = {k}: where few of them flip, intervals may miss.")
    return notes
