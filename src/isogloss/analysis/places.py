"""Checks of figures whose levels point into shared lists of words and sentences."""

from __future__ import annotations

from collections.abc import Iterable


def level_name(model: str, layer: int) -> str:
    """A level as messages call it."""
    return f"layer {layer} of the {model} model"


def within(places: Iterable[int], count: int, what: str) -> None:
    """Refuse places outside 0 .. count-1.

    Raises
    ------
    ValueError : one of them points at nothing; the message says which, and how many of `what` there are.
    """
    known = list(places)
    if known and (max(known) >= count or min(known) < 0):
        wrong = max(known) if max(known) >= count else min(known)
        raise ValueError(f"number {wrong} where there are {count} {what}")
