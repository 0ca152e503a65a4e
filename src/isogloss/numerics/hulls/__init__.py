"""Distances between convex hulls of point sets, and from points to hulls, with bounds that prove them."""

from isogloss.numerics.hulls.gap import HullGap, hull_distance, hull_gap
from isogloss.numerics.hulls.nearest import nearest_hulls, point_hull_distances
from isogloss.numerics.hulls.pairwise import pairwise_hull_distances

__all__ = [
    "HullGap",
    "hull_distance",
    "hull_gap",
    "nearest_hulls",
    "pairwise_hull_distances",
    "point_hull_distances",
]
