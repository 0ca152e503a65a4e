"""The probing analysis: where, and in which neurons, a layer holds labels, before fine-tuning and after.

Vectors and labels in, tables and findings out; knows nothing of transformers or of HTML. Each measure can be called by
itself.
"""

from isogloss.probing.ablation import ablation_curves
from isogloss.probing.agreement import Agreement, agreement
from isogloss.probing.distribution import LayerShift, layer_distribution, layer_shift, neuron_fates
from isogloss.probing.minimal import MinimalNeurons, minimal_layer, minimal_neurons
from isogloss.probing.rankings import (
    ClassMeans,
    Ranking,
    class_means,
    probe_weights,
    rank_by_gaussian,
    rank_by_lca,
    rank_by_probeless,
    rank_by_weights,
    rank_neurons,
    salient,
)
from isogloss.probing.top_words import top_words

__all__ = [
    "Agreement",
    "ClassMeans",
    "LayerShift",
    "MinimalNeurons",
    "Ranking",
    "ablation_curves",
    "agreement",
    "class_means",
    "layer_distribution",
    "layer_shift",
    "minimal_layer",
    "minimal_neurons",
    "neuron_fates",
    "probe_weights",
    "rank_by_gaussian",
    "rank_by_lca",
    "rank_by_probeless",
    "rank_by_weights",
    "rank_neurons",
    "salient",
    "top_words",
]
