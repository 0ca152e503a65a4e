"""Draws a matrix as coloured cells, with its numbers inside where they fit and a colour bar below."""

from __future__ import annotations

from collections import defaultdict

from markupsafe import Markup

from isogloss.analysis import HeatmapFigure
from isogloss.report.draw.grid import Grid
from isogloss.report.draw.palette import ink_on, sequential
from isogloss.report.draw.scale import finite, nice_ticks, thinned, tick_labels
from isogloss.report.draw.svg import document, element, short
from isogloss.report.text import number, plain, shorten, text_width

_TEXT = 12.5
_LARGEST_CELL = 54.0
_LARGEST_WITH_NUMBERS = 15
_LEVELS = 64
_MISSING = -1


def _fraction(figure: HeatmapFigure, value: float) -> float:
    span = figure.high - figure.low
    return (value - figure.low) / span if span > 0 else 0.5


def _in_cell(value: float, unit: bool) -> str:
    """Two decimals; without the leading zero where all values are between -1 and 1."""
    shown = f"{value:.2f}" if abs(value) < 10 else f"{value:.3g}"
    shown = shown.replace("-0.", "-.") if unit and shown.startswith("-0.") else shown
    shown = shown[1:] if unit and shown.startswith("0.") else shown
    return shown.replace("-", "−")


def _level(figure: HeatmapFigure, value: float | None) -> int | None:
    """Which of the scale's colours a value gets; None where there is no value."""
    known = finite(value)
    return None if known is None else round(min(max(_fraction(figure, known), 0.0), 1.0) * (_LEVELS - 1))


def _colour(level: int) -> str:
    return sequential(level / (_LEVELS - 1))


def _cells(figure: HeatmapFigure, left: float, top: float, wide: float, high: float) -> Markup:
    """All cells, one path per colour, so that 100 x 100 of them stay small."""
    commands: dict[int, list[str]] = defaultdict(list)
    for r, row in enumerate(figure.values):
        for c, value in enumerate(row):
            level = _level(figure, value)
            commands[_MISSING if level is None else level].append(f"M{c} {r}h1v1h-1z")
    paths = [
        element("path", d="".join(parts), class_="missing")
        if level == _MISSING
        else element("path", d="".join(parts), fill=_colour(level))
        for level, parts in sorted(commands.items())
    ]
    placed = f"translate({short(left)} {short(top)}) scale({wide:.5g} {high:.5g})"
    return element("g", *paths, transform=placed, class_="cells")


def _cell_numbers(figure: HeatmapFigure, left: float, top: float, wide: float, high: float) -> list[Markup]:
    unit = all(abs(v) <= 1 for row in figure.values for v in map(finite, row) if v is not None)
    drawn = []
    for r, row in enumerate(figure.values):
        for c, value in enumerate(map(finite, row)):
            level = _level(figure, value)
            if value is None or level is None:
                continue
            light_ink = ink_on(_colour(level)) == "#ffffff"
            drawn.append(
                element(
                    "text",
                    _in_cell(value, unit),
                    x=left + (c + 0.5) * wide,
                    y=top + (r + 0.5) * high + 4,
                    class_="cell middle on-dark" if light_ink else "cell middle",
                )
            )
    return drawn


def _bar(figure: HeatmapFigure, left: float, top: float, width: float) -> list[Markup]:
    steps = 48
    each = width / steps
    drawn = [
        element("rect", x=left + i * each, y=top, width=each + 0.4, height=9, fill=sequential((i + 0.5) / steps))
        for i in range(steps)
    ]
    if figure.high <= figure.low:
        return [
            *drawn,
            element("text", number(figure.low), x=left + width / 2, y=top + 25, class_="tick middle"),
        ]
    ticks = nice_ticks(figure.low, figure.high, max(min(int(width / 60), 5), 1))
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        x = left + _fraction(figure, tick) * width
        drawn.append(element("path", d=f"M{short(x)} {short(top + 9)}v4", class_="axis"))
        drawn.append(element("text", label, x=x, y=top + 26, class_="tick middle"))
    return drawn


def svg(figure: HeatmapFigure, width: int = 720) -> Markup:
    """The figure as one SVG element `width` pixels wide, the first row at the top."""
    n_rows, n_columns = len(figure.rows), len(figure.columns)
    row_names = [shorten(plain(name), 18) for name in figure.rows]
    column_names = [shorten(plain(name), 18) for name in figure.columns]
    row_room = max((text_width(name, _TEXT) for name in row_names), default=0.0)
    column_room = max((text_width(name, _TEXT) for name in column_names), default=0.0)
    left = row_room + (34 if figure.row_label else 14)
    available = width - left - 14
    wide = min(available / max(n_columns, 1), _LARGEST_CELL)
    left += (available - wide * n_columns) / 2 if n_columns else 0
    turned = column_room > wide - 4 and column_room > 30
    high = min(wide, 44.0) if n_rows <= 40 else max(wide, 3.0)
    top = (column_room * 0.72 + 16 if turned else 22) + (24 if figure.column_label else 4)
    height = high * n_rows
    right = left + wide * n_columns
    numbered = max(n_rows, n_columns) <= _LARGEST_WITH_NUMBERS and wide >= 27 and high >= 16

    drawn: list[Markup] = []
    if figure.column_label:
        drawn.append(element("text", figure.column_label, x=(left + right) / 2, y=14, class_="name middle"))
    if figure.row_label:
        x, y = left - row_room - 22, top + height / 2
        turn = f"rotate(-90 {short(x)} {short(y)})"
        drawn.append(element("text", figure.row_label, x=x, y=y, transform=turn, class_="name middle"))
    column_step = 16.0 if turned else column_room + 6
    for c in thinned(n_columns, int(wide * n_columns / column_step)):
        x, y = left + (c + 0.5) * wide, top - 8
        if turned:
            turn = f"rotate(-45 {short(x)} {short(y)})"
            drawn.append(element("text", column_names[c], x=x, y=y, transform=turn, class_="tick"))
        else:
            drawn.append(element("text", column_names[c], x=x, y=y, class_="tick middle"))
    drawn += [
        element("text", row_names[r], x=left - 9, y=top + (r + 0.5) * high + 4, class_="tick end")
        for r in thinned(n_rows, int(height / 15))
    ]
    drawn.append(_cells(figure, left, top, wide, high))
    if numbered:
        drawn += _cell_numbers(figure, left, top, wide, high)
    if not n_rows or not n_columns:
        drawn.append(element("text", "no values", x=width / 2, y=top + 12, class_="name middle"))
    bar_width = min(max(right - left, 120.0), 260.0)
    bar_left = min(max((left + right - bar_width) / 2, 10.0), width - bar_width - 14)
    drawn += _bar(figure, bar_left, top + height + 18, bar_width)
    return document(
        width,
        top + height + 52,
        figure.name,
        figure.title,
        figure.caption,
        *drawn,
        readout="heatmap",
        box=" ".join(map(short, (left, top, right, top + height))),
        shape=f"{n_rows} {n_columns}",
    )


def numbers(figure: HeatmapFigure) -> Grid:
    """The matrix itself, three decimals."""
    corner = f"{figure.row_label} \\ {figure.column_label}" if figure.row_label or figure.column_label else ""
    cells = tuple(tuple(number(finite(value)) for value in row) for row in figure.values)
    return Grid(corner, figure.columns, figure.rows, cells)
