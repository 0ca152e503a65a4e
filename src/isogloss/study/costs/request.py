"""What a trial is asked: models, text and analyses, small enough to be handed to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from isogloss.activations import ExtractOptions
from isogloss.corpus import Corpus
from isogloss.models import ModelReference
from isogloss.study.costs.shape import ModelShape


@dataclass(frozen=True)
class TrialRequest:
    """What to try.

    Attributes
    ----------
    base, tuned : their shapes.
    run : the models themselves, base and tuned, where they are run; None where vectors are made up.
    corpus : sentences to try on, in random order.
    options : of each analysis, by name.
    extraction : how activations are read.
    layers : numbers of the layers that are compared.
    seed : of everything random.
    budget : seconds that trials of analyses may take together, about.
    """

    base: ModelShape
    tuned: ModelShape
    run: tuple[ModelReference, ModelReference] | None
    corpus: Corpus
    options: Mapping[str, Any]
    extraction: ExtractOptions
    layers: tuple[int, ...]
    seed: int
    budget: float


@dataclass(frozen=True)
class TaskTrial:
    """One task that was tried.

    Attributes
    ----------
    analysis, kind : its name; an inner `layer`, the `last` one, or the `whole` model.
    words, layers, hidden : what it was tried on.
    parts : what the analysis says the work on a layer is made of, where it says so; else the words.
    seconds, memory : processor time; bytes above what was there.
    read : bytes of vectors that it took.
    texts : characters that it gave the classifier.
    written : bytes of its tables.
    """

    analysis: str
    kind: str
    words: int
    layers: int
    hidden: int
    parts: tuple[float, ...]
    seconds: float
    memory: float
    read: float
    texts: float
    written: float


@dataclass(frozen=True)
class ReadingTrial:
    """Some text that a model was run over, or nothing but the matrix product where there are no weights.

    Attributes
    ----------
    loading, loading_memory : seconds and bytes of putting a model into memory; 0 where none was run.
    tokens, seconds, memory : of reading; bytes above those of the loaded model.
    buffers : bytes of the vectors that were held at once.
    classifying : seconds per token of the running classifier.
    """

    loading: float = 0.0
    loading_memory: float = 0.0
    tokens: float = 0.0
    seconds: float = 0.0
    memory: float = 0.0
    buffers: float = 0.0
    classifying: float = 0.0


@dataclass(frozen=True)
class TrialResult:
    """What was measured on this machine.

    Attributes
    ----------
    baseline : bytes of the process that does nothing, with all that it has loaded.
    product : operations per second of a float32 matrix product of the model's shape.
    threads : that torch used.
    reading : of the model; None where vectors are made up.
    tasks : of the analyses.
    combining : seconds and bytes written of what follows the layers of each analysis, by name.
    """

    baseline: float
    product: float
    threads: int
    reading: ReadingTrial | None
    tasks: tuple[TaskTrial, ...]
    combining: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def ladder(words: pl.DataFrame, least: int = 600) -> list[tuple[int, int]]:
    """How many first sentences and words to try: all, half, a quarter, ... increasing, whole sentences."""
    ends = words.group_by("sentence", maintain_order=True).len()["len"].cum_sum()
    rungs: list[tuple[int, int]] = []
    wanted = float(words.height)
    while wanted >= least or not rungs:
        at = min(int(ends.search_sorted(wanted, side="left")), len(ends) - 1)
        rungs.append((at + 1, int(ends[at])))
        wanted /= 2
    return sorted(set(rungs))
