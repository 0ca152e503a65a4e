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


class Numbers:
    """Gives every different string a number, in the order of appearance.

    Attributes
    ----------
    known : the strings with their numbers, in that order.
    """

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """The string's number, a new one if need be."""
        return self.known.setdefault(text, len(self.known))
