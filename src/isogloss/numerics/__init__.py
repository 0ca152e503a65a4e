"""Arrays in, arrays out: numerical methods that know nothing of words, models or files."""

from isogloss.numerics.approximate_clustering import kmeans_clusters, leaders_ward, within_cluster_sum_of_squares
from isogloss.numerics.blocks import row_blocks, zip_blocks
from isogloss.numerics.bootstrap import (
    group_sums,
    linearised_interval,
    percentile_interval,
    poisson_sums,
    ratio_intervals,
    split_floor,
    split_halves,
)
from isogloss.numerics.cross import CrossMoments, CrossStream
from isogloss.numerics.moments import MomentStream, PairMoments, pair_moments
from isogloss.numerics.neighbours import nearest_neighbours, neighbour_overlap, shared_neighbours
from isogloss.numerics.proportions import wilson_interval

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
    "ratio_intervals",
    "row_blocks",
    "shared_neighbours",
    "split_floor",
    "split_halves",
    "wilson_interval",
    "within_cluster_sum_of_squares",
    "zip_blocks",
]
