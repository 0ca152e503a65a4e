"""Which concepts belong to one class of the task: their words come from sentences of that class.

Takes classes as given, gold or predicted; does not run a classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from isogloss.concepts.inputs import (
    Clusters,
    Words,
    as_clusters,
    check_count,
    check_share,
    incidence,
    reaches,
    same_length,
    type_codes,
    word_strings,
)
from isogloss.concepts.nulls import NullBand
from isogloss.errors import OptionError
from isogloss.numerics import wilson_interval

_ENTRIES = 4_000_000
ALL = None
"""Stands for a class in the row of `Polarity.counts` that is about polar concepts of whatever class."""


@dataclass(frozen=True)
class Polarity:
    """Concepts against the classes of their sentences.

    Attributes
    ----------
    table : one row per concept and class: `concept`, `class`, `n_tokens` (its tokens in sentences that have a class),
        `count` (of this class), `share`, `ci_low`, `ci_high` (Wilson, 95%), `prior`, `lift` (share / prior),
        `z`, `n_types`, `type_share`, `polar`.
    counts : one row per class, and one for any class: `class`, `prior`, `n_polar`, `share` (of all concepts),
        `null_low`, `null_high`, `null_mean` of n_polar (null without permutations).
    n_concepts, n_polar : concepts, and those polar to some class.
    null : for each class and for `ALL` the band of the number of polar concepts; empty without permutations.
    """

    table: pl.DataFrame
    counts: pl.DataFrame
    n_concepts: int
    n_polar: int
    null: dict[str | None, NullBand]


def polarity(
    clusters: np.ndarray,
    classes: Sequence[Any] | np.ndarray | pl.Series,
    words: Words | None = None,
    *,
    threshold: float = 0.9,
    above_prior: bool = True,
    min_tokens: int = 1,
    permutations: int = 0,
    seed: int = 0,
    sentence: Sequence[Any] | np.ndarray | pl.Series | None = None,
) -> Polarity:
    """Share of each concept's tokens that come from sentences of each class, and which concepts are polar.

    A concept is polar to a class when `share` >= `threshold` and, unless `above_prior` is off, the lower end of the
    share's Wilson interval is above the class's prior: its share of all clustered tokens. `z` is
    (share - prior) / sqrt(prior (1 - prior) / n_tokens). Interval and z take tokens as independent; words of one
    sentence are not, which the null respects: it shuffles classes over *sentences* and counts polar concepts again.
    `type_share` is the mean over the concept's word types of the share of each one's tokens: every type counts once.

    Parameters
    ----------
    clusters : (n_words,) integers, -1 = in no cluster.
    classes : (n_words,) class of the sentence that each word is in, gold or predicted; None = that sentence has none.
    words : n_words words (`word`, for types; `sentence`, unless given by itself), or strings; None = no types.
    threshold : in (0, 1].
    above_prior : ask that the interval be above the prior. With an unbalanced task the threshold alone misleads: of a
        class with a prior of 0.9 half of all concepts would be polar.
    min_tokens : smaller concepts are not polar.
    permutations : shuffles of the sentences' classes; 0 = no null.
    seed : of the shuffles.
    sentence : (n_words,) the sentence that each word is in; needed for permutations.

    Raises
    ------
    OptionError : lengths differ, fewer than two classes among clustered words, a sentence of two classes, sentences
        missing, or an option has no such value.
    """
    theta = check_share(threshold, "threshold")
    check_count(min_tokens, "min_tokens", 1)
    check_count(permutations, "permutations")
    found = as_clusters(clusters)
    names, of_word = _classes(classes, found)
    if sentence is None and isinstance(words, pl.DataFrame) and "sentence" in words.columns:
        sentence = words["sentence"]
    if sentence is None and permutations:
        raise OptionError("sentence should be given: the null shuffles the classes of sentences")
    known = np.flatnonzero(of_word >= 0)
    concept, label = found.codes[known], of_word[known]
    counts = _count(concept, label, found.n, len(names))
    n_tokens = counts.sum(axis=1)
    prior = counts.sum(axis=0) / counts.sum()
    ci_low, ci_high = wilson_interval(counts, np.repeat(n_tokens[:, None], len(names), axis=1))
    share, polar = _polar(counts, prior, ci_low, theta, above_prior, min_tokens)
    n_types, type_share = _types(words, found, known, concept, label, len(names))
    spread = np.sqrt(prior * (1 - prior) / np.maximum(n_tokens, 1)[:, None])
    shape = counts.shape
    table = pl.DataFrame(
        {
            "concept": np.repeat(found.ids, shape[1]),
            "class": names * shape[0],
            "n_tokens": np.repeat(n_tokens, shape[1]),
            "count": counts.ravel(),
            "share": share.ravel(),
            "ci_low": ci_low.ravel(),
            "ci_high": ci_high.ravel(),
            "prior": np.tile(prior, shape[0]),
            "lift": (share / prior).ravel(),
            "z": ((share - prior) / spread).ravel(),
            "n_types": np.repeat(n_types, shape[1]),
            "type_share": type_share.ravel(),
            "polar": polar.ravel(),
        }
    ).with_columns(pl.col(pl.Float64).fill_nan(None))
    if words is None:
        table = table.with_columns(n_types=pl.lit(None, pl.Int64))
    null: dict[str | None, NullBand] = {}
    if permutations and sentence is not None:
        numbers = _null(found, known, label, sentence, len(names), theta, above_prior, min_tokens, permutations, seed)
        null = {name: NullBand.of(column) for name, column in zip([*names, ALL], numbers.T, strict=True)}
    n_polar = np.append(polar.sum(axis=0), polar.any(axis=1).sum())
    bands = [null.get(name) for name in [*names, ALL]]
    summary = pl.DataFrame(
        {
            "class": [*names, ALL],
            "prior": [*prior.tolist(), None],
            "n_polar": n_polar.astype(np.int64),
            "share": n_polar / found.n,
            "null_low": pl.Series([b and b.low for b in bands], dtype=pl.Float64),
            "null_high": pl.Series([b and b.high for b in bands], dtype=pl.Float64),
            "null_mean": pl.Series([b and b.mean for b in bands], dtype=pl.Float64),
        }
    )
    return Polarity(table, summary, found.n, int(n_polar[-1]), null)


def _classes(classes: Any, found: Clusters) -> tuple[list[str], np.ndarray]:
    """Class names in order of the alphabet, and (m,) the class of each clustered word, -1 for none."""
    given = classes.tolist() if isinstance(classes, np.ndarray) else classes
    series = given if isinstance(given, pl.Series) else pl.Series("class", given, strict=False)
    same_length(found.n_words, len(series), "clusters", "classes")
    if series.dtype.is_float():
        if series.is_nan().any():
            raise OptionError(f"classes should be given or None. Got NaN in row {series.is_nan().arg_max()}.")
        raise OptionError("classes should be strings or whole numbers. Got fractions: a score has no classes.")
    strings = series.cast(pl.String).gather(found.rows)
    names = strings.drop_nulls().unique().sort().to_list()
    if len(names) < 2:
        there = f"only {names[0]!r}" if names else "none"
        raise OptionError(f"classes should be at least two among the clustered words. Got {there} instead.")
    code = {name: i for i, name in enumerate(names)}
    return names, np.array([-1 if c is None else code[c] for c in strings.to_list()], dtype=np.int64)


def _count(concept: np.ndarray, label: np.ndarray, n_concepts: int, n_classes: int) -> np.ndarray:
    return np.bincount(concept * n_classes + label, minlength=n_concepts * n_classes).reshape(n_concepts, n_classes)


def _polar(
    counts: np.ndarray, prior: np.ndarray, ci_low: np.ndarray, threshold: float, above_prior: bool, min_tokens: int
) -> tuple[np.ndarray, np.ndarray]:
    """Shares and who is polar; any number of axes before (concepts, classes)."""
    n = counts.sum(axis=-1, keepdims=True)
    share = counts / np.where(n > 0, n, np.nan)
    polar = (n >= min_tokens) & reaches(share, threshold)
    if above_prior:
        polar &= ci_low > prior
    return share, polar


def _types(
    words: Words | None, found: Clusters, known: np.ndarray, concept: np.ndarray, label: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """(n_concepts,) types of each concept, and (n_concepts, n_classes) mean over types of their shares."""
    if words is None:
        return np.zeros(found.n, dtype=np.int64), np.full((found.n, n_classes), np.nan)
    strings = word_strings(words, found.n_words).gather(found.rows[known])
    codes, types = type_codes(strings)
    cells, inverse, sizes = np.unique(concept * len(types) + codes, return_inverse=True, return_counts=True)
    n_types = np.bincount(cells // len(types), minlength=found.n)
    weights = 1 / sizes[inverse]
    sums = np.bincount(concept * n_classes + label, weights, minlength=found.n * n_classes).reshape(found.n, n_classes)
    return n_types, sums / np.where(n_types > 0, n_types, np.nan)[:, None]


def _null(
    found: Clusters,
    known: np.ndarray,
    label: np.ndarray,
    sentence: Any,
    n_classes: int,
    threshold: float,
    above_prior: bool,
    min_tokens: int,
    permutations: int,
    seed: int,
) -> np.ndarray:
    """(permutations, n_classes + 1) polar concepts per class, and of any class, under shuffled sentence classes."""
    ids = sentence.to_numpy() if isinstance(sentence, pl.Series) else np.asarray(sentence)
    same_length(found.n_words, len(ids), "clusters", "sentence")
    sentences, number = np.unique(ids[found.rows[known]], return_inverse=True)
    of_sentence = np.zeros(len(sentences), dtype=np.int64)
    of_sentence[number] = label
    if (of_sentence[number] != label).any():
        at = int(np.flatnonzero(of_sentence[number] != label)[0])
        raise OptionError(f"classes should be one per sentence. Got two in sentence {sentences[number[at]].item()!r}.")
    tokens = incidence(found.codes[known], number, (found.n, len(sentences))).astype(np.float64)
    rng = np.random.default_rng(seed)
    step = max(1, _ENTRIES // (n_classes * max(found.n, len(sentences))))
    numbers = []
    for start in range(0, permutations, step):
        rows = min(step, permutations - start)
        shuffled = rng.permuted(np.tile(of_sentence, (rows, 1)), axis=1)
        hot = (shuffled[:, None, :] == np.arange(n_classes)[:, None]).reshape(-1, len(sentences)).T
        counts = (tokens @ hot.astype(np.float64)).reshape(found.n, rows, n_classes).swapaxes(0, 1)
        prior = counts.sum(axis=1, keepdims=True) / counts.sum(axis=(1, 2), keepdims=True)
        low, _ = wilson_interval(counts, np.repeat(counts.sum(axis=2, keepdims=True), n_classes, axis=2))
        _, polar = _polar(counts, prior, low, threshold, above_prior, min_tokens)
        numbers.append(np.column_stack([polar.sum(axis=1), polar.any(axis=2).sum(axis=1)]))
    return np.concatenate(numbers)
