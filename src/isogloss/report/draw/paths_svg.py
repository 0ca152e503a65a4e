"""The paths of labels as a drawing: the last layer at the last step, with rings where the labels began."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from isogloss.analysis import PathsFigure, PathsLayer
from isogloss.report.draw.palette import SERIES
from isogloss.report.draw.paths_parts import groups, shown_name
from isogloss.report.draw.paths_places import MUST, Dot, Name, names
from isogloss.report.draw.scale import tick_labels
from isogloss.report.draw.svg import Child, document, element, points, short
from isogloss.report.text import number, shorten, text_width

_TEXT = 12.5
_LONGEST_NAME = 24
_SHAPES = 3
_NARROW = 500
_LEFT, _RIGHT, _TOP = 46.0, 6.0, 26.0
_AIR = 30.0
_TALL, _WIDE = 0.85, 0.62
_SMALLEST, _LARGEST = 4.0, 8.5
_FEW = 24
"""Where there are more labels, the trails of those that moved little are faint."""
_HEAD = 8.0
"""Length of an arrow's head."""
_APART = 80.0
"""Pixels between two grid lines, about."""


@dataclass(frozen=True)
class _Frame:
    """The plot's edges in pixels, and what is in its middle; one unit of the vectors is `unit` pixels both ways."""

    right: float
    bottom: float
    centre: tuple[float, float]
    unit: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of a place."""
        middle = (_LEFT + self.right) / 2, (_TOP + self.bottom) / 2
        return middle[0] + (x - self.centre[0]) * self.unit, middle[1] - (y - self.centre[1]) * self.unit

    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Least and largest x, least and largest y that are seen."""
        half = (self.right - _LEFT) / 2 / self.unit, (self.bottom - _TOP) / 2 / self.unit
        (x, y), (a, b) = self.centre, half
        return (x - a, x + a), (y - b, y + b)


def ordered(figure: PathsFigure) -> PathsFigure:
    """The figure's layers in their order; none where there are no labels."""
    layers = sorted(figure.layers, key=lambda layer: layer.layer) if figure.labels else []
    return PathsFigure(**{**vars(figure), "layers": tuple(layers)})


def by_movement(layer: PathsLayer) -> list[int]:
    """Places of the labels, those that moved farthest first."""
    return sorted(range(len(layer.x)), key=lambda label: -layer.moved(label))


def _paths(layer: PathsLayer, show: str) -> list[list[tuple[float, float]]]:
    """Each label's places as they are seen."""
    found = [list(zip(x, y, strict=True)) for x, y in zip(layer.x, layer.y, strict=True)]
    if show == "directions":
        found = [[(x - path[0][0], y - path[0][1]) for x, y in path] for path in found]
    return found


def _frame(paths: Sequence[Sequence[tuple[float, float]]], width: float) -> _Frame:
    right = width - _RIGHT
    narrow = width < _NARROW
    bottom = _TOP + (right - _LEFT) * (_TALL if narrow else _WIDE)
    air = _AIR * (2 / 3 if narrow else 1)
    ends = [(min(values), max(values)) for values in zip(*(place for path in paths for place in path), strict=True)]
    centre = tuple(low / 2 + high / 2 for low, high in ends)
    room = (right - _LEFT - 2 * air, bottom - _TOP - 2 * air)
    units = [pixels / (high - low) for pixels, (low, high) in zip(room, ends, strict=True) if high - low > 1e-280]
    alone = 100 / (max(map(abs, centre)) or 1.0)
    return _Frame(right, bottom, (centre[0], centre[1]), min(units, default=alone))


def _ticks(low: float, high: float, step: float) -> list[float]:
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _grid(frame: _Frame) -> list[Markup]:
    rough = _APART / frame.unit
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.8)
    xs, ys = (_ticks(low, high, step) for low, high in frame.ends())
    lines = [f"M{short(frame.at(x, 0)[0])} {short(_TOP)}V{short(frame.bottom)}" for x in xs]
    lines += [f"M{short(_LEFT)} {short(frame.at(0, y)[1])}H{short(frame.right)}" for y in ys]
    drawn = [element("path", d="".join(lines), class_="grid")]
    for x, text in zip(xs, tick_labels(xs) if xs else [], strict=True):
        drawn.append(element("text", text, x=frame.at(x, 0)[0], y=frame.bottom + 17, class_="tick middle"))
    for y, text in zip(ys, tick_labels(ys) if ys else [], strict=True):
        drawn.append(element("text", text, x=_LEFT - 7, y=frame.at(0, y)[1] + 4.2, class_="tick end"))
    box = {"x": _LEFT, "y": _TOP, "width": frame.right - _LEFT, "height": frame.bottom - _TOP}
    return [*drawn, element("rect", class_="axis", stroke_opacity=0.5, **box)]


def shape(rank: int, radius: float) -> str:
    """The outline of a point around 0, 0: circles, squares and triangles, each in all colours."""
    kind = rank // SERIES % _SHAPES
    r = short(radius)
    if kind == 0:
        return f"M{r} 0A{r} {r} 0 1 1 -{r} 0A{r} {r} 0 1 1 {r} 0Z"
    if kind == 1:
        side = short(0.9 * radius)
        return f"M-{side} -{side}H{side}V{side}H-{side}Z"
    return f"M0 -{short(1.2 * radius)}L{short(1.15 * radius)} {short(0.85 * radius)}H-{short(1.15 * radius)}Z"


def colour(rank: int) -> str:
    """The class that colours a group or, where there are no groups, a label."""
    return f"s{rank % SERIES + 1}"


def radii(figure: PathsFigure, width: float) -> list[float]:
    """Radius of each label's point; its area grows with the number of points behind it. Smaller where room is short."""
    by = (0.8 if width < _NARROW else 1) * (0.8 if len(figure.labels) > _FEW else 1)
    most = max((label.count or 0 for label in figure.labels), default=0)
    smallest = _SMALLEST if most else 5.0
    return [
        by * (smallest + ((_LARGEST - _SMALLEST) * math.sqrt((label.count or 0) / most) if most else 0.0))
        for label in figure.labels
    ]


def _trail(path: Sequence[tuple[float, float]]) -> str:
    """Path commands through many places, to a tenth of a pixel, each told from the one before."""
    tenths = [(round(10 * x), round(10 * y)) for x, y in path]
    ways = [f"{(x - a) / 10:g} {(y - b) / 10:g}" for (a, b), (x, y) in pairwise(tenths)]
    return f"M{tenths[0][0] / 10:g} {tenths[0][1] / 10:g}l" + " ".join(ways)


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> tuple[str, str]:
    """Path of the shaft and of the head; a dot where they are too near."""
    (x, y), (dx, dy) = end, (end[0] - start[0], end[1] - start[1])
    far = math.hypot(dx, dy)
    if far < _HEAD:
        return "", f"M{short(x + 2.5)} {short(y)}a2.5 2.5 0 1 1 -5 0a2.5 2.5 0 1 1 5 0Z"
    ux, uy = dx / far, dy / far
    bx, by = x - ux * _HEAD, y - uy * _HEAD
    corners = [(x, y), (bx - uy * 3.8, by + ux * 3.8), (bx + uy * 3.8, by - ux * 3.8)]
    return points([start, (bx, by)]), points(corners) + "Z"


def _away(path: Sequence[tuple[float, float]]) -> float:
    """The direction in which a path ends, over its last tenth, as an angle."""
    (x, y), (to_x, to_y) = path[-1 - max(len(path) // 10, 1)], path[-1]
    return math.atan2(to_y - y, to_x - x)


def _leader(dot: Dot, name: Name) -> str:
    """The line from a point to the nearest place of its name."""
    half = dot.name_width / 2
    near = min(max(dot.x, name.x - half), name.x + half), min(max(dot.y, name.y - 6), name.y + 6)
    return points([(dot.x, dot.y), near])


def _keys(figure: PathsFigure, width: float) -> tuple[list[Markup], float]:
    """The groups and their colours, where there are groups: (drawn entries, height)."""
    found, of = groups(figure.labels)
    drawn: list[Markup] = []
    x, y = 2.0, 14.0
    for rank, group in enumerate(found):
        text = f"{shorten(shown_name(group), 40)} ({number(of.count(rank))})"
        room = 30 + text_width(text, _TEXT)
        if x > 2 and x + room > width:
            x, y = 2.0, y + 20
        mark = element("path", d=shape(rank, 4.6), class_=f"part {colour(rank)}", transform=f"translate({x + 6} {y})")
        drawn += [mark, element("text", text, x=x + 16, y=y + 4.3, class_="key")]
        x += room
    return drawn, y + 16 if found else 0.0


def _axis_names(layer: PathsLayer, frame: _Frame, width: float) -> tuple[list[Markup], float]:
    texts = [
        f"{arrow} direction {k + 1}" + (f", {100 * layer.shares[k]:.3g}% of variance" if layer.shares else "")
        for k, arrow in enumerate("→↑")
    ]
    lines = texts if width < _NARROW else [" · ".join(texts)]
    return [
        element("text", text, x=_LEFT, y=frame.bottom + 38 + 18 * i, class_="name") for i, text in enumerate(lines)
    ], frame.bottom + 48 + 18 * (len(lines) - 1)


def _moving(figure: PathsFigure, layer: PathsLayer, frame: _Frame, width: float) -> list[Child]:
    """Trails or arrows, then points, then names."""
    show = figure.shown_first
    found, of = groups(figure.labels)
    paths = [[frame.at(*place) for place in path] for path in _paths(layer, show)]
    texts = [shorten(shown_name(label.name), _LONGEST_NAME) for label in figure.labels]
    dots = [
        Dot(*path[-1], radius if show == "paths" else 3.5, text_width(text, _TEXT), _away(path))
        for path, radius, text in zip(paths, radii(figure, width), texts, strict=True)
    ]
    order = by_movement(layer)
    placed = names(dots, order, (_LEFT + 2, _TOP + 2, frame.right - 2, frame.bottom - 2))
    trails, heads, words = [], [], []
    # What moved farthest lies on top.
    for place, i in reversed(list(enumerate(order))):
        faint = " faint" if place >= MUST and len(order) > _FEW else ""
        rank = of[i] if found else i
        class_, (x, y) = colour(rank), paths[i][0]
        ring = element("circle", cx=x, cy=y, r=2.6, class_=f"start {class_}")
        if show == "paths":
            trails += [element("path", d=_trail(paths[i]), class_=f"trail {class_}{faint}"), ring]
            at = f"translate({short(dots[i].x)} {short(dots[i].y)})"
            heads.append(element("path", d=shape(rank, dots[i].radius), class_=f"dot {class_}", transform=at))
        else:
            shaft, head = _arrow(paths[i][0], paths[i][-1])
            trails += [element("path", d=shaft, class_=f"trail arrow {class_}")] if shaft else []
            trails += [ring] if show == "arrows" else []
            heads.append(element("path", d=head, class_=f"head {class_}", stroke="none"))
        if i in placed:
            name = placed[i]
            if name.led:
                words.append(element("path", d=_leader(dots[i], name), class_=f"leader {class_}"))
            place_at = {"x": name.x, "y": name.y + 4.3}
            words.append(element("text", texts[i], class_=f"label halo middle {class_}", **place_at))
    return [*trails, *heads, *words]


def svg(figure: PathsFigure, width: int = 720) -> Markup:
    """The last layer at the last step as one SVG element; rings where the labels began."""
    whole = ordered(figure)
    if not whole.layers:
        none = element("text", "no labels", x=width / 2, y=20, class_="name middle")
        return document(width, 36, figure.name, figure.title, figure.caption, none)
    layer, steps = whole.layers[-1], [shorten(shown_name(step), _LONGEST_NAME) for step in whole.steps]
    frame = _frame(_paths(layer, whole.shown_first), width)
    keys, above = _keys(whole, width)
    under, height = _axis_names(layer, frame, width)
    head = f"layer {layer.layer}, {steps[0]} → {steps[-1]}"
    moved = element(
        "g",
        element("text", head, x=_LEFT, y=16, class_="key"),
        *_grid(frame),
        *_moving(whole, layer, frame, width),
        *under,
        transform=f"translate(0 {short(above)})",
    )
    return document(width, height + above, figure.name, figure.title, figure.caption, *keys, moved)
