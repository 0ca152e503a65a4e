"""The concepts analysis: which latent concepts a layer holds, which survive fine-tuning, which are born for the task.

Vectors, words and labels in, tables and findings out; knows nothing of transformers or of HTML. `ConceptsAnalysis`
joins the measures; each of them can be called by itself.
"""

from isogloss.concepts.alignment import ClusterAlignment, align_clusters
from isogloss.concepts.analysis import ConceptsAnalysis
from isogloss.concepts.clusters import ClusterDescription, describe_clusters
from isogloss.concepts.controls import matched_controls
from isogloss.concepts.fates import Fates, fates
from isogloss.concepts.joint import Calign, Colap, calign, colap
from isogloss.concepts.labels import LabelAlignment, align_labels
from isogloss.concepts.naming import Annotator, characteristic_words, name_concepts
from isogloss.concepts.noise import Agreement, adjusted_rand, agreement, half_alignment
from isogloss.concepts.nulls import NullBand
from isogloss.concepts.options import ConceptsOptions
from isogloss.concepts.polarity import Polarity, polarity
from isogloss.concepts.triggers import Triggers, triggers
from isogloss.concepts.universal_trigger import universal_trigger
from isogloss.numerics import kmeans_clusters, leaders_ward, within_cluster_sum_of_squares
from isogloss.numerics.ward import WardClustering, cut, ward_linkage

__all__ = [
    "Agreement",
    "Annotator",
    "Calign",
    "ClusterAlignment",
    "ClusterDescription",
    "Colap",
    "ConceptsAnalysis",
    "ConceptsOptions",
    "Fates",
    "LabelAlignment",
    "NullBand",
    "Polarity",
    "Triggers",
    "WardClustering",
    "adjusted_rand",
    "agreement",
    "align_clusters",
    "align_labels",
    "calign",
    "characteristic_words",
    "colap",
    "cut",
    "describe_clusters",
    "fates",
    "half_alignment",
    "kmeans_clusters",
    "leaders_ward",
    "matched_controls",
    "name_concepts",
    "polarity",
    "triggers",
    "universal_trigger",
    "ward_linkage",
    "within_cluster_sum_of_squares",
]
