"""What a figure shows, as plain data. Drawing it is the report's work; choosing it is the analysis's.

Every figure becomes JSON (`figures/*.json` in a run directory), so nothing here holds arrays, colours or HTML.
Here: what all figures share, and the plain kinds. Those that a reader walks through have files of their own; a kind
that no analysis needs yet is added together with its drawing in `report/`. `kinds` reads them all back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, ClassVar


@dataclass(frozen=True)
class Figure:
    """What all figures have in common.

    Attributes
    ----------
    name : unique within the run, letters, digits and hyphens; the file name.
    title : a few words.
    caption : one or two sentences: how to read it, and what the bands mean.
    """

    kind: ClassVar[str] = ""
    name: str
    title: str
    caption: str

    def as_dict(self) -> dict[str, Any]:
        """Plain types with the kind beside them; `figure_from_dict` reads it back."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Line:
    """One curve: `y` over `x`; `low`/`high` its 95% interval; None where there is no value."""

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        what = f"line {self.name!r}"
        _refuse_ragged(what, len(self.x), {"y": self.y})
        _refuse_ragged(what, len(self.x), {"low": self.low, "high": self.high}, optional=True)


@dataclass(frozen=True)
class Band:
    """A shaded region over `x` that says what noise alone would give."""

    name: str
    x: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]

    def __post_init__(self) -> None:
        _refuse_ragged(f"band {self.name!r}", len(self.x), {"low": self.low, "high": self.high})


def _refuse_ragged(what: str, expected: int, parts: Mapping[str, Sequence[Any]], *, optional: bool = False) -> None:
    for name, values in parts.items():
        if len(values) != expected and (values or not optional):
            raise ValueError(f"{what} has {len(values)} values of {name}; there are {expected} places")


@dataclass(frozen=True)
class LinesFigure(Figure):
    """Curves over layers (or steps), with intervals and noise bands.

    Attributes
    ----------
    log_x : x is logarithmic; 0 stands at the left, before a break.
    log_y : y is logarithmic; values of 0 and below are in the numbers but have no place in the drawing, which says so.

    Raises
    ------
    ValueError : an x below 0 on a logarithmic x, or a limit of a logarithmic y that is not above 0.
    """

    kind: ClassVar[str] = "lines"
    x_label: str = "layer"
    y_label: str = ""
    lines: tuple[Line, ...] = ()
    bands: tuple[Band, ...] = ()
    y_min: float | None = None
    y_max: float | None = None
    log_x: bool = False
    log_y: bool = False

    def __post_init__(self) -> None:
        places = (*(line.x for line in self.lines), *(band.x for band in self.bands))
        if self.log_x and (below := [x for x in chain(*places) if x < 0]):
            raise ValueError(f"figure {self.name!r} has x = {below[0]}; a logarithmic x starts at 0")
        limits = [limit for limit in (self.y_min, self.y_max) if limit is not None]
        if self.log_y and any(limit <= 0 for limit in limits):
            raise ValueError(f"figure {self.name!r} has a limit of {min(limits)}; a logarithmic y is above 0")


@dataclass(frozen=True)
class HeatmapFigure(Figure):
    """A matrix of values in [`low`, `high`]: `values[row][column]`."""

    kind: ClassVar[str] = "heatmap"
    row_label: str = ""
    column_label: str = ""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    values: tuple[tuple[float | None, ...], ...] = ()
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        places = f"heatmap {self.name!r}"
        _refuse_ragged(places, len(self.rows), {"rows": self.values})
        for row in self.values:
            _refuse_ragged(places, len(self.columns), {"columns": row})


@dataclass(frozen=True)
class TableFigure(Figure):
    """A table; numbers stay numbers so that the page can sort and format them.

    With `group_by`, a column name, the page shows one group at a time and lets the reader choose (e.g. the layer).
    A column named `examples` holds tuples of sentences; words to mark in them are between two U+0001 characters.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    group_by: str | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if not isinstance(row, tuple) or len(row) != len(self.columns):
                raise ValueError(
                    f"a row of table {self.name!r} has not one cell for each of {len(self.columns)} columns"
                )
        if self.group_by is not None and self.group_by not in self.columns:
            raise ValueError(
                f"table {self.name!r} has no column {self.group_by!r}; its columns: {', '.join(self.columns)}"
            )


@dataclass(frozen=True)
class BarPart:
    """One part of every bar: its size in each bar, none below 0, None where there is no value.

    Attributes
    ----------
    name : what the part holds, e.g. "kept".
    values : one per bar.
    noise : one text per bar that says what noise alone would give, or nothing at all.
    """

    name: str
    values: tuple[float | None, ...]
    noise: tuple[str, ...] = ()


@dataclass(frozen=True)
class BarsFigure(Figure):
    """Stacked bars, e.g. one per layer; `bars` names them, `parts` are stacked in order.

    Raises
    ------
    ValueError : a part has not one value (or noise text) per bar, or a value below 0.
    """

    kind: ClassVar[str] = "bars"
    x_label: str = "layer"
    y_label: str = ""
    bars: tuple[str, ...] = ()
    parts: tuple[BarPart, ...] = ()
    horizontal: bool = False

    def __post_init__(self) -> None:
        for part in self.parts:
            if len(part.values) != len(self.bars) or len(part.noise) not in (0, len(self.bars)):
                raise ValueError(
                    f"figure {self.name!r} has {len(self.bars)} bars; its part {part.name!r} has "
                    f"{len(part.values)} values and {len(part.noise)} noise texts"
                )
            if any(value is not None and value < 0 for value in part.values):
                raise ValueError(f"part {part.name!r} of figure {self.name!r} has a value below 0; bars are stacked")


MARK = "\u0001"
"""Stands on both sides of a marked word in an example sentence."""
