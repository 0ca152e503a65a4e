"""What a figure shows, as plain data. Drawing it is the report's work; choosing it is the analysis's.

Every figure becomes JSON (`figures/*.json` in a run directory), so nothing here holds arrays, colours or HTML.
A kind of figure that no analysis needs yet is added here together with its drawing in `report/`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
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


@dataclass(frozen=True)
class Band:
    """A shaded region over `x` that says what noise alone would give."""

    name: str
    x: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True)
class LinesFigure(Figure):
    """Curves over layers (or steps), with intervals and noise bands."""

    kind: ClassVar[str] = "lines"
    x_label: str = "layer"
    y_label: str = ""
    lines: tuple[Line, ...] = ()
    bands: tuple[Band, ...] = ()
    y_min: float | None = None
    y_max: float | None = None


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


MARK = "\u0001"
"""Stands on both sides of a marked word in an example sentence."""

KINDS: dict[str, type[Figure]] = {f.kind: f for f in (LinesFigure, HeatmapFigure, TableFigure)}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def figure_from_dict(data: dict[str, Any]) -> Figure:
    """Read back what `Figure.as_dict` wrote (after a trip through JSON).

    Raises
    ------
    ValueError : the kind is not known.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"unknown kind of figure {kind!r}; known: {', '.join(KINDS)}")
    if kind == LinesFigure.kind:
        fields["lines"] = [Line(**{k: _tuples(v) for k, v in line.items()}) for line in fields["lines"]]
        fields["bands"] = [Band(**{k: _tuples(v) for k, v in band.items()}) for band in fields["bands"]]
    return KINDS[kind](**{k: _tuples(v) for k, v in fields.items()})
