"""The paths of labels as compressed parts of the page.

A coordinate has a place between the least and the largest of its layer, in 8,648 steps; so has a distance, whose last
step says that there is none. Two characters hold the first place of a label, and then how far the next one is from it:
0, 1 back, 1 on, 2 back ... around the circle of all places. Short ways have few different first characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, starmap
from typing import TypedDict

from markupsafe import Markup

from isogloss.analysis import PathLabel, PathsFigure, PathsLayer
from isogloss.report.draw.neurons_parts import DIGITS
from isogloss.report.draw.packed import part, rounded, short_word
from isogloss.report.text import plain

_PLACES = 2
STEPS = len(DIGITS) ** _PLACES - 1


class About(TypedDict):
    """What the script knows before it opens a part.

    `groups` are the names of the groups, none where there is only one, and `of` each label's place in them.
    `layers` are (layer, least and largest x, y and distance, shares of variance in per mille or nothing).
    """

    names: list[str]
    groups: list[str]
    of: list[int]
    counts: list[int | None]
    steps: list[str]
    layers: list[tuple[int, list[float], list[int]]]
    show: str
    digits: str
    places: int


def shown_name(text: str) -> str:
    """A name of a label, group or step as it is shown: also in a drawing, which cannot isolate its direction."""
    return short_word(plain(text)) or "–"


def groups(labels: Sequence[PathLabel]) -> tuple[list[str], list[int]]:
    """The groups in the order in which they first appear, and each label's place in them; none if they are all one."""
    found = list(dict.fromkeys(label.group for label in labels))
    if len(found) < 2:
        return [], [0] * len(labels)
    return found, [found.index(label.group) for label in labels]


def _digits(codes: Sequence[int]) -> str:
    units = [len(DIGITS) ** place for place in reversed(range(_PLACES))]
    return "".join(DIGITS[code // unit % len(DIGITS)] for unit in units for code in codes)


def _way(start: int, end: int) -> int:
    """The number of the shorter way from one place to another around the circle of all places."""
    on = (end - start) % (STEPS + 1)
    back = STEPS + 1 - on
    return 2 * on if on < back else 2 * back - 1


def _coded(rows: Sequence[Sequence[float | None]], steps: int) -> str:
    """The first digits of all values, then their second ones."""
    low, high = _limits(rows)
    span = (high - low) or 1.0
    codes = [[STEPS if v is None else round((v - low) / span * steps) for v in row] for row in rows]
    return _digits([way for row in codes for way in (row[0], *starmap(_way, pairwise(row)))])


def _limits(rows: Sequence[Sequence[float | None]]) -> list[float]:
    known = [value for row in rows for value in row if value is not None]
    return [min(known), max(known)] if known else [0.0, 0.0]


def coded(layer: PathsLayer) -> str:
    """One layer's x, y and distances, each label's steps one after another."""
    distances = _coded(layer.distances, STEPS - 1) if layer.distances else ""
    return _coded(layer.x, STEPS) + _coded(layer.y, STEPS) + distances


def _box(layer: PathsLayer) -> list[float]:
    rows = (layer.x, layer.y, *([layer.distances] if layer.distances else []))
    return [rounded(limit, 7) or 0.0 for values in rows for limit in _limits(values)]


def pack(figure: PathsFigure) -> tuple[About, tuple[tuple[str, Markup], ...]]:
    """Compress a figure's layers, which hold labels.

    Returns
    -------
    what the script must know at once, and (name, text) of each part: `path-i` with the i-th layer's places.
    """
    found, of = groups(figure.labels)
    about: About = {
        "names": [shown_name(label.name) for label in figure.labels],
        "groups": [shown_name(group) for group in found],
        "of": of,
        "counts": [label.count for label in figure.labels],
        "steps": [shown_name(step) for step in figure.steps],
        "layers": [
            (layer.layer, _box(layer), [round(1000 * share) for share in layer.shares]) for layer in figure.layers
        ],
        "show": figure.shown_first,
        "digits": DIGITS,
        "places": _PLACES,
    }
    return about, tuple((f"path-{i}", part(coded(layer))) for i, layer in enumerate(figure.layers))
