"""Many linear probes with an elastic net on one matrix, each solved to a certified distance from its optimum."""

from isogloss.numerics.elastic_net.problem import Loss, PenaltyName, Problem, Solution
from isogloss.numerics.elastic_net.solver import solve

__all__ = ["Loss", "PenaltyName", "Problem", "Solution", "solve"]
