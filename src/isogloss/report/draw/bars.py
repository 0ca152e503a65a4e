"""Draws stacked bars, upright or lying. Does not decide what is stacked: that is the figure's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

from isogloss.analysis import BarPart, BarsFigure
from isogloss.report.draw.grid import Grid
from isogloss.report.draw.lines import series
from isogloss.report.draw.scale import Scale, finite, nice_ticks, thinned, tick_labels
from isogloss.report.draw.svg import document, element, short
from isogloss.report.text import number, plain, shorten, text_width

_TEXT = 12.5
_KEY_ROW = 22.0
_BROADEST = 46.0
_FILLED = 0.72
_SMALLEST_NUMBER = 15.0


@dataclass(frozen=True)
class _Frame:
    """The plot's edges in pixels; `along` maps a value to its pixel, `step` is the room of one bar."""

    left: float
    top: float
    right: float
    bottom: float
    along: Scale
    step: float

    def middle(self, bar: int, lying: bool) -> float:
        """Where the middle of a bar is, across the bars."""
        return (self.top if lying else self.left) + (bar + 0.5) * self.step


def shown(value: float | None) -> str:
    """A value as written: whole numbers without decimals."""
    known = finite(value)
    return number(int(known) if known is not None and known == int(known) else known)


def _known(part: BarPart, bar: int) -> float:
    value = finite(part.values[bar])
    return 0.0 if value is None else value


def _longest(figure: BarsFigure) -> float:
    return max((sum(_known(part, i) for part in figure.parts) for i in range(len(figure.bars))), default=0.0)


def _keys(names: list[str], width: float) -> tuple[list[Markup], float]:
    """A legend that wraps: (drawn entries, height)."""
    drawn: list[Markup] = []
    x, y = 2.0, 14.0
    for i, name in enumerate(names):
        room = 19 + text_width(name, _TEXT)
        if x > 2 and x + room > width:
            x, y = 2.0, y + _KEY_ROW
        drawn.append(element("rect", x=x, y=y - 6, width=12, height=12, rx=2, class_=f"part {series(i)}"))
        drawn.append(element("text", name, x=x + 19, y=y + 4.3, class_="key"))
        x += room + 18
    return drawn, y + 16 if names else 6.0


def _axes(figure: BarsFigure, frame: _Frame, ticks: list[float], names: list[str]) -> list[Markup]:
    drawn = []
    lying = figure.horizontal
    for tick, label in zip(ticks, tick_labels(ticks), strict=True):
        at = frame.along(tick)
        if lying:
            drawn.append(element("path", d=f"M{short(at)} {short(frame.top)}V{short(frame.bottom)}", class_="grid"))
            drawn.append(element("text", label, x=at, y=frame.bottom + 19, class_="tick middle"))
        else:
            drawn.append(element("path", d=f"M{short(frame.left)} {short(at)}H{short(frame.right)}", class_="grid"))
            drawn.append(element("text", label, x=frame.left - 8, y=at + 4.2, class_="tick end"))
    widest = max((text_width(name, _TEXT) for name in names), default=10.0) + 8
    room = (frame.bottom - frame.top) / 14 if lying else (frame.right - frame.left) / widest
    for i in thinned(len(names), int(room)):
        at = frame.middle(i, lying)
        if lying:
            drawn.append(element("text", names[i], x=frame.left - 8, y=at + 4.2, class_="tick end"))
        else:
            drawn.append(element("text", names[i], x=at, y=frame.bottom + 19, class_="tick middle"))
    return drawn


def _base(frame: _Frame, lying: bool) -> Markup:
    """The line on which the bars stand; drawn over their ends."""
    edge = f"V{short(frame.bottom)}" if lying else f"H{short(frame.right)}"
    start = f"M{short(frame.left)} {short(frame.top if lying else frame.bottom)}"
    return element("path", d=start + edge, class_="axis")


def _bar(figure: BarsFigure, frame: _Frame, bar: int) -> list[Markup]:
    """One bar: its parts from the axis outwards, with their numbers where they fit."""
    broad = min(frame.step * _FILLED, _BROADEST)
    middle = frame.middle(bar, figure.horizontal)
    sizes = [_known(part, bar) for part in figure.parts]
    drawn = []
    for i, (size, end) in enumerate(zip(sizes, accumulate(sizes), strict=True)):
        if size <= 0:
            continue
        near, far = frame.along(end - size), frame.along(end)
        length = abs(far - near)
        text = shown(size)
        fits = (broad if figure.horizontal else length) >= _SMALLEST_NUMBER
        fits &= text_width(text, 11) + 6 <= (length if figure.horizontal else broad)
        if figure.horizontal:
            place = {"x": near, "y": middle - broad / 2, "width": length, "height": broad}
            at = ((near + far) / 2, middle + 4)
        else:
            place = {"x": middle - broad / 2, "y": far, "width": broad, "height": length}
            at = (middle, (near + far) / 2 + 4)
        drawn.append(element("rect", class_=f"part {series(i)}", data_part=figure.parts[i].name, **place))
        if fits:
            drawn.append(element("text", text, x=at[0], y=at[1], class_="in-part middle"))
    return drawn


def svg(figure: BarsFigure, width: int = 720) -> Markup:
    """The figure as one SVG element `width` pixels wide; the first part is nearest to the axis."""
    narrow, lying = width < 500, figure.horizontal
    names = [shorten(plain(name), 18 if lying else 14) for name in figure.bars]
    keys, key_height = _keys([shorten(plain(part.name), 40) for part in figure.parts], width - 4.0)
    longest = _longest(figure) or 1.0
    ticks = nice_ticks(0.0, longest, (3 if narrow else 6) if lying else (4 if narrow else 5))
    across, along = (figure.x_label, figure.y_label) if lying else (figure.y_label, figure.x_label)
    top = key_height + (24.0 if across else 0.0) + 4
    beside = names if lying else tick_labels(ticks)
    left = 16 + max((text_width(text, _TEXT) for text in beside), default=20.0)
    right = width - 14.0
    bottom = top + (max(len(names), 1) * (30.0 if len(names) <= 20 else 18.0) if lying else 210.0 if narrow else 280.0)
    scale = Scale(0.0, longest, left, right - 6) if lying else Scale(0.0, longest, bottom, top)
    step = ((bottom - top) if lying else (right - left)) / max(len(names), 1)
    frame = _Frame(left, top, right, bottom, scale, step)
    drawn = [part for i in range(len(names)) for part in _bar(figure, frame, i)]
    if not any(finite(value) is not None for part in figure.parts for value in part.values):
        at = {"x": (left + right) / 2, "y": (top + bottom) / 2}
        drawn.append(element("text", "no values", class_="name middle", **at))
    under = element("text", along, x=(left + right) / 2, y=bottom + 39, class_="name middle") if along else Markup("")
    return document(
        width,
        bottom + (50 if along else 30),
        figure.name,
        figure.title,
        figure.caption,
        *keys,
        element("text", across, x=2, y=key_height + 10, class_="name") if across else Markup(""),
        *_axes(figure, frame, ticks, names),
        *drawn,
        _base(frame, lying),
        under,
        readout="bars",
        box=" ".join(map(short, (left, top, right, bottom))),
        shape=f"{len(names)} {'rows' if lying else 'columns'}",
    )


def numbers(figure: BarsFigure) -> Grid:
    """One row per bar, one column per part, with what noise alone would give, and their sum where there are several."""

    def cell(part: BarPart, bar: int) -> str:
        noise = part.noise[bar] if part.noise else ""
        return f"{shown(part.values[bar])} ({noise})" if noise else shown(part.values[bar])

    summed = len(figure.parts) > 1
    rows = [[cell(part, i) for part in figure.parts] for i in range(len(figure.bars))]
    if summed:
        rows = [[*row, shown(sum(_known(part, i) for part in figure.parts))] for i, row in enumerate(rows)]
    return Grid(
        corner=figure.x_label,
        columns=(*(part.name for part in figure.parts), *(["together"] if summed else [])),
        rows=figure.bars,
        cells=tuple(map(tuple, rows)),
        swatches=(*(series(i) for i in range(len(figure.parts))), *([""] if summed else [])),
    )
