"""Files that bring their own tokens: collect sentences token by token, and find each token in its sentence's text.

Where the text is not given, or does not contain its tokens in order, it is rebuilt from them (and counted).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl

from isogloss.corpus.draft import Draft, sentence_frame, string_series, word_frame
from isogloss.corpus.labels import missing_name, typed_label
from isogloss.errors import CorpusError


@dataclass(frozen=True)
class Token:
    """What stands between two cuts of the text: usually one word, for a multiword token several.

    Attributes
    ----------
    surface : as written.
    words : the words in it; those that do not spell the surface get the whole of it as their place.
    space_after : whether a space follows, where the text must be rebuilt.
    """

    surface: str
    words: tuple[str, ...]
    space_after: bool = True


@dataclass
class SentenceCollector:
    """Grows flat columns sentence by sentence.

    Attributes
    ----------
    where : the file.
    label_names : names of the token labels, in order of the values that `add` is given.
    """

    where: str
    label_names: Sequence[str]
    ids: list[str | None] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    labels: list[list[str | None]] = field(default_factory=list)
    comments: list[Mapping[str, str]] = field(default_factory=list)
    rebuilt: int = 0

    def __post_init__(self) -> None:
        self.labels = [[] for _ in self.label_names]

    def add(
        self,
        tokens: Sequence[Token],
        rows: Sequence[Sequence[str | None]],
        text: str | None,
        comments: Mapping[str, str],
        sentence_id: str | None = None,
    ) -> None:
        """One sentence: its tokens, one row of label values per word, its text and comments where given."""
        spans = None if text is None else find_tokens(text, tokens)
        if spans is None:
            self.rebuilt += text is not None
            text, spans = rebuild_text(tokens)
        assert text is not None
        for token, (start, end) in zip(tokens, spans, strict=True):
            self.words.extend(_shown(text[start:end], token))
            for word_start, word_end in word_spans(token, start, end, text):
                self.starts.append(word_start)
                self.ends.append(word_end)
        for values, column in zip(zip(*rows, strict=True) if rows else (), self.labels, strict=bool(rows)):
            column.extend(values)
        self.ids.append(sentence_id)
        self.texts.append(text)
        self.counts.append(len(rows))
        self.comments.append(comments)

    def draft(self, asked: tuple[str, ...] | None, more_labels: Mapping[str, pl.Series] | None = None) -> Draft:
        """What was collected.

        Parameters
        ----------
        asked : labels to keep, token labels or sentence comments; None = all token labels.
        more_labels : token labels made from the collected ones, (n_words,) String each.

        Raises
        ------
        CorpusError : there is no sentence, or a label asked for does not exist.
        """
        if not self.texts:
            raise CorpusError(f"{self.where} has no sentences")
        owner = np.repeat(np.arange(len(self.counts)), self.counts)
        word = string_series("word", self.words, self.where)
        words = word_frame(owner, word, np.asarray(self.starts, np.int64), np.asarray(self.ends, np.int64))
        columns = {
            name: string_series(name, values, self.where)
            for name, values in zip(self.label_names, self.labels, strict=True)
        }
        columns |= more_labels or {}
        sentence_labels: dict[str, pl.Series] = {}
        if asked is not None:
            sentence_labels = self._comment_labels([name for name in asked if name not in columns], list(columns))
            columns = {name: columns[name] for name in asked if name in columns}
        for name, values in columns.items():
            words = words.with_columns(values.alias(name))
        sentences = sentence_frame(
            string_series("text", self.texts, self.where),
            ids=string_series("id", self.ids, self.where),
            labels=sentence_labels,
        )
        notes: tuple[str, ...] = ()
        if self.rebuilt:
            many = "1 sentence does" if self.rebuilt == 1 else f"{self.rebuilt:,} sentences do"
            notes = (f"{many} not contain their tokens in order; their text was rebuilt from the tokens",)
        return Draft(sentences, words, notes)

    def _comment_labels(self, names: list[str], token_labels: list[str]) -> dict[str, pl.Series]:
        found = {}
        for name in names:
            values = [comments.get(name) for comments in self.comments]
            if all(value is None for value in values):
                known = [*token_labels, *dict.fromkeys(key for c in self.comments for key in c)]
                raise missing_name(name, known, self.where, "label or comment")
            found[name] = typed_label(string_series(name, values, self.where))
        return found


def find_tokens(text: str, tokens: Sequence[Token]) -> list[tuple[int, int]] | None:
    """(start, end) of every token in the text, left to right; None if they are not all there in order.

    What stands between two tokens may be white space and punctuation that the annotation left out, no letters
    or digits.
    """
    spans = []
    at = 0
    for token in tokens:
        start = text.find(token.surface, at)
        if start < 0 or any(c.isalnum() for c in text[at:start]):
            return None
        at = start + len(token.surface)
        spans.append((start, at))
    return spans


def rebuild_text(tokens: Sequence[Token]) -> tuple[str, list[tuple[int, int]]]:
    """The tokens with a space between them, except where none follows; and where each token is."""
    pieces: list[str] = []
    spans = []
    at = 0
    for token in tokens:
        spans.append((at, at + len(token.surface)))
        pieces.append(token.surface)
        at += len(token.surface)
        if token.space_after:
            pieces.append(" ")
            at += 1
    text = "".join(pieces)
    end = spans[-1][1] if spans else 0
    return text[:end], spans


def word_spans(token: Token, start: int, end: int, text: str) -> list[tuple[int, int]]:
    """Where each word of a token is: its own part of the surface if the words spell it, else the whole token."""
    if len(token.words) == 1:
        return [(start, end)]
    if "".join(token.words) != text[start:end]:
        return [(start, end)] * len(token.words)
    cuts = np.cumsum([start, *(len(word) for word in token.words)]).tolist()
    return list(pairwise(cuts))


def _shown(surface: str, token: Token) -> tuple[str, ...]:
    return (surface,) if len(token.words) == 1 else token.words
