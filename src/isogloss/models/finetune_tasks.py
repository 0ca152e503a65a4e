"""What can be learnt from a corpus: classes or scores of sentences and pairs, likeness of pairs, classes of words.

Trains nothing; what a task is, is in `finetune_protocol`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
import torch
import transformers
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
from isogloss.models.finetune_protocol import Encoded, Task
from isogloss.models.finetune_scores import check_scores, correlations
from isogloss.models.finetune_similarity import PairSimilarity
from isogloss.models.tokenization import Words

TaskName = Literal["auto", "classification", "regression", "similarity", "tokens"]


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
        check_scores(label, corpora)
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
        return {**correlations(predicted, target), "mse": float(np.mean((predicted - target) ** 2))}


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


def choose_task(
    name: TaskName,
    label: str | None,
    corpora: list[Corpus],
    *,
    all_subwords: bool = False,
    score_range: tuple[float, float] | None = None,
) -> Task:
    """Choose the task that a label asks for.

    Parameters
    ----------
    name : `auto` takes regression for a numeric sentence label, classification for any other, tokens for a
        label of words; it never takes similarity, which has to be asked for.
    label : column to learn; None where the corpus has one label only.
    corpora : the corpus to train on and, if any, the one held out; both must have the label.
    all_subwords : for words, label all sub-words instead of the first.
    score_range : for `similarity`, the scores that stand for 0 and 1.

    Raises
    ------
    OptionError : no such task, one that does not fit the label, or an option that it does not know.
    CorpusError : no such label, or its values cannot be learnt.
    """
    if name not in (names := get_args(TaskName)):
        raise OptionError(f"no task called {name!r}; there are {', '.join(names[:-1])} and {names[-1]}")
    if score_range is not None and name != "similarity":
        raise OptionError(f"score_range belongs to the task similarity; the task asked for is {name}")
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
    if name == "similarity":
        return PairSimilarity.of(label, corpora, score_range=score_range)
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
