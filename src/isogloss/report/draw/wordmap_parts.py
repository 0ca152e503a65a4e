"""The words of a map as compressed parts of the page, and the classes by which they are coloured.

A coordinate becomes two characters that hold its place between the least and the largest of its level, in 8,648 steps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TypedDict

from markupsafe import Markup

from isogloss.analysis import WordColouring, WordMapFigure, WordMapLevel
from isogloss.report.draw.neurons_parts import DIGITS
from isogloss.report.draw.packed import part, rounded, shared, short_name, short_word
from isogloss.report.draw.scale import nice_ticks, tick_labels
from isogloss.report.text import clean, number

_PLACES = 2
STEPS = len(DIGITS) ** _PLACES - 1
_BINS = 6


@dataclass(frozen=True)
class Legend:
    """The classes by which words are coloured, as they are shown.

    Attributes
    ----------
    name : what is shown.
    values : classes, commonest first; or ranges of the numbers, from low to high.
    counts : words in each.
    of : for each word the place of its class in `values`, -1 where it has none.
    numbers : for each word its number; empty for classes.
    """

    name: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    of: tuple[int, ...]
    numbers: tuple[float | None, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether the classes are ranges of numbers."""
        return bool(self.numbers)


class AboutLegend(TypedDict):
    """A colouring as the script knows it at once."""

    name: str
    values: list[str]
    ordered: bool


class About(TypedDict):
    """What the script knows before it opens a part.

    `levels` are (model, layer, least and largest x, least and largest y, shares of variance in per mille or nothing).
    """

    words: int
    models: list[str]
    layers: list[int]
    start: int
    levels: list[tuple[str, int, list[float], list[int]]]
    colourings: list[AboutLegend]
    digits: str
    places: int


def legend(colouring: WordColouring) -> Legend:
    """Put classes in the order of their counts, and numbers into at most some eight ranges with round limits."""
    if colouring.values:
        counts = Counter(int(of) for of in colouring.of if of is not None)
        order = sorted(counts, key=lambda value: (-counts[value], value))
        place = {value: i for i, value in enumerate(order)}
        return Legend(
            short_word(colouring.name),
            tuple(short_name(colouring.values[value]) for value in order),
            tuple(counts[value] for value in order),
            tuple(-1 if of is None else place[int(of)] for of in colouring.of),
        )
    known = [of for of in colouring.of if of is not None]
    limits = [tick for tick in nice_ticks(min(known), max(known), _BINS) if tick > min(known)] if known else []
    of = tuple(-1 if of is None else bisect_right(limits, of) for of in colouring.of)
    names = _ranges(limits) if limits else [number(known[0])] if known else []
    counted = Counter(of)
    counts_of = tuple(counted[i] for i in range(len(names)))
    return Legend(short_word(colouring.name), tuple(names), counts_of, of, tuple(colouring.of))


def _ranges(limits: list[float]) -> list[str]:
    written = tick_labels(limits)
    between = [f"{low} to {high}" for low, high in pairwise(written)]
    return [f"below {written[0]}", *between, f"{written[-1]} and above"]


def _codes(values: Sequence[float]) -> list[int]:
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return [round((value - low) / span * STEPS) for value in values]


def places(level: WordMapLevel) -> str:
    """One level's coordinates: the first digits of all x, then their second ones, then those of y."""
    units = [len(DIGITS) ** place for place in reversed(range(_PLACES))]
    rows = [_codes(row) for row in (level.x, level.y)]
    return "".join(DIGITS[code // unit % len(DIGITS)] for row in rows for unit in units for code in row)


def _box(level: WordMapLevel) -> list[float]:
    return [rounded(limit, 7) or 0.0 for row in (level.x, level.y) for limit in (min(row), max(row))]


def pack(
    figure: WordMapFigure, models: Sequence[str], layers: Sequence[int]
) -> tuple[About, tuple[tuple[str, Markup], ...]]:
    """Compress a figure's maps, colourings, words and sentences.

    Parameters
    ----------
    figure : with words, and with levels.
    models, layers : those of the levels, in the order in which they are shown; the last layer is shown first.

    Returns
    -------
    what the script must know at once, and (name, text) of each part: `words`, `sentences`, `points` with what each word
    is and where it stands, `colour-k` with the k-th colouring, `map-i` with the i-th level's coordinates. Contexts
    count characters as Python does.
    """
    legends = [legend(colouring) for colouring in figure.colourings]
    about: About = {
        "words": len(figure.words),
        "models": [clean(model) for model in models],
        "layers": list(layers),
        "start": len(layers) - 1,
        "levels": [
            (clean(level.model), level.layer, _box(level), [round(1000 * share) for share in level.shares])
            for level in figure.levels
        ],
        "colourings": [{"name": one.name, "values": list(one.values), "ordered": one.ordered} for one in legends],
        "digits": DIGITS,
        "places": _PLACES,
    }
    parts = shared(figure.vocabulary, figure.sentences)
    parts.append(("points", part({"words": figure.words, "contexts": list(chain.from_iterable(figure.contexts))})))
    parts += [
        (f"colour-{k}", part({"of": one.of, "numbers": [rounded(value, 4) for value in one.numbers]}))
        for k, one in enumerate(legends)
    ]
    parts += [(f"map-{i}", part(places(level))) for i, level in enumerate(figure.levels)]
    return about, tuple(parts)
