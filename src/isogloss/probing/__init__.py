"""Where, and in which neurons, does linguistic knowledge live? Probes with the controls that make them mean something.

Vectors and labels in, tables and findings out; knows nothing of transformers or of HTML. Each measure can be called by
itself.
"""

from isogloss.analysis.interventions import ablate_neurons, matched_neurons, remove_directions, translate
from isogloss.analysis.partition import partition_sentences
from isogloss.analysis.splits import ProbeRows, probe_rows
from isogloss.numerics.mlp import MLPProbe
from isogloss.numerics.mlp_search import MLPSearch, search_mlp
from isogloss.probing.ablation import ablation_curves
from isogloss.probing.agreement import Agreement, agreement
from isogloss.probing.analysis import ProbingAnalysis
from isogloss.probing.baselines import PerType, majority_predictions, per_type_predictions
from isogloss.probing.control import ControlTask, control_codes, control_labels
from isogloss.probing.description_length import OnlineBlocks, OnlineCode, codelength, description_length
from isogloss.probing.distribution import LayerShift, layer_distribution, layer_shift, neuron_fates
from isogloss.probing.fitting import fit_probes
from isogloss.probing.learning_curve import LearningCurve, NestedSubsets, learning_curve
from isogloss.probing.minimal import MinimalNeurons, minimal_layer, minimal_neurons
from isogloss.probing.options import ProbingOptions
from isogloss.probing.probe import LinearProbe
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
from isogloss.probing.regression import RegressionProbe
from isogloss.probing.regression_scores import RegressionScores, regression_scores
from isogloss.probing.resampling import Estimate, Resampled
from isogloss.probing.scalar_mix import ScalarMix
from isogloss.probing.scores import LabelScores, accuracy, label_scores, resampled_mean, selectivity
from isogloss.probing.task_use import TaskSentences, TaskUse, task_use
from isogloss.probing.top_words import top_words

__all__ = [
    "Agreement",
    "ClassMeans",
    "ControlTask",
    "Estimate",
    "LabelScores",
    "LayerShift",
    "LearningCurve",
    "LinearProbe",
    "MLPProbe",
    "MLPSearch",
    "MinimalNeurons",
    "NestedSubsets",
    "OnlineBlocks",
    "OnlineCode",
    "PerType",
    "ProbeRows",
    "ProbingAnalysis",
    "ProbingOptions",
    "Ranking",
    "RegressionProbe",
    "RegressionScores",
    "Resampled",
    "ScalarMix",
    "TaskSentences",
    "TaskUse",
    "ablate_neurons",
    "ablation_curves",
    "accuracy",
    "agreement",
    "class_means",
    "codelength",
    "control_codes",
    "control_labels",
    "description_length",
    "fit_probes",
    "label_scores",
    "layer_distribution",
    "layer_shift",
    "learning_curve",
    "majority_predictions",
    "matched_neurons",
    "minimal_layer",
    "minimal_neurons",
    "neuron_fates",
    "partition_sentences",
    "per_type_predictions",
    "probe_rows",
    "probe_weights",
    "rank_by_gaussian",
    "rank_by_lca",
    "rank_by_probeless",
    "rank_by_weights",
    "rank_neurons",
    "regression_scores",
    "remove_directions",
    "resampled_mean",
    "salient",
    "search_mlp",
    "selectivity",
    "task_use",
    "top_words",
    "translate",
]
