"""The dependency tree of every sentence, from the word labels `head`, `deprel`, `upos` and `feats` of a CoNLL-U file.

Looks words up by their place in the tree; what that says of a sentence is in `sentence_tasks`. Enhanced dependencies
and empty nodes are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from isogloss.corpus.draft import positions
from isogloss.corpus.labels import suggestion
from isogloss.errors import CorpusError, OptionError

if TYPE_CHECKING:
    from isogloss.corpus.corpus import Corpus

HEAD, DEPREL, UPOS, FEATS = "head", "deprel", "upos", "feats"


def feature(name: str) -> pl.Expr:
    """The value of a feature, such as `Past` of `Tense` in `Mood=Ind|Tense=Past`, of every word; else null."""
    return pl.col(FEATS).str.extract(rf"(?:^|\|){name}=([^|]+)")


def refuse_without(corpus: Corpus, needs: Sequence[str], what: str) -> None:
    """Say which word labels are missing.

    Raises
    ------
    CorpusError : one of `needs` is not a token label of the corpus.
    """
    if missing := [name for name in needs if name not in corpus.token_labels]:
        there = ", ".join(corpus.token_labels) or "none"
        raise CorpusError(
            f"{what} needs the word label{'s' if len(missing) > 1 else ''} {', '.join(missing)}, as CoNLL-U has them; "
            f"of words {corpus.name} has {there}{suggestion(missing[0], corpus.token_labels)}"
        )


def refuse_gaps(corpus: Corpus, what: str) -> None:
    """What is said of whole sentences needs all their words.

    Raises
    ------
    CorpusError : the corpus has no words, or some sentence has lost words (as by `occurrences`).
    """
    if corpus.words.is_empty():
        raise CorpusError(f"{what}: {corpus.name} has no words")
    lost = corpus.words["position"].to_numpy() != positions(corpus.words["sentence"].to_numpy())
    if lost.any():
        sentence = corpus.words["sentence"][int(np.flatnonzero(lost)[0])]
        raise CorpusError(
            f"{what}: sentence {sentence} of {corpus.name} has lost words; label sentences before words are left out"
        )


@dataclass(frozen=True, eq=False)
class Trees:
    """Every word with its head.

    Attributes
    ----------
    words : the corpus's words, with `row` (0..n_words-1).
    head : (n_words,) int64 row of each word's head, -1 for the root.
    n_sentences : of the corpus.
    """

    words: pl.DataFrame
    head: np.ndarray
    n_sentences: int

    @staticmethod
    def of(corpus: Corpus) -> Trees:
        """The trees of all sentences.

        Raises
        ------
        CorpusError : words were left out, a head is no number of a word, or a sentence has no root or several.
        """
        refuse_gaps(corpus, "a dependency tree")
        words = corpus.words
        sentence = words["sentence"].to_numpy().astype(np.int64)
        position = words["position"].to_numpy().astype(np.int64)
        first = np.arange(len(words)) - position
        sizes = np.bincount(sentence, minlength=len(corpus))
        number = words[HEAD].cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
        wrong = (number < 0) | (number > sizes[sentence]) | (number == position + 1)
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise CorpusError(
                f"{corpus.name}, sentence {sentence[at]}, word {position[at] + 1}: the head is {words[HEAD][at]!r}; "
                f"the number of another of its {sizes[sentence[at]]} words is expected, or 0 for the root"
            )
        roots = np.bincount(sentence[number == 0], minlength=len(corpus))
        if ((roots != 1) & (sizes > 0)).any():
            at = int(np.flatnonzero((roots != 1) & (sizes > 0))[0])
            raise CorpusError(f"{corpus.name}, sentence {at}: its tree has {roots[at]} roots, not one")
        return Trees(words.with_row_index("row"), np.where(number == 0, -1, first + number - 1), len(corpus))

    def of_root(self, values: pl.Expr) -> pl.Series:
        """(n_sentences,) what an expression of words says of the root of each sentence; null without words."""
        return self._by_sentence(np.flatnonzero(self.head < 0), values)

    def of_child(self, relations: Sequence[str], values: pl.Expr, where: pl.Expr | None = None) -> pl.Series:
        """(n_sentences,) what an expression of words says of the root's first child by one of these relations.

        Parameters
        ----------
        relations : without their subtypes: `nsubj` is `nsubj:pass` too.
        values : of the words.
        where : only children for which this is true.
        """
        below = np.flatnonzero(self.head >= 0)
        below = below[self.head[self.head[below]] < 0]
        children = self.words[below]
        wanted = children.select(pl.col(DEPREL).str.split(":").list.first().is_in(list(relations))).to_series()
        if where is not None:
            wanted &= children.select(where.fill_null(value=False)).to_series()
        return self._by_sentence(below[wanted.fill_null(value=False).to_numpy()], values)

    def depth(self, counted: pl.Expr) -> pl.Series:
        """(n_sentences,) UInt32: heads between the root and the deepest counted word; a root alone is 0.

        Raises
        ------
        CorpusError : heads go round in a circle.
        """
        depth = np.zeros(len(self.head), np.uint32)
        above = self.head.copy()
        longest = 1 + int(self.words["position"].max() or 0)  # type: ignore[arg-type]
        for _ in range(longest):
            alive = above >= 0
            depth += alive
            above = np.where(alive, self.head[above], -1)
        if (circling := np.flatnonzero(above >= 0)).size:
            at = self.words["sentence"][int(circling[0])]
            raise CorpusError(f"sentence {at}: the heads of its words go round in a circle")
        counts = self.words.select(counted.fill_null(value=True)).to_series()
        found = self.words.with_columns(depth=pl.Series(depth)).filter(counts | pl.Series(self.head < 0))
        return self._spread(found.group_by("sentence").agg(pl.col("depth").max().alias("value")))

    def _by_sentence(self, rows: np.ndarray, values: pl.Expr) -> pl.Series:
        """Of the first of these rows in each sentence; `rows` increase."""
        chosen = self.words[rows].select("sentence", values.alias("value"))
        return self._spread(chosen.unique("sentence", keep="first", maintain_order=True))

    def _spread(self, chosen: pl.DataFrame) -> pl.Series:
        every = pl.DataFrame({"sentence": np.arange(self.n_sentences, dtype=np.uint32)})
        return every.join(chosen, "sentence", "left", maintain_order="left")["value"]


def refuse_pairs(corpus: Corpus, what: str) -> None:
    """What is said of single sentences has no meaning for pairs.

    Raises
    ------
    OptionError : the corpus holds pairs.
    """
    if corpus.is_pairs:
        raise OptionError(f"{what}: {corpus.name} holds pairs of texts; single sentences are expected")
