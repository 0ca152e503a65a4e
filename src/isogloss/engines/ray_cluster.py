"""Runs jobs on a Ray cluster: one that runs already, or one made of this machine."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import isogloss
from isogloss.engines.attempts import Attempts
from isogloss.engines.jobs import Bench, Job, Outcome, Tick, outcome_of
from isogloss.errors import EngineError, OptionError
from isogloss.progress import SILENT, Progress

PASSED_ON = ("HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HF_TOKEN")
PATIENCE = 600.0
"""Seconds to wait for a worker where there is none."""


class RayCluster:
    """The engine of many machines. Actors are workers; when one dies its jobs go to the others.

    The cluster is the one that this process is in already, the one named, the one RAY_ADDRESS names, or a new one of
    this machine alone. All machines must see the run directory and the models under the same paths.

    Parameters
    ----------
    address : `ray://HOST:PORT`, `HOST:PORT`, `auto`, or None.
    workers : how many; as many as the cluster has room for if None.
    cpus, gpus : of each worker; parts of a GPU are shared.
    progress : told what workers note.
    """

    name = "ray"
    remote = True

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        cpus: float = 1,
        gpus: float = 0,
        progress: Progress = SILENT,
    ) -> None:
        if cpus <= 0 or gpus < 0:
            raise OptionError(f"a worker has cores (more than 0) and GPUs (0 or more); got {cpus} and {gpus}")
        if workers is not None and workers < 1:
            raise OptionError(f"there is at least one worker; got {workers}")
        self._address, self._cpus, self._gpus, self._progress = address, cpus, gpus, progress
        self._wanted = workers
        self._actors: list[Any] = []
        self._ours = False

    def __enter__(self) -> Self:
        try:
            import ray
        except ImportError as error:
            raise EngineError("the engine ray needs Ray: pip install 'isogloss[ray]'") from error
        self._ray = ray
        if not ray.is_initialized():
            address = self._address or os.environ.get("RAY_ADDRESS")
            try:
                here: dict[str, Any] = {} if address else {"include_dashboard": False}
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **here)
            except Exception as error:
                first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise EngineError(f"no Ray cluster at {address or 'this machine'}: {first}") from error
            self._ours = True
        have = ray.cluster_resources()
        room = int(min(have.get("CPU", 0) / self._cpus, have.get("GPU", 0) / self._gpus if self._gpus else 1e9))
        if room < 1:
            self._leave()
            raise EngineError(
                f"the Ray cluster has {have.get('CPU', 0):g} cores and {have.get('GPU', 0):g} GPUs, too few for one "
                f"worker of {self._cpus:g} cores and {self._gpus:g} GPUs"
            )
        self.workers = min(self._wanted or room, room)
        if self._wanted is not None and self._wanted > room:
            self._progress.note(f"the Ray cluster has room for {room} workers, not {self._wanted}")
        return self

    def run(self, jobs: Iterable[Job], tick: Tick = lambda _: None) -> Iterator[tuple[int, Any]]:
        """Do all jobs, one at a time on each worker; see `Engine`."""
        ray = self._ray
        attempts: Attempts[Any] = Attempts(jobs)
        at: dict[Any, Any] = {}
        self._fill()
        starting = {actor.ready.remote(): actor for actor in self._actors}
        idle: list[Any] = []
        seen = time.monotonic()
        taken = attempts.next()
        while taken is not None or attempts.flying:
            while idle and taken is not None:
                actor = idle.pop()
                ticket = actor.do.remote(taken[1])
                attempts.flying[ticket], at[ticket] = taken, actor
                taken = attempts.next()
            ready, _ = ray.wait([*attempts.flying, *starting], num_returns=1, timeout=5)
            if not ready:
                if not at and time.monotonic() - seen > PATIENCE:
                    raise EngineError(f"no worker of the Ray cluster was free for {PATIENCE:.0f} seconds")
                continue
            seen = time.monotonic()
            ticket = ready[0]
            actor = starting.pop(ticket, None) or at.pop(ticket)
            try:
                found = ray.get(ticket)
            except ray.exceptions.RayTaskError:
                raise
            except ray.exceptions.RayError as error:
                self._forget(actor)
                if ticket in attempts.flying:
                    attempts.lost(ticket, _first_line(error))
                    taken = taken or attempts.next()
                # It starts when the cluster has room again, perhaps never; the others go on.
                starting |= {actor.ready.remote(): actor for actor in self._fill()}
                continue
            idle.append(actor)
            if ticket not in attempts.flying:
                node, version = found
                if version != isogloss.__version__:
                    raise EngineError(f"{node} has isogloss {version}; here it is {isogloss.__version__}")
                continue
            index, job = attempts.flying.pop(ticket)
            value = found.unwrapped(self._progress)
            tick(job.size)
            yield index, value

    def _fill(self) -> list[Any]:
        """Start workers until there are as many as there should be; returns the new ones."""
        kind = self._ray.remote(_Worker)
        variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        threads = str(max(1, int(self._cpus)))
        new: list[Any] = []
        while len(self._actors) + len(new) < self.workers:
            options = {"num_cpus": self._cpus, "num_gpus": self._gpus, "max_restarts": 0}
            environment = {"env_vars": {**variables, "OMP_NUM_THREADS": threads, "POLARS_MAX_THREADS": threads}}
            new.append(kind.options(**options, runtime_env=environment).remote())
        self._actors += new
        return new

    def _forget(self, actor: Any) -> None:
        self._actors = [one for one in self._actors if one is not actor]

    def _leave(self) -> None:
        for actor in self._actors:
            with suppress(Exception):
                self._ray.kill(actor)
        self._actors = []
        if self._ours:
            self._ray.shutdown()
            self._ours = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()


class _Worker:
    """A process of the cluster. Ray gives it cores and GPUs of its own, so its number is that of the first one."""

    def __init__(self) -> None:
        self._bench = Bench()

    def ready(self) -> tuple[str, str]:
        """The machine, and the version of this package there."""
        return platform.node(), isogloss.__version__

    def do(self, job: Job) -> Outcome:
        return outcome_of(job, self._bench)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
