"""Where work is done: here, in processes of this machine, or on a Ray cluster. Schedules nothing itself."""

from isogloss.engines.choice import ALONE, ENGINES, Workers
from isogloss.engines.inline import Inline
from isogloss.engines.jobs import Bench, Engine, Job
from isogloss.engines.processes import Processes
from isogloss.engines.ray_cluster import RayCluster

__all__ = ["ALONE", "ENGINES", "Bench", "Engine", "Inline", "Job", "Processes", "RayCluster", "Workers"]
