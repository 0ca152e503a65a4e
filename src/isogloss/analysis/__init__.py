"""What an analysis is: its inputs, its tables, its findings, its figures, and where analyses are found."""

from isogloss.analysis.figure import (
    MARK,
    Band,
    BarPart,
    BarsFigure,
    ExplorerFigure,
    ExplorerLevel,
    Figure,
    HeatmapFigure,
    Line,
    LinesFigure,
    TableFigure,
    figure_from_dict,
)
from isogloss.analysis.finding import Finding
from isogloss.analysis.protocol import Analysis, Classifier, Edit, LayerPair, Need, Tables, Vectors
from isogloss.analysis.registry import available, choose
from isogloss.analysis.tables import TIDY, tidy
from isogloss.analysis.wording import layers, side_by_side, stated, with_interval

__all__ = [
    "MARK",
    "TIDY",
    "Analysis",
    "Band",
    "BarPart",
    "BarsFigure",
    "Classifier",
    "Edit",
    "ExplorerFigure",
    "ExplorerLevel",
    "Figure",
    "Finding",
    "HeatmapFigure",
    "LayerPair",
    "Line",
    "LinesFigure",
    "Need",
    "TableFigure",
    "Tables",
    "Vectors",
    "available",
    "choose",
    "figure_from_dict",
    "layers",
    "side_by_side",
    "stated",
    "tidy",
    "with_interval",
]
