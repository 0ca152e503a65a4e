"""What can be learnt from a corpus: classes of sentences or pairs, scores of them, classes of words.

A task knows its labels, its model class, how its examples are made and how predictions are measured. A task
with another shape (two sentences through one encoder, compared by cosine) is one more class here; nothing
else changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import torch
import transformers
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score
from torch import nn

from isogloss.corpus import Corpus
from isogloss.errors import CorpusError, OptionError
from isogloss.models.finetune_data import (
    IGNORED,
    Example,
    check_classes,
    examples,
    no_words,
    select_words,
    tokenise,
)
from isogloss.models.tokenization import Words

TaskName = Literal["auto", "classification", "regression", "tokens"]


@dataclass(frozen=True)
class Encoded:
    """Examples of one part of a corpus.

    Attributes
    ----------
    examples : one per sentence that could be used.
    cut_sentences : sentences longer than the limit, of which only the beginning is used.
    lost : sentences without any token; for words, labelled words that no sub-word carries.
    """

    examples: list[Example]
    cut_sentences: int
    lost: int

    @property
    def measured(self) -> int:
        """How many classes or scores there are to predict: one per sentence, or one per word (or sub-word)."""
        return sum(int(np.sum(np.asarray(example.target) != IGNORED)) for example in self.examples)


class Task(ABC):
    """One thing to learn.

    Attributes
    ----------
    name : as in `TaskName`.
    label : the column to learn.
    classes : its values in order; for a score, the label's name alone.
    auto : transformers' class with the fitting head.
    target_dtype : type of the targets of a batch.
    main_measure : the measure that a one-line report shows.
    """

    name: ClassVar[str]
    auto: ClassVar[Any]
    target_dtype: ClassVar[torch.dtype] = torch.int64
    main_measure: ClassVar[str] = "accuracy"

    def __init__(self, label: str, classes: tuple[str, ...]) -> None:
        self.label = label
        self.classes = classes
        self.number = {name: i for i, name in enumerate(classes)}

    def configure(self, config: Any) -> None:
        """Write labels and problem type into a model's configuration."""
        config.num_labels = len(self.classes)
        config.id2label = dict(enumerate(self.classes))
        config.label2id = dict(self.number)
        config.problem_type = {
            "classification": "single_label_classification",
            "regression": "regression",
            "tokens": None,
        }[self.name]

    def labelled(self, corpus: Corpus) -> pl.DataFrame:
        """Select the sentences that carry the label."""
        return corpus.sentences.filter(pl.col(self.label).is_not_null())

    @abstractmethod
    def encode(
        self,
        corpus: Corpus,
        rows: np.ndarray,
        module: nn.Module,
        tokenizer: Any,
        max_length: int | None,
    ) -> Encoded:
        """Examples of some sentences."""

    @abstractmethod
    def reduce(self, logits: torch.Tensor) -> torch.Tensor:
        """Keep of a batch's logits what `measure` needs."""

    @abstractmethod
    def measure(self, predicted: np.ndarray, target: np.ndarray) -> dict[str, float | None]:
        """Measures on held-out examples."""


class SentenceClassification(Task):
    """One class per sentence or pair; cross-entropy."""

    name = "classification"
    auto = transformers.AutoModelForSequenceClassification

    @classmethod
    def of(cls, label: str, corpora: list[Corpus]) -> SentenceClassification:
        """Classes are the label's values in all corpora, numbers in order of size."""
        values = [corpus.sentences[label].cast(pl.String).drop_nulls() for corpus in corpora]
        classes = ordered({value for series in values for value in series.unique().to_list()})
        check_classes(label, classes, sum(map(len, values)), "sentences")
        return cls(label, tuple(classes))

    def encode(
        self,
        corpus: Corpus,
        rows: np.ndarray,
        module: nn.Module,
        tokenizer: Any,
        max_length: int | None,
    ) -> Encoded:
        """Examples of some sentences."""
        sequences = tokenise(corpus, rows, module, tokenizer, max_length, no_words())
        values = corpus.sentences[rows][self.label].cast(pl.String).to_list()
        made = examples(sequences, [self.number[value] for value in values])
        return Encoded(made, sequences.split_sentences, len(rows) - len(made))

    def reduce(self, logits: torch.Tensor) -> torch.Tensor:
        """(n,) class numbers."""
        return logits.argmax(-1)

    def measure(self, predicted: np.ndarray, target: np.ndarray) -> dict[str, float | None]:
        """Accuracy, and the mean of the classes' F1."""
        return _class_measures(predicted, target)


class SentenceRegression(Task):
    """One score per sentence or pair; mean squared error."""

    name = "regression"
    auto = transformers.AutoModelForSequenceClassification
    target_dtype = torch.float32
    main_measure = "pearson"

    @classmethod
    def of(cls, label: str, corpora: list[Corpus]) -> SentenceRegression:
        """Check that the label is a number wherever it is present."""
        for corpus in corpora:
            column = corpus.sentences[label]
            numbers = column.cast(pl.Float64, strict=False)
            if (wrong := column.filter(column.is_not_null() & ~numbers.is_finite().fill_null(False))).len():
                raise CorpusError(
                    f"the label {label!r} of {corpus.name} is not a number everywhere: {wrong[0]!r} in "
                    f"{wrong.len():,} of {column.len():,} sentences"
                )
            if numbers.drop_nulls().n_unique() < 2:
                raise CorpusError(f"the label {label!r} of {corpus.name} has fewer than two different scores")
        return cls(label, (label,))

    def encode(
        self,
        corpus: Corpus,
        rows: np.ndarray,
        module: nn.Module,
        tokenizer: Any,
        max_length: int | None,
    ) -> Encoded:
        """Examples of some sentences."""
        sequences = tokenise(corpus, rows, module, tokenizer, max_length, no_words())
        made = examples(sequences, corpus.sentences[rows][self.label].cast(pl.Float64).to_list())
        return Encoded(made, sequences.split_sentences, len(rows) - len(made))

    def reduce(self, logits: torch.Tensor) -> torch.Tensor:
        """(n,) scores."""
        return logits.squeeze(-1)

    def measure(self, predicted: np.ndarray, target: np.ndarray) -> dict[str, float | None]:
        """Pearson's and Spearman's correlation (None where a side is constant) and the mean squared error."""
        predicted, target = predicted.astype(np.float64), target.astype(np.float64)
        error = float(np.mean((predicted - target) ** 2))
        if len(target) < 2 or np.ptp(predicted) == 0 or np.ptp(target) == 0:
            return {"pearson": None, "spearman": None, "mse": error}
        return {
            "pearson": float(pearsonr(predicted, target).statistic),
            "spearman": float(spearmanr(predicted, target).statistic),
            "mse": error,
        }


class TokenClassification(Task):
    """One class per word, carried by its first sub-word, or by all of them; cross-entropy."""

    name = "tokens"
    auto = transformers.AutoModelForTokenClassification
    all_subwords = False

    @classmethod
    def of(cls, label: str, corpora: list[Corpus], *, all_subwords: bool) -> TokenClassification:
        """Classes are the label's values in all corpora."""
        values = [corpus.words[label].cast(pl.String).drop_nulls() for corpus in corpora]
        classes = ordered({value for series in values for value in series.unique().to_list()})
        check_classes(label, classes, sum(map(len, values)), "words")
        task = cls(label, tuple(classes))
        task.all_subwords = all_subwords
        return task

    def labelled(self, corpus: Corpus) -> pl.DataFrame:
        """Select the sentences with at least one word that carries the label."""
        carrying = corpus.words.filter(pl.col(self.label).is_not_null())["sentence"].unique()
        return corpus.sentences.filter(pl.col("sentence").is_in(carrying.implode()))

    def encode(
        self,
        corpus: Corpus,
        rows: np.ndarray,
        module: nn.Module,
        tokenizer: Any,
        max_length: int | None,
    ) -> Encoded:
        """Examples of some sentences."""
        words = select_words(corpus, rows)
        sequences = tokenise(corpus, rows, module, tokenizer, max_length, _positions(words))
        values = words[self.label].cast(pl.String).to_list()
        targets = np.full(len(sequences.ids), IGNORED, np.int64)
        carried = 0
        # A sub-word that two words share goes to the first of them.
        for row, first, last in zip(sequences.word_row, sequences.word_first, sequences.word_last, strict=True):
            span = targets[first : (last if self.all_subwords else first) + 1]
            free = span == IGNORED
            if (value := values[row]) is not None and free.any():
                span[free] = self.number[value]
                carried += 1
        bounds = sequences.window_start
        made = [
            Example(sequences.ids[low:high], sequences.types[low:high], targets[low:high])
            for low, high in pairwise(bounds)
            if (targets[low:high] != IGNORED).any()
        ]
        wanted = words[self.label].is_not_null().sum()
        return Encoded(made, sequences.split_sentences, int(wanted) - carried)

    def reduce(self, logits: torch.Tensor) -> torch.Tensor:
        """(n, n_tokens) class numbers."""
        return logits.argmax(-1)

    def measure(self, predicted: np.ndarray, target: np.ndarray) -> dict[str, float | None]:
        """Accuracy over labelled words, and the mean of the classes' F1."""
        counted = target != IGNORED
        return _class_measures(predicted[counted], target[counted])


def choose_task(name: TaskName, label: str | None, corpora: list[Corpus], *, all_subwords: bool = False) -> Task:
    """Choose the task that a label asks for.

    Parameters
    ----------
    name : `auto` takes regression for a numeric sentence label, classification for any other, tokens for a
        label of words.
    label : column to learn; None where the corpus has one label only.
    corpora : the corpus to train on and, if any, the one held out; both must have the label.
    all_subwords : for words, label all sub-words instead of the first.

    Raises
    ------
    OptionError : no such task, or one that does not fit the label.
    CorpusError : no such label, or its values cannot be learnt.
    """
    if name not in ("auto", "classification", "regression", "tokens"):
        raise OptionError(f"no task called {name!r}; there are auto, classification, regression and tokens")
    first = corpora[0]
    offered = [*first.sentence_labels, *first.token_labels]
    if label is None:
        candidates = list(first.token_labels if name == "tokens" else first.sentence_labels) or offered
        if len(candidates) != 1:
            there = f"the labels {', '.join(candidates)}" if candidates else "no label that was read"
            unread = f"; its other columns are {', '.join(first.unread)}" if first.unread else ""
            raise OptionError(
                f"which label is to be learnt? {first.name} has {there}{unread}", "say which with {label}", label=None
            )
        label = candidates[0]
    for corpus in corpora:
        if label not in corpus.sentence_labels and label not in corpus.token_labels:
            there = ", ".join([*corpus.sentence_labels, *corpus.token_labels]) or "none"
            raise CorpusError(f"{corpus.name} has no label {label!r}; it has {there}")
    of_words = label not in first.sentence_labels
    if of_words != (name == "tokens") and name != "auto":
        raise OptionError(f"the task {name} does not fit the label {label!r} of {'words' if of_words else 'sentences'}")
    if of_words:
        return TokenClassification.of(label, corpora, all_subwords=all_subwords)
    if name == "regression" or (name == "auto" and first.sentences[label].dtype.is_float()):
        return SentenceRegression.of(label, corpora)
    return SentenceClassification.of(label, corpora)


def ordered(values: set[str]) -> list[str]:
    """Class names in order: by size if all are whole numbers, else by alphabet."""
    if all(value.removeprefix("-").isdecimal() for value in values):
        return sorted(values, key=lambda value: (int(value), value))
    return sorted(values)


def _positions(words: pl.DataFrame) -> Words:
    return Words(*(words[name].to_numpy().astype(np.int64) for name in ("sentence", "part", "start", "end")))


def _class_measures(predicted: np.ndarray, target: np.ndarray) -> dict[str, float | None]:
    if not len(target):
        return {"accuracy": None, "f1_macro": None}
    return {
        "accuracy": float(np.mean(predicted == target)),
        "f1_macro": float(f1_score(target, predicted, average="macro", zero_division=0.0)),
    }
