"""The least memory that a study can be held to, and the refusal of less. What it takes without a limit is `plan`'s."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.activations import choose_layers
from isogloss.analysis import Analysis, WholeModelAnalysis
from isogloss.engines import Engine
from isogloss.errors import OptionError
from isogloss.memory import kept_in_memory, own_memory, size_in_words
from isogloss.numerics.devices import choose_device
from isogloss.study.costs.shape import ModelShape, model_shape
from isogloss.study.memory import at_work
from isogloss.study.prepare import Prepared


@dataclass(frozen=True)
class LeastMemory:
    """What a process takes though all large arrays stand in files, in bytes.

    Attributes
    ----------
    program : the program and the corpus.
    model : weights of the largest model; 0 where models are on a device.
    tasks : what the analysis that takes most works on.
    worst : that analysis.
    """

    program: float
    model: float
    tasks: float
    worst: str

    @property
    def total(self) -> float:
        """All of it: an analysis may ask the running classifier."""
        return self.program + self.model + self.tasks


def least_memory(
    shapes: list[ModelShape],
    analyses: Mapping[str, Analysis],
    options: Mapping[str, Any],
    words: float,
    labels: int,
    layers: int,
    *,
    compute: str,
    on_processor: bool,
) -> LeastMemory:
    """The least for these models, the base first, and so many words with so many labels.

    Parameters
    ----------
    layers : that are compared.
    compute : precision that models are run in.
    on_processor : whether their weights are in the memory of the processor.
    """
    # A classifier runs in float32 whatever the vectors are read in.
    width = 2.0 if compute != "float32" and not any(shape.classes for shape in shapes) else 4.0
    tasks = {
        name: max(
            at_work(one, options[name], words, labels, shapes[0].hidden, n)
            for n in ({1, layers} if isinstance(one, WholeModelAnalysis) else {1})
        )
        for name, one in analyses.items()
    }
    worst = max(tasks, key=lambda name: tasks[name])
    model = max(width * shape.parameters for shape in shapes) if on_processor else 0.0
    return LeastMemory(own_memory(), model, tasks[worst], worst)


def refuse_too_little(engine: Engine, prepared: Prepared, directory: Path) -> float:
    """Refuse a limit of memory that a study cannot keep, whatever is put into files of the directory.

    Returns
    -------
    Bytes of a model's weights in memory; 0 without a limit.

    Raises
    ------
    OptionError : how much is needed, for what; or the directory's files are memory themselves.
    """
    if engine.memory is None:
        return 0.0
    if kind := kept_in_memory(directory):
        raise OptionError(
            f"{directory} is on a {kind}, whose files take memory, so a limit of memory cannot be kept there",
            "{out} on a disk",
            out=None,
        )
    corpus, extraction = prepared.corpus, prepared.extraction
    shapes = [model_shape(model) for model in (prepared.base, *prepared.tuned)]
    needed = least_memory(
        shapes,
        prepared.analyses,
        prepared.options,
        len(corpus.words),
        len(corpus.token_labels) + len(corpus.sentence_labels),
        len(choose_layers(extraction.layers, shapes[0].n_layers, present_only=True)),
        compute=extraction.compute,
        on_processor=choose_device(extraction.device).type == "cpu",
    )
    if engine.memory >= needed.total:
        return needed.model
    shares = engine.workers + 1 if engine.remote else 1
    # The next run's program may take a little more: what is advised must do.
    enough = math.ceil(1.05 * needed.total * shares / 2**20 / 64) * 64
    share = f" for each of {shares} processes, the first of which hands out the work," if engine.remote else ""
    raise OptionError(
        f"{size_in_words(engine.memory)} of memory{share} are too little: this "
        f"study takes about {size_in_words(needed.total)}, of which {size_in_words(needed.program)} are the program "
        f"and the corpus, {size_in_words(needed.model)} a model's weights and {size_in_words(needed.tasks)} what "
        f"{needed.worst} works on, whatever stands in files",
        "{memory} at least",
        memory=f"{enough}MiB",
    )
