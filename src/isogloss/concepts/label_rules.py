"""When a cluster of words counts as one of a list of labels: the published rules, on sparse counts.

Takes counts of labels per concept; does not know words, shuffles or tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from isogloss.concepts.inputs import as_list, as_name, reaches, same_length
from isogloss.errors import OptionError

RULES = ("conceptx", "hawasly-tokens", "hawasly-types")
THRESHOLDS = {"conceptx": 0.90, "hawasly-tokens": 0.95, "hawasly-types": 0.95}
MIN_TYPES = {"conceptx": 1, "hawasly-tokens": 6, "hawasly-types": 6}
MIN_LABEL_TOKENS = {"conceptx": 1, "hawasly-tokens": 1, "hawasly-types": 6}
NEAR_BEST = 0.95
"""The longest-label rule looks at labels with a count above this share of the commonest label's."""


@dataclass(frozen=True)
class Rule:
    """When a concept counts as a label, see `align_labels`; `strict`: above the threshold instead of at least it."""

    name: str
    threshold: float
    strict: bool
    max_unknown: float
    drop_unknown: bool
    min_types: int
    longest: bool


@dataclass(frozen=True)
class Verdict:
    """What a rule says of every concept.

    Attributes
    ----------
    label : (n_concepts,) code of the label that stands for each concept; -1 where it has none.
    share : (n_concepts,) its share of the concept's tokens (of the labelled ones, where unknown ones are dropped).
    n_tokens : (n_concepts,) the tokens that the share is of.
    unknown : (n_concepts,) share of the concept's tokens without a label.
    eligible : (n_concepts,) the concept is neither skipped for its unknown tokens nor for its few types.
    aligned : (n_concepts,) eligible, and the share passes the threshold.
    covered : (n_labels,) some eligible concept passes the threshold with this label.
    """

    label: np.ndarray
    share: np.ndarray
    n_tokens: np.ndarray
    unknown: np.ndarray
    eligible: np.ndarray
    aligned: np.ndarray
    covered: np.ndarray


def encode_labels(labels: Any, n_words: int, separator: str | None) -> tuple[list[str], sparse.csr_array]:
    """Labels as a sparse matrix.

    Parameters
    ----------
    labels : n_words strings or whole numbers, lists, tuples, sets or arrays of them (several labels), or None.
    n_words : how many there should be.
    separator : what stands between several labels in one string; None = a string is one label.

    Returns
    -------
    the labels in order of the alphabet, and (n_words, n_labels) int32, 1 where a word has the label.

    Raises
    ------
    OptionError : another number of labels, or something that is no label; names the row.
    """
    values = as_list(labels)
    same_length(n_words, len(values), "clusters", "labels")
    number: dict[str | tuple[str, ...] | None, int] = {}
    sets: list[tuple[str, ...]] = []
    of_word = np.empty(n_words, dtype=np.int64)
    for row, value in enumerate(values):
        key = value if value is None or isinstance(value, str) else _names(value, row)
        if key not in number:
            number[key] = len(sets)
            sets.append(_label_set(key, separator))
        of_word[row] = number[key]
    names = sorted({label for labels in sets for label in labels})
    code = {name: i for i, name in enumerate(names)}
    lengths = [len(labels) for labels in sets]
    columns = np.array([code[label] for labels in sets for label in labels], dtype=np.int64)
    pointers = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    by_set = sparse.csr_array((np.ones(len(columns), dtype=np.int32), columns, pointers), shape=(len(sets), len(names)))
    return names, by_set[of_word]


def _names(value: Any, row: int) -> tuple[str, ...]:
    """The labels of one word; sets in order of the alphabet, so that equal ones are one key."""
    several = isinstance(value, list | tuple | set | frozenset | pl.Series | np.ndarray)
    names = []
    for part in as_list(value) if several else [value]:
        name = as_name(part)
        if name is None:
            raise OptionError(
                f"labels should be strings or whole numbers, several of them, or None. Got {part!r} in row {row}."
            )
        names.append(name)
    return tuple(sorted(set(names)))


def _label_set(value: str | tuple[str, ...] | None, separator: str | None) -> tuple[str, ...]:
    if value is None:
        return ()
    parts = (value,) if isinstance(value, str) else value
    if separator is not None:
        parts = tuple(piece for part in parts for piece in part.split(separator))
    return tuple(sorted({part for part in parts if part}))


def judge(
    counts: sparse.csr_array,
    sizes: np.ndarray,
    known: np.ndarray,
    n_types: np.ndarray | None,
    rule: Rule,
    lengths: np.ndarray | None = None,
    only_aligned: bool = False,
) -> Verdict:
    """Apply a rule.

    Parameters
    ----------
    counts : (n_concepts, n_labels) tokens of each concept with each label.
    sizes, known : (n_concepts,) tokens of each, and those with at least one label.
    n_types : (n_concepts,) word types of each; may be None where the rule asks for at least 1.
    rule : what to apply.
    lengths : (n_labels,) characters of each label, for the longest-label rule.
    only_aligned : look only at labels near the threshold; `label` and `share` then count for aligned concepts only.
    """
    n_concepts, n_labels = counts.shape
    n_tokens = known if rule.drop_unknown else sizes
    unknown = 1 - known / sizes
    eligible = ~reaches(unknown, rule.max_unknown, strict=True) & (n_tokens > 0)
    if n_types is not None:
        eligible &= n_types >= rule.min_types
    concept = np.repeat(np.arange(n_concepts), np.diff(counts.indptr))
    label, count = counts.indices, counts.data
    share = count / np.maximum(n_tokens, 1)[concept]
    if only_aligned:
        near = share > NEAR_BEST * rule.threshold - 1e-12
        concept, label, count, share = concept[near], label[near], count[near], share[near]
    passing = reaches(share, rule.threshold, rule.strict) & eligible[concept]
    covered = np.zeros(n_labels, dtype=bool)
    covered[label[passing]] = True
    order = np.lexsort((label, -count, concept))
    if rule.longest and lengths is not None:
        best = np.zeros(n_concepts)
        np.maximum.at(best, concept, count)
        candidates = np.flatnonzero((count > NEAR_BEST * best[concept]) & (lengths[label] > 1))
        order = candidates[
            np.lexsort((label[candidates], -count[candidates], -lengths[label[candidates]], concept[candidates]))
        ]
    _, at = np.unique(concept[order], return_index=True)
    chosen = order[at]
    winner, winner_share = np.full(n_concepts, -1), np.zeros(n_concepts)
    winner[concept[chosen]], winner_share[concept[chosen]] = label[chosen], share[chosen]
    aligned = np.zeros(n_concepts, dtype=bool)
    aligned[concept[chosen]] = passing[chosen]
    return Verdict(winner, winner_share, n_tokens, unknown, eligible, aligned, covered)
