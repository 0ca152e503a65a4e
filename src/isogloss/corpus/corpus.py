"""Sentences, their words and their labels: what everything else is computed on.

A corpus does not change; every method that narrows or labels it returns another. Files are read by `readers`, words
found by `words`, labels made by `annotators`; here they meet. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from isogloss.corpus.annotators import Annotator, resolve
from isogloss.corpus.draft import blank_to_null, refuse_reserved
from isogloss.corpus.fingerprint import corpus_sha256
from isogloss.corpus.labels import count_labels, label_columns, missing_name, refuse_taken
from isogloss.corpus.occurrences import drop_long_sentences, filter_occurrences
from isogloss.corpus.readers import ReadOptions
from isogloss.corpus.sentence_tasks import SentenceTask, labelled_by, resolve_tasks
from isogloss.corpus.sources import Labels, Source, aligned, draft_of_texts, draft_of_words, read_source
from isogloss.corpus.storage import is_saved_corpus, read_corpus, write_corpus
from isogloss.errors import CorpusError, OptionError, printable


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """Immutable sentences with words and labels.

    Attributes
    ----------
    name : for people.
    source : the file or `hf:` reference it was read from, or "memory".
    sentences : one row per sentence: `sentence` (0..n-1), `id`, `split`, `text`, `text_b` for pairs, then one column
        per sentence label; String for classes, Float64 for scores, null = unlabelled.
    words : one row per word, sorted by sentence, part and position: `sentence`, `part` (0 = text, 1 = text_b),
        `position` within sentence and part, `word`, `start` and `end` (character offsets into the text of its part;
        `text[start:end] == word`, save for words inside a multiword token that does not spell them), then one String
        column per token label; null = unlabelled.
    notes : what was noticed while reading, such as sentences without words.
    unread : columns of the file that were not asked for.
    """

    name: str
    source: str
    sentences: pl.DataFrame
    words: pl.DataFrame
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    @classmethod
    def read(
        cls,
        path: Source | Mapping[str, Source],
        *,
        text: str = "text",
        text_b: str | None = None,
        label: str | Sequence[str] | None = None,
        split: str | None = None,
        id: str | None = None,  # noqa: A002
        format: str | None = None,  # noqa: A002
        encoding: str = "utf-8",
        delimiter: str | None = None,
        quoting: bool | None = None,
        columns: Sequence[str] | None = None,
        check_labels: bool = True,
    ) -> Corpus:
        """Read a corpus from a file, a saved corpus, `hf:NAME[:config][:split]`, or one file per split.

        Parameters
        ----------
        path : the file, or a mapping of split names to files.
        text, text_b : columns of the sentence and, for pairs, of the second sentence.
        label : label columns. None = every token label of an annotated file, no column of a table.
        split, id : columns that name each sentence's split and id; the split's is `split` if there is such a column.
        format : csv, tsv, jsonl, parquet, conllu, conllulex, columns (or conll2000), pmb, trec; None = by the ending.
        encoding : of text files; a byte order mark is taken off.
        delimiter, quoting : of delimited files, where they are not the usual ones (csv: comma, quotes; tsv: tab, none).
        columns : the names of the columns in a file without a header; `_` skips one, in a table a last
            `*` all that follow.
        check_labels : refuse labels that were asked for and have one class or more than 1,000.

        Raises
        ------
        CorpusError : whatever is wrong with the file, with its line or row.
        """
        if isinstance(path, (str, Path)) and is_saved_corpus(Path(path)):
            return cls.load(path)
        options = ReadOptions(
            text=text,
            text_b=text_b,
            labels=(label,) if isinstance(label, str) else None if label is None else tuple(label),
            split=split,
            id=id,
            encoding=encoding,
            delimiter=delimiter,
            quoting=quoting,
            columns=None if columns is None else tuple(columns),
        )
        draft, name, source = read_source(path, options, format, check_labels=check_labels)
        return cls(name, source, draft.sentences, draft.words, draft.notes, draft.unread)

    @classmethod
    def from_texts(
        cls,
        texts: Sequence[str] | pl.Series,
        labels: Labels | None = None,
        text_b: Sequence[str] | pl.Series | None = None,
        *,
        splits: Sequence[str | None] | None = None,
        ids: Sequence[str | None] | None = None,
        name: str = "texts",
    ) -> Corpus:
        """A corpus of texts in memory.

        Parameters
        ----------
        texts, text_b : one text per sentence; the second ones for pairs.
        labels : one value per sentence (the label `label`), or several labels by name.
        splits, ids : one per sentence.

        Raises
        ------
        CorpusError : there are no texts or words, or the numbers of values differ.
        """
        draft = draft_of_texts(texts, labels, text_b, splits, ids, name)
        return cls(name, "memory", draft.sentences, draft.words, draft.notes)

    @classmethod
    def from_words(
        cls,
        sentences: Sequence[Sequence[str]],
        token_labels: Mapping[str, Sequence[Sequence[str | None]]] | None = None,
        labels: Labels | None = None,
        *,
        name: str = "words",
    ) -> Corpus:
        """A corpus of sentences that are words already; the text is the words with one space between them.

        Parameters
        ----------
        sentences : the words of each sentence.
        token_labels : by name, one value per word of each sentence; None = unlabelled.
        labels : as for `from_texts`.

        Raises
        ------
        CorpusError : words and labels differ in number, or a word is empty.
        """
        draft = draft_of_words(sentences, token_labels, labels, name)
        return cls(name, "memory", draft.sentences, draft.words, draft.notes)

    @property
    def token_labels(self) -> tuple[str, ...]:
        """Names of the label columns of `words`."""
        return label_columns(self.words)

    @property
    def sentence_labels(self) -> tuple[str, ...]:
        """Names of the label columns of `sentences`."""
        return label_columns(self.sentences)

    @property
    def is_pairs(self) -> bool:
        """Whether every sentence has a second one."""
        return "text_b" in self.sentences.columns

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of texts, words and labels; the same whatever the corpus is called."""
        return corpus_sha256(self.sentences, self.words)

    def __len__(self) -> int:
        return self.sentences.height

    def __repr__(self) -> str:
        kind = "pairs" if self.is_pairs else "sentences"
        parts = [f"{len(self):,} {kind}", f"{self.words.height:,} words"]
        for title, names in (("sentence labels", self.sentence_labels), ("token labels", self.token_labels)):
            if names:
                more = f" and {len(names) - 8} more" if len(names) > 8 else ""
                parts.append(f"{title}: {', '.join(names[:8])}{more}")
        return printable(f"<Corpus {self.name}: {'; '.join(parts)}>")

    def select(self, sentences: Sequence[int] | np.ndarray | pl.Series) -> Corpus:
        """These sentences in this order, numbered anew; one named twice is there twice.

        Raises
        ------
        OptionError : there is no sentence of that number.
        """
        chosen = np.asarray(sentences, np.int64).reshape(-1)
        outside = chosen[(chosen < 0) | (chosen >= len(self))]
        if len(outside):
            raise OptionError(f"there is no sentence {outside[0]}; {self.name} has 0 to {len(self) - 1}")
        owner = self.words["sentence"].to_numpy()
        first = np.searchsorted(owner, chosen, side="left")
        counts = np.searchsorted(owner, chosen, side="right") - first
        before = np.cumsum(counts) - counts
        rows = np.arange(counts.sum()) - np.repeat(before - first, counts)
        numbers = np.arange(len(chosen), dtype=np.uint32)
        words = self.words[rows].with_columns(pl.Series("sentence", np.repeat(numbers, counts)))
        return replace(self, sentences=self.sentences[chosen].with_columns(pl.Series("sentence", numbers)), words=words)

    def head(self, n: int) -> Corpus:
        """The first `n` sentences, or all if there are fewer."""
        return self.select(np.arange(min(_natural(n), len(self))))

    def sample(self, n: int, seed: int = 0) -> Corpus:
        """`n` random sentences in the order of the corpus, or all if there are fewer.

        With one seed a smaller sample is contained in a larger one.
        """
        order = np.random.default_rng(seed).permutation(len(self))
        return self.select(np.sort(order[: _natural(n)]))

    def split(self, name: str) -> Corpus:
        """The sentences of one split.

        Raises
        ------
        CorpusError : there is no such split; says which there are.
        """
        chosen = self.sentences.filter(pl.col("split") == name)["sentence"]
        if chosen.is_empty():
            known = self.sentences["split"].drop_nulls().unique(maintain_order=True).to_list()
            if not known:
                raise CorpusError(f"{self.name} has no splits", "{split} names the column that names them", split=None)
            raise missing_name(name, known, self.name, "split")
        return self.select(chosen)

    def words_where(self, condition: pl.Expr | np.ndarray | pl.Series) -> Corpus:
        """Only the words that fulfil a condition on the columns of `words`; all sentences stay.

        Parameters
        ----------
        condition : an expression, or (n_words,) truth values.
        """
        if isinstance(condition, np.ndarray):
            condition = pl.Series(condition)
        return replace(self, words=self.words.filter(condition))

    def occurrences(
        self,
        min: int = 0,  # noqa: A002
        max: int | None = None,  # noqa: A002
        drop_above: int | None = None,
        seed: int | None = None,
        max_sentence_words: int | None = None,
    ) -> Corpus:
        """Fewer words: by how often each word type occurs here. All sentences stay.

        Parameters
        ----------
        min : word types that occur less often go.
        max : at most so many occurrences of a type stay; the first ones, or with `seed` random ones.
        drop_above : word types that occur more often go.
        max_sentence_words : words of longer sentences go first, and do not count; how many sentences is noted.

        Raises
        ------
        OptionError : the limits exclude each other.
        """
        words, notes = self.words, self.notes
        if max_sentence_words is not None:
            words, n_long = drop_long_sentences(words, max_sentence_words)
            if n_long:
                many = "1 sentence is" if n_long == 1 else f"{n_long:,} sentences are"
                notes = (*notes, f"{many} longer than {max_sentence_words} words and left out")
        return replace(self, words=filter_occurrences(words, min, max, drop_above, seed), notes=notes)

    def with_token_labels(self, labels: Mapping[str, Sequence[str | None] | pl.Series]) -> Corpus:
        """The same words with more token labels; a label of the same name is replaced.

        Parameters
        ----------
        labels : by name, (n_words,) values; None or "" = unlabelled.

        Raises
        ------
        CorpusError : a name is taken by a column that every corpus has or by a sentence label, or the number of values
            is wrong.
        """
        words = self.words
        for name, values in labels.items():
            refuse_reserved(name)
            refuse_taken(name, self.sentence_labels, self.name, "sentences")
            words = words.with_columns(blank_to_null(aligned(name, values, words.height, self.name)))
        return replace(self, words=words)

    def with_sentence_labels(self, labels: Mapping[str, Sequence[str | None] | pl.Series]) -> Corpus:
        """The same sentences with more classes; as `with_token_labels`, with (n_sentences,) values."""
        sentences = self.sentences
        for name, values in labels.items():
            refuse_reserved(name)
            refuse_taken(name, self.token_labels, self.name, "words")
            sentences = sentences.with_columns(blank_to_null(aligned(name, values, len(self), self.name)))
        return replace(self, sentences=sentences)

    def sentence_task(
        self, *tasks: str | SentenceTask, balanced: bool = False, seed: int = 0, **named: str | SentenceTask
    ) -> Corpus:
        """The same sentences (of `bigram_shift`, half of them with two words swapped) labelled for probing tasks.

        Parameters
        ----------
        tasks : names of built-in ones (`isogloss.corpus.SENTENCE_TASKS`) or tasks.
        balanced : take the label from random sentences, so that all classes have as many in each split.
        named : the same, under a name of one's own.

        Raises
        ------
        CorpusError : a word label that a task needs is not there, or a name is taken.
        OptionError : there is no such task, or the corpus holds pairs.
        """
        return labelled_by(self, resolve_tasks(tasks, named), balanced=balanced, seed=seed)

    def annotate(
        self,
        *annotators: str | Annotator | Callable[[Corpus], Sequence[str | None] | pl.Series],
        **named: str | Annotator | Callable[[Corpus], Sequence[str | None] | pl.Series],
    ) -> Corpus:
        """The same words with labels made by annotators.

        Parameters
        ----------
        annotators : names of built-in ones (`isogloss.corpus.ANNOTATORS`), annotators, lexicons, or functions of a
            corpus that return (n_words,) values; a function's label is called like the function.
        named : the same, under a name of one's own.

        Raises
        ------
        CorpusError : an annotator gives another number of values.
        OptionError : there is no annotator of that name.
        """
        made = dict([resolve(given, None) for given in annotators] + [resolve(g, n) for n, g in named.items()])
        return self.with_token_labels({name: annotator(self) for name, annotator in made.items()})

    def token_label_counts(self, name: str) -> pl.DataFrame:
        """`label` and `count` (of words), the commonest first.

        Raises
        ------
        CorpusError : there is no such token label.
        """
        if name not in self.token_labels:
            raise missing_name(name, self.token_labels, self.name, "token label")
        return count_labels(self.words[name])

    def label_counts(self, name: str) -> pl.DataFrame:
        """`label` and `count` (of sentences), the commonest first.

        Raises
        ------
        CorpusError : there is no such sentence label.
        """
        if name not in self.sentence_labels:
            raise missing_name(name, self.sentence_labels, self.name, "sentence label")
        return count_labels(self.sentences[name])

    def save(self, folder: Source) -> None:
        """Write to a directory, from which `load` gives back exactly this.

        Raises
        ------
        StoreError : it cannot be written; nothing that loads is left half-written.
        """
        about = {
            "name": self.name,
            "source": self.source,
            "notes": list(self.notes),
            "unread": list(self.unread),
            "content": self.sha256,
        }
        write_corpus(Path(folder), self.sentences, self.words, about)

    @classmethod
    def load(cls, folder: Source) -> Corpus:
        """Read what `save` wrote.

        Raises
        ------
        CorpusError : there is no corpus.
        StoreError : a file is missing or its bytes changed.
        """
        sentences, words, about = read_corpus(Path(folder))
        return cls(
            about["name"], about["source"], sentences, words, tuple(about["notes"]), tuple(about.get("unread", ()))
        )


def _natural(n: int) -> int:
    if n < 0:
        raise OptionError(f"a number of sentences should be >= 0. Got {n} instead.")
    return n
