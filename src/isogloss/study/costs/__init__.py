"""What a study will take - operations, bytes, memory, time - before it is run."""

from isogloss.study.costs.machine import Machine
from isogloss.study.costs.plan import Limit, Plan, plan_study
from isogloss.study.costs.stages import Stage

__all__ = ["Limit", "Machine", "Plan", "Stage", "plan_study"]
