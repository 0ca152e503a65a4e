"""Draws curves with intervals and noise bands. Does not decide what is drawn: that is the figure's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from markupsafe import Markup

from isogloss.analysis import Band, Line, LinesFigure
from isogloss.report.draw import logarithmic
from isogloss.report.draw.axes import TEXT, Frame, axes, y_ticks
from isogloss.report.draw.grid import Grid
from isogloss.report.draw.logarithmic import LogScale
from isogloss.report.draw.palette import SERIES
from isogloss.report.draw.scale import Scale, finite, spread, value_range
from isogloss.report.draw.svg import document, element, points, short
from isogloss.report.text import counted, interval, number, plain, shorten, significant, text_width

_GAP = 15.0
_KEY_ROW = 22.0
_LABEL_ROOM = 190.0
_DIRECT_LINES = 12


def series(index: int) -> str:
    """Class of the index-th curve: its colour, and a dash pattern once the colours are used up."""
    return f"s{index % SERIES + 1}" + (f" dash{min(index // SERIES, 2)}" if index >= SERIES else "")


def _xs(figure: LinesFigure) -> list[float]:
    parts: list[Line | Band] = [*figure.lines, *figure.bands]
    return sorted({x for part in parts for x in part.x if finite(x) is not None})


def _ys(figure: LinesFigure) -> Iterator[float | None]:
    for line in figure.lines:
        yield from (*line.y, *line.low, *line.high)
    for band in figure.bands:
        yield from (*band.low, *band.high)


def _runs(*columns: Iterable[float | None]) -> Iterator[list[tuple[float, ...]]]:
    """Consecutive rows in which every column has a value: a gap ends a run."""
    run: list[tuple[float, ...]] = []
    for row in zip(*columns, strict=True):
        whole = tuple(v for v in map(finite, row) if v is not None)
        if len(whole) == len(row):
            run.append(whole)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _area(frame: Frame, part: Line | Band, half_step: float, class_: str, fill: str | None = None) -> Markup:
    """The area between `low` and `high`; a value that stands alone gets half a step to each side."""
    paths = []
    for run in frame.unbroken(_runs(part.x, part.low, part.high)):
        corners = [(frame.x(x), low, high) for x, low, high in run]
        if len(run) == 1:
            ((x, low, high),) = run
            corners = [(frame.x.beside(x, step), low, high) for step in (-half_step, half_step)]
        upper = [(x, frame.y(high)) for x, _, high in corners]
        lower = [(x, frame.y(low)) for x, low, _ in reversed(corners)]
        paths.append(points(upper + lower) + "Z")
    return element("path", d="".join(paths), class_=class_, fill=fill) if paths else Markup("")


def _curve(frame: Frame, line: Line, class_: str, dots: bool) -> Markup:
    whole = list(_runs(line.x, line.y))
    runs = [[(frame.x(x), frame.y(y)) for x, y in run] for run in frame.unbroken(whole)]
    path = "".join(points(run) for run in runs if len(run) > 1)
    drawn = [element("path", d=path, class_="curve")] if path else []
    if len(runs) > len(whole):
        over = points([runs[0][0], runs[1][0]])
        drawn.append(element("path", d=over, class_="curve", stroke_dasharray="2 5", stroke_opacity=0.6))
    drawn += [
        element("circle", cx=x, cy=y, r=3.2 if dots or len(run) == 1 else 0, class_="dot")
        for run in runs
        for x, y in run
        if dots or len(run) == 1
    ]
    return element("g", *drawn, class_=f"series {class_}", data_series=line.name)


def _keys(entries: list[tuple[str, str]], left: float, width: float, pattern: str) -> tuple[list[Markup], float]:
    """A legend that wraps: (drawn entries, height)."""
    drawn: list[Markup] = []
    x, y = left, 14.0
    for class_, name in entries:
        label = shorten(plain(name), max(int((width - 40) / (TEXT * 0.55)), 8))
        room = 30 + text_width(label, TEXT)
        if x > left and x + room > left + width:
            x, y = left, y + _KEY_ROW
        if class_.startswith("band"):
            swatch = element("rect", x=x, y=y - 6, width=22, height=12, class_=class_, fill=f"url(#{pattern})")
        elif class_ == "ribbon":
            swatch = element("rect", x=x, y=y - 6, width=22, height=12, class_="key-ribbon")
        else:
            stroke = element("path", d=f"M{short(x)} {short(y)}h22", class_="curve")
            swatch = element("g", stroke, class_=f"series {class_}")
        drawn += [swatch, element("text", label, x=x + 29, y=y + 4.3, class_="key")]
        x += room + 16
    return drawn, y + 14 if entries else 6.0


def _direct(figure: LinesFigure, frame: Frame, names: list[str]) -> list[Markup]:
    """Names at the right ends of the curves, moved apart where they would touch."""
    ends: list[tuple[int, float, float]] = []
    for i, line in enumerate(figure.lines):
        known = [(x, y) for x, y in zip(line.x, line.y, strict=True) if finite(y) is not None and y is not None]
        if known:
            x, y = max(known)
            ends.append((i, frame.x(x), min(max(frame.y(y), frame.top), frame.bottom)))
    places = spread([y for _, _, y in ends], _GAP, frame.top + 4, frame.bottom - 2)
    drawn = []
    for (i, x, y), place in zip(ends, places, strict=True):
        tail = f"M{short(x + 6)} {short(y)}L{short(frame.right + 12)} {short(place)}"
        drawn.append(element("path", d=tail, class_=f"leader {series(i)}"))
        drawn.append(element("text", names[i], x=frame.right + 16, y=place + 4.2, class_=f"label {series(i)}"))
    return drawn


def svg(figure: LinesFigure, width: int = 720) -> Markup:
    """The figure as one SVG element `width` pixels wide; with room, curves are named at their ends."""
    narrow = width < 500
    xs = _xs(figure)
    given = figure
    if figure.log_y:
        ticks_range = logarithmic.value_range(figure)
        figure = logarithmic.above_zero(figure, ticks_range[0])
    else:
        ticks_range = value_range(_ys(figure), figure.y_min, figure.y_max)
    ticks = y_ticks(figure, *ticks_range, 4 if narrow else 5)
    names = [shorten(plain(line.name), 26) for line in figure.lines]
    widest = max((text_width(name, TEXT) for name in names), default=0.0)
    direct = not narrow and 1 < len(names) <= _DIRECT_LINES and widest <= _LABEL_ROOM
    pattern = f"{figure.name}-{width}-hatch"
    entries = [] if direct else [(series(i), name) for i, name in enumerate(names)]
    if any(_runs(line.x, line.low, line.high) for line in figure.lines if line.low and line.high):
        entries.append(("ribbon", "interval"))
    entries += [(_band_class(figure, band), band.name) for band in figure.bands]
    left = 16 + max((text_width(label, TEXT) for _, label in ticks), default=20)
    right = width - (26 + widest if direct else 14)
    keys, key_height = _keys(entries, 2.0, width - 4.0, pattern)
    name_row = 27.0 if figure.y_label else 0.0
    top = key_height + name_row + 4
    bottom = top + (210 if narrow else 280)
    air = 12.0 if len(xs) > 1 else 0.0
    x_scale: Scale | LogScale = Scale(xs[0] if xs else 0.0, xs[-1] if xs else 0.0, left + air, right - air)
    if figure.log_x:
        x_scale = logarithmic.x_scale(xs, left + air, right - air)
    y_scale = (LogScale if figure.log_y else Scale)(*ticks_range, bottom, top)
    frame = Frame(left, top, right, bottom, x_scale, y_scale)
    half_step = 0.3 * min((b - a for a, b in pairwise(xs)), default=0.0)
    dots = len(xs) <= (16 if narrow else 32)

    clip = f"{figure.name}-{width}-clip"
    lines_45 = element("path", d="M-1 1l2-2M0 6l6-6M5 7l2-2", class_="hatch")
    definitions = element(
        "defs",
        element("pattern", lines_45, id=pattern, width=6, height=6, patternUnits="userSpaceOnUse"),
        element(
            "clipPath",
            element("rect", x=left, y=top - 5, width=right - left, height=bottom - top + 10),
            id=clip,
        ),
    )
    single = len(xs) <= 1
    fill = f"url(#{pattern})"
    bands = [_wide_or_area(frame, b, half_step, fill, single, _band_class(figure, b)) for b in figure.bands]
    ribbons = [
        _error_bar(frame, line, i) if single else _area(frame, line, half_step * 0.3, f"ribbon {series(i)}")
        for i, line in enumerate(figure.lines)
        if line.low and line.high
    ]
    curves = [_curve(frame, line, series(i), dots) for i, line in enumerate(figure.lines)]
    nothing = all(finite(v) is None for v in _ys(figure))
    empty = element("text", "no values", x=(left + right) / 2, y=(top + bottom) / 2, class_="name middle")
    y_name = element("text", figure.y_label, x=2, y=key_height + 10, class_="name") if figure.y_label else Markup("")
    height = bottom + (50 if figure.x_label else 30)
    notes = []
    if lost := logarithmic.left_out(given) if figure.log_y else 0:
        said = f"{number(lost)} value{'s' if lost > 1 else ''} of 0 or below: no place on a logarithmic scale"
        notes.append(element("text", said, x=2, y=height + 10, class_="name"))
        height += 20
    return document(
        width,
        height,
        figure.name,
        figure.title,
        figure.caption,
        definitions,
        *keys,
        y_name,
        *axes(figure, frame, ticks, xs),
        element("g", *bands, *ribbons, *curves, clip_path=f"url(#{clip})"),
        *(_direct(figure, frame, names) if direct else []),
        *([empty] if nothing else []),
        *notes,
        readout="lines",
        x=" ".join(short(frame.x(x)) for x in xs),
        box=" ".join(map(short, (left, top, right, bottom))),
    )


def _band_class(figure: LinesFigure, band: Band) -> str:
    """A band named after a curve (`noise, base`) is edged in its colour."""
    owner = next((i for i, line in enumerate(figure.lines) if band.name.endswith(f", {line.name}")), None)
    return "band" if owner is None else f"band owned {series(owner)}"


def _wide_or_area(frame: Frame, band: Band, half_step: float, fill: str, single: bool, class_: str) -> Markup:
    """A noise band; over a single x it reaches across the plot."""
    if not single:
        return _area(frame, band, half_step, class_, fill)
    run = next(_runs(band.low, band.high), None)
    if run is None:
        return Markup("")
    low, high = run[0]
    top = frame.y(high)
    return element(
        "rect",
        x=frame.left,
        y=top,
        width=frame.right - frame.left,
        height=frame.y(low) - top,
        class_=class_,
        fill=fill,
    )


def _error_bar(frame: Frame, line: Line, index: int) -> Markup:
    run = next(_runs(line.x, line.low, line.high), None)
    if run is None:
        return Markup("")
    x, low, high = run[0]
    at = short(frame.x(x))
    path = f"M{at} {short(frame.y(low))}V{short(frame.y(high))}"
    return element("path", d=path, class_=f"whisker {series(index)}")


def _counts(figure: LinesFigure) -> bool:
    """Whether all that is drawn are whole numbers: how many there are of something, not shares that happen to be 1."""
    drawn = [v for line in figure.lines for v in (*line.y, *(line.low or ()), *(line.high or ()))]
    drawn += [v for band in figure.bands for v in (*band.low, *band.high)]
    there = [value for value in map(finite, drawn) if value is not None]
    return all(value == int(value) for value in there) and any(abs(value) > 1 for value in there)


def numbers(figure: LinesFigure) -> Grid:
    """One row per x, one column per curve (`value [low, high]`) and per band (`low to high`)."""
    xs = _xs(figure)
    written = significant if figure.log_y else counted if _counts(figure) else interval

    def column(line: Line) -> list[str]:
        at = {x: i for i, x in enumerate(line.x)}
        shown = []
        for x in xs:
            i = at.get(x)
            if i is None or finite(line.y[i]) is None:
                shown.append("–")
            else:
                whole = bool(line.low and line.high)
                shown.append(written(line.y[i], *((line.low[i], line.high[i]) if whole else ())))
        return shown

    def band_column(band: Band) -> list[str]:
        at = {x: i for i, x in enumerate(band.x)}
        return [f"{written(band.low[at[x]])} to {written(band.high[at[x]])}" if x in at else "–" for x in xs]

    columns = [column(line) for line in figure.lines] + [band_column(band) for band in figure.bands]
    return Grid(
        corner=figure.x_label,
        columns=tuple([line.name for line in figure.lines] + [band.name for band in figure.bands]),
        rows=tuple(number(int(x)) if x == int(x) else number(x) for x in xs),
        cells=tuple(zip(*columns, strict=True)) if columns else tuple(() for _ in xs),
        swatches=tuple(series(i) for i in range(len(figure.lines))) + ("noise",) * len(figure.bands),
    )
