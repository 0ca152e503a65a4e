"""Labels of sentences that tell what their vectors know of grammar: probing tasks after SentEval's.

Conneau et al., "What you can cram into a single $&!#* vector" (ACL 2018, arXiv:1805.01070); their rules are those of
the README beside their data. They read phrase structure, this reads dependency trees; their sets have 120,000 chosen
sentences, these are the sentences of a corpus. Forms of words are not kept apart between training and test as theirs
are, and tree depth goes along with length: compare with what words alone tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import polars as pl

from isogloss.corpus.bigram_shift import BigramShift
from isogloss.corpus.labels import count_labels, refuse_taken, suggestion
from isogloss.corpus.trees import DEPREL, FEATS, HEAD, UPOS, Trees, feature, refuse_gaps, refuse_pairs, refuse_without
from isogloss.errors import CorpusError, OptionError

if TYPE_CHECKING:
    from isogloss.corpus.corpus import Corpus

NOUNS = ("NOUN", "PROPN")
SHOWN_CLASSES = 6


@runtime_checkable
class SentenceTask(Protocol):
    """One label per sentence of a corpus, perhaps with another text."""

    @property
    def name(self) -> str:
        """What the label is called."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The word labels it is made from."""
        ...

    def __call__(self, corpus: Corpus, seed: int) -> tuple[Corpus, pl.Series]:
        """The corpus that the labels are of, and (n_sentences,) labels; null = unlabelled."""
        ...


@dataclass(frozen=True)
class MainTense:
    """`past` or `present`: the tense of the root, or of its auxiliary or copula, whichever of them is finite.

    Sentences whose main clause has a modal, an imperative or no verb have no label.

    Parameters
    ----------
    auxiliaries : False reads the root alone.
    """

    auxiliaries: bool = True
    name: str = "tense"
    needs: tuple[str, ...] = (HEAD, DEPREL, FEATS)

    def __call__(self, corpus: Corpus, seed: int) -> tuple[Corpus, pl.Series]:
        """One label per sentence."""
        trees = Trees.of(corpus)
        finite = feature("VerbForm") == "Fin"
        found = trees.of_root(pl.when(finite).then(feature("Tense")))
        if self.auxiliaries:
            of_aux = trees.of_child(("aux", "cop"), feature("Tense"), finite)
            found = pl.select(pl.coalesce(found, of_aux)).to_series()
        return corpus, found.replace_strict({"Past": "past", "Pres": "present"}, default=None, return_dtype=pl.String)


@dataclass(frozen=True)
class _Number:
    """`singular` or `plural`: the noun (or name) that is the root's first dependent of one relation."""

    relation: str
    name: str
    nouns: tuple[str, ...] = NOUNS
    needs: tuple[str, ...] = (HEAD, DEPREL, UPOS, FEATS)

    def __call__(self, corpus: Corpus, seed: int) -> tuple[Corpus, pl.Series]:
        """One label per sentence; none where that dependent is no noun or has no number."""
        number = pl.when(pl.col(UPOS).is_in(list(self.nouns))).then(feature("Number"))
        found = Trees.of(corpus).of_child((self.relation,), number)
        # Ptan: nouns that only have a plural (scissors).
        names = {"Sing": "singular", "Plur": "plural", "Ptan": "plural"}
        return corpus, found.replace_strict(names, default=None, return_dtype=pl.String)


@dataclass(frozen=True)
class SubjectNumber(_Number):
    """`singular` or `plural`: the subject (`nsubj`, of passives too) of the root, where it is a noun or a name."""

    relation: str = "nsubj"
    name: str = "subject_number"


@dataclass(frozen=True)
class ObjectNumber(_Number):
    """`singular` or `plural`: the object (`obj`) of the root, where it is a noun or a name."""

    relation: str = "obj"
    name: str = "object_number"


@dataclass(frozen=True)
class TreeDepth:
    """How many heads stand between the root and the deepest word, punctuation left out; a root alone has depth 0.

    Parameters
    ----------
    rarest : the depths at either end are put together until they hold this share of the sentences: `0-1`, `2` ... `7+`.
    """

    rarest: float = 0.05
    name: str = "tree_depth"
    needs: tuple[str, ...] = (HEAD, DEPREL)

    def __call__(self, corpus: Corpus, seed: int) -> tuple[Corpus, pl.Series]:
        """One label per sentence with words."""
        if not 0 <= self.rarest < 0.5:
            raise OptionError(f"TreeDepth: rarest should be >= 0 and < 0.5. Got {self.rarest} instead.")
        depth = Trees.of(corpus).depth(pl.col(DEPREL) != "punct")
        known = np.sort(depth.drop_nulls().to_numpy())
        low, high = known[int(self.rarest * len(known))], known[int((1 - self.rarest) * (len(known) - 1))]
        if low >= high:
            low, high = known[0], known[-1]
        names = {d: str(d) for d in range(low + 1, high)}
        names |= {d: str(low) if known[0] == low else f"{known[0]}-{low}" for d in range(low + 1)}
        names |= {d: str(high) if known[-1] == high else f"{high}+" for d in range(high, known[-1] + 1)}
        return corpus, depth.replace_strict(names, default=None, return_dtype=pl.String)


@dataclass(frozen=True)
class Length:
    """How many words a sentence has, punctuation and all, in bins that hold about as many sentences each.

    Parameters
    ----------
    bins : how many; SentEval's SentLen has 6, of lengths 5 to 28.
    """

    bins: int = 6
    name: str = "length"
    needs: tuple[str, ...] = ()

    def __call__(self, corpus: Corpus, seed: int) -> tuple[Corpus, pl.Series]:
        """`1-4`, `5-8` ...; none for sentences without words."""
        if self.bins < 2:
            raise OptionError(f"Length: bins should be >= 2. Got {self.bins} instead.")
        counts = np.bincount(corpus.words["sentence"].to_numpy(), minlength=len(corpus))
        known = counts[counts > 0]
        cuts = np.unique(np.quantile(known, np.arange(1, self.bins) / self.bins, method="higher"))
        bin_of = np.searchsorted(cuts, counts, side="right")
        names = {}
        for number in np.unique(bin_of[counts > 0]):
            inside = known[np.searchsorted(cuts, known, side="right") == number]
            names[number] = str(inside.min()) if inside.min() == inside.max() else f"{inside.min()}-{inside.max()}"
        labels = [names[number] if n else None for number, n in zip(bin_of, counts, strict=True)]
        return corpus, pl.Series(self.name, labels, dtype=pl.String)


@dataclass(frozen=True)
class WordContent:
    """Which one of some words of middling frequency is in the sentence; none where it is none, or more than one.

    The words, in lower case: letters only, the most frequent ones of those that are in no more than a share of the
    sentences (or in 20, where that is more). SentEval's WC has 1,000 from rank 2,001 on.

    Parameters
    ----------
    n_words : how many, at the most.
    most : in no more than this share of the sentences.
    fewest : in so many sentences at the least, and alone of these words in as many.
    letters : shortest word.
    """

    n_words: int = 100
    most: float = 0.01
    fewest: int = 10
    letters: int = 4
    name: str = "word_content"
    needs: tuple[str, ...] = ()

    def __call__(self, corpus: Corpus, seed: int) -> tuple[Corpus, pl.Series]:
        """One label per sentence.

        Raises
        ------
        CorpusError : fewer than two words are frequent enough, and not too frequent.
        """
        words = corpus.words.select("sentence", word=pl.col("word").str.to_lowercase())
        words = words.filter(pl.col("word").str.contains(rf"^\p{{L}}{{{self.letters},}}$"))
        limit = max(self.most * len(corpus), 2 * self.fewest)
        counts = words.group_by("word").agg(n=pl.col("sentence").n_unique())
        middling = counts.filter((pl.col("n") <= limit) & (pl.col("n") >= self.fewest))
        targets = middling.sort(["n", "word"], descending=[True, False]).head(self.n_words).select("word")
        single = _alone(words, targets)
        while len(rare := _rarer(single, targets, self.fewest)):
            # Half at a time: a word that goes leaves its sentences to the others.
            targets = targets.join(rare.head((len(rare) + 1) // 2), "word", "anti", maintain_order="left")
            single = _alone(words, targets)
        if len(targets) < 2:
            raise CorpusError(
                f"{self.name}: of {corpus.name}'s words {len(targets)} are in {self.fewest} to {limit:.0f} of its "
                f"{len(corpus):,} sentences without another such word; two at the least are needed"
            )
        return corpus, corpus.sentences.select("sentence").join(single, "sentence", "left", maintain_order="left")[
            "word"
        ]


def _alone(words: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """`sentence` and `word` where one target alone is in the sentence, once."""
    inside = words.join(targets, "word", "semi").group_by("sentence").agg("word")
    return inside.filter(pl.col("word").list.len() == 1).select("sentence", pl.col("word").list.first())


def _rarer(single: pl.DataFrame, targets: pl.DataFrame, fewest: int) -> pl.DataFrame:
    """The targets that are alone in fewer sentences, the rarest first."""
    counts = targets.join(single.group_by("word").len("n"), "word", "left").with_columns(pl.col("n").fill_null(0))
    return counts.filter(pl.col("n") < fewest).sort("n", "word").select("word")


SENTENCE_TASKS: dict[str, Callable[[], SentenceTask]] = {
    "tense": MainTense,
    "subject_number": SubjectNumber,
    "object_number": ObjectNumber,
    "tree_depth": TreeDepth,
    "length": Length,
    "word_content": WordContent,
    "bigram_shift": BigramShift,
}
"""Sentence tasks by the name that `Corpus.sentence_task` knows them by."""


def resolve_tasks(
    given: tuple[str | SentenceTask, ...], named: Mapping[str, str | SentenceTask]
) -> dict[str, SentenceTask]:
    """Tasks by what their labels are called.

    Raises
    ------
    OptionError : there is no such task, or none is named.
    """
    made: dict[str, SentenceTask] = {}
    for name, one in [*((None, task) for task in given), *named.items()]:
        task: Any = one
        if isinstance(one, str):
            if one not in SENTENCE_TASKS:
                raise OptionError(
                    f"there is no sentence task {one!r}; there is {', '.join(SENTENCE_TASKS)}"
                    f"{suggestion(one, list(SENTENCE_TASKS))}"
                )
            task = SENTENCE_TASKS[one]()
        if isinstance(task, type) or not isinstance(task, SentenceTask):
            raise OptionError(f"a sentence task is a name, or has a name, needs and can be called; got {one!r}")
        made[name or task.name] = task
    if not made:
        raise OptionError(f"no sentence task is named; there is {', '.join(SENTENCE_TASKS)}")
    return made


def labelled_by(corpus: Corpus, tasks: Mapping[str, SentenceTask], *, balanced: bool, seed: int) -> Corpus:
    """The corpus with the labels of tasks, and a note on each; see `Corpus.sentence_task`."""
    for name, task in tasks.items():
        what = f"the sentence task {name}"
        refuse_pairs(corpus, what)
        refuse_gaps(corpus, what)
        refuse_without(corpus, task.needs, what)
        refuse_taken(name, corpus.sentence_labels, corpus.name, "sentences")
        corpus, labels = task(corpus, seed)
        if balanced:
            labels = balance(labels, corpus.sentences["split"], seed)
        corpus = corpus.with_sentence_labels({name: labels})
        corpus = replace(corpus, notes=(*corpus.notes, _note(name, corpus.sentences[name], len(corpus), task)))
    return corpus


def balance(labels: pl.Series, split: pl.Series, seed: int) -> pl.Series:
    """Take the label from random sentences until every class has as many in each split as its rarest one there.

    Parameters
    ----------
    labels : (n_sentences,) String.
    split : (n_sentences,) String; null is a split of its own.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    frame = pl.DataFrame({"label": labels, "split": split, "order": order})
    frame = frame.with_columns(
        rank=pl.col("order").rank("ordinal").over("split", "label"), n=pl.len().over("split", "label")
    )
    least = pl.col("n").filter(pl.col("label").is_not_null()).min().over("split")
    return frame.select(pl.when(pl.col("rank") <= least).then("label").alias("label")).to_series()


def _note(name: str, labels: pl.Series, n: int, task: SentenceTask) -> str:
    counts = count_labels(labels)
    known = int(counts["count"].sum())
    shown = ", ".join(f"{value} {count:,}" for value, count in counts.head(SHOWN_CLASSES).iter_rows())
    more = f" and {len(counts) - SHOWN_CLASSES} classes more" if len(counts) > SHOWN_CLASSES else ""
    changed = "; in the inverted ones two words were swapped" if isinstance(task, BigramShift) else ""
    return f"sentence task {name}: {known:,} of {n:,} sentences have a label ({shown}{more}){changed}"
