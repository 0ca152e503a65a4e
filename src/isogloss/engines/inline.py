"""Runs jobs one after the other, here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from isogloss.engines.jobs import Bench, Job, Tick, done
from isogloss.progress import SILENT, Progress


class Inline:
    """The engine of one process: this one."""

    name = "inline"
    workers = 1
    remote = False

    def __init__(self, progress: Progress = SILENT, memory: float | None = None) -> None:
        self.memory = memory
        self.bench = Bench(progress, memory=memory)

    @property
    def peak(self) -> float:
        """See `Engine`."""
        return self.bench.peak

    def run(self, jobs: Iterable[Job], tick: Tick = lambda _: None) -> Iterator[tuple[int, Any]]:
        """Do all jobs in order; see `Engine`."""
        for index, job in enumerate(jobs):
            self.bench.begin(tick)
            value = done(job, self.bench)
            tick(job.size - self.bench.ticked)
            yield index, value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bench.drop()
