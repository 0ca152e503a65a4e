"""How long work reports how far it is: to nobody, to a terminal, or to whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[float], None]


class Progress:
    """Says nothing. Subclasses show what they are told."""

    @contextmanager
    def task(self, name: str, total: float, unit: str) -> Iterator[Advance]:
        """A piece of work of `total` units; call the result with the number of units that were just finished."""
        yield lambda _: None

    def note(self, text: str) -> None:
        """One line worth telling."""


SILENT = Progress()
