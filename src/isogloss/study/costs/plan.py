"""What a study will take, before it is run: `plan_study`. Writes nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import polars as pl
import torch

from isogloss.activations import ExtractOptions
from isogloss.analysis import AskingAnalysis, listed
from isogloss.corpus import Corpus
from isogloss.numerics.devices import choose_device
from isogloss.progress import SILENT, Progress
from isogloss.study.costs.least import least_memory
from isogloss.study.costs.machine import Machine
from isogloss.study.costs.measured import BUDGET, measure, task_costs
from isogloss.study.costs.stages import EFFICIENCY, Rates, Stage, stages_of
from isogloss.study.costs.subjects import Subjects, subjects_of

DISK, MEMORY, GPU_MEMORY = "disk", "memory", "GPU memory"


@dataclass(frozen=True)
class Limit:
    """A resource of the machine, and how much of it the study needs.

    Attributes
    ----------
    resource : `disk`, `memory` or `GPU memory`.
    needed, there : bytes.
    stage : the stage that needs most of it.
    """

    resource: str
    needed: float
    there: float
    stage: str

    @property
    def ratio(self) -> float:
        """Above 1 the study does not fit."""
        return self.needed / self.there


@dataclass(frozen=True)
class Plan:
    """What a study takes.

    Attributes
    ----------
    rows : its stages, in the order of a run.
    limits : what the machine has of each resource and what is needed, the tightest first.
    words, sentences, tokens : of the text, as the base model sees it.
    models : facts of each model.
    machine : that the plan is for; None for this one.
    least_memory : bytes that each process takes though all large arrays stand in files: the least that can be allowed.
    notes : what is assumed, judged by a sample, or left out.
    """

    rows: tuple[Stage, ...]
    limits: tuple[Limit, ...]
    words: float
    sentences: float
    tokens: float
    models: tuple[dict[str, Any], ...]
    machine: Machine | None
    least_memory: float
    notes: tuple[str, ...]

    @property
    def stages(self) -> pl.DataFrame:
        """One row per stage with the columns of `Stage`."""
        schema = {f.name: {"str": pl.String, "int": pl.Int64}.get(str(f.type), pl.Float64) for f in fields(Stage)}
        rows = [{k: v if isinstance(v, str | int) else float(v) for k, v in asdict(row).items()} for row in self.rows]
        return pl.DataFrame(rows, schema=schema, strict=False)

    @property
    def total(self) -> dict[str, float]:
        """Sums over the stages; of memory the highest, of `passes` those of models over the text."""
        sums = ("tasks", "flops", "bytes_read", "bytes_written", "bytes_on_disk", "seconds")
        found = {name: float(sum(getattr(row, name) for row in self.rows)) for name in sums}
        found |= {name: float(max(getattr(row, name) for row in self.rows)) for name in ("memory", "gpu_memory")}
        return found | {"passes": float(sum(row.stage.startswith("reading ") for row in self.rows))}

    @property
    def fits(self) -> bool:
        """Whether the machine has what is needed."""
        return all(limit.ratio <= 1 for limit in self.limits)

    @property
    def breaks_first(self) -> str:
        """The tightest resource in a sentence, and what takes longest."""
        tightest, longest = self.limits[0], max(self.rows, key=lambda row: row.seconds)
        said = "breaks first" if tightest.ratio > 1 else "is nearest to its limit"
        return (
            f"{tightest.resource} {said}: {tightest.stage} needs {tightest.ratio:.2g} times what there is; "
            f"{longest.stage} takes longest, {longest.seconds / max(self.total['seconds'], 1e-9):.0%} of the time"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            "words": self.words,
            "sentences": self.sentences,
            "tokens": self.tokens,
            "models": list(self.models),
            "machine": None if self.machine is None else self.machine.as_dict(),
            "stages": [asdict(row) for row in self.rows],
            "total": self.total,
            "limits": [{**asdict(limit), "ratio": limit.ratio} for limit in self.limits],
            "fits": self.fits,
            "breaks_first": self.breaks_first,
            "least_memory": self.least_memory,
            "notes": list(self.notes),
        }


def plan_study(
    base: Any,
    tuned: Any,
    corpus: Corpus,
    *,
    analyses: Iterable[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    extraction: ExtractOptions | None = None,
    seed: int = 0,
    allow_pickle: bool = False,
    progress: Progress = SILENT,
    checkpoints: bool | int | Mapping[int, Any] = False,
    also: Sequence[tuple[str, Any]] = (),
    keep_activations: bool = True,
    machine: Machine | None = None,
    words: float | None = None,
    out: Path | None = None,
    budget: float = BUDGET,
) -> Plan:
    """What `run_study` with the same arguments takes.

    Parameters
    ----------
    keep_activations : False deletes the vectors of each model of a series before the next one's are written.
    machine : that it would run on; None for this one.
    words : plan for so many words of text like that of the corpus; None for the corpus as it is.
    out : where the run would go: its disk is asked how much is free.
    budget : seconds, about, that trying analyses on little text may take.

    Raises
    ------
    ModelError, OptionError : as `run_study` does.
    IsoglossError : the study could not be tried.
    """
    subjects = subjects_of(
        base,
        tuned,
        corpus,
        analyses=analyses,
        options=options,
        extraction=extraction,
        seed=seed,
        allow_pickle=allow_pickle,
        checkpoints=checkpoints,
        also=also,
        words=words,
        progress=progress,
    )
    request, result = measure(subjects, progress, budget)
    rates = Rates(subjects, request, result, machine)
    rows = tuple(stages_of(rates, task_costs(subjects, request, result)))
    text = subjects.base.text
    return Plan(
        rows=rows,
        limits=_limits(rows, machine, out, keep_activations=keep_activations),
        words=text.words,
        sentences=text.sentences,
        tokens=text.tokens,
        models=tuple(_facts(subjects)),
        machine=machine,
        least_memory=least_memory(
            [subject.shape for subject in subjects.read],
            subjects.analyses,
            subjects.options,
            subjects.words,
            len(corpus.token_labels) + len(corpus.sentence_labels),
            len(subjects.compared()[0]),
            compute=subjects.extraction.compute,
            on_processor=not (machine.gpus if machine else choose_device(subjects.extraction.device).type != "cpu"),
        ).total,
        notes=tuple(_notes(subjects, rates)),
    )


def _limits(
    rows: Sequence[Stage], machine: Machine | None, out: Path | None, *, keep_activations: bool
) -> tuple[Limit, ...]:
    there = _here(out) if machine is None else {DISK: machine.disk, MEMORY: machine.memory}
    if machine is not None and machine.gpus:
        there[GPU_MEMORY] = machine.gpu_memory
    largest = max(rows, key=lambda row: row.bytes_on_disk)
    highest = max(rows, key=lambda row: row.memory)
    widest = max(rows, key=lambda row: row.gpu_memory)
    needs = {
        DISK: (_most_on_disk(rows, keep_activations=keep_activations), largest.stage),
        MEMORY: (highest.memory, highest.stage),
        GPU_MEMORY: (widest.gpu_memory, widest.stage),
    }
    found = [Limit(name, needs[name][0], size, needs[name][1]) for name, size in there.items()]
    return tuple(sorted(found, key=lambda limit: -limit.ratio))


def _most_on_disk(rows: Sequence[Stage], *, keep_activations: bool) -> float:
    passing = [row.bytes_on_disk for row in rows if row.stage.startswith("reading member-") and not keep_activations]
    return sum(row.bytes_on_disk for row in rows) - sum(passing) + max(passing, default=0.0)


def _here(out: Path | None) -> dict[str, float]:
    place = Path.cwd() if out is None else out.absolute()
    while not place.exists():
        place = place.parent
    found = {DISK: float(shutil.disk_usage(place).free)}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found[MEMORY] = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    if torch.cuda.is_available():
        found[GPU_MEMORY] = float(torch.cuda.get_device_properties(0).total_memory)
    return found


def _facts(subjects: Subjects) -> Iterable[dict[str, Any]]:
    for subject in subjects.read:
        shape = subject.shape
        yield {
            "name": subject.name,
            "model": shape.spec,
            "architecture": shape.architecture,
            "layers": shape.n_layers,
            "hidden": shape.hidden,
            "parameters": shape.parameters,
            "tokens": subject.text.tokens,
            "layers_kept": len(subject.layers),
        }


def _notes(subjects: Subjects, rates: Rates) -> Iterable[str]:
    yield from subjects.skipped
    if any(subject.text.assumed for subject in subjects.read):
        yield "A model has no tokenizer beside its configuration: 1.4 tokens per word are assumed."
    elif not subjects.base.text.exact:
        yield "The number of tokens is judged by a sample of the sentences."
    if rates.request.run is None:
        yield (
            "The models are not run for this plan (no weights here, or too many): analyses were timed on made-up "
            "vectors, of narrower models where the models are wide or deep."
        )
        if rates.machine is None:
            yield f"Reading is taken to reach {EFFICIENCY:.0%} of the rate of a float32 matrix product here."
    if rates.machine is not None:
        yield _assumed(rates.machine)
    asking = [name for name, analysis in subjects.analyses.items() if isinstance(analysis, AskingAnalysis)]
    if asking and subjects.others[0].shape.classes:
        ask = f"{listed(asking)} {'asks' if len(asking) == 1 else 'ask'}"
        yield f"How often {ask} the classifier depends in part on what is found."


def _assumed(machine: Machine) -> str:
    where = (
        f"models run on all {machine.nodes * machine.gpus:,} accelerators, each with a whole model, at "
        f"{machine.utilisation:.0%} of their {machine.gpu_tflops:g} TFLOPS"
        if machine.gpus
        else "models run on all cores"
    )
    return (
        f"Assumed: {where}; analyses are spread over all {machine.nodes * machine.cores:,} cores without loss, each "
        f"{machine.core_speed:g} times as fast as one thread here; files are read and written at the full bandwidth of "
        f"{machine.nodes} node{'s' * (machine.nodes > 1)}; a stage takes the longer of computing and of its files."
    )
