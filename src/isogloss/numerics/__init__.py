"""Arrays in, arrays out: numerical methods that know nothing of words, models or files."""

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
from isogloss.numerics.moments import MomentStream, PairMoments, cross_scatters, pair_moments
from isogloss.numerics.neighbours import nearest_neighbours, neighbour_overlap

__all__ = [
    "MomentStream",
    "PairMoments",
    "cross_scatters",
    "group_sums",
    "linearised_interval",
    "nearest_neighbours",
    "neighbour_overlap",
    "pair_moments",
    "percentile_interval",
    "poisson_sums",
    "ratio_intervals",
    "row_blocks",
    "split_floor",
    "split_halves",
    "zip_blocks",
]
