"""The stages of a study with what each takes: operations, bytes, memory, seconds.

What is counted: operations of models (see `ModelShape.flops`), bytes of files. What is measured: everything of analyses
(see `measured`). An analysis's own arithmetic is in its seconds, not among its operations, which are those of the
classifier that it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from isogloss.activations.extraction import CHUNK_BYTES
from isogloss.activations.layout import storage
from isogloss.analysis import Analysis
from isogloss.study.costs.disk import chunk_bytes, store_bytes
from isogloss.study.costs.machine import Machine
from isogloss.study.costs.measured import NOTHING, TaskCost
from isogloss.study.costs.request import TrialRequest, TrialResult
from isogloss.study.costs.subjects import Subject, Subjects
from isogloss.study.plan import Task, tasks_of

EFFICIENCY = 0.65
"""Share of the rate of a matrix product that reading a model reaches on a processor: 0.58 for MiniLM, 0.67 for a
BERT-base shape (benchmarks/results/extraction.json)."""
HERE_BANDWIDTH = 1e9
"""Bytes per second at which weights are read here where no model is run: assumed."""
FRAMES = 4
"""Copies of the table of words that a study holds: the corpus's, both stores', the paired one."""
TOKEN_BYTES = 80
"""Of a token and of its word while a corpus is cut into tokens, at most."""
PAGE = 1.5e6
"""Bytes of a page without any figure."""


@dataclass(frozen=True)
class Stage:
    """One stage. All bytes are bytes; operations count a multiplication and an addition as two.

    Attributes
    ----------
    stage : what is done.
    tasks : parts that could run beside each other.
    passes : times that the text goes through a model, or that a layer's vectors are read, both models' together.
    flops : of models.
    bytes_read, bytes_written, bytes_on_disk : of files; the last is what stays.
    memory, gpu_memory : highest resident size of the process, and bytes on one accelerator.
    seconds : on the machine of the plan.
    bound : what takes these seconds: `compute` or `disk`.
    """

    stage: str
    tasks: int
    passes: float
    flops: float
    bytes_read: float
    bytes_written: float
    bytes_on_disk: float
    memory: float
    gpu_memory: float
    seconds: float
    bound: str


@dataclass(frozen=True)
class Rates:
    """How fast things go on the machine of a plan.

    Attributes
    ----------
    subjects, request, result : the study and what was measured of it here.
    machine : described by the user; None for this one.
    """

    subjects: Subjects
    request: TrialRequest
    result: TrialResult
    machine: Machine | None

    def loading(self, subject: Subject) -> tuple[float, str]:
        """Seconds to put a model into memory."""
        size = subject.shape.bytes_on_disk
        if self.machine is not None:
            return size / self.machine.disk_bandwidth, "disk"
        if self.result.reading is not None:
            ratio = subject.shape.parameters / max(self.request.base.parameters, 1)
            return self.result.reading.loading * ratio, "compute"
        return size / HERE_BANDWIDTH, "disk"

    def reading(self, subject: Subject, flops: float, written: float) -> tuple[float, str]:
        """Seconds to run a model over the text and to write its vectors."""
        if self.machine is not None:
            return _longer(flops / self.model_rate(), written / (self.machine.disk_bandwidth * self.machine.nodes))
        reading = self.result.reading
        if reading is not None:
            base = self.subjects.base
            tried = base.shape.flops(reading.tokens, reading.tokens * base.text.squares / base.text.tokens)
            return reading.seconds * flops / max(tried, 1.0), "compute"
        return flops / self.model_rate(), "compute"

    def model_rate(self) -> float:
        """Operations per second at which models run, where that was not timed."""
        here = self.result.product * EFFICIENCY / self.result.threads
        if self.machine is None:
            return here * self.result.threads
        if self.machine.gpus:
            return self.machine.nodes * self.machine.gpus * self.machine.gpu_tflops * 1e12 * self.machine.utilisation
        return here * self.machine.nodes * self.machine.cores * self.machine.core_speed

    def analysing(self, cost: TaskCost, tokens: float, flops: float) -> tuple[float, str]:
        """Seconds of all tasks of an analysis, `tokens` of them through the classifier."""
        if self.machine is None:
            reading = self.result.reading
            timed = reading.classifying * tokens if reading is not None else 0.0
            return cost.seconds + (timed or flops / self.model_rate()), "compute"
        workers = self.machine.nodes * self.machine.cores * self.machine.core_speed
        compute = cost.seconds * self.result.threads / workers + flops / self.model_rate()
        item = storage(self.subjects.extraction.dtype)[0].itemsize
        return _longer(compute, cost.read * item / 4 / (self.machine.disk_bandwidth * self.machine.nodes))

    @property
    def on_gpu(self) -> bool:
        """Whether models run on an accelerator."""
        return bool(self.machine.gpus) if self.machine is not None else torch.cuda.is_available()


def stages_of(rates: Rates, costs: dict[tuple[str, str], TaskCost]) -> Iterator[Stage]:
    """Every stage, in the order of a run."""
    subjects = rates.subjects
    ground = rates.result.baseline + FRAMES * subjects.factor * (
        subjects.corpus.words.estimated_size() + subjects.corpus.sentences.estimated_size()
    )
    loading = [rates.loading(subject) for subject in subjects.read]
    weights = max(_weights(subject, subjects) for subject in subjects.read)
    size = float(sum(subject.shape.bytes_on_disk for subject in subjects.read))
    yield Stage(
        "loading models", len(subjects.read), 0, 0, size, 0, 0, ground + weights, weights * rates.on_gpu,
        sum(seconds for seconds, _ in loading), loading[0][1],
    )  # fmt: skip
    for subject in subjects.read:
        yield _reading(rates, subject, ground)
    shown = 0.0
    for name, analysis in subjects.analyses.items():
        stage = _analysing(rates, name, analysis, costs, ground)
        shown += stage.bytes_on_disk
        yield stage
    seconds = sum(seconds for seconds, _ in rates.result.combining.values())
    page = PAGE + sum(written for _, written in rates.result.combining.values())
    yield Stage("findings and page", 1, 0, 0, shown, page, page, ground, 0, max(seconds, 0.5), "compute")


def _weights(subject: Subject, subjects: Subjects) -> float:
    return float(subject.shape.parameters * getattr(torch, subjects.extraction.compute).itemsize)


def _reading(rates: Rates, subject: Subject, ground: float) -> Stage:
    subjects, shape = rates.subjects, subject.shape
    flops = shape.flops(subject.text.tokens, subject.text.squares, max(subject.layers))
    written = store_bytes(subject, subjects)
    seconds, bound = rates.reading(subject, flops, written)
    weights, buffers = _weights(subject, subjects), chunk_bytes(subject, subjects)
    item = getattr(torch, subjects.extraction.compute).itemsize
    inner = subjects.extraction.batch_tokens * (8 * shape.hidden + 3 * shape.intermediate) * item
    reading = rates.result.reading
    host = buffers + TOKEN_BYTES * subject.text.tokens
    if reading is not None and not rates.on_gpu:
        host += weights + max(reading.memory - reading.buffers, 0.0)
    else:
        # Weights pass through the processor's memory; there, a processor's linear maps are laid out once more.
        host += weights if rates.on_gpu else 2 * weights + inner
    return Stage(
        f"reading {subject.name}", max(1, int(written // CHUNK_BYTES)), 1, flops, subject.shape.bytes_on_disk, written,
        written, ground + host, (weights + inner) * rates.on_gpu, seconds, bound,
    )  # fmt: skip


def _analysing(
    rates: Rates, name: str, analysis: Analysis, costs: dict[tuple[str, str], TaskCost], ground: float
) -> Stage:
    subjects = rates.subjects
    every = [
        costs.get((name, _kind(task, layers)), NOTHING)
        for index, layers in enumerate(subjects.compared())
        for task in tasks_of(analysis, layers, index)
    ]
    total = TaskCost(
        seconds=sum(cost.seconds for cost in every),
        memory=max(cost.memory for cost in every),
        read=sum(cost.read for cost in every),
        written=sum(cost.written for cost in every),
        texts=sum(cost.texts for cost in every),
    )
    tuned = subjects.others[0]
    characters = float(subjects.corpus.sentences["text"].str.len_chars().to_numpy().sum()) * subjects.factor
    tokens = total.texts * tuned.text.tokens / max(characters, 1.0)
    flops = tuned.shape.flops(tokens, tokens * tuned.text.squares / max(tuned.text.tokens, 1.0))
    seconds, bound = rates.analysing(total, tokens, flops)
    weights = float(tuned.shape.parameters * 4) if tokens else 0.0
    whole = sum(s.text.covered * s.shape.hidden * 4.0 * len(s.layers) for s in (subjects.base, *subjects.others))
    # Tables of tasks stay beside those of the run, which hold the same rows and are a good half as large.
    kept = 1.5 * total.written
    return Stage(
        name, len(every), total.read / max(whole, 1.0), flops, total.read, kept, kept,
        ground + total.memory + (0 if rates.on_gpu else weights), weights * rates.on_gpu, seconds, bound,
    )  # fmt: skip


def _kind(task: Task, layers: tuple[int, ...]) -> str:
    if task.layer is None:
        return "whole"
    return "last" if task.layer == layers[-1] else "layer"


def _longer(compute: float, disk: float) -> tuple[float, str]:
    return (compute, "compute") if compute >= disk else (disk, "disk")
