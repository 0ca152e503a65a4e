"""What an analysis is: its inputs, its tables, its findings, its figures, and where analyses are found."""

from isogloss.analysis.contexts import CONTEXT, contexts
from isogloss.analysis.curves import curve, figure_names, layer_map, noise_band, values_of
from isogloss.analysis.explorer import ExplorerFigure, ExplorerLevel
from isogloss.analysis.figure import (
    MARK,
    Band,
    BarPart,
    BarsFigure,
    Figure,
    HeatmapFigure,
    Line,
    LinesFigure,
    TableFigure,
)
from isogloss.analysis.finding import Finding
from isogloss.analysis.growth import AskingAnalysis, GrowingAnalysis, HoldingAnalysis, TextAmount
from isogloss.analysis.kinds import figure_from_dict
from isogloss.analysis.neurons import NeuronEntry, NeuronsFigure, NeuronsLevel
from isogloss.analysis.paths import PathLabel, PathsFigure, PathsLayer
from isogloss.analysis.protocol import (
    Analysis,
    ArrayVectors,
    By,
    CheckingAnalysis,
    Classifier,
    Edit,
    HeadlineAnalysis,
    LayerPair,
    ModelPair,
    Need,
    SeriesAnalysis,
    Tables,
    Vectors,
    WholeModelAnalysis,
)
from isogloss.analysis.registry import available, choose
from isogloss.analysis.tables import BETWEEN_SEEDS, TIDY, between_seeds, first_tuned, tidy
from isogloss.analysis.word_classes import classing, word_classes
from isogloss.analysis.word_map import WordColouring, WordMapFigure, WordMapLevel
from isogloss.analysis.wording import from_to, layers, listed, side_by_side, stated, with_interval

__all__ = [
    "BETWEEN_SEEDS",
    "CONTEXT",
    "MARK",
    "TIDY",
    "Analysis",
    "ArrayVectors",
    "AskingAnalysis",
    "Band",
    "BarPart",
    "BarsFigure",
    "By",
    "CheckingAnalysis",
    "Classifier",
    "Edit",
    "ExplorerFigure",
    "ExplorerLevel",
    "Figure",
    "Finding",
    "GrowingAnalysis",
    "HeadlineAnalysis",
    "HeatmapFigure",
    "HoldingAnalysis",
    "LayerPair",
    "Line",
    "LinesFigure",
    "ModelPair",
    "Need",
    "NeuronEntry",
    "NeuronsFigure",
    "NeuronsLevel",
    "PathLabel",
    "PathsFigure",
    "PathsLayer",
    "SeriesAnalysis",
    "TableFigure",
    "Tables",
    "TextAmount",
    "Vectors",
    "WholeModelAnalysis",
    "WordColouring",
    "WordMapFigure",
    "WordMapLevel",
    "available",
    "between_seeds",
    "choose",
    "classing",
    "contexts",
    "curve",
    "figure_from_dict",
    "figure_names",
    "first_tuned",
    "from_to",
    "layer_map",
    "layers",
    "listed",
    "noise_band",
    "side_by_side",
    "stated",
    "tidy",
    "values_of",
    "with_interval",
    "word_classes",
]
