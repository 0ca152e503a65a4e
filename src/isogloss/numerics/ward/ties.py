"""Whether ties decide already among the points themselves, told from a few of them; finds no neighbours to merge."""

from __future__ import annotations

import torch
from torch import Tensor

from isogloss.numerics.ward.clusters import Clusters

_ASKED, _ANSWERING = 8, 8


def ties_at_once(clusters: Clusters) -> bool:
    """Whether one of a few points has two others nearest that have no nearer one themselves.

    Whatever merges first of the three, it has another one as near: a tie decides. Where points are all at the same
    distance (one-hot vectors) looking for nearest neighbours would take very long to say so; False says nothing.
    """
    live = clusters.live()
    for query in live[torch.linspace(0, len(live) - 1, min(_ASKED, len(live))).long()]:
        values, near = _around(clusters, query, live)
        others = live[values <= near][:_ANSWERING]
        if len(others) < 2:
            continue
        least = values.min()
        mutual = sum(bool(least <= _around(clusters, other, live)[1]) for other in others)
        if mutual > 1:
            return True
    return False


def _around(clusters: Clusters, query: Tensor, live: Tensor) -> tuple[Tensor, Tensor]:
    """Distances from one cluster to all, infinite to itself, and the largest one taken for equal to the least."""
    values = clusters.distance(query.expand(len(live)), live)
    values[live == query] = torch.inf
    return values, clusters.nearly(values.min(), clusters.weight[query])
