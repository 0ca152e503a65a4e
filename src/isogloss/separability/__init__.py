"""Separability: how far labels lie apart, and whether the model memorised what it was trained on.

After Zhou & Srikumar, "DirectProbe" (NAACL 2021) and "A Closer Look at How Fine-tuning Changes BERT" (ACL 2022).
"""

from isogloss.numerics.hulls import HullGap, hull_distance, hull_gap, nearest_hulls, point_hull_distances
from isogloss.numerics.separation import Separation, separable
from isogloss.separability.analysis import SeparabilityAnalysis
from isogloss.separability.centroids import centroid_paths, difference_vectors
from isogloss.separability.directprobe import DirectProbe
from isogloss.separability.memorisation import measure_memorisation
from isogloss.separability.options import SeparabilityOptions
from isogloss.separability.spatial import SpatialSimilarity, compare_spaces

__all__ = [
    "DirectProbe",
    "HullGap",
    "SeparabilityAnalysis",
    "SeparabilityOptions",
    "Separation",
    "SpatialSimilarity",
    "centroid_paths",
    "compare_spaces",
    "difference_vectors",
    "hull_distance",
    "hull_gap",
    "measure_memorisation",
    "nearest_hulls",
    "point_hull_distances",
    "separable",
]
