"""Where does linguistic knowledge live? Probes of one layer's vectors, with the controls that make them mean something.

Arrays and labels in, tables and findings out; knows nothing of transformers or of HTML.
"""

from isogloss.probing.baselines import PerType, majority_predictions, per_type_predictions
from isogloss.probing.control import ControlTask, control_codes, control_labels
from isogloss.probing.description_length import OnlineBlocks, OnlineCode, codelength, description_length
from isogloss.probing.learning_curve import LearningCurve, NestedSubsets, learning_curve
from isogloss.probing.mlp import MLPProbe
from isogloss.probing.mlp_search import MLPSearch, search_mlp
from isogloss.probing.partition import partition_sentences
from isogloss.probing.regression_scores import RegressionScores, regression_scores
from isogloss.probing.resampling import Estimate, Resampled
from isogloss.probing.scalar_mix import ScalarMix
from isogloss.probing.scores import LabelScores, accuracy, label_scores, resampled_mean, selectivity
from isogloss.probing.splits import ProbeRows, probe_rows

__all__ = [
    "ControlTask",
    "Estimate",
    "LabelScores",
    "LearningCurve",
    "MLPProbe",
    "MLPSearch",
    "NestedSubsets",
    "OnlineBlocks",
    "OnlineCode",
    "PerType",
    "ProbeRows",
    "RegressionScores",
    "Resampled",
    "ScalarMix",
    "accuracy",
    "codelength",
    "control_codes",
    "control_labels",
    "description_length",
    "label_scores",
    "learning_curve",
    "majority_predictions",
    "partition_sentences",
    "per_type_predictions",
    "probe_rows",
    "regression_scores",
    "resampled_mean",
    "search_mlp",
    "selectivity",
]
