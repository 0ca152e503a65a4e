"""Which code draws which kind of figure. A new kind adds its module, one line here, and a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from isogloss.analysis import (
    BarsFigure,
    ExplorerFigure,
    Figure,
    HeatmapFigure,
    LinesFigure,
    NeuronsFigure,
    PathsFigure,
    TableFigure,
    WordMapFigure,
)
from isogloss.report.draw import bars, explorer, heatmap, lines, neurons, paths, table, wordmap
from isogloss.report.draw.grid import Grid


@dataclass(frozen=True)
class Renderer:
    """How a kind is drawn.

    Attributes
    ----------
    svg : (figure, width in pixels) -> one `svg` element.
    numbers : figure -> the numbers behind the drawing; None where the page shows them anyway.
    view : figure -> what the kind's own template needs; None where the drawing is all there is.
    """

    svg: Callable[[Any, int], Markup]
    numbers: Callable[[Any], Grid] | None = None
    view: Callable[[Any], Any] | None = None


RENDERERS: dict[type[Figure], Renderer] = {
    LinesFigure: Renderer(lines.svg, lines.numbers),
    BarsFigure: Renderer(bars.svg, bars.numbers),
    HeatmapFigure: Renderer(heatmap.svg, heatmap.numbers),
    TableFigure: Renderer(table.svg, view=table.view),
    ExplorerFigure: Renderer(explorer.svg, view=explorer.view),
    NeuronsFigure: Renderer(neurons.svg, view=neurons.view),
    WordMapFigure: Renderer(wordmap.svg, view=wordmap.view),
    PathsFigure: Renderer(paths.svg, view=paths.view),
}


def renderer(figure: Figure) -> Renderer:
    """What draws this figure.

    Raises
    ------
    ValueError : no renderer is registered for its kind.
    """
    if type(figure) not in RENDERERS:
        known = ", ".join(kind.__name__ for kind in RENDERERS)
        raise ValueError(
            f"nothing draws a {type(figure).__name__} (figure {figure.name!r}); renderers exist for {known}"
        )
    return RENDERERS[type(figure)]
