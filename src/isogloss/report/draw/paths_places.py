"""Where names stand beside their points so that they neither cover each other nor, where it can be helped, a point.

The page's script does the same at every step (`paths-places.js`); here it is done once, for the drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sin

MUST = 8
"""So many names always stand, in a place farther off and with a line to their point if need be."""
_MOST = 24
_HEIGHT = 15.0
_GAP = 4.0
_EIGHTS = (0, 4, 6, 2, 7, 1, 5, 3)
"""Eighths of a turn from the right, clockwise, the best first: right, left, above, below, then aslant."""
_RINGS = (14.0, 30.0, 48.0, 70.0)
_TWELFTHS = 12
_WORSE = 0.15
_BACK = 2.0
"""What it costs to stand on the side from which the path comes."""
_OVER_POINT = 3.0
_OVER_NAME = 40.0


@dataclass(frozen=True)
class Dot:
    """A point of the drawing, in pixels, with the room that its name takes; `away` is the direction of its path."""

    x: float
    y: float
    radius: float
    name_width: float
    away: float = 0.0


@dataclass(frozen=True)
class Name:
    """The middle of a name, in pixels; `led` where it stands so far off that a line leads to its point."""

    x: float
    y: float
    led: bool


def _candidates(dot: Dot, must: bool) -> list[tuple[float, float, float, bool]]:
    """(x, y, cost, led) of the places tried; those far off only for names that must stand."""
    half = dot.name_width / 2

    def at(turn: float, gap: float) -> tuple[float, float]:
        return dot.x + cos(turn) * (gap + half), dot.y + sin(turn) * (gap + _HEIGHT / 2)

    def back(turn: float) -> float:
        return _BACK * (1 - cos(turn - dot.away)) / 2

    near = [
        (*at(turn, dot.radius + _GAP), _WORSE * i + back(turn), False)
        for i, turn in enumerate(eighth * pi / 4 for eighth in _EIGHTS)
    ]
    if not must:
        return near
    far = [
        (*at(turn, dot.radius + ring), 3.0 + 1.5 * i + back(turn), True)
        for i, ring in enumerate(_RINGS)
        for turn in (2 * pi * k / _TWELFTHS for k in range(_TWELFTHS))
    ]
    return near + far


def names(dots: Sequence[Dot], order: Sequence[int], box: tuple[float, float, float, float]) -> dict[int, Name]:
    """Place the names of the points in `order`, the most important first.

    Parameters
    ----------
    dots : all points, named or not: none should be covered.
    order : places in `dots`; the first eight get a name in any case, others only where there is room.
    box : left, top, right and bottom of the drawing: no name reaches beyond where that is possible.
    """
    placed: dict[int, Name] = {}
    left, top, right, bottom = box
    for rank, i in enumerate(order):
        must = rank < MUST
        if not must and len(placed) >= _MOST:
            break
        half = dots[i].name_width / 2
        best, least = None, float("inf")
        for x, y, cost, led in _candidates(dots[i], must):
            if cost >= least:
                continue
            out = max(left - x + half, x + half - right, top - y + _HEIGHT / 2, y + _HEIGHT / 2 - bottom, 0.0)
            over = sum(
                abs(other.x - x) < (dots[k].name_width / 2 + half + 3) and abs(other.y - y) < _HEIGHT
                for k, other in placed.items()
            )
            if not must and (out or over):
                continue
            covered = sum(
                abs(dot.x - x) < half + dot.radius and abs(dot.y - y) < _HEIGHT / 2 + dot.radius - 1
                for k, dot in enumerate(dots)
                if k != i
            )
            total = cost + _OVER_POINT * covered + _OVER_NAME * over + 10 * out
            if total < least and (must or not covered):
                best, least = Name(x, y, led), total
        if best is not None:
            placed[i] = best
    return placed
