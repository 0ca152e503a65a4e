"""What a task of fine-tuning is: labels, a model class, examples, and measures of predictions.

Knows no task in particular (`finetune_tasks`); a further one is one more class there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
import torch
from torch import nn

from isogloss.corpus import Corpus
from isogloss.models.finetune_data import IGNORED, Collator, TrainingExample


@dataclass(frozen=True)
class Encoded:
    """Examples of one part of a corpus.

    Attributes
    ----------
    examples : one per sentence that could be used.
    cut_sentences : sentences longer than the limit, of which only the beginning is used; where the texts of pairs
        are sequences of their own, such texts.
    lost : sentences without any token; for words, labelled words that no sub-word carries.
    """

    examples: Sequence[TrainingExample]
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
    measures_base : whether the base can do the task as it is, so that it is measured before training too.
    """

    name: ClassVar[str]
    auto: ClassVar[Any]
    target_dtype: ClassVar[torch.dtype] = torch.int64
    main_measure: ClassVar[str] = "accuracy"
    measures_base: ClassVar[bool] = False

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

    def model_class(self, config: Any) -> Any:
        """The class in transformers for a base of this configuration."""
        return self.auto

    def around(self, model: Any) -> Any:
        """The module to train, with `save_pretrained`; the model itself, unless the loss needs more than it."""
        return model

    def collator(self, module: Any, tokenizer: Any, trial: Sequence[Any]) -> Collator:
        """What makes a batch of examples, tried out on some of them."""
        return Collator(module, tokenizer, self.target_dtype, trial)

    @property
    def facts(self) -> dict[str, Any]:
        """What `metrics.json` says of this task beside its name and label."""
        return {}

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
