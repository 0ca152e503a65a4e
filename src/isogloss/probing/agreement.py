"""How far rankings of the same neurons agree: overlap of their first k, and a vote. Ranks nothing by itself.

Fan, Dalvi, Durrani & Sajjad, NeurIPS 2023, "Evaluating Neuron Interpretation Methods of NLP Models" (arXiv 2301.12608)
compare methods by AvgOverlap and NeuronVote. What is computed here follows the code published with it
(github.com/fdalvi/neuron-comparative-analysis); the paper's own formulas were not compared, so the columns keep plain
names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import hypergeom

from isogloss.errors import OptionError
from isogloss.probing.rankings.inputs import as_order

VOTERS = 100
"""Neurons of each ranking that get points."""


@dataclass(frozen=True)
class Agreement:
    """Rankings held against each other.

    Attributes
    ----------
    pairs : `a`, `b`, `k`, `jaccard` of their first k, and `expected`, that of two random orders.
    methods : `method`, `k`, `average_overlap`, `vote_overlap`, `expected`.
    vote : (d,) neurons by the points of all rankings.
    points : (d,) points of each neuron.
    """

    pairs: pl.DataFrame
    methods: pl.DataFrame
    vote: np.ndarray
    points: np.ndarray


def agreement(
    rankings: Mapping[str, Any],
    k: int | Sequence[int] = (10, 20, 50, 100),
    *,
    voters: Sequence[str] | None = None,
    depth: int = VOTERS,
    leave_out: bool = True,
) -> Agreement:
    """Hold rankings of the same neurons against each other.

    * jaccard: |A and B| / |A or B| of the first k neurons of two rankings.
    * average_overlap of a method: the mean jaccard of its first k with those of every voter.
    * vote_overlap of a method: the jaccard of its first k with the first k of the vote. In the vote a voter gives its
      first `depth` neurons depth, depth - 1, ..., 1 points, and all others none (Borda, cut off); neurons are
      sorted by points, equal ones by number.

    Parameters
    ----------
    rankings : by name, a `Ranking` or an order of the d neurons.
    k : how many of the first neurons; those above d are left out.
    voters : the rankings that methods are held against and that vote; all if None. Leave a random one out.
    depth : of the vote.
    leave_out : a method is not held against itself and does not vote about itself. The published code keeps it in,
        which adds the same kind of bonus to every voter, and compares them unfairly with those that do not vote.

    Raises
    ------
    OptionError : fewer than two rankings or voters, rankings of different neurons, or an option has no such value.
    """
    if len(rankings) < 2:
        raise OptionError(f"rankings should be at least two. Got {len(rankings)}.")
    names = list(rankings)
    d = len(as_order(rankings[names[0]]))
    orders = {name: as_order(ranking, d) for name, ranking in rankings.items()}
    judges = names if voters is None else list(voters)
    if unknown := [v for v in judges if v not in orders]:
        raise OptionError(f"voters should be among {', '.join(names)}. Got {', '.join(unknown)}.")
    if len(judges) < 2 or depth < 1:
        raise OptionError(f"voters should be at least two and depth at least 1. Got {len(judges)} and {depth}.")
    sizes = sorted({int(i) for i in ([k] if isinstance(k, int) else k) if i <= d})
    if not sizes or sizes[0] < 1:
        raise OptionError(f"k should be between 1 and the number of neurons, {d}. Got {k} instead.")
    ballots = {name: _points(orders[name], min(depth, d)) for name in judges}
    points = np.sum(list(ballots.values()), axis=0)
    chance = {i: expected_jaccard(d, i) for i in sizes}
    pairs = [
        {"a": a, "b": b, "k": i, "jaccard": jaccard(orders[a][:i], orders[b][:i]), "expected": chance[i]}
        for a, b in combinations(names, 2)
        for i in sizes
    ]
    methods = []
    for name in names:
        others = [j for j in judges if not (leave_out and j == name)]
        own = ballots[name] if leave_out and name in ballots else 0
        vote = np.argsort(own - points, kind="stable")
        for i in sizes:
            overlaps = [jaccard(orders[name][:i], orders[j][:i]) for j in others]
            methods.append(
                {
                    "method": name,
                    "k": i,
                    "average_overlap": float(np.mean(overlaps)),
                    "vote_overlap": jaccard(orders[name][:i], vote[:i]),
                    "expected": chance[i],
                }
            )
    return Agreement(pl.DataFrame(pairs), pl.DataFrame(methods), np.argsort(-points, kind="stable"), points)


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    """Size of the intersection over that of the union of two sets; 1 for two empty ones."""
    both = len(np.intersect1d(a, b))
    union = len(np.union1d(a, b))
    return both / union if union else 1.0


def expected_jaccard(d: int, k: int) -> float:
    """Mean Jaccard index of two random sets of k out of d neurons; the intersection is hypergeometric."""
    shared = np.arange(max(0, 2 * k - d), k + 1)
    return float((hypergeom.pmf(shared, d, k, k) * shared / (2 * k - shared)).sum())


def _points(order: np.ndarray, depth: int) -> np.ndarray:
    points = np.zeros(len(order), dtype=np.int64)
    points[order[:depth]] = np.arange(depth, 0, -1)
    return points
