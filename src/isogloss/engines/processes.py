"""Runs jobs in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from types import TracebackType
from typing import Any, Self

import loky

from isogloss.engines.attempts import MOST_LOSSES, Attempts
from isogloss.engines.jobs import Bench, Job, Outcome, Tick, outcome_of
from isogloss.errors import EngineError, OptionError
from isogloss.progress import SILENT, Progress

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
AHEAD = 2
"""Jobs handed out per worker: while one is done the next is on its way."""

_bench: Bench | None = None


class Processes:
    """The engine of several processes, each with its share of the cores.

    Parameters
    ----------
    workers : how many; as many as there are cores if None, but no more than GPUs where there are any.
    threads : of each; the cores divided among them if None.
    progress : told what workers note.
    memory : bytes that all of them may take together; this process has a share like each of theirs.
    """

    name = "processes"
    remote = True

    def __init__(
        self,
        workers: int | None = None,
        threads: int | None = None,
        progress: Progress = SILENT,
        memory: float | None = None,
    ) -> None:
        self.workers = min(cores(), gpus() or cores()) if workers is None else workers
        if self.workers < 1:
            raise OptionError(f"there is at least one worker; got {workers}")
        self._threads = threads or max(1, cores() // self.workers)
        self.memory = None if memory is None else memory / (self.workers + 1)
        self.peak = 0.0
        self._progress = progress
        self._running: Any = None

    def run(self, jobs: Iterable[Job], tick: Tick = lambda _: None) -> Iterator[tuple[int, Any]]:
        """Do all jobs, several at a time; see `Engine`. The jobs of workers that die are handed to new ones."""
        attempts: Attempts[Future[Outcome]] = Attempts(jobs)
        while True:
            while len(attempts.flying) < AHEAD * self.workers and (taken := attempts.next()) is not None:
                attempts.flying[self._submitted(taken[1])] = taken
            if not attempts.flying:
                return
            done, _ = wait(attempts.flying, return_when=FIRST_COMPLETED)
            if broken := next((f for f in done if isinstance(f.exception(), BrokenExecutor)), None):
                # One dead process ends the pool. Once it is closed nothing flies any more: what was finished in time
                # counts, all else is handed out again.
                self._close()
                why = _end_of(broken.exception())
                for future in list(attempts.flying):
                    if not future.done() or future.cancelled() or _is_of_the_pool(future.exception()):
                        attempts.lost(future, why)
                done = {future for future in attempts.flying if future.done()}
            for future in done:
                outcome = future.result()
                index, job = attempts.flying.pop(future)
                self.peak = max(self.peak, outcome.peak)
                value = outcome.unwrapped(self._progress)
                tick(job.size)
                yield index, value

    def _submitted(self, job: Job) -> Future[Outcome]:
        for _ in range(MOST_LOSSES):
            if self._running is None:
                self._running = loky.ProcessPoolExecutor(
                    max_workers=self.workers,
                    initializer=_settle,
                    initargs=(os.getpid(), self.workers, self.memory),
                    env=dict.fromkeys(THREAD_VARIABLES, str(self._threads)),
                )
            try:
                future: Future[Outcome] = self._running.submit(_do, job)
            except BrokenExecutor as error:
                # A worker died while there was nothing to do.
                why = _end_of(error)
                self._close()
                continue
            return future
        raise EngineError(f"no worker can be started (the last one: {why})")

    def _close(self) -> None:
        if self._running is not None:
            self._running.shutdown(wait=True, kill_workers=True)
            self._running = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> int:
    """GPUs that this process sees."""
    import torch

    return torch.cuda.device_count()


def _settle(parent: int, workers: int, memory: float | None) -> None:
    """Make a worker of a new process: Ctrl-C is for the one that started it, and without that one it ends."""
    global _bench
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a worker keeps, models and open stores, is no leak for which it must be replaced.
    loky.process_executor._MAX_MEMORY_LEAK_SIZE = sys.maxsize
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    numbers = re.findall(r"\d+", multiprocessing.current_process().name)
    _bench = Bench(number=(int(numbers[-1]) - 1) % workers if numbers else 0, memory=memory)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _do(job: Job) -> Outcome:
    assert _bench is not None
    return outcome_of(job, _bench)


def _is_of_the_pool(error: BaseException | None) -> bool:
    """Whether it is the pool that failed, and not the job."""
    return isinstance(error, BrokenExecutor | loky.process_executor.ShutdownExecutorError)


def _end_of(error: BaseException | None) -> str:
    """How a worker ended, of the many lines in which that is told."""
    codes = re.findall(r"[A-Z]+\(-?\d+\)", str(error))
    return codes[0] if codes else str(error).strip().partition("\n")[0] or type(error).__name__
