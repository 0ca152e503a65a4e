"""From values to pixels: ranges, ticks and their labels. Knows nothing of SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Scale:
    """A straight map from [`low`, `high`] to the pixels [`start`, `end`]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value; the middle where the range has no width."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def beside(self, value: float, step: float) -> float:
        """The pixel of what is `step` further on."""
        return self(value + step)


def finite(value: float | None) -> float | None:
    """The value, or None where there is none to draw (None, NaN, infinite)."""
    return value if value is not None and math.isfinite(value) else None


def value_range(
    values: Iterable[float | None], low: float | None = None, high: float | None = None
) -> tuple[float, float]:
    """The range to draw: the given limits, else the values with a little air. Never empty."""
    known = [v for v in values if finite(v) is not None and v is not None]
    bottom, top = (min(known), max(known)) if known else (0.0, 1.0)
    air = 0.04 * (top - bottom) or max(abs(top) * 0.05, 0.05)
    start = bottom - air if low is None else low
    end = top + air if high is None else high
    return (start, end) if start < end else (start - air, start + air)


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Values inside [low, high], about `count`, spaced by 1, 2, 2.5 or 5 times a power of ten."""
    span = high - low
    if not span > 0:
        return [low]
    rough = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.8)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def thinned(count: int, room: int) -> list[int]:
    """Positions 0 .. count-1 that get a label when at most `room` fit: every 1st, 2nd, 5th, 10th ..."""
    step = next(s * 10**p for p in range(12) for s in (1, 2, 5) if math.ceil(count / (s * 10**p)) <= max(room, 1))
    return list(range(0, count, step))


def tick_labels(ticks: list[float]) -> list[str]:
    """The ticks written with as many decimals as tell them apart, and no more."""
    if len(ticks) < 2:
        return [f"{t:.4g}".replace("-", "−") for t in ticks]
    step = min(b - a for a, b in pairwise(ticks))
    largest = max(abs(t) for t in ticks)
    if largest >= 1e6 or step < 1e-6:
        digits = min(max(3, math.floor(math.log10(largest / step)) + 3), 15)
        return [f"{t:.{digits}g}".replace("-", "−") for t in ticks]
    decimals = next(d for d in range(8) if abs(round(step, d) - step) < step * 1e-6)
    rounded = [0.0 if abs(t) < step / 1e6 else t for t in ticks]
    return [f"{t:,.{decimals}f}".replace("-", "−") for t in rounded]


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions apart until neighbours are `gap` apart, staying in [low, high] where that is possible.

    Order is kept; the result is in the order of `wanted`.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = dict.fromkeys(order, 0.0)
    at = low - gap
    for i in order:
        at = max(wanted[i], at + gap)
        placed[i] = at
    at = high + gap
    for i in reversed(order):
        at = min(placed[i], at - gap)
        placed[i] = at
    return [placed[i] for i in range(len(wanted))]
