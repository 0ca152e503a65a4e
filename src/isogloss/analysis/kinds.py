"""All kinds of figures, and how each is read back from JSON."""

from __future__ import annotations

from typing import Any

from isogloss.analysis.explorer import ExplorerFigure
from isogloss.analysis.figure import BarsFigure, Figure, HeatmapFigure, LinesFigure, TableFigure
from isogloss.analysis.neurons import NeuronsFigure
from isogloss.analysis.paths import PathsFigure
from isogloss.analysis.word_map import WordMapFigure
from isogloss.shapes import shaped

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


def figure_from_dict(data: dict[str, Any]) -> Figure:
    """Read back what `Figure.as_dict` wrote (after a trip through JSON).

    Raises
    ------
    ValueError : the kind is not known.
    StoreError : a field is missing, unknown or of another type.
    """
    given = dict(data)
    kind = given.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"unknown kind of figure {kind!r}; known: {', '.join(KINDS)}")
    figure: Figure = shaped(given, KINDS[kind], f"the {kind} {given.get('name')!r}")
    return figure
