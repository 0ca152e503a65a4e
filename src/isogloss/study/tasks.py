"""Carries analyses out over paired stores, task by task, each kept on disk when it is done.

Does not know where the stores come from: they are asked for when the first task has to be computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl

from isogloss.analysis import Analysis, Tables, WholeModelAnalysis
from isogloss.errors import StoreError
from isogloss.progress import Advance, Progress
from isogloss.sealed import inside, read_json, read_table, write_json, write_table
from isogloss.shapes import shaped
from isogloss.study.layout import RunLayout
from isogloss.study.manifest import Sealed
from isogloss.study.pairing import PairedStores
from isogloss.study.plan import Task, tasks, tasks_of
from isogloss.study.series import NO_SERIES, Series
from isogloss.study.series_results import series_results

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
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - start, 3)


@dataclass(frozen=True)
class StudyTasks:
    """The tasks of a run.

    Attributes
    ----------
    layout : where tables go.
    seed : of every task.
    layers : per tuned model, the layers to compare.
    pairs : gives the paired stores, one per tuned model.
    series : models beside the one tuned model; their tasks are done elsewhere (`members`), and read here.
    member_layers : of each of these, the layers that are compared.
    """

    layout: RunLayout
    seed: int
    layers: Sequence[tuple[int, ...]]
    pairs: Callable[[], Sequence[PairedStores]]
    progress: Progress
    clock: Clock
    series: Series = NO_SERIES
    member_layers: Sequence[tuple[int, ...]] = ()

    def analyse(self, analysis: Analysis, options: Any) -> dict[str, Any]:
        """Run one analysis to its end; returns its entry in the manifest."""
        parts = self.computed(analysis, options)
        with self.clock.measured(analysis.name):
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

    def computed(self, analysis: Analysis, options: Any) -> list[Tables]:
        """The tables of all its tasks over the tuned models; what is not there yet is computed."""
        todo = tasks([analysis], self.layers)
        with self.clock.measured(analysis.name), self.progress.task(analysis.name, len(todo), "layers") as advance:
            return [self._done(analysis, options, task, advance) for task in todo]

    def compute_member(self, analysis: Analysis, options: Any, index: int, stores: PairedStores) -> None:
        """Do the tasks of one analysis that compare the base with one member of the series."""
        todo = tasks_of(analysis, stores.layers, index)
        named = f"{analysis.name}, {self.series.members[index - 1].called}"
        with self.clock.measured(analysis.name), self.progress.task(named, len(todo), "layers") as advance:
            for task in todo:
                self._done(analysis, options, task, advance, stores)

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
        parts = []
        for task in tasks_of(analysis, self.member_layers[index - 1], index):
            if (tables := self.kept(task)) is None:
                raise StoreError(f"{self.layout.tasks / task.name} was changed while the run went on", "run again")
            parts.append(tables)
        return {
            name: table.with_columns(seed=pl.lit(0, table.schema["seed"])) if "seed" in table.columns else table
            for name, table in analysis.combine(_concatenated(parts), options).items()
        }

    def _done(
        self, analysis: Analysis, options: Any, task: Task, advance: Advance, stores: PairedStores | None = None
    ) -> Tables:
        kept = self.kept(task)
        tables = self._computed(analysis, options, task, stores) if kept is None else kept
        advance(1)
        return tables

    def _computed(self, analysis: Analysis, options: Any, task: Task, stores: PairedStores | None) -> Tables:
        home = self.layout.tasks / task.name
        stores = stores or self.pairs()[task.tuned_index]
        if task.layer is None:
            assert isinstance(analysis, WholeModelAnalysis)
            tables = analysis.run_whole(stores.models(self.seed, task.tuned_index, self.progress), options)
        else:
            tables = analysis.run(stores.pair(task.layer, self.seed, task.tuned_index, self.progress), options)
        digests = {name: write_table(home / f"{name}.parquet", table) for name, table in tables.items()}
        write_json(home / "done.json", {"tables": digests})
        return tables


def _concatenated(parts: Sequence[Tables]) -> Tables:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: pl.concat([part[name] for part in parts if name in part]) for name in names}
