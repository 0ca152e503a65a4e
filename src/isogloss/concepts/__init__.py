"""Which latent concepts does each layer hold, which survive fine-tuning, which are born for it? Measures of concepts.

Clusters, words and labels in, tables out; knows nothing of transformers or of HTML.
"""

from isogloss.concepts.alignment import ClusterAlignment, align_clusters
from isogloss.concepts.clusters import ClusterDescription, describe_clusters
from isogloss.concepts.fates import Fates, fates
from isogloss.concepts.joint import Calign, Colap, calign, colap
from isogloss.concepts.labels import LabelAlignment, align_labels
from isogloss.concepts.naming import Annotator, characteristic_words, name_concepts
from isogloss.concepts.noise import Agreement, agreement, half_alignment
from isogloss.concepts.nulls import NullBand
from isogloss.concepts.polarity import Polarity, polarity, wilson_interval

__all__ = [
    "Agreement",
    "Annotator",
    "Calign",
    "ClusterAlignment",
    "ClusterDescription",
    "Colap",
    "Fates",
    "LabelAlignment",
    "NullBand",
    "Polarity",
    "agreement",
    "align_clusters",
    "align_labels",
    "calign",
    "characteristic_words",
    "colap",
    "describe_clusters",
    "fates",
    "half_alignment",
    "name_concepts",
    "polarity",
    "wilson_interval",
]
