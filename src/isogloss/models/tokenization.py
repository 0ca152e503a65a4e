"""Sentences as token sequences, exactly as the model was trained to see them, with the tokens of every word.

Raw text is tokenised (never pre-split words, which changes the ids of byte-level and metaspace tokenizers). A sentence
longer than the model's limit becomes several windows, split between words, or is cut, by option. The texts of a pair
are one sequence, or two, by option. Nothing is padded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any, Literal

import numpy as np
from torch import nn

from isogloss.errors import OptionError
from isogloss.models.alignment import align_words
from isogloss.models.encodings import Encoding, encoder_of

LongSentences = Literal["split", "cut"]
Pairs = Literal["joint", "separate"]

UNBOUNDED = 4096
"""Longest window, in tokens, for models that have no limit of their own or a larger one (attention is quadratic)."""


@dataclass(frozen=True)
class Words:
    """Where the words of some sentences are: four parallel arrays, sorted by sentence, part, start.

    `sentence` counts from 0 within the sentences at hand; `part` is 1 for words of the second text of a pair.
    """

    sentence: np.ndarray
    part: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __len__(self) -> int:
        return len(self.sentence)


@dataclass(frozen=True)
class TokenSequences:
    """Token sequences (windows) of consecutive sentences and the tokens of their words.

    Attributes
    ----------
    ids, types : (n_tokens,) int32 / uint8, all windows one after the other.
    special : (n_tokens,) bool, tokens that stand for no text.
    window_start : (n_windows + 1,) int64, where each window begins in `ids`.
    window_sentence : (n_windows,) int64, non-decreasing.
    window_part : (n_windows,) uint8, the text a window is of: 1 for the second one of a pair that is run by itself.
    word_row : (n_covered,) int64, increasing: the words that have tokens, as rows of the words given.
    word_first, word_last : (n_covered,) int64, first and last token in `ids`, inclusive.
    split_sentences : how many sentences were longer than the limit.
    cut_words : how many words lost tokens, or all of them, to the limit.
    """

    ids: np.ndarray
    types: np.ndarray
    special: np.ndarray
    window_start: np.ndarray
    window_sentence: np.ndarray
    window_part: np.ndarray
    word_row: np.ndarray
    word_first: np.ndarray
    word_last: np.ndarray
    split_sentences: int
    cut_words: int

    @property
    def window_length(self) -> np.ndarray:
        """(n_windows,) tokens of each window, special tokens included."""
        return np.diff(self.window_start)

    def counted(self) -> np.ndarray:
        """(n_tokens,) bool: the tokens a sentence's mean runs over: all but special ones.

        A window of special tokens only (an empty sentence) is represented by all of them.
        """
        counted = ~self.special
        if len(counted):
            has_text = np.add.reduceat(counted, self.window_start[:-1]) > 0
            counted |= np.repeat(~has_text, self.window_length)
        return counted

    def sentences(self, start: int, stop: int) -> TokenSequences:
        """The part that belongs to sentences `start` ... `stop - 1`; sentence and token numbers restart at 0."""
        low, high = np.searchsorted(self.window_sentence, [start, stop])
        first, last = self.window_start[low], self.window_start[high]
        words = slice(*np.searchsorted(self.word_first, [first, last]))
        return TokenSequences(
            ids=self.ids[first:last],
            types=self.types[first:last],
            special=self.special[first:last],
            window_start=self.window_start[low : high + 1] - first,
            window_sentence=self.window_sentence[low:high] - start,
            window_part=self.window_part[low:high],
            word_row=self.word_row[words],
            word_first=self.word_first[words] - first,
            word_last=self.word_last[words] - first,
            split_sentences=0,
            cut_words=0,
        )


class SentenceTokenizer:
    """Turns sentences into token sequences for one model.

    Parameters
    ----------
    tokenizer : a transformers tokenizer; fast ones give exact offsets, for slow ones surfaces are matched.
    limit : longest window in tokens, special tokens included.
    long : what to do with longer sentences: `split` them into windows between words, or `cut` the rest off.
    pairs : the two texts of a pair as one sequence (`joint`, as a cross-encoder reads them; what is too long is cut) or
        each as a sequence of its own (`separate`, as a bi-encoder does).

    Raises
    ------
    OptionError : an option has no such value, or the limit leaves no room for words.
    """

    def __init__(self, tokenizer: Any, limit: int, long: LongSentences = "split", pairs: Pairs = "joint") -> None:
        if long not in ("split", "cut"):
            raise OptionError(f"long sentences can be 'split' or 'cut', not {long!r}")
        if pairs not in ("joint", "separate"):
            raise OptionError(f"the texts of pairs can be run 'joint' or 'separate', not {pairs!r}")
        self.long, self.pairs = long, pairs
        self._source = encoder_of(tokenizer)
        self.limit = limit
        self._room = limit - self._source.n_special
        if self._room < 1:
            raise OptionError(
                f"a limit of {limit} tokens leaves no room beside {self._source.n_special} special tokens"
            )

    def encode(self, texts: Sequence[str], texts_b: Sequence[str] | None, words: Words) -> TokenSequences:
        """Tokenise some sentences (or pairs) and find the tokens of their words."""
        runs: list[tuple[Sequence[str], Sequence[str] | None]] = [(texts, texts_b)]
        owner = words.sentence
        if texts_b is not None and self.pairs == "separate":
            runs = [(texts, None), (texts_b, None)]
            owner = 2 * words.sentence + words.part
            # Within its own sequence every word is one of a first text.
            words = replace(words, part=np.zeros_like(words.part))
        builder = _Builder(words)
        bounds = np.searchsorted(owner, np.arange(len(texts) * len(runs) + 1))
        encodings = [self._source.encode(first, second) for first, second in runs]
        for sentence in range(len(texts)):
            too_long = False
            for part, (first, second) in enumerate(runs):
                at = sentence * len(runs) + part
                rows = slice(bounds[at], bounds[at + 1])
                encoding = encodings[part][sentence]
                builder.part = part
                if len(encoding.ids) <= self.limit:
                    builder.add(sentence, encoding, rows)
                    continue
                too_long = True
                if second is None:
                    self._add_split(builder, sentence, first[sentence], encoding, words, rows)
                else:
                    cut = self._source.encode([first[sentence]], [second[sentence]], limit=self.limit)[0]
                    builder.add(sentence, cut, rows, is_cut=True)
            builder.split_sentences += too_long
        return builder.finish()

    def _add_split(
        self, builder: _Builder, sentence: int, text: str, whole: Encoding, words: Words, rows: slice
    ) -> None:
        start, end = words.start[rows].astype(np.int64), words.end[rows].astype(np.int64)
        first, last = align_words(*whole.offsets_of(0), start, end)
        # An uncovered word takes no room: it counts as ending where the word before it ends.
        reach = np.maximum.accumulate(np.where(last < 0, 0, last))
        word, begin, covered = 0, 0, 0
        while word < len(start):
            opening = first[word] if first[word] >= 0 else reach[word]
            stop = max(int(np.searchsorted(reach, opening + self._room, side="left")), word + 1)
            while True:
                until = int(start[stop]) if stop < len(start) else len(text)
                window = self._source.encode([text[begin:until]], None)[0]
                if len(window.ids) <= self.limit or stop == word + 1:
                    break
                stop = max(word + 1, stop - max(1, (stop - word) // 10))
            if len(window.ids) > self.limit:
                builder.cut_words += 1
                window = self._source.encode([text[begin:until]], None, limit=self.limit)[0]
            builder.add(sentence, window, slice(rows.start + word, rows.start + stop), shift=begin)
            covered, word, begin = stop, stop, until
            if self.long == "cut":
                break
        if not len(start):
            builder.add(sentence, self._source.encode([text], None, limit=self.limit)[0], rows)
        builder.cut_words += len(start) - covered


def token_limit(module: nn.Module, tokenizer: Any, max_length: int | None = None) -> int:
    """The longest window, in tokens, that a model is given.

    The smallest of what the model's position table holds, what its tokenizer states, and `max_length`; at most 4,096
    unless `max_length` asks for more.

    Raises
    ------
    OptionError : `max_length` is more than the model can take.
    """
    config: Any = getattr(module, "config", None)
    own = [int(n) for n in [getattr(tokenizer, "model_max_length", None)] if n and n < 10**6]
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        own.append(positions - _positions_lost(module))
    limit = min(own) if own else None
    if max_length is None:
        return min(limit or UNBOUNDED, UNBOUNDED)
    if limit is not None and max_length > limit:
        raise OptionError(f"max_length {max_length} is more than this model can take: {limit} tokens")
    return max_length


def _positions_lost(module: nn.Module) -> int:
    """RoBERTa-type models count positions from after the padding id, so that many rows of the table are unused."""
    for name, child in module.named_modules():
        if name.endswith("position_embeddings") and isinstance(child, nn.Embedding) and child.padding_idx is not None:
            return child.padding_idx + 1
    return 0


class _Builder:
    """Collects windows; where their words are is found at the end, for all of them at once."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.encodings: list[Encoding] = []
        self.window_sentence: list[int] = []
        self.window_part: list[int] = []
        self.part = 0
        self.rows: list[slice] = []
        self.shift: list[int] = []
        self.is_cut: list[bool] = []
        self.split_sentences = 0
        self.cut_words = 0

    def add(self, sentence: int, encoding: Encoding, rows: slice, shift: int = 0, *, is_cut: bool = False) -> None:
        """A window over some words; its text begins `shift` characters into theirs."""
        if not encoding.ids:
            self.cut_words += int(rows.stop - rows.start) if is_cut else 0
            return
        self.encodings.append(encoding)
        self.window_sentence.append(sentence)
        self.window_part.append(self.part)
        self.rows.append(rows)
        self.shift.append(shift)
        self.is_cut.append(is_cut)

    def finish(self) -> TokenSequences:
        n = len(self.encodings)
        lengths = np.fromiter((len(e.ids) for e in self.encodings), np.int64, n)
        total = int(lengths.sum())
        part = np.concatenate([e.part for e in self.encodings]) if n else np.zeros(0, np.int8)
        row, first, last, cut_words = self._aligned(lengths, part)
        return TokenSequences(
            ids=np.fromiter(chain.from_iterable(e.ids for e in self.encodings), np.int32, total),
            types=np.fromiter(chain.from_iterable(e.types for e in self.encodings), np.uint8, total),
            special=part < 0,
            window_start=np.concatenate([[0], np.cumsum(lengths)]),
            window_sentence=np.asarray(self.window_sentence, np.int64),
            window_part=np.asarray(self.window_part, np.uint8),
            word_row=row,
            word_first=first,
            word_last=last,
            split_sentences=self.split_sentences,
            cut_words=self.cut_words + cut_words,
        )

    def _aligned(self, lengths: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """Rows, first and last tokens of the words that have some; and how many were cut.

        All texts are laid on one line, a gap after each, so that tokens and words that overlap are of one text.
        """
        n = len(lengths)
        if not n:
            none = np.zeros(0, np.int64)
            return none, none, none, 0
        text = 2 * np.repeat(np.arange(n), lengths) + (part == 1)
        start = np.where(part < 0, 0, np.concatenate([e.start for e in self.encodings]))
        end = np.where(part < 0, 0, np.concatenate([e.end for e in self.encodings]))
        extent = np.zeros(2 * n, np.int64)
        np.maximum.at(extent, text, end)
        origin = np.cumsum(extent + 1) - (extent + 1)
        # The second text of a pair may come first.
        order = np.argsort(start + origin[text], kind="stable")
        token_start, token_end = (start + origin[text])[order], (end + origin[text])[order]
        counts = np.fromiter((rows.stop - rows.start for rows in self.rows), np.int64, n)
        window = np.repeat(np.arange(n), counts)
        begin = np.fromiter((rows.start for rows in self.rows), np.int64, n)
        row = np.arange(len(window)) + (begin - (np.cumsum(counts) - counts))[window]
        shift, of = np.asarray(self.shift, np.int64)[window], 2 * window + self.words.part[row]
        low, high = (
            origin[of] + np.clip(column[row].astype(np.int64) - shift, 0, extent[of])
            for column in (self.words.start, self.words.end)
        )
        first, last = align_words(token_start, token_end, low, high)
        found = first >= 0
        lost = int((np.asarray(self.is_cut)[window] & ~found).sum())
        return row[found], order[first[found]], order[last[found]], lost


def concatenate(parts: Iterator[tuple[TokenSequences, int, int]]) -> TokenSequences:
    """Join sequences of consecutive sentences; each comes with its number of sentences and of words."""
    collected: list[TokenSequences] = []
    sentences = words = tokens = 0
    for part, n_sentences, n_words in parts:
        collected.append(
            TokenSequences(
                part.ids,
                part.types,
                part.special,
                part.window_start + tokens,
                part.window_sentence + sentences,
                part.window_part,
                part.word_row + words,
                part.word_first + tokens,
                part.word_last + tokens,
                part.split_sentences,
                part.cut_words,
            )
        )
        sentences, words, tokens = sentences + n_sentences, words + n_words, tokens + len(part.ids)
    joined: dict[str, Any] = {}
    for field in fields(TokenSequences):
        values = [getattr(part, field.name) for part in collected]
        if field.name == "window_start":
            joined[field.name] = np.concatenate([*(v[:-1] for v in values), [tokens]]).astype(np.int64)
        elif isinstance(values[0], np.ndarray):
            joined[field.name] = np.concatenate(values)
        else:
            joined[field.name] = sum(values)
    return TokenSequences(**joined)
