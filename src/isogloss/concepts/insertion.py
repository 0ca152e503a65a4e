"""Which words go where in which sentences, and the classifier that is asked about each text once.

Draws the sentences, the places and the control words; does not judge what the words did.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis.protocol import Classifier
from isogloss.concepts.inputs import as_list, as_name
from isogloss.errors import OptionError

PLACES = ("front", "end", "random")
_WORD = re.compile(r"\S+")
_TEXTS_PER_CALL = 4096


def insert(text: str, words: Sequence[str], boundary: int) -> str:
    """Put words, with single spaces between them, at a boundary of whitespace-separated words of the text.

    Parameters
    ----------
    boundary : 0 = before the first word, i = before word i (counted from 0), the number of words = after the last.
        All characters of the text stay as they are.
    """
    inserted = " ".join(words)
    spans = [match.span() for match in _WORD.finditer(text)]
    if not spans:
        return text + inserted
    if boundary == len(spans):
        end = spans[-1][1]
        return f"{text[:end]} {inserted}{text[end:]}"
    start = spans[boundary][0]
    return f"{text[:start]}{inserted} {text[start:]}"


def boundaries(texts: Sequence[str], place: str, seed: int) -> np.ndarray:
    """(n,) the boundary of each text at a place.

    `random` is one of the boundaries between two words, drawn per text; a text of one word has none, so that there it
    is the front or the end.
    """
    n_words = np.array([len(_WORD.findall(text)) for text in texts], dtype=np.int64)
    if place == "front":
        return np.zeros_like(n_words)
    if place == "end":
        return n_words
    drawn = np.random.default_rng([seed, 1]).random(len(texts))
    inner = 1 + np.floor(drawn * (n_words - 1)).astype(np.int64)
    return np.where(n_words > 1, inner, np.where(drawn < 0.5, 0, n_words))


class CountedClassifier:
    """A classifier that is never asked the same text twice.

    Attributes
    ----------
    n_forward : texts that were classified.
    """

    def __init__(self, classify: Classifier, n_classes: int) -> None:
        self.n_forward = 0
        self._classify = classify
        self._n_classes = n_classes
        self._known: dict[bytes, np.ndarray] = {}

    def __call__(self, texts: Sequence[str], text_b: Sequence[str] | None = None) -> np.ndarray:
        """(n, n_classes) probabilities.

        Raises
        ------
        OptionError : the classifier gives another number of rows or columns, or numbers that are not finite.
        """
        seconds = text_b if text_b is not None else [None] * len(texts)
        keys = [
            blake2b(repr(pair).encode("utf-8"), digest_size=16).digest() for pair in zip(texts, seconds, strict=True)
        ]
        new = list({key: row for row, key in enumerate(keys) if key not in self._known}.values())
        for start in range(0, len(new), _TEXTS_PER_CALL):
            rows = new[start : start + _TEXTS_PER_CALL]
            asked = [texts[row] for row in rows]
            given = (
                self._classify(asked) if text_b is None else self._classify(asked, text_b=[text_b[row] for row in rows])
            )
            probabilities = np.asarray(given, dtype=np.float64)
            if probabilities.shape != (len(rows), self._n_classes):
                raise OptionError(
                    f"classify should return one row per text and one column per class, "
                    f"{(len(rows), self._n_classes)}. Got shape {probabilities.shape} instead."
                )
            if not np.isfinite(probabilities).all():
                raise OptionError("classify should return probabilities. Got NaN or infinity.")
            self.n_forward += len(rows)
            self._known.update(zip((keys[row] for row in rows), probabilities, strict=True))
        return np.array([self._known[key] for key in keys]).reshape(len(texts), self._n_classes)


@dataclass(frozen=True)
class Sentences:
    """Sentences of other classes than the target, and what the classifier says of them as they are.

    Attributes
    ----------
    texts, text_b : n sentences, and the second texts of pairs or None.
    gold : (n,) column of the gold class.
    probabilities : (n, n_classes).
    target : column of the target class.
    n_unlabelled, n_other : sentences left out for want of a text or a class; sentences of another class before drawing.
    """

    texts: list[str]
    text_b: list[str] | None
    gold: np.ndarray
    probabilities: np.ndarray
    target: int
    n_unlabelled: int
    n_other: int

    @property
    def correct(self) -> np.ndarray:
        """(n,) booleans: the classifier is right, so there is something to flip."""
        return self.probabilities.argmax(axis=1) == self.gold

    def take(self, rows: np.ndarray) -> Sentences:
        """The given rows."""
        return Sentences(
            [self.texts[row] for row in rows],
            self.text_b and [self.text_b[row] for row in rows],
            self.gold[rows],
            self.probabilities[rows],
            self.target,
            self.n_unlabelled,
            self.n_other,
        )

    def with_words(
        self, classifier: CountedClassifier, insertions: Sequence[Sequence[str]], where: np.ndarray
    ) -> np.ndarray:
        """(n, n_insertions, n_classes) probabilities with the words of each insertion put at (n,) boundaries."""
        columns = []
        for words in insertions:
            texts = [insert(text, words, int(at)) for text, at in zip(self.texts, where, strict=True)]
            columns.append(texts)
        flat = [text for texts in columns for text in texts]
        second = None if self.text_b is None else self.text_b * len(columns)
        answers = classifier(flat, second).reshape(len(columns), len(self.texts), -1)
        return answers.swapaxes(0, 1)


def draw_sentences(
    classifier: CountedClassifier,
    texts: Sequence[str | None] | pl.Series | np.ndarray,
    gold: Sequence[Any] | pl.Series | np.ndarray,
    text_b: Sequence[str | None] | pl.Series | np.ndarray | None,
    classes: Sequence[str],
    target: Any,
    max_sentences: int,
    seed: int,
) -> Sentences:
    """Draw at most `max_sentences` labelled sentences of other classes than the target and classify them.

    Raises
    ------
    OptionError : lengths differ, a text is no string, no class left, a class that the classifier does not know, no
        sentence of another class than the target, or none of those drawn is classified correctly.
    """
    texts, gold, target = _strings(texts, "texts"), as_list(gold), class_name(target)
    text_b = None if text_b is None else _strings(text_b, "text_b")
    if len(texts) != len(gold):
        raise OptionError(f"texts and gold should be of the same sentences. Got {len(texts)} and {len(gold)}.")
    if text_b is not None and len(text_b) != len(texts):
        raise OptionError(f"texts and text_b should be of the same sentences. Got {len(texts)} and {len(text_b)}.")
    column = {name: i for i, name in enumerate(classes)}
    labels = [None if g is None or g != g else class_name(g) for g in gold]
    whole = [
        bool(text and text.strip()) and (text_b is None or text_b[row] is not None) for row, text in enumerate(texts)
    ]
    labelled = [row for row, label in enumerate(labels) if label is not None and whole[row]]
    for row in labelled:
        if labels[row] not in column:
            known = ", ".join(map(repr, classes))
            raise OptionError(f"gold should be among the classes {known}. Got {labels[row]!r} in row {row}.")
    there = sorted({str(labels[row]) for row in labelled})
    other = np.array([row for row in labelled if labels[row] != target], dtype=np.int64)
    if not len(other):
        only = f"only {target!r}" if there else "no class at all"
        raise OptionError(
            f"gold should have sentences of another class than the target {target!r}. "
            f"Got {only} in {len(labelled)} labelled sentences."
        )
    drawn = np.random.default_rng([seed, 0]).permutation(other)[:max_sentences]
    drawn.sort()
    chosen = [str(texts[row]) for row in drawn]
    second = None if text_b is None else [str(text_b[row]) for row in drawn]
    sentences = Sentences(
        chosen,
        second,
        np.array([column[str(labels[row])] for row in drawn], dtype=np.int64),
        classifier(chosen, second),
        column[target],
        len(texts) - len(labelled),
        len(other),
    )
    if not sentences.correct.any():
        raise OptionError(
            f"the classifier should be right on some sentence of another class than {target!r}. "
            f"Got 0 right of {len(drawn)}, so no prediction can be flipped."
        )
    return sentences


def _strings(texts: Any, name: str) -> list[str | None]:
    """The texts; None where there is none."""
    values = [None if text is None or text != text else text for text in as_list(texts)]
    for row, text in enumerate(values):
        if text is not None and not isinstance(text, str):
            raise OptionError(f"{name} should be strings, None where there is none. Got {text!r} in row {row}.")
    return values


def class_name(value: Any) -> str:
    """A class as the string it is compared by; 1 and 1.0 are "1"."""
    return as_name(value) or str(value)


def check_classes(classes: Sequence[Any], target: Any) -> list[str]:
    """Names of the classes, as strings.

    Raises
    ------
    OptionError : fewer than two, one of them twice, or the target is none of them.
    """
    names = [class_name(name) for name in classes]
    if len(names) < 2 or len(set(names)) < len(names):
        raise OptionError(f"classes should be at least two, each once. Got {names} instead.")
    if class_name(target) not in names:
        raise OptionError(f"target should be one of {', '.join(map(repr, names))}. Got {target!r} instead.")
    return names


def distinct_words(words: Iterable[str], name: str) -> list[str]:
    """The words in order, each once.

    Raises
    ------
    OptionError : one string instead of many, no word, or an empty one.
    """
    if isinstance(words, str):
        raise OptionError(f"{name} should be a list of words. Got the string {words!r} instead.")
    found = list(dict.fromkeys(as_list(words)))
    if not found:
        raise OptionError(f"{name} should have at least one word. Got none.")
    if not all(isinstance(word, str) and word.strip() for word in found):
        bad = next(word for word in found if not (isinstance(word, str) and word.strip()))
        raise OptionError(f"{name} should be words. Got {bad!r} among them.")
    return found
