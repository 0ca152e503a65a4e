"""The shape of the space and what its directions carry. Arrays and labels in, tables and findings out.

Knows nothing of transformers or of HTML.
"""

from isogloss.isotropy.analysis import IsotropyAnalysis
from isogloss.isotropy.clusters import cluster_isotropy
from isogloss.isotropy.contextuality import contextuality
from isogloss.isotropy.cosine import mean_cosine, rogue_dimensions
from isogloss.isotropy.dimension import intrinsic_dimension
from isogloss.isotropy.directions import Directions, remove_directions
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.frequency import frequency_agreement
from isogloss.isotropy.informativity import informativity
from isogloss.isotropy.labellings import Labelling, cluster_agreement
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.partition import partition_isotropy
from isogloss.isotropy.removal import removal_curves
from isogloss.isotropy.shape import Shape, measure_shape
from isogloss.isotropy.spectrum import (
    directions_for,
    effective_rank,
    elongated_directions,
    isoscore,
    participation_ratio,
    spectrum,
)
from isogloss.isotropy.treatment_scores import compare_treatments, sweep
from isogloss.isotropy.treatments import AllButTheTop, ClusterEnhancement, ClusterZeroMean, ZeroMean

__all__ = [
    "AllButTheTop",
    "ClusterEnhancement",
    "ClusterZeroMean",
    "Directions",
    "Estimate",
    "IsotropyAnalysis",
    "IsotropyOptions",
    "Labelling",
    "Shape",
    "ZeroMean",
    "cluster_agreement",
    "cluster_isotropy",
    "compare_treatments",
    "contextuality",
    "directions_for",
    "effective_rank",
    "elongated_directions",
    "frequency_agreement",
    "informativity",
    "intrinsic_dimension",
    "isoscore",
    "mean_cosine",
    "measure_shape",
    "participation_ratio",
    "partition_isotropy",
    "removal_curves",
    "remove_directions",
    "rogue_dimensions",
    "spectrum",
    "sweep",
]
