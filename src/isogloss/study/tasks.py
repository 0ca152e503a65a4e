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
from isogloss.progress import Progress
from isogloss.sealed import read_json, read_table, write_json, write_table
from isogloss.study.layout import RunLayout
from isogloss.study.pairing import PairedStores
from isogloss.study.plan import Task, tasks


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
    """

    layout: RunLayout
    seed: int
    layers: Sequence[tuple[int, ...]]
    pairs: Callable[[], Sequence[PairedStores]]
    progress: Progress
    clock: Clock

    def analyse(self, analysis: Analysis, options: Any) -> dict[str, Any]:
        """Run one analysis to its end; returns its entry in the manifest."""
        todo = tasks([analysis], self.layers)
        with (
            self.clock.measured(analysis.name),
            self.progress.task(analysis.name, len(todo), "layers") as advance,
        ):
            parts = []
            for task in todo:
                kept = self.kept(task)
                parts.append(self._computed(analysis, options, task) if kept is None else kept)
                advance(1)
            combined = analysis.combine(_concatenated(parts), options)
            findings = analysis.findings(combined, options)
            figures = analysis.figures(combined, options)
        digests = {name: write_table(self.layout.tables / f"{name}.parquet", t) for name, t in combined.items()}
        shown = {"findings": [f.as_dict() for f in findings], "figures": [f.as_dict() for f in figures]}
        write_json(self.layout.figures / f"{analysis.name}.json", shown, compact=True)
        return {"question": analysis.question, "tables": digests}

    def has_all(self, analyses: Mapping[str, Analysis]) -> bool:
        """Whether every task is done and whole."""
        return all(self.kept(task) is not None for task in tasks(analyses.values(), self.layers))

    def kept(self, task: Task) -> Tables | None:
        """The tables of a task that was done; None if it was not, or if they are damaged."""
        home = self.layout.tasks / task.name
        seal = home / "done.json"
        if not seal.exists():
            return None
        try:
            done = read_json(seal)["tables"]
            return {name: read_table(home / f"{name}.parquet", digest) for name, digest in done.items()}
        except StoreError as error:
            self.progress.note(f"{error}; computed again")
            return None

    def _computed(self, analysis: Analysis, options: Any, task: Task) -> Tables:
        home = self.layout.tasks / task.name
        stores = self.pairs()[task.tuned_index]
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
