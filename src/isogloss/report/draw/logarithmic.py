"""Logarithmic axes: from values to pixels, ticks and their labels, and what of a figure has a place there.

Equal factors are equally long. 0 has a place on x only, left of a break. Knows nothing of SVG.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from isogloss.analysis import Band, Line, LinesFigure
from isogloss.report.draw.scale import finite, nice_ticks, thinned, tick_labels

BREAK = 34.0
"""Pixels between 0 and the least positive value."""
_LONE = 4.0
"""Pixels to each side of a value that stands alone."""
_TALLEST_TAIL = 10.0
"""Intervals may reach so many times below the least value; what reaches further is cut at the edge of the plot."""
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class LogScale:
    """A logarithmic map from [`low`, `high`] to the pixels [`start`, `end`]; `zero` is the pixel of 0, if it has one.

    Raises
    ------
    ValueError : a limit is not above 0.
    """

    low: float
    high: float
    start: float
    end: float
    zero: float | None = None

    def __post_init__(self) -> None:
        if not (self.low > 0 and self.high > 0):
            raise ValueError(f"a logarithmic scale from {self.low} to {self.high}; both must be above 0")

    def __call__(self, value: float) -> float:
        """The pixel of a value above 0 (or of 0, where that has one); the middle where the range has no width."""
        if value == 0 and self.zero is not None:
            return self.zero
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + math.log(value / self.low) / math.log(self.high / self.low) * (self.end - self.start)

    def beside(self, value: float, step: float) -> float:
        """A little to the left of a value (`step` below 0) or to its right."""
        return self(value) + (math.copysign(_LONE, step) if step else 0.0)


def x_scale(xs: Sequence[float], start: float, end: float) -> LogScale:
    """A scale for values of 0 and above; 0 is put at `start` and the others after a break."""
    positive = [x for x in xs if x > 0] or [1.0]
    zero = start if xs and xs[0] == 0 else None
    return LogScale(min(positive), max(positive), start if zero is None else start + BREAK, end, zero)


def value_range(figure: LinesFigure) -> tuple[float, float]:
    """The range of y to draw: the figure's limits, else its values above 0 with a little air. Never empty."""
    parts: tuple[Line | Band, ...] = (*figure.lines, *figure.bands)
    values = list(_positive(chain(*(line.y for line in figure.lines), *(part.high for part in parts))))
    lows = list(_positive(chain(*(part.low for part in parts))))
    bottom, top = (min(values), max(values)) if values else (1.0, 10.0)
    bottom = min([bottom, *(max(low, bottom / _TALLEST_TAIL) for low in lows)])
    air = (top / bottom) ** 0.04 if top > bottom else 2.0
    start = bottom / air if figure.y_min is None else figure.y_min
    end = top * air if figure.y_max is None else figure.y_max
    return (start, end) if start < end else (start / 2, start * 2)


def _positive(values: Iterable[float | None]) -> Iterator[float]:
    return (v for v in values if v is not None and finite(v) is not None and v > 0)


def above_zero(figure: LinesFigure, bottom: float) -> LinesFigure:
    """The figure without y values of 0 and below; intervals that reach so far end at `bottom`."""

    def kept(values: tuple[float | None, ...], instead: float | None = None) -> tuple[float | None, ...]:
        return tuple(v if v is None or not v <= 0 else instead for v in values)

    return replace(
        figure,
        lines=tuple(
            replace(one, y=kept(one.y), low=kept(one.low, bottom), high=kept(one.high)) for one in figure.lines
        ),
        bands=tuple(replace(one, low=kept(one.low, bottom), high=kept(one.high)) for one in figure.bands),
    )


def left_out(figure: LinesFigure) -> int:
    """How many values of curves a logarithmic y axis has no place for."""
    return sum(finite(y) is not None and y <= 0 for line in figure.lines for y in line.y if y is not None)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Powers of ten in [low, high], about `count`; with 2 and 5 times each where they are few, thinned where many."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if 2 * len(powers) > count:
        step = next(iter(thinned(len(powers), count)[1:]), 1)
        return [10.0**power for power in powers if power % step == 0]
    finer = [m * 10.0**power for power in range(first - 1, last + 1) for m in (1, 2, 5)]
    inside = [tick for tick in finer if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
    return inside if len(inside) >= 3 else [tick for tick in nice_ticks(low, high, count) if tick > 0]


def labels(values: Sequence[float]) -> list[str]:
    """Tick labels: 0.01, 1, 1,000; or, where some are larger or smaller than that, 10⁻⁶, 2·10⁻⁶, 10⁷."""
    powers = [math.floor(math.log10(value) + 1e-9) for value in values]
    mantissas = [value / 10.0**power for value, power in zip(values, powers, strict=True)]
    if any(abs(m - round(m)) > 1e-6 for m in mantissas):
        return tick_labels(list(values))
    if all(-3 <= power <= 5 for power in powers):
        return [f"{value:,.{max(-power, 0)}f}" for value, power in zip(values, powers, strict=True)]
    return [
        ("" if round(m) == 1 else f"{round(m)}·") + "10" + str(power).translate(_SUPERSCRIPTS)
        for m, power in zip(mantissas, powers, strict=True)
    ]


def spaced(marks: Sequence[tuple[float, float, float]]) -> list[int]:
    """Which of the marks (value, pixel, width of its label) get a label, so that none touch: 0 and powers of ten first.

    The result is in the order of `marks`.
    """

    def order(i: int) -> tuple[int, int]:
        value = marks[i][0]
        power = value == 0 or abs(math.log10(value) - round(math.log10(value))) < 1e-9
        return (0 if power else 1, i)

    chosen: list[int] = []
    for i in sorted(range(len(marks)), key=order):
        _, at, wide = marks[i]
        if all(abs(at - marks[j][1]) > (wide + marks[j][2]) / 2 + 8 for j in chosen):
            chosen.append(i)
    return sorted(chosen)
