"""All kinds of figures, and how each is read back from JSON."""

from __future__ import annotations

from typing import Any

from isogloss.analysis.explorer import ExplorerFigure, ExplorerLevel
from isogloss.analysis.figure import (
    Band,
    BarPart,
    BarsFigure,
    Figure,
    HeatmapFigure,
    Line,
    LinesFigure,
    TableFigure,
)
from isogloss.analysis.neurons import NeuronEntry, NeuronsFigure, NeuronsLevel
from isogloss.analysis.paths import PathLabel, PathsFigure, PathsLayer
from isogloss.analysis.word_map import WordColouring, WordMapFigure, WordMapLevel

KINDS: dict[str, type[Figure]] = {
    f.kind: f
    for f in (
        LinesFigure,
        BarsFigure,
        HeatmapFigure,
        TableFigure,
        ExplorerFigure,
        NeuronsFigure,
        WordMapFigure,
        PathsFigure,
    )
}

_PARTS: dict[type[Any], dict[str, type[Any]]] = {
    LinesFigure: {"lines": Line, "bands": Band},
    BarsFigure: {"parts": BarPart},
    ExplorerFigure: {"levels": ExplorerLevel},
    NeuronsFigure: {"levels": NeuronsLevel},
    NeuronsLevel: {"neurons": NeuronEntry},
    WordMapFigure: {"colourings": WordColouring, "levels": WordMapLevel},
    PathsFigure: {"labels": PathLabel, "layers": PathsLayer},
}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _made(kind: type[Any], given: dict[str, Any]) -> Any:
    parts = _PARTS.get(kind, {})
    return kind(
        **{
            name: tuple(_made(parts[name], one) for one in value) if name in parts else _tuples(value)
            for name, value in given.items()
        }
    )


def figure_from_dict(data: dict[str, Any]) -> Figure:
    """Read back what `Figure.as_dict` wrote (after a trip through JSON).

    Raises
    ------
    ValueError : the kind is not known.
    """
    given = dict(data)
    kind = given.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"unknown kind of figure {kind!r}; known: {', '.join(KINDS)}")
    figure: Figure = _made(KINDS[kind], given)
    return figure
