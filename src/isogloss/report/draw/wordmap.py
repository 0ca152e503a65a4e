"""The map of words: what its template needs, a plain table of the words at its ends, and one layer as a drawing.

The page itself lives in its script, which reads the words from the parts made by `wordmap_parts`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from isogloss.analysis import MARK, TableFigure, WordMapFigure, WordMapLevel
from isogloss.report.draw import packed, table, wordmap_parts
from isogloss.report.draw.palette import SERIES
from isogloss.report.draw.scale import Scale
from isogloss.report.draw.svg import Child, document, element, short
from isogloss.report.draw.table import TableView
from isogloss.report.draw.wordmap_parts import Legend
from isogloss.report.text import number, plain, shorten, text_width

_AT_EACH_END = 4
_TEXT = 12.5
_SHAPES = 3
"""Circles, squares and triangles, each in all colours; classes beyond that share a grey cross."""
_DOT = 4.6
_AIR = 8.0
_RAMP = ("s1", "s4", "s2")
"""Ranges of numbers go from the first of these colours over the second to the third."""


@dataclass(frozen=True)
class WordMapView:
    """What the template of the map needs.

    Attributes
    ----------
    about : what the script must know before it opens any part; plain JSON. None without words.
    parts : (name, text) of the compressed parts.
    models, layers : what there is to choose from; the last layer is shown first.
    colourings : names of the ways of colouring.
    table : the words at the ends of both directions in the last layer, one group per model.
    """

    about: wordmap_parts.About | None
    parts: tuple[tuple[str, Markup], ...]
    models: tuple[str, ...]
    layers: tuple[int, ...]
    colourings: tuple[str, ...]
    table: TableView


def _ordered(figure: WordMapFigure) -> WordMapFigure:
    """The figure's levels, base before tuned, by layer; none where there are no words."""
    levels = sorted(figure.levels, key=lambda level: (level.model, level.layer)) if figure.words else []
    return WordMapFigure(**{**vars(figure), "levels": tuple(levels)})


def _last(figure: WordMapFigure) -> list[WordMapLevel]:
    """The levels of the last layer."""
    last = max((level.layer for level in figure.levels), default=0)
    return [level for level in figure.levels if level.layer == last]


def _example(figure: WordMapFigure, word: int) -> tuple[str, ...]:
    if not figure.contexts:
        return ()
    sentence, start, end = figure.contexts[word]
    text = figure.sentences[sentence].replace(MARK, " ")
    return (text[:start] + MARK + text[start:end] + MARK + text[end:],)


def ends(figure: WordMapFigure) -> TableFigure:
    """The words at both ends of both directions in the last layer, as a table grouped by model."""
    colouring = next(iter(figure.colourings), None)
    legend = wordmap_parts.legend(colouring) if colouring else None
    rows: list[tuple[object, ...]] = []
    for level in _last(figure):
        for direction, values in enumerate((level.x, level.y), start=1):
            order = sorted(range(len(values)), key=values.__getitem__)
            for end, chosen in (("low", order[:_AT_EACH_END]), ("high", order[::-1][:_AT_EACH_END])):
                for i in chosen:
                    of = legend.of[i] if legend else -1
                    rows.append(
                        (
                            f"{level.model}, layer {level.layer}",
                            packed.short_word(figure.vocabulary[figure.words[i]]),
                            f"{direction}, {end} end",
                            float(f"{values[i]:.4g}"),
                            *([legend.values[of] if of >= 0 else None] if legend else []),
                            _example(figure, i),
                        )
                    )
    named = [legend.name] if legend else []
    columns = ("model", "word", "direction", "coordinate", *named, "examples")
    return TableFigure(figure.name, figure.title, figure.caption, columns, tuple(rows), "model")


def view(figure: WordMapFigure) -> WordMapView:
    """Everything the template needs; the words themselves as compressed text."""
    whole = _ordered(figure)
    models = tuple(dict.fromkeys(level.model for level in whole.levels))
    layers = tuple(sorted({level.layer for level in whole.levels}))
    about, parts = wordmap_parts.pack(whole, models, layers) if whole.levels else (None, ())
    return WordMapView(
        about=about,
        parts=parts,
        models=models,
        layers=layers,
        colourings=tuple(one["name"] for one in about["colourings"]) if about else (),
        table=table.view(ends(whole)),
    )


def _points(where: Sequence[tuple[float, float]], rank: int, legend: Legend | None) -> Markup:
    """The points of one class: colour and shape by its rank, or a mixture of colours for ranges of numbers."""
    if legend is not None and legend.ordered and rank >= 0:
        place = rank / max(len(legend.values) - 1, 1) * 2
        below, above = _RAMP[int(place >= 1)], _RAMP[int(place >= 1) + 1]
        drawn = _shape(where, 0, below)
        part = place - int(place >= 1)
        return drawn + _shape(where, 0, above, stroke_opacity=round(part, 2)) if part > 0 else drawn
    if legend is None:
        return _shape(where, 0, "s1")
    if rank < 0 or rank >= SERIES * _SHAPES:
        crosses = "".join(f"M{x - 2.2:.1f} {y - 2.2:.1f}l4.4 4.4m0-4.4l-4.4 4.4" for x, y in where)
        return element("path", d=crosses, class_="axis", stroke_opacity=0.6)
    return _shape(where, rank // SERIES, f"s{rank % SERIES + 1}")


def _shape(where: Sequence[tuple[float, float]], shape: int, class_: str, **how: float | None) -> Markup:
    if shape == 2:
        path = "".join(f"M{x:.1f} {y - 2.7:.1f}l2.7 4.6h-5.4z" for x, y in where)
        return element("path", d=path, class_=class_, fill="currentColor")
    path = "".join(f"M{x:.1f} {y:.1f}h.01" for x, y in where)
    cap, wide = ("round", _DOT) if shape == 0 else ("square", _DOT - 0.7)
    given: dict[str, float | str | None] = {"stroke_width": wide, "stroke": "currentColor", **how}
    return element("path", d=path, class_=class_, stroke_linecap=cap, fill="none", **given)


def _keys(legend: Legend, width: float) -> tuple[list[Markup], float]:
    """A legend that wraps: (drawn entries, height)."""
    entries = [(i, f"{plain(shorten(name, 40))} ({number(legend.counts[i])})") for i, name in enumerate(legend.values)]
    if missing := legend.of.count(-1):
        entries.append((-1, f"none ({number(missing)})"))
    drawn: list[Markup] = [element("text", plain(legend.name), x=2, y=14, class_="name")]
    x, y = 2.0, 34.0
    for rank, text in entries:
        room = 16 + text_width(text, _TEXT)
        if x > 2 and x + room > width:
            x, y = 2.0, y + 20
        drawn += [_points([(x + 4, y)], rank, legend), element("text", text, x=x + 12, y=y + 4.3, class_="key")]
        x += room + 12
    return drawn, y + 18


def axis_name(direction: int, level: WordMapLevel) -> str:
    """What one axis of a level shows."""
    share = f", {100 * level.shares[direction - 1]:.3g}% of variance" if level.shares else ""
    return f"direction {direction}{share}"


def _panel(level: WordMapLevel, legend: Legend | None, left: float, top: float, side: float) -> list[Child]:
    bottom = top + side
    x = Scale(min(level.x), max(level.x), left + _AIR, left + side - _AIR)
    y = Scale(min(level.y), max(level.y), bottom - _AIR, top + _AIR)
    by_class: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for i, (one, other) in enumerate(zip(level.x, level.y, strict=True)):
        by_class[legend.of[i] if legend else 0].append((x(one), y(other)))
    # Rare classes lie on top, words without a class at the bottom.
    order = sorted(by_class, key=lambda rank: (rank >= 0, -len(by_class[rank])))
    zeros = f"M{short(x(0.0))} {short(top)}V{short(bottom)}" if x.low < 0 < x.high else ""
    zeros += f"M{short(left)} {short(y(0.0))}H{short(left + side)}" if y.low < 0 < y.high else ""
    return [
        element("text", f"{plain(level.model)}, layer {level.layer}", x=left, y=top - 8, class_="key"),
        element("rect", x=left, y=top, width=side, height=side, class_="missing"),
        *([element("path", d=zeros, class_="axis", stroke_opacity=0.5)] if zeros else []),
        *(_points(by_class[rank], rank, legend) for rank in order),
        element("text", f"→ {axis_name(1, level)}", x=left, y=bottom + 17, class_="tick"),
        element("text", f"↑ {axis_name(2, level)}", x=left, y=bottom + 34, class_="tick"),
    ]


def svg(figure: WordMapFigure, width: int = 720) -> Markup:
    """The last layer in the first colouring as one SVG element: base beside tuned, or above it where that is narrow."""
    whole = _ordered(figure)
    levels = _last(whole)
    legend = wordmap_parts.legend(whole.colourings[0]) if levels and whole.colourings else None
    drawn: list[Child] = []
    y = 6.0
    if legend is not None:
        keys, y = _keys(legend, width)
        drawn += keys
    beside = len(levels) if width >= 500 else 1
    gap = 22.0
    side = min((width - 4 - gap * (beside - 1)) / max(beside, 1), 460.0)
    for i, level in enumerate(levels):
        row, column = divmod(i, beside)
        drawn += _panel(level, legend, 2 + column * (side + gap), y + 22 + row * (side + 76), side)
    if levels:
        y += -(-len(levels) // beside) * (side + 76) - 10
    else:
        drawn.append(element("text", "no words", x=width / 2, y=y + 14, class_="name middle"))
        y += 30
    return document(width, y, figure.name, figure.title, figure.caption, *drawn)
