"""The neurons: what their template needs, a plain table of the foremost, and the map as a drawing.

The page itself lives in its script, which reads the neurons from the parts made by `neurons_parts`. The drawing gives
each narrow column the largest saliency of the neurons in it, so that none of the foremost is lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from markupsafe import Markup

from isogloss.analysis import NeuronEntry, NeuronsFigure, NeuronsLevel, TableFigure
from isogloss.report.draw import neurons_parts, packed, table
from isogloss.report.draw.scale import thinned
from isogloss.report.draw.svg import Child, document, element, short
from isogloss.report.draw.table import TableView
from isogloss.report.text import plain, shorten

_IN_TABLE = 12
_WORDS_IN_TABLE = 6
_VALUES_IN_TABLE = 4
_FATES = ("kept", "changed", "lost", "new")
_COLUMNS = 320
_SHADES = 24
_TURN = 0.6
"""Where on the scale, from 0 to 1, the second colour is full and the third begins."""
_KEY = (0.0, 0.05, 0.25, 0.5, 1.0)
"""Numbers written beside the scale."""


@dataclass(frozen=True)
class NeuronsView:
    """What the template of the neurons needs.

    Attributes
    ----------
    about : what the script must know before it opens any part; plain JSON.
    parts : (name, text) of the compressed parts.
    models, layers, fates, labels, key : what there is to choose from, and the numbers beside the scale.
    start : (model, layer) of the deepest level; None without neurons.
    table : the most salient neurons of the last layer, one group per model.
    """

    about: neurons_parts.About
    parts: tuple[tuple[str, Markup], ...]
    models: tuple[str, ...]
    layers: tuple[int, ...]
    fates: tuple[str, ...]
    labels: tuple[str, ...]
    key: tuple[str, ...]
    start: tuple[str, int] | None
    table: TableView


def _ordered(figure: NeuronsFigure) -> NeuronsFigure:
    """The figure's levels without empty ones, base before tuned, by layer."""
    levels = sorted((level for level in figure.levels if level.hidden), key=lambda level: (level.model, level.layer))
    return NeuronsFigure(**{**vars(figure), "levels": tuple(levels)})


def _foremost(saliency: Sequence[float], count: int) -> list[int]:
    return sorted((i for i, share in enumerate(saliency) if share > 0), key=lambda i: -saliency[i])[:count]


def _salient_for(figure: NeuronsFigure, entry: NeuronEntry | None) -> str:
    found = [figure.values[label][value] for label, value in entry.salient] if entry else []
    return ", ".join(map(packed.short_word, found[:_VALUES_IN_TABLE])) + (" …" if len(found) > _VALUES_IN_TABLE else "")


def _words(figure: NeuronsFigure, entry: NeuronEntry | None) -> str:
    strongest = sorted(entry.words, key=lambda word: -abs(word[1]))[:_WORDS_IN_TABLE] if entry else []
    return ", ".join(
        f"{packed.short_word(figure.vocabulary[word])} {'+' if mean > 0 else '−'}" for word, mean, _ in strongest
    )


def foremost(figure: NeuronsFigure) -> TableFigure:
    """The most salient neurons for the first label in the last layer of each model, as a table grouped by model."""
    rows: list[tuple[object, ...]] = []
    for model in sorted({level.model for level in figure.levels}):
        level = max((one for one in figure.levels if one.model == model), key=lambda one: one.layer)
        entries = {entry.neuron: entry for entry in level.neurons}
        for neuron in _foremost(level.saliency[0], _IN_TABLE):
            entry = entries.get(neuron)
            rows.append(
                (
                    f"{model}, layer {level.layer}, for {packed.short_word(figure.labels[0])}",
                    f"{level.layer}:{neuron}",
                    round(level.saliency[0][neuron], 4),
                    _salient_for(figure, entry) or None,
                    (entry.fate if entry else "") or None,
                    _words(figure, entry) or None,
                )
            )
    columns = ("model", "neuron", "saliency", "salient for", "fate", "its words")
    return TableFigure(figure.name, figure.title, figure.caption, columns, tuple(rows), "model")


def _start(figure: NeuronsFigure) -> NeuronsLevel | None:
    return max(figure.levels, key=lambda level: (level.model == "tuned", level.layer), default=None)


def view(figure: NeuronsFigure) -> NeuronsView:
    """Everything the template needs; the neurons themselves as compressed text."""
    whole = _ordered(figure)
    start = _start(whole)
    found = {entry.fate for level in whole.levels for entry in level.neurons}
    fates = tuple(fate for fate in _FATES if fate in found)
    about, parts = neurons_parts.pack(whole, fates, whole.levels.index(start) if start else 0)
    return NeuronsView(
        about=about,
        parts=parts,
        models=tuple(dict.fromkeys(level.model for level in whole.levels)),
        layers=tuple(sorted({level.layer for level in whole.levels})),
        fates=fates,
        labels=tuple(about["labels"]),
        key=tuple(f"{share:g}" for share in _KEY),
        start=(start.model, start.layer) if start else None,
        table=table.view(foremost(whole)),
    )


def _shade(share: float) -> int:
    return round(sqrt(share) * (_SHADES - 1))


def _cells(saliency: Sequence[float], wide: float, high: float, x: float, y: float) -> list[Markup]:
    """One layer as a row of cells, runs of one shade joined, one path per shade."""
    count = min(len(saliency), _COLUMNS)
    edges = [i * len(saliency) // count for i in range(count + 1)]
    shades = [_shade(max(saliency[a:b])) for a, b in pairwise(edges)]
    runs: dict[int, list[str]] = defaultdict(list)
    first = 0
    for i in range(1, count + 1):
        if i == count or shades[i] != shades[first]:
            if shades[first]:
                runs[shades[first]].append(f"M{first} 0h{i - first}v1H{first}z")
            first = i
    placed = f"translate({short(x)} {short(y)}) scale({wide / count:.5g} {short(high)})"
    return [
        element("g", *(_run(shade, "".join(runs[shade])) for shade in sorted(runs)), transform=placed, class_="cells")
    ]


def _run(shade: int, path: str) -> Markup:
    place = shade / (_SHADES - 1)
    below = element("path", d=path, class_="salient", fill_opacity=round(min(place / _TURN, 1.0), 2))
    if place <= _TURN:
        return below
    return below + element("path", d=path, class_="most-salient", fill_opacity=round((place - _TURN) / (1 - _TURN), 2))


def _scale(x: float, y: float, width: float) -> list[Markup]:
    drawn = [element("rect", x=x, y=y, width=width, height=9, class_="missing")]
    cells = [i / (_SHADES - 1) for i in range(_SHADES)]
    drawn += _cells([place**2 for place in cells], width, 9, x, y)
    drawn += [
        element("text", f"{share:g}", x=x + sqrt(share) * width, y=y + 24, class_="tick middle") for share in _KEY
    ]
    return drawn


def svg(figure: NeuronsFigure, width: int = 720) -> Markup:
    """The map for the first label as one SVG element: base above tuned, a row per layer, neurons from left to right."""
    whole = _ordered(figure)
    left, right = 40.0, 14.0
    room = width - left - right
    drawn: list[Child] = []
    y = 4.0
    high = min(max(220.0 / max(len(whole.levels), 1), 7.0), 20.0)
    for model in dict.fromkeys(level.model for level in whole.levels):
        rows = [level for level in whole.levels if level.model == model]
        said = f"{plain(model)}, {shorten(plain(whole.labels[0]), 40)}"
        drawn.append(element("text", said, x=left, y=y + 12, class_="key"))
        y += 20
        drawn.append(element("rect", x=left, y=y, width=room, height=high * len(rows), class_="missing"))
        labelled = set(thinned(len(rows), int(high * len(rows) / 15)))
        for i, level in enumerate(rows):
            if i in labelled:
                x = left - 8
                drawn.append(element("text", str(level.layer), x=x, y=y + (i + 0.5) * high + 4, class_="tick end"))
            drawn += _cells(level.saliency[0], room, high - 1, left, y + i * high)
        y += high * len(rows) + 14
    if whole.levels:
        drawn += _scale(left, y + 2, min(260.0, room))
        y += 34
    else:
        drawn.append(element("text", "no neurons", x=width / 2, y=y + 14, class_="name middle"))
        y += 24
    return document(width, y, figure.name, figure.title, figure.caption, *drawn)
