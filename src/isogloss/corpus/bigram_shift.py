"""Half of the sentences with two neighbouring words swapped: text, places of words and their labels.

After the task BShift of SentEval (Conneau et al., ACL 2018, arXiv:1805.01070; its rules as in the data's README): two
random consecutive words, neither the first of the sentence nor punctuation, in sentences without double quotes. Here
also two that differ beyond case, with white space between them, and not grown together with a third (`do` + `n't`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from isogloss.corpus.draft import WORD_COLUMNS
from isogloss.corpus.trees import HEAD
from isogloss.errors import CorpusError

if TYPE_CHECKING:
    from isogloss.corpus.corpus import Corpus

QUOTES = ('"', "“", "”", "„", "``", "''")


@dataclass(frozen=True)
class BigramShift:
    """`inverted` where two words were swapped, `original` where they could have been; none where no two can be."""

    name: str = "bigram_shift"
    needs: tuple[str, ...] = ()

    def __call__(self, corpus: Corpus, seed: int) -> tuple[Corpus, pl.Series]:
        """The corpus with its new text, and one label per sentence.

        Labels of words go with their words; `head` is renumbered, so that the tree stays what it was.

        Raises
        ------
        CorpusError : fewer than two sentences have words to swap.
        """
        random = np.random.default_rng(seed)
        places = _places(corpus)
        able = np.flatnonzero([len(found) > 0 for found in places])
        if len(able) < 2:
            raise CorpusError(
                f"{self.name}: {len(able)} of {len(corpus)} sentences of {corpus.name} have two neighbouring words "
                "that can be swapped; two sentences at the least are needed"
            )
        chosen = np.sort(random.permutation(able)[: len(able) // 2])
        firsts = np.asarray([random.choice(places[sentence]) for sentence in chosen])
        labels: list[str | None] = [None] * len(corpus)
        for sentence in able:
            labels[sentence] = "original"
        for sentence in chosen:
            labels[sentence] = "inverted"
        return swapped(corpus, firsts), pl.Series(self.name, labels, dtype=pl.String)


def swapped(corpus: Corpus, firsts: np.ndarray) -> Corpus:
    """The corpus with each of these words and the one after it swapped.

    Parameters
    ----------
    firsts : rows of `corpus.words`, at most one of a sentence, each followed by another word of that sentence.
    """
    words = corpus.words
    order = np.arange(len(words))
    order[firsts], order[firsts + 1] = firsts + 1, firsts
    moving = [name for name in words.columns if name not in WORD_COLUMNS or name == "word"]
    start, end = (words[name].to_numpy().astype(np.int64) for name in ("start", "end"))
    length = end - start
    new_start, new_end = start.copy(), end.copy()
    new_end[firsts] = start[firsts] + length[firsts + 1]
    new_start[firsts + 1] = end[firsts + 1] - length[firsts]
    places = {"start": pl.Series(new_start, dtype=pl.UInt32), "end": pl.Series(new_end, dtype=pl.UInt32)}
    moved = words.with_columns(words[order].select(moving)).with_columns(**places)
    if HEAD in moved.columns:
        moved = moved.with_columns(_renumbered(moved, firsts))
    texts = corpus.sentences["text"].to_list()
    for first, sentence in zip(firsts.tolist(), words["sentence"].gather(firsts).to_list(), strict=True):
        text = texts[sentence]
        a, b, c, d = start[first], end[first], start[first + 1], end[first + 1]
        texts[sentence] = text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]
    sentences = corpus.sentences.with_columns(pl.Series("text", texts, dtype=pl.String))
    return replace(corpus, sentences=sentences, words=moved)


def _renumbered(words: pl.DataFrame, firsts: np.ndarray) -> pl.Series:
    """Heads that named one of two swapped words by its number name it by its new one."""
    at = words.select("sentence", "position").with_row_index("row")[firsts]
    pairs = at.select("sentence", number=pl.col("position") + 1)
    joined = words.select("sentence", HEAD).join(pairs, "sentence", "left", maintain_order="left")
    head, number = pl.col(HEAD).cast(pl.Int64, strict=False), pl.col("number").cast(pl.Int64)
    return joined.select(
        pl.when(head == number)
        .then((number + 1).cast(pl.String))
        .when(head == number + 1)
        .then(number.cast(pl.String))
        .otherwise(pl.col(HEAD))
        .alias(HEAD)
    ).to_series()


def _places(corpus: Corpus) -> list[list[int]]:
    """Of every sentence the rows of the words that can be swapped with the next one."""
    found: list[list[int]] = [[] for _ in range(len(corpus))]
    texts = corpus.sentences["text"].to_list()
    quoted = [any(quote in text for quote in QUOTES) for text in texts]
    columns = (corpus.words[name].to_list() for name in ("sentence", "position", "word", "start", "end"))
    words = list(zip(*columns, strict=True))
    spelled = [any(c.isalnum() for c in word) for _, _, word, _, _ in words]

    def grown_together(left: int, right: int) -> bool:
        if left < 0 or right >= len(words) or words[left][0] != words[right][0]:
            return False
        return spelled[left] and spelled[right] and words[left][4] >= words[right][3]

    for row, (one, two) in enumerate(pairwise(words)):
        sentence, position, first, start, end = one
        second, start_b, end_b = two[2:]
        if sentence != two[0] or position == 0 or quoted[sentence] or two[1] != position + 1:
            continue
        text = texts[sentence]
        if (
            spelled[row]
            and spelled[row + 1]
            and first.lower() != second.lower()
            and text[start:end] == first
            and text[start_b:end_b] == second
            and text[end:start_b].isspace()
            and not grown_together(row - 1, row)
            and not grown_together(row + 1, row + 2)
        ):
            found[sentence].append(row)
    return found
