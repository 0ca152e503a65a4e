"""The shape that every analysis has. The plan, the executors, the tables, the page and the docs know only this.

An analysis is handed the vectors of one layer from two models over the same words, and returns tables. When all
its layers are done it is handed the tables back, whole, and says its findings and its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import polars as pl

from isogloss.analysis.figure import Figure
from isogloss.analysis.finding import Finding
from isogloss.numerics.room import rows_of
from isogloss.progress import SILENT, Progress

Need = Literal["words", "token labels", "sentence labels", "classifier head"]
Tables = dict[str, pl.DataFrame]
By = Literal["step", "task"]
"""What tells the models of a series apart: the step of the training, or the name of the tuning."""
Edit = tuple[int, Callable[[np.ndarray, Any], np.ndarray]]
"""A layer and a function of its vectors (n_tokens, hidden) and of what is known of the tokens."""


class Classifier(Protocol):
    """The fine-tuned model with its head: sentences in, class probabilities out."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the columns.

        Raises
        ------
        ModelError : the model cannot classify sentences; why.
        """
        ...

    def __call__(
        self, sentences: Sequence[str], text_b: Sequence[str] | None = None, edit: Edit | None = None
    ) -> np.ndarray:
        """(n_sentences, n_classes) probabilities, perhaps with one layer's vectors changed on the way."""
        ...


@runtime_checkable
class Vectors(Protocol):
    """The vectors of one layer of one model: a matrix that may not fit in memory."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_words, hidden)."""
        ...

    def blocks(self, rows: int = 4096) -> Iterator[np.ndarray]:
        """Consecutive row blocks, float32, C-contiguous, (<= rows, hidden)."""
        ...

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, float32, (len(rows), hidden)."""
        ...


@dataclass(frozen=True)
class ArrayVectors:
    """A matrix (n_words, hidden) in memory in the shape of `Vectors`."""

    array: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(n_words, hidden)."""
        return self.array.shape[0], self.array.shape[1]

    def blocks(self, rows: int = 4096) -> Iterator[np.ndarray]:
        """Consecutive row blocks, float32."""
        for start in range(0, len(self.array), rows):
            yield np.ascontiguousarray(self.array[start : start + rows], dtype=np.float32)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """The given rows, float32."""
        return rows_of(self.array, rows, np.float32)


@dataclass(frozen=True, kw_only=True)
class ModelPair:
    """The base and the tuned model over the same words; row i is the same word everywhere.

    Attributes
    ----------
    words : n_words rows; `sentence`, `position`, `word`, `start`, `end` and one column per token label.
    sentences : `sentence`, `text` and one column per sentence label; `words["sentence"]` points here.
    base_layers, tuned_layers : (n_words, hidden) by layer, 0 = embeddings, i = after block i.
    token_labels, sentence_labels : names of the label columns.
    seed : random seed of the study; the same at every layer and whatever the executor.
    tuned_index : which tuned model this is, when several were given.
    classifier : the tuned model as a classifier, loaded on first use; asking its classes says whether it has a head.
    progress : told how far long steps are.
    """

    words: pl.DataFrame
    sentences: pl.DataFrame
    base_layers: Mapping[int, Vectors] = field(default_factory=dict)
    tuned_layers: Mapping[int, Vectors] = field(default_factory=dict)
    token_labels: tuple[str, ...] = ()
    sentence_labels: tuple[str, ...] = ()
    seed: int = 0
    tuned_index: int = 0
    classifier: Classifier | None = None
    progress: Progress = SILENT


@dataclass(frozen=True, kw_only=True)
class LayerPair(ModelPair):
    """One layer of the two models, with what `ModelPair` holds.

    Attributes
    ----------
    layer : 0 = embeddings, i = after block i.
    base, tuned : (n_words, hidden) of this layer; None where that model has no such layer.
    """

    layer: int
    base: Vectors | None
    tuned: Vectors | None


@runtime_checkable
class Analysis(Protocol):
    """One question about a pair of models.

    `Options` is a frozen dataclass whose fields have defaults and `metadata={"help": ...}`; `run` and the command
    line build it by name. `run` must be deterministic in `pair.seed`, and must give exactly "no change" when base
    and tuned hold the same vectors. Without what it `needs` an analysis is left out; what it `uses` it is given where
    there is any.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    needs: ClassVar[frozenset[Need]]
    uses: ClassVar[frozenset[Need]]
    Options: ClassVar[type]

    def run(self, pair: LayerPair, options: Any) -> Tables:
        """Tables of one layer. The one called `name` is tidy; others are named `name_...`."""
        ...

    def combine(self, tables: Tables, options: Any) -> Tables:
        """All layers' (and tuned models') tables, concatenated: add or replace what needs all of them at once."""
        ...

    def findings(self, tables: Tables, options: Any) -> Sequence[Finding]:
        """What the tables say, the most important first."""
        ...

    def figures(self, tables: Tables, options: Any) -> Sequence[Figure]:
        """What shows it."""
        ...


@runtime_checkable
class CheckingAnalysis(Analysis, Protocol):
    """An analysis some of whose options name labels, and can be known to be wrong before any model runs."""

    def check(self, token_labels: Sequence[str], sentence_labels: Sequence[str], options: Any) -> None:
        """Refuse options that do not fit a corpus with these labels.

        Raises
        ------
        OptionError : which option, and what there is.
        """
        ...


@runtime_checkable
class WholeModelAnalysis(Analysis, Protocol):
    """An analysis that also asks something of all layers at once, such as which of them hold a label's neurons."""

    def run_whole(self, pair: ModelPair, options: Any) -> Tables:
        """Tables of all layers together: a task of its own, concatenated with those of the layers."""
        ...


@runtime_checkable
class SeriesAnalysis(Analysis, Protocol):
    """An analysis with more to say of a series than its headline measures over steps, which every analysis gets."""

    def series(self, tables: Tables, by: By, options: Any) -> tuple[Tables, Sequence[Finding], Sequence[Figure]]:
        """What checkpoints of one training, or other tunings side by side, show: added to what the analysis gives.

        Parameters
        ----------
        tables : every table of this analysis after `combine`, those of all models one below the other, with a first
            column `step` (Int64) or `task` (String). Each model's rows are those of a comparison of the base with it,
            so that rows of the model `tuned` are the series and rows of the model `base` come again with each. At step
            0 the base stands in the tuned model's place: its rows of the model `tuned` are the base's. The tuned model
            that the run is about is the last step (if it was not an earlier one), and the first task.
        by : which of the two it is; both are asked for where a run has both.

        Returns
        -------
        Tables named `NAME_...`, other than `NAME_steps` and `NAME_tasks`; findings and figures.
        """
        ...


@runtime_checkable
class HeadlineAnalysis(Analysis, Protocol):
    """An analysis that names the measures that are drawn over steps; of others those that its findings speak of are.

    `headline` has measures of the tidy table, the most important first, with what each is called in a sentence.
    """

    headline: ClassVar[Mapping[str, str]]
