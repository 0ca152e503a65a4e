"""Carries analyses out over paired stores, task by task, each kept on disk when it is done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from isogloss.analysis import Analysis, Tables
from isogloss.engines import Engine
from isogloss.errors import StoreError
from isogloss.progress import Progress
from isogloss.sealed import inside, read_json, read_table, write_json, write_table
from isogloss.shapes import shaped
from isogloss.study.jobs import PairSource, TaskJob
from isogloss.study.layout import RunLayout
from isogloss.study.manifest import Sealed
from isogloss.study.plan import Task, tasks, tasks_of
from isogloss.study.series import NO_SERIES, Series
from isogloss.study.series_results import series_results

LATE = 90.0
"""Seconds after which what another machine wrote is to be seen."""
FIRST = 3
"""Figures of an analysis that stand before those over steps and of tunings."""


class Clock:
    """Seconds spent per stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measured(self, stage: str) -> Iterator[None]:
        """Add what the block takes to its stage."""
        start = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - start)

    def add(self, stage: str, seconds: float) -> None:
        """Seconds of a stage; where several workers have a part in it, those of all of them."""
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + seconds, 3)


@dataclass(frozen=True)
class Piece:
    """A task, and what is asked in it of which models."""

    task: Task
    analysis: Analysis
    options: Any
    source: PairSource


@dataclass(frozen=True)
class StudyTasks:
    """The tasks of a run.

    Attributes
    ----------
    layout : where tables go.
    seed : of every task.
    layers : per tuned model, the layers to compare.
    series : models beside the one tuned model; their tasks are done by `members`, and read here.
    member_layers : of each of these, the layers that are compared.
    weights : bytes of a model's weights; asked where memory is limited.
    """

    layout: RunLayout
    seed: int
    layers: Sequence[tuple[int, ...]]
    progress: Progress
    clock: Clock
    series: Series = NO_SERIES
    member_layers: Sequence[tuple[int, ...]] = ()
    weights: float = 0.0

    def compute(self, engine: Engine, pieces: Sequence[Piece], of: str = "") -> None:
        """Do what is not done yet, on the engine's workers.

        Parameters
        ----------
        of : the models that are compared, for progress, where it is not the one tuned model.
        """
        analyses = list(dict.fromkeys(piece.analysis.name for piece in pieces))
        # Here one analysis comes after the other; several workers take from all of them, so that none waits.
        groups = [analyses] if engine.remote else [[name] for name in analyses]
        for names in groups:
            todo = [piece for piece in pieces if piece.analysis.name in names]
            called = f"{', '.join(names)}{of and f', {of}'}"
            with self.progress.task(called, len(todo), "layers") as advance:
                missing = [piece for piece in todo if self.kept(piece.task) is None]
                advance(len(todo) - len(missing))
                jobs = (
                    TaskJob(
                        self.layout, piece.task, piece.analysis, piece.options, self.seed, piece.source, self.weights
                    )
                    for piece in missing
                )
                for index, seconds in engine.run(jobs, advance):
                    self.clock.add(missing[index].analysis.name, seconds)
                if engine.remote:
                    self._wait_for([piece.task for piece in missing])

    def analyse(self, analysis: Analysis, options: Any) -> dict[str, Any]:
        """Bring one analysis, all of whose tasks are done, to its end; returns its entry in the manifest."""
        with self.clock.measured(analysis.name):
            parts = [self._done(task) for task in tasks([analysis], self.layers)]
            combined = analysis.combine(_concatenated(parts), options)
            findings = list(analysis.findings(combined, options))
            figures = list(analysis.figures(combined, options))
            if self.series.members:
                members = [self._member(analysis, options, i) for i in range(1, len(self.series.members) + 1)]
                added = series_results(analysis, options, self.series, [combined, *members], findings)
                combined = combined | added.tables
                findings += added.findings
                # Where they are read, and yet after what the analysis draws of single findings first.
                figures[FIRST:FIRST] = added.figures
        digests = {name: write_table(self.layout.tables / f"{name}.parquet", t) for name, t in combined.items()}
        shown = {"findings": [f.as_dict() for f in findings], "figures": [f.as_dict() for f in figures]}
        write_json(self.layout.figures / f"{analysis.name}.json", shown, compact=True)
        return {"question": analysis.question, "tables": digests}

    def _wait_for(self, done: Sequence[Task]) -> None:
        """A network file system may show what other machines wrote only after a while."""
        until = time.monotonic() + LATE
        while time.monotonic() < until and not {task.name for task in done} <= set(self.layout.finished_tasks()):
            time.sleep(1)

    def has_all(self, analyses: Mapping[str, Analysis]) -> bool:
        """Whether every task is done and whole."""
        principal = tasks(analyses.values(), self.layers)
        members = (
            task
            for index, layers in enumerate(self.member_layers, start=1)
            for analysis in analyses.values()
            for task in tasks_of(analysis, layers, index)
        )
        return all(self.kept(task) is not None for task in (*principal, *members))

    def kept(self, task: Task) -> Tables | None:
        """The tables of a task that was done; None if it was not, or if they are damaged."""
        home = self.layout.tasks / task.name
        seal = home / "done.json"
        if not seal.exists():
            return None
        try:
            done = shaped(read_json(seal), Sealed, str(seal))["tables"]
            return {name: read_table(inside(home, f"{name}.parquet"), digest) for name, digest in done.items()}
        except StoreError as error:
            self.progress.note(f"{error}; computed again")
            return None

    def _member(self, analysis: Analysis, options: Any, index: int) -> Tables:
        """The tables of one member as a run of the base and it alone would have them."""
        parts = [self._done(task) for task in tasks_of(analysis, self.member_layers[index - 1], index)]
        return {
            name: table.with_columns(seed=pl.lit(0, table.schema["seed"])) if "seed" in table.columns else table
            for name, table in analysis.combine(_concatenated(parts), options).items()
        }

    def _done(self, task: Task) -> Tables:
        if (tables := self.kept(task)) is None:
            raise StoreError(f"{self.layout.tasks / task.name} was changed while the run went on", "run again")
        return tables


def _concatenated(parts: Sequence[Tables]) -> Tables:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: pl.concat([part[name] for part in parts if name in part]) for name in names}
