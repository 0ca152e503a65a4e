"""Words shown in their sentences, cut to a window around each. Which words are shown is decided elsewhere."""

from __future__ import annotations

from typing import Any

import polars as pl

WINDOW = 90
"""Characters of the sentence kept on each side of a word."""

CONTEXT: dict[str, Any] = {"sentence": pl.Int64(), "text": pl.String(), "start": pl.Int64(), "end": pl.Int64()}
"""Fields of a context; `start`, `end` are character offsets of the word in `text`."""


def contexts(sentences: pl.DataFrame, words: pl.DataFrame) -> list[dict[str, Any]]:
    """Where each word stands: the fields of `CONTEXT`, one per row of `words`, in order.

    Parameters
    ----------
    sentences : `sentence`, `text`, and `text_b` where sentences come in pairs.
    words : `sentence`, `start`, `end`, and `part` where sentences come in pairs.
    """
    has_parts = "part" in words.columns and "text_b" in sentences.columns
    number = {sentence: i for i, sentence in enumerate(sentences["sentence"].to_list())}
    found = []
    for word in words.iter_rows(named=True):
        column = "text_b" if has_parts and word["part"] == 1 else "text"
        text = sentences[column][number[word["sentence"]]]
        found.append({"sentence": int(word["sentence"]), **_window(text, int(word["start"]), int(word["end"]))})
    return found


def _window(text: str, start: int, end: int) -> dict[str, Any]:
    first, last = max(0, start - WINDOW), min(len(text), end + WINDOW)
    before = "…" if first else ""
    shift = len(before) - first
    cut = before + text[first:last] + ("…" if last < len(text) else "")
    return {"text": cut, "start": start + shift, "end": end + shift}
