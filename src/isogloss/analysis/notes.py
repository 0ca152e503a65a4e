"""What an analysis could not do or left out, as a table: a line, and the layer it is of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from isogloss.analysis.wording import layers

NOTES: dict[str, Any] = {"layer": pl.Int32(), "text": pl.String()}
"""`layer` is null where a note is of no layer, or of several and says so."""


def notes_table(notes: Iterable[tuple[int | None, str]]) -> pl.DataFrame:
    """Notes (layer, text) as a table."""
    return pl.DataFrame(list(notes), schema=NOTES, orient="row")


def said_once(notes: pl.DataFrame, option: str = "", absent: Iterable[int] = ()) -> pl.DataFrame:
    """Each note once, with the layers that it is of; first that an option names layers that the run does not have."""
    gone = ", ".join(map(str, absent))
    texts = [f"{option}: the run has no layer {gone}."] if gone else []
    for (text,), of in notes.group_by("text", maintain_order=True):
        numbers = of["layer"].drop_nulls().unique().sort().to_list()
        texts.append(f"{layers(numbers)}, {text}" if numbers else str(text))
    return notes_table((None, text) for text in texts)
