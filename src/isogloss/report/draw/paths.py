"""The paths of labels: what the template needs, and a plain table of what moved most.

The animation lives in the page's script, which reads the places from the parts made by `paths_parts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import hypot

from markupsafe import Markup

from isogloss.analysis import PathsFigure, PathsLayer, TableFigure
from isogloss.report.draw import paths_parts, table
from isogloss.report.draw.paths_svg import by_movement, ordered, svg
from isogloss.report.draw.table import TableView

__all__ = ["NAMES", "PathsView", "moved_most", "svg", "view"]

_IN_TABLE = 20
NAMES = {"paths": "paths", "arrows": "arrows", "directions": "difference vectors"}
"""What may be seen, as the page calls it."""


@dataclass(frozen=True)
class PathsView:
    """What the template of the paths needs.

    Attributes
    ----------
    about : what the script must know before it opens any part; plain JSON. None without labels or layers.
    parts : (name, text) of the compressed parts.
    layers, steps : what there is to choose from; the last of both are shown first.
    shows : (value, name) of what may be seen.
    drawing : the last layer as it stands without a script.
    labels : how many there are.
    table : the labels that moved farthest in the last layer.
    """

    about: paths_parts.About | None
    parts: tuple[tuple[str, Markup], ...]
    layers: tuple[int, ...]
    steps: tuple[str, ...]
    shows: tuple[tuple[str, str], ...]
    drawing: Markup
    labels: int
    table: TableView


def moved_most(figure: PathsFigure) -> TableFigure:
    """The labels that moved farthest in the last layer: how far, how long their paths, how near another label."""
    found, of = paths_parts.groups(figure.labels)
    layer = figure.layers[-1] if figure.layers else PathsLayer(0)
    rows: list[tuple[object, ...]] = []
    for i in by_movement(layer)[:_IN_TABLE]:
        label = figure.labels[i]
        steps = pairwise(zip(layer.x[i], layer.y[i], strict=True))
        length = sum(hypot(x - a, y - b) for (a, b), (x, y) in steps)
        distances = layer.distances[i] if layer.distances else ()
        group = [paths_parts.shown_name(found[of[i]])] if found else []
        rows.append(
            (
                layer.layer,
                paths_parts.shown_name(label.name),
                *group,
                label.count,
                *(float(f"{value:.4g}") for value in (layer.moved(i), length)),
                *(distances[:1] + distances[-1:] or (None, None)),
            )
        )
    columns = ("layer", "label", *(["group"] if found else []), "points", "moved", "length of its path")
    columns += ("nearest label, first", "nearest label, last")
    kept = [k for k in range(len(columns)) if k < 2 or any(row[k] is not None for row in rows)]
    return TableFigure(
        figure.name,
        figure.title,
        figure.caption,
        tuple(columns[k] for k in kept),
        tuple(tuple(row[k] for k in kept) for row in rows),
        "layer",
    )


def view(figure: PathsFigure) -> PathsView:
    """Everything the template needs; the places themselves as compressed text."""
    whole = ordered(figure)
    about, parts = paths_parts.pack(whole) if whole.layers else (None, ())
    return PathsView(
        about=about,
        parts=parts,
        layers=tuple(layer.layer for layer in whole.layers),
        steps=tuple(about["steps"]) if about else (),
        shows=tuple(NAMES.items()),
        drawing=svg(figure) if about else Markup(""),
        labels=len(whole.labels),
        table=table.view(moved_most(whole)),
    )
