"""Progress as bars on standard error, or as lines where that is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.progress import Task as BarTask
from rich.text import Text

from isogloss.errors import printable
from isogloss.progress import SILENT, Advance, Progress


class PlainConsole(Console):
    """A console that is never sent control characters of others: corpora, labels and names may hold any."""

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich prints, with what a terminal would obey written out in plain strings."""
        super().print(*(printable(one) if isinstance(one, str) else one for one in objects), **how)


err = PlainConsole(stderr=True, soft_wrap=True)


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: BarTask) -> Text:
        speed = task.finished_speed or task.speed
        unit = task.fields["unit"]
        return Text(f"{speed:,.0f} {unit}/s" if speed else "", style="dim")


class _Lines:
    """One line for every tenth of the work, but not more often than every few seconds; for logs."""

    PAUSE = 5.0

    def __init__(self, name: str, total: float, unit: str) -> None:
        self._name, self._total, self._unit = name, total, unit
        self._done, self._tenth = 0.0, 0
        self._start = self._last = time.perf_counter()

    def advance(self, amount: float) -> None:
        self._done += amount
        now = time.perf_counter()
        tenth = int(10 * self._done / self._total) if self._total else 10
        if tenth <= self._tenth or tenth >= 10 or now - self._last < self.PAUSE:
            return
        self._tenth, self._last = tenth, now
        left = (now - self._start) * (self._total / self._done - 1)
        err.print(
            f"{self._name}: {tenth}0% ({self._done:,.0f} of {self._total:,.0f} {self._unit}), about {left:.0f} s left",
            markup=False,
        )

    def finish(self, inner: bool) -> None:
        """Say how long it took; of work inside other work only where that was long."""
        seconds = time.perf_counter() - self._start
        if inner and seconds < self.PAUSE:
            return
        err.print(f"{self._name}: {self._total:,.0f} {self._unit} in {seconds:.1f} s", markup=False)


class BarProgress(Progress):
    """Bars on standard error, with rate and time left; plain lines where it is not a terminal."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        self._depth = 0

    @contextmanager
    def task(self, name: str, total: float, unit: str) -> Iterator[Advance]:
        """Show one bar; bars of work inside other work stand below it."""
        if not err.is_terminal:
            lines = _Lines(name, total, unit)
            self._depth += 1
            try:
                yield lines.advance
            finally:
                self._depth -= 1
            lines.finish(inner=self._depth > 0)
            return
        opened = self._bars is None
        bars = self._bars or self._open()
        task = bars.add_task(printable(name), total=total, unit=unit)
        try:
            yield lambda amount: bars.advance(task, amount)
        finally:
            if opened:
                bars.stop()
                self._bars = None

    def note(self, text: str) -> None:
        """Print one line."""
        err.print(text, markup=False, style="dim")

    def _open(self) -> Bars:
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=err,
        )
        self._bars.start()
        return self._bars


def on_terminal() -> Progress:
    """What a caller sees who asked for nothing: bars where standard error is a terminal, else nothing."""
    return BarProgress() if sys.stderr.isatty() else SILENT
