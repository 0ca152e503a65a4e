"""Rankings of neurons: which neurons of a layer, or of all layers, tell most of a label."""

from isogloss.probing.rankings.gaussian import rank_by_gaussian
from isogloss.probing.rankings.lca import rank_by_lca, salient
from isogloss.probing.rankings.methods import METHODS, probe_weights, rank_neurons
from isogloss.probing.rankings.probeless import ClassMeans, class_means, rank_by_probeless
from isogloss.probing.rankings.ranking import Ranking
from isogloss.probing.rankings.weights import rank_at_random, rank_by_weights

__all__ = [
    "METHODS",
    "ClassMeans",
    "Ranking",
    "class_means",
    "probe_weights",
    "rank_at_random",
    "rank_by_gaussian",
    "rank_by_lca",
    "rank_by_probeless",
    "rank_by_weights",
    "rank_neurons",
    "salient",
]
