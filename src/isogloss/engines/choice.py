"""Which engine a user means."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.engines.inline import Inline
from isogloss.engines.jobs import Engine
from isogloss.engines.processes import Processes
from isogloss.engines.ray_cluster import RayCluster
from isogloss.errors import OptionError
from isogloss.memory import limit_in_bytes
from isogloss.progress import SILENT, Progress

ENGINES = ("inline", "processes", "ray", "ray://HOST:PORT")


@dataclass(frozen=True)
class Workers:
    """Who does the work of a run.

    Attributes
    ----------
    engine : `inline`; `processes`, of this machine; `ray`, the cluster that this process is in, or that RAY_ADDRESS
        names, or a new one of this machine; `ray://HOST:PORT`.
    workers : how many; as many as there is room for if None. More than one means `processes` where `inline` is given.
    cpus_per_worker : cores of each.
    gpus_per_worker : GPUs of each worker of a Ray cluster; .5 lets two share one.
    memory : bytes that they may take together, or a size such as "8GiB"; None for no limit. Each has an equal share,
        and so has the process that hands out the work where that is another one. What a limit leaves no room for in
        memory stands in files of the run directory while it is needed; nothing that is computed changes. What files
        hold in the system's cache does not count: the system takes it back when it must.
    """

    engine: str = "inline"
    workers: int | None = None
    cpus_per_worker: float | None = None
    gpus_per_worker: float | None = None
    memory: str | float | None = None

    def opened(self, progress: Progress = SILENT) -> Engine:
        """The engine, to be used as a context manager; nothing is started before that.

        Raises
        ------
        OptionError : there is no such engine, or it has no such option.
        """
        name, workers, memory = self.engine, self.workers, limit_in_bytes(self.memory)
        if workers is not None and workers < 1:
            raise OptionError(f"there is at least one worker; got {workers}")
        if self.cpus_per_worker is not None and self.cpus_per_worker <= 0:
            raise OptionError(f"a worker has cores, more than 0; got {self.cpus_per_worker:g}")
        if name == "inline" and (workers or 1) > 1:
            name = "processes"
        cpus, gpus = self.cpus_per_worker, self.gpus_per_worker
        if gpus is not None and not name.startswith("ray"):
            raise OptionError(
                f"only the engine ray shares GPUs out; {name} takes those it sees", "say {engine}", engine="ray"
            )
        if name == "inline":
            if cpus is not None:
                raise OptionError(
                    "the engine inline has no workers to give cores to", "say {engine}", engine="processes"
                )
            return Inline(progress, memory)
        if name == "processes":
            return Processes(workers, None if cpus is None else max(1, int(cpus)), progress, memory)
        if name == "ray" or name.startswith("ray://"):
            return RayCluster(None if name == "ray" else name, workers, cpus or 1, gpus or 0, progress, memory)
        raise OptionError(f"there is no engine {name!r}; there are {', '.join(ENGINES)}")


ALONE = Workers()
"""No workers besides this process."""
