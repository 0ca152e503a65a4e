"""What is run, what a worker keeps between runs, and the shape of everything that runs it.

Knows neither models nor analyses: a job is any small object with a `do`.
"""

from __future__ import annotations

import pickle
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from isogloss.errors import IsoglossError
from isogloss.memory import peak_of_memory, size_in_words
from isogloss.progress import SILENT, Progress

Value = TypeVar("Value")
Tick = Callable[[float], None]


class Bench:
    """What a worker has at hand: things made once for many jobs, by slot and key.

    Attributes
    ----------
    progress : told how far long steps are, and what is worth telling.
    number : which of the workers of this machine this is, 0 for one that works alone.
    memory : bytes that the worker may take in all; None for no limit.
    peak : the most that it took in a job, in bytes; watched where there is a limit only.
    """

    def __init__(self, progress: Progress = SILENT, number: int = 0, memory: float | None = None) -> None:
        self.progress, self.number, self.memory = progress, number, memory
        self.peak = 0.0
        self._slots: dict[str, OrderedDict[Hashable, Any]] = {}
        self._tick: Tick = lambda _: None
        self.ticked = 0.0

    def keep(self, slot: str, key: Hashable, make: Callable[[], Value], most: int = 1) -> Value:
        """The thing of this key, made if it is not there; the slot's oldest goes first where there are `most`.

        What has a `close` is closed when it goes.
        """
        held = self._slots.setdefault(slot, OrderedDict())
        if key not in held:
            while len(held) >= most:
                _close(held.popitem(last=False)[1])
            held[key] = make()
        held.move_to_end(key)
        found: Value = held[key]
        return found

    def drop(self, *slots: str) -> None:
        """Let go of what these slots hold; of everything if none is named."""
        for slot in slots or tuple(self._slots):
            for value in self._slots.pop(slot, {}).values():
                _close(value)

    def begin(self, tick: Tick) -> None:
        """Get ready for a job whose progress is told to `tick`."""
        self._tick, self.ticked = tick, 0.0

    def tick(self, amount: float) -> None:
        """So much of the job's size is done."""
        self.ticked += amount
        self._tick(amount)


def _close(value: Any) -> None:
    if callable(close := getattr(value, "close", None)):
        close()


class Job(Protocol):
    """A piece of work that leaves its result on disk, and may be done twice without harm.

    Whatever it needs is in it: paths, settings and small arrays. So it may be done by any worker.
    """

    @property
    def label(self) -> str:
        """What it is called when its worker dies."""
        ...

    @property
    def size(self) -> float:
        """How much work it is, in the unit of its progress."""
        ...

    def do(self, bench: Bench) -> Any:
        """Do it; returns something small."""
        ...


class Engine(Protocol):
    """Something that runs jobs. Used as a context manager; what it started ends with it.

    Attributes
    ----------
    name : as a user writes it.
    workers : how many jobs run at the same time.
    remote : jobs are sent to other processes, so that what they hold must be a copy.
    memory : bytes that each worker may take; None for no limit.
    """

    name: str
    workers: int
    remote: bool
    memory: float | None

    @property
    def peak(self) -> float:
        """The most that a worker took in a job, in bytes; watched where there is a limit only."""
        ...

    def run(self, jobs: Iterable[Job], tick: Tick = lambda _: None) -> Iterator[tuple[int, Any]]:
        """Do all jobs; yields the place of each in `jobs` and its result, as they are done.

        Parameters
        ----------
        tick : told how much of the jobs' sizes was just done.

        Raises
        ------
        IsoglossError : a job raised it, or workers died again and again.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What a job on another process ended with."""

    value: Any
    error: IsoglossError | None
    notes: tuple[str, ...]
    peak: float = 0.0

    def unwrapped(self, progress: Progress) -> Any:
        """The value; notes are told, an error is raised."""
        for note in self.notes:
            progress.note(note)
        if self.error is not None:
            raise self.error
        return self.value


class _Notes(Progress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def done(job: Job, bench: Bench) -> Any:
    """Do a job; what takes more memory than it may is told."""
    if bench.memory is None:
        return job.do(bench)
    with peak_of_memory(bench.memory) as peak:
        value = job.do(bench)
    bench.peak = max(bench.peak, peak.memory)
    if peak.memory > bench.memory:
        taken, limit = size_in_words(peak.memory), size_in_words(bench.memory)
        bench.progress.note(f"{job.label} took {taken} of memory, more than the {limit} it was allowed")
    return value


def outcome_of(job: Job, bench: Bench) -> Outcome:
    """Do a job where nobody watches; a user's error is part of the outcome, any other ends the run with its trace."""
    notes = _Notes()
    bench.progress = notes
    try:
        value, failed = done(job, bench), None
    except IsoglossError as error:
        value, failed = None, error
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            # It would come to the other process as a broken answer, which looks like a dead worker.
            raise RuntimeError(traceback.format_exc()) from None
        raise
    return Outcome(value, failed, tuple(notes.said), bench.peak)
