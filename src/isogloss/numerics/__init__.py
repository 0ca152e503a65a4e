"""Arrays in, arrays out: numerical methods that know nothing of words, models or files."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isogloss.numerics.blocks import row_blocks, zip_blocks
from isogloss.numerics.bootstrap import (
    group_sums,
    linearised_interval,
    percentile_interval,
    poisson_sums,
    poisson_weights,
    ratio_intervals,
    split_floor,
    split_halves,
)
from isogloss.numerics.proportions import wilson_interval

if TYPE_CHECKING:
    from isogloss.numerics.approximate_clustering import (
        kmeans_clusters,
        leaders_ward,
        within_cluster_sum_of_squares,
    )
    from isogloss.numerics.cross import CrossMoments, CrossStream
    from isogloss.numerics.moments import MomentStream, PairMoments, pair_moments
    from isogloss.numerics.neighbours import nearest_neighbours, neighbour_overlap, shared_neighbours

__all__ = [
    "CrossMoments",
    "CrossStream",
    "MomentStream",
    "PairMoments",
    "group_sums",
    "kmeans_clusters",
    "leaders_ward",
    "linearised_interval",
    "nearest_neighbours",
    "neighbour_overlap",
    "pair_moments",
    "percentile_interval",
    "poisson_sums",
    "poisson_weights",
    "ratio_intervals",
    "row_blocks",
    "shared_neighbours",
    "split_floor",
    "split_halves",
    "wilson_interval",
    "within_cluster_sum_of_squares",
    "zip_blocks",
]

# torch and scikit-learn take seconds to import, and whoever reads a finished run needs neither.
_HOMES = {
    "CrossMoments": "cross",
    "CrossStream": "cross",
    "MomentStream": "moments",
    "PairMoments": "moments",
    "kmeans_clusters": "approximate_clustering",
    "leaders_ward": "approximate_clustering",
    "nearest_neighbours": "neighbours",
    "neighbour_overlap": "neighbours",
    "pair_moments": "moments",
    "shared_neighbours": "neighbours",
    "within_cluster_sum_of_squares": "approximate_clustering",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"isogloss.numerics.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
