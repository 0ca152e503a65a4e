"""Tables of a figure: split into groups and formatted for the page, and drawn as plain SVG for export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from markupsafe import Markup

from isogloss.analysis import MARK, TableFigure
from isogloss.report.draw.svg import document, element, short
from isogloss.report.text import clean, excerpt, number, plain, shorten, text_width, words_of

_TEXT = 12.5
_ROW = 24.0
_LONGEST_CELL = 90
_EXAMPLES_SHOWN = 2
_DRAWN_ROWS = 60

EXAMPLES = "examples"
WORD = "word"


@dataclass(frozen=True)
class Column:
    """A column of a table on the page.

    Attributes
    ----------
    bars : its values are fractions, each shown with a small bar; the first such column of a table only.
    heads : its cells name their rows.
    """

    name: str
    title: str
    numeric: bool
    examples: bool
    bars: bool
    heads: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell as shown, what it sorts by, the length of its bar (0 to 1), and its example sentences."""

    text: str
    key: str
    bar: float | None = None
    examples: tuple[tuple[tuple[str, bool], ...], ...] = ()

    @property
    def shown(self) -> tuple[tuple[tuple[str, bool], ...], ...]:
        """Sentences shown at once."""
        return self.examples[:_EXAMPLES_SHOWN]

    @property
    def more(self) -> tuple[tuple[tuple[str, bool], ...], ...]:
        """Sentences shown on demand."""
        return self.examples[_EXAMPLES_SHOWN:]


@dataclass(frozen=True)
class Group:
    """The rows that share a value of the figure's `group_by` column."""

    name: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class TableView:
    """A table ready for the template. `chooser` names what the groups are; "" where there is only one."""

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    chooser: str
    first: int


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def column_of(name: str, values: Sequence[Any]) -> Column:
    """Describe a column by its values."""
    known = [v for v in values if v is not None]
    numeric = bool(known) and all(map(_is_number, known))
    bars = numeric and any(isinstance(v, float) for v in known) and all(0 <= v <= 1 for v in known) and len(known) > 1
    return Column(name, words_of(name), numeric, name == EXAMPLES, bars)


def cell_of(value: Any, column: Column) -> Cell:
    """Format one value."""
    if column.examples:
        sentences = (value,) if isinstance(value, str) else tuple(value or ())
        return Cell("", "", examples=tuple(tuple(excerpt(str(s))) for s in sentences))
    if value is None or _is_number(value) or isinstance(value, bool):
        missing = value is None or value != value
        return Cell(
            number(value),
            "" if missing else repr(value),
            float(value) if column.bars and not missing else None,
        )
    if isinstance(value, tuple | list):
        value = ", ".join(map(str, value))
    shown = shorten(clean(str(value)), _LONGEST_CELL)
    return Cell(shown, shown.casefold())


def _described(columns: list[Column]) -> tuple[Column, ...]:
    """Keep the bars of the first column that could have them; rows are named by `word`, else by the first text."""
    barred = next((c.name for c in columns if c.bars), None)
    texts = [c.name for c in columns if not c.numeric and not c.examples]
    head = WORD if WORD in texts else next(iter(texts), None)
    return tuple(replace(c, bars=c.name == barred, heads=c.name == head) for c in columns)


def view(figure: TableFigure) -> TableView:
    """Split a table into its groups, in the order in which they first appear.

    The group shown first is the last one where groups are numbers (the deepest layer), else the first.

    Raises
    ------
    ValueError : `group_by` is not a column.
    """
    if figure.group_by is not None and figure.group_by not in figure.columns:
        raise ValueError(
            f"figure {figure.name!r} groups by {figure.group_by!r}; its columns: {', '.join(figure.columns)}"
        )
    by = figure.columns.index(figure.group_by) if figure.group_by is not None else None
    places = [i for i in range(len(figure.columns)) if i != by]
    columns = _described([column_of(figure.columns[i], [row[i] for row in figure.rows]) for i in places])

    def cells(row: tuple[Any, ...]) -> tuple[Cell, ...]:
        return tuple(cell_of(row[i], column) for i, column in zip(places, columns, strict=True))

    if by is None:
        return TableView(columns, (Group("", tuple(map(cells, figure.rows))),), "", 0)
    seen = list(dict.fromkeys(row[by] for row in figure.rows))
    order = {key: i for i, key in enumerate(seen)}
    ranked = sorted(figure.rows, key=lambda row: order[row[by]])
    groups = tuple(
        Group(
            shorten(clean(number(key) if _is_number(key) or key is None else str(key)), 40),
            tuple(map(cells, rows)),
        )
        for key, rows in groupby(ranked, key=lambda row: row[by])
    )
    first = len(groups) - 1 if groups and all(map(_is_number, seen)) else 0
    return TableView(columns, groups, words_of(figure.columns[by]), first)


def svg(figure: TableFigure, width: int = 720) -> Markup:
    """The table as text in an SVG element, without its example sentences; long tables are cut, and say so."""
    places = [i for i, name in enumerate(figure.columns) if name != EXAMPLES]
    columns = [column_of(figure.columns[i], [row[i] for row in figure.rows]) for i in places]
    drawn_rows = figure.rows[:_DRAWN_ROWS]
    texts = [
        [shorten(plain(cell_of(row[i], c).text), 40) for i, c in zip(places, columns, strict=True)]
        for row in drawn_rows
    ]
    widths = [
        max([text_width(shorten(c.title, 40), _TEXT), *(text_width(row[k], _TEXT) for row in texts)]) + 24
        for k, c in enumerate(columns)
    ]
    stretch = max(1.0, (width - 8) / sum(widths)) if widths else 1.0
    total = max(float(width), sum(widths) + 8)
    drawn: list[Markup] = []
    edges = [4.0]
    for w in widths:
        edges.append(edges[-1] + w * stretch)

    def put(k: int, text: str, y: float, class_: str) -> None:
        x = edges[k + 1] - 12 if columns[k].numeric else edges[k] + 4
        drawn.append(element("text", text, x=x, y=y, class_=class_ + (" end" if columns[k].numeric else "")))

    for k, c in enumerate(columns):
        put(k, shorten(c.title, 40), 18, "name")
    drawn.append(element("path", d=f"M4 27H{short(total - 4)}", class_="axis"))
    for r, row in enumerate(texts):
        y = 27 + (r + 1) * _ROW
        for k, text in enumerate(row):
            put(k, text, y - 7, "key")
        drawn.append(element("path", d=f"M4 {short(y)}H{short(total - 4)}", class_="grid"))
    height = 27 + len(texts) * _ROW + 14
    if len(figure.rows) > _DRAWN_ROWS:
        left_out = f"and {number(len(figure.rows) - _DRAWN_ROWS)} more rows"
        drawn.append(element("text", left_out, x=8, y=height + 6, class_="name"))
        height += 16
    caption = figure.caption.replace(MARK, "")
    return document(total, height, figure.name, figure.title, caption, *drawn)
