"""The numbers behind a drawing as a table of strings: for those who cannot see it.

The page's script reads its tooltips from this table, so a number stands in the page once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """`cells[row][column]` as shown; `swatches[column]` colours the column (a series class or "")."""

    corner: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    swatches: tuple[str, ...] = ()
