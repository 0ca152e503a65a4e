"""Which engine a user means."""

from __future__ import annotations

from isogloss.engines.inline import Inline
from isogloss.engines.jobs import Engine
from isogloss.engines.processes import Processes
from isogloss.engines.ray_cluster import RayCluster
from isogloss.errors import OptionError
from isogloss.progress import SILENT, Progress

ENGINES = ("inline", "processes", "ray", "ray://HOST:PORT")


def open_engine(
    engine: str | Engine = "inline",
    *,
    workers: int | None = None,
    cpus_per_worker: float | None = None,
    gpus_per_worker: float | None = None,
    progress: Progress = SILENT,
) -> Engine:
    """An engine by name, to be used as a context manager.

    Parameters
    ----------
    engine : `inline`; `processes`, of this machine; `ray`, the cluster that this process is in, or that RAY_ADDRESS
        names, or a new one of this machine; `ray://HOST:PORT`. An engine is given back as it is.
    workers : how many; as many as there is room for if None. More than one means `processes` where `inline` is given.
    cpus_per_worker : cores of each.
    gpus_per_worker : GPUs of each worker of a Ray cluster; .5 lets two share one.

    Raises
    ------
    OptionError : there is no such engine, or it has no such option.
    """
    if not isinstance(engine, str):
        return engine
    name = "processes" if engine == "inline" and (workers or 1) > 1 else engine
    if gpus_per_worker is not None and not name.startswith("ray"):
        raise OptionError(
            f"GPUs are shared out by the engine ray; {name} takes those it sees", "say {engine}", engine="ray"
        )
    if name == "inline":
        return Inline(progress)
    if name == "processes":
        return Processes(workers, None if cpus_per_worker is None else max(1, int(cpus_per_worker)), progress)
    if name == "ray" or name.startswith("ray://"):
        address = None if name == "ray" else name
        return RayCluster(address, workers, cpus_per_worker or 1, gpus_per_worker or 0, progress)
    raise OptionError(f"there is no engine {engine!r}; there are {', '.join(ENGINES)}")
