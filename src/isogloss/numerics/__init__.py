"""Arrays in, arrays out: numerical methods that know nothing of words, models or files."""

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
from isogloss.numerics.cross import CrossMoments, CrossStream
from isogloss.numerics.moments import MomentStream, PairMoments, pair_moments
from isogloss.numerics.neighbours import nearest_neighbours, neighbour_overlap, shared_neighbours
from isogloss.numerics.proportions import wilson_interval

if TYPE_CHECKING:
    from isogloss.numerics.approximate_clustering import (
        kmeans_clusters,
        leaders_ward,
        within_cluster_sum_of_squares,
    )

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

_OF_APPROXIMATE_CLUSTERING = ("kmeans_clusters", "leaders_ward", "within_cluster_sum_of_squares")


def __getattr__(name: str) -> Any:
    # scikit-learn's clustering takes a second to import; measures that cluster nothing should not wait for it.
    if name in _OF_APPROXIMATE_CLUSTERING:
        from isogloss.numerics import approximate_clustering

        return getattr(approximate_clustering, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
