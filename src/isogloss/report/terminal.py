"""Findings and tables for a terminal, as rich renderables. Printing them is the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from isogloss.analysis import Finding
from isogloss.report.input import ordered
from isogloss.report.text import number, plain, shorten, words_of

_LONGEST_CELL = 60


def findings_panel(findings: Sequence[Finding], title: str = "In short") -> Panel:
    """The findings, most important first, each as one sentence.

    Text is never read as rich markup, and control characters are shown, not sent: corpus text cannot move the
    cursor.
    """
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in ordered(findings):
        table.add_row(Text("•", style="bold"), Text(plain(finding.text)))
    body: RenderableType = table if findings else Text("nothing to report", style="dim")
    return Panel(body, title=Text(plain(title)), title_align="left", padding=(1, 2))


def table_view(frame: pl.DataFrame, limit: int = 40) -> RenderableType:
    """A frame as a table: numbers to the right, empty columns left out, `limit` rows and then a count."""
    kept = [name for name in frame.columns if frame[name].null_count() < frame.height] or frame.columns
    table = Table(header_style="bold", pad_edge=False)
    for name in kept:
        numeric = frame.schema[name].is_numeric()
        table.add_column(Text(words_of(name)), justify="right" if numeric else "left", overflow="fold")
    for row in frame.select(kept).head(limit).iter_rows():
        table.add_row(*(Text(_shown(value)) for value in row))
    if frame.height <= limit:
        return table
    return Group(table, Text(f"and {number(frame.height - limit)} more rows", style="dim"))


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return number(value)
    if isinstance(value, list | tuple | pl.Series):
        value = ", ".join(map(str, value))
    return shorten(plain(str(value)), _LONGEST_CELL)
