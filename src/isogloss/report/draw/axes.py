"""The axes of curves, straight or logarithmic: where values stand, ticks, and the break after 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from isogloss.analysis import LinesFigure
from isogloss.report.draw import logarithmic
from isogloss.report.draw.logarithmic import LogScale
from isogloss.report.draw.scale import Scale, nice_ticks, thinned, tick_labels
from isogloss.report.draw.svg import element, short
from isogloss.report.text import number, text_width

TEXT = 12.5
_OWN_TICKS = 12
"""So many places on a logarithmic x are its ticks themselves."""


@dataclass(frozen=True)
class Frame:
    """Where the plot stands in the drawing, in pixels, and its two scales."""

    left: float
    top: float
    right: float
    bottom: float
    x: Scale | LogScale
    y: Scale | LogScale

    def unbroken(self, runs: Iterable[list[tuple[float, ...]]]) -> Iterator[list[tuple[float, ...]]]:
        """The same runs, parted where x is: what stands at 0, left of a break, is a run of its own."""
        for run in runs:
            parted = isinstance(self.x, LogScale) and len(run) > 1 and run[0][0] == 0
            yield from (run[:1], run[1:]) if parted else (run,)


def _x_marks(frame: Frame, xs: list[float]) -> list[tuple[float, str]]:
    """(value, label) of each tick of x; those without a label have ""."""
    room = frame.right - frame.left
    if isinstance(frame.x, LogScale):
        positive = [x for x in xs if x > 0]
        values = positive if len(xs) <= _OWN_TICKS else logarithmic.ticks(frame.x.low, frame.x.high, int(room / 45))
        values = [0.0, *values] if frame.x.zero is not None else values
        whole = all(x == int(x) for x in values)
        labels = [number(int(x)) for x in values] if whole else _log_labels(values)
        widths = [text_width(label, TEXT) for label in labels]
        labelled = logarithmic.spaced([(x, frame.x(x), w) for x, w in zip(values, widths, strict=True)])
        return [(x, labels[i] if i in labelled else "") for i, x in enumerate(values)]
    if all(x == int(x) for x in xs):
        labels = [number(int(x)) for x in xs]
        widest = max((text_width(label, TEXT) for label in labels), default=10)
        return [(xs[i], labels[i]) for i in thinned(len(xs), int(room / (widest + 14)))]
    values = nice_ticks(frame.x.low, frame.x.high, max(int(room / 90), 2))
    return list(zip(values, tick_labels(values), strict=True))


def _log_labels(values: list[float]) -> list[str]:
    """As `logarithmic.labels`, for values that may begin with 0."""
    positive = [value for value in values if value > 0]
    return ["0"] * (len(values) - len(positive)) + logarithmic.labels(positive)


def _axis_line(frame: Frame) -> Markup:
    left, right, bottom = short(frame.left), short(frame.right), short(frame.bottom)
    if not isinstance(frame.x, LogScale) or frame.x.zero is None:
        return element("path", d=f"M{left} {bottom}H{right}", class_="axis")
    middle = (frame.x.zero + frame.x.start) / 2
    strokes = "".join(f"M{short(middle + by - 3)} {short(frame.bottom + 6)}l6-12" for by in (-3, 3))
    path = f"M{left} {bottom}H{short(middle - 3)}M{short(middle + 3)} {bottom}H{right}{strokes}"
    return element("path", d=path, class_="axis")


def axes(figure: LinesFigure, frame: Frame, ticks: list[tuple[float, str]], xs: list[float]) -> list[Markup]:
    """Both axes with their ticks, and the name of x; `ticks` are y's (value, label) pairs, `xs` all places on x."""
    drawn = []
    for tick, label in ticks:
        y = frame.y(tick)
        drawn.append(element("path", d=f"M{short(frame.left)} {short(y)}H{short(frame.right)}", class_="grid"))
        drawn.append(element("text", label, x=frame.left - 8, y=y + 4.2, class_="tick end"))
    drawn.append(_axis_line(frame))
    for value, label in _x_marks(frame, xs):
        x = frame.x(value)
        drawn.append(element("path", d=f"M{short(x)} {short(frame.bottom)}v5", class_="axis"))
        if label:
            drawn.append(element("text", label, x=x, y=frame.bottom + 19, class_="tick middle"))
    middle = (frame.left + frame.right) / 2
    drawn.append(element("text", figure.x_label, x=middle, y=frame.bottom + 39, class_="name middle"))
    return drawn


def y_ticks(figure: LinesFigure, low: float, high: float, count: int) -> list[tuple[float, str]]:
    """(value, label) of about `count` ticks of y in [low, high]."""
    if figure.log_y:
        values = logarithmic.ticks(low, high, count)
        return list(zip(values, logarithmic.labels(values), strict=True))
    values = nice_ticks(low, high, count)
    return list(zip(values, tick_labels(values), strict=True))
