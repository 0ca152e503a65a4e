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
from isogloss.engines.attempts import MOST_LOSSES, Attempts
from isogloss.engines.jobs import Bench, Job, Outcome, Tick, outcome_of
from isogloss.engines.processes import THREAD_VARIABLES
from isogloss.errors import EngineError, OptionError
from isogloss.memory import size_in_words
from isogloss.progress import SILENT, Progress
from isogloss.sealed import first_line

PASSED_ON = ("HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HF_ENDPOINT")
"""Variables that workers get from this process. No secrets: whoever sees the cluster's dashboard sees them."""
_TOKEN = "if it asks for a token, as newer versions of Ray do once there is one, set RAY_AUTH_MODE=token here too"
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
    memory : bytes that all of them may take together; this process has a share like each of theirs. The cluster places
        a worker where there is its share.
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
        memory: float | None = None,
    ) -> None:
        if cpus <= 0 or gpus < 0:
            raise OptionError(f"a worker has cores (more than 0) and GPUs (0 or more); got {cpus} and {gpus}")
        if workers is not None and workers < 1:
            raise OptionError(f"there is at least one worker; got {workers}")
        self._address, self._cpus, self._gpus, self._progress = address, cpus, gpus, progress
        self._wanted = workers
        self._memory = memory
        self.memory: float | None = None
        self.peak = 0.0
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
                raise EngineError(
                    f"no Ray cluster at {address or 'this machine'}: {first_line(error)}", _TOKEN if address else ""
                ) from error
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
        if self._memory is not None:
            self.memory = self._memory / (self.workers + 1)
            there = have.get("memory", 0.0)
            if self.memory * self.workers > there:
                self._leave()
                raise EngineError(
                    f"the Ray cluster has {size_in_words(there)} of memory; {self.workers} workers with "
                    f"{size_in_words(self.memory)} each are asked for",
                    "fewer {workers}, or less {memory}",
                    workers=None,
                    memory=None,
                )
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
        failed = 0
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
                failed += 1
                if failed > MOST_LOSSES * self.workers:
                    raise EngineError(
                        f"workers of the Ray cluster end as soon as they are started: {first_line(error)}",
                        "isogloss must be installed where they run",
                    ) from error
                if ticket in attempts.flying:
                    attempts.lost(ticket, first_line(error))
                    taken = taken or attempts.next()
                # It starts when the cluster has room again, perhaps never; the others go on.
                starting |= {actor.ready.remote(): actor for actor in self._fill()}
                continue
            idle.append(actor)
            failed = 0
            if ticket not in attempts.flying:
                node, version = found
                if version != isogloss.__version__:
                    raise EngineError(f"{node} has isogloss {version}; here it is {isogloss.__version__}")
                continue
            index, job = attempts.flying.pop(ticket)
            self.peak = max(self.peak, found.peak)
            value = found.unwrapped(self._progress)
            tick(job.size)
            yield index, value

    def _fill(self) -> list[Any]:
        """Start workers until there are as many as there should be; returns the new ones."""
        kind = self._ray.remote(_Worker)
        variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        threads = str(max(1, int(self._cpus)))
        variables |= dict.fromkeys(THREAD_VARIABLES, threads)
        if not self._gpus:
            # Without GPUs of its own a worker would take the first one, as all the others do.
            variables["CUDA_VISIBLE_DEVICES"] = ""
        new: list[Any] = []
        while len(self._actors) + len(new) < self.workers:
            options: dict[str, Any] = {"num_cpus": self._cpus, "num_gpus": self._gpus, "max_restarts": 0}
            if self.memory is not None:
                options["memory"] = int(self.memory)
            new.append(kind.options(**options, runtime_env={"env_vars": variables}).remote(self.memory))
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
    """A process of the cluster. The GPUs that it sees are its own."""

    def __init__(self, memory: float | None) -> None:
        self._bench = Bench(memory=memory)

    def ready(self) -> tuple[str, str]:
        """The machine, and the version of this package there."""
        return platform.node(), isogloss.__version__

    def do(self, job: Job) -> Outcome:
        return outcome_of(job, self._bench)
