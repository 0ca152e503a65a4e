"""The errors a user can mend. The command line prints them as one message and exits with code 2.

Anything that is not an `IsoglossError` is a fault of the program and keeps its stack trace. A message may advise an
option; how an option is written is decided by who shows the message: as an argument here, as `--option` there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self


class IsoglossError(Exception):
    """Something the user asked for cannot be done; the message says what, where and what would be right.

    Parameters
    ----------
    message : what is wrong and where.
    remedy : what would be right, with `{name}` where an option stands; follows the message after a semicolon.
    options : the values of these options; None where the user has to choose.
    """

    def __init__(self, message: str, remedy: str = "", **options: Any) -> None:
        self.message, self.remedy, self.options = readable(message), remedy, options
        super().__init__(self.spelled(as_argument))

    def __reduce__(self) -> tuple[Any, ...]:
        # Raised in a worker, it comes to the user whole.
        return _again, (type(self), self.message, self.remedy, self.options)

    def spelled(self, spell: Callable[[str, Any], str]) -> str:
        """The whole message with every option as `spell(name, value)` writes it."""
        remedy = self.remedy
        for name, value in self.options.items():
            remedy = remedy.replace(f"{{{name}}}", spell(name, value))
        return readable(f"{self.message}; {remedy}") if remedy else self.message

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The same error of a place where these options go by other names."""
        remedy = self.remedy
        for old, new in names.items():
            remedy = remedy.replace(f"{{{old}}}", f"{{{new}}}")
        return type(self)(self.message, remedy, **{names.get(n, n): v for n, v in self.options.items()})


def _again(kind: type[IsoglossError], message: str, remedy: str, options: dict[str, Any]) -> IsoglossError:
    return kind(message, remedy, **options)


LONGEST = 1600
"""Characters of a message; a file can hold a name of any length, and what is said of it must stay readable."""


def readable(text: str) -> str:
    """`printable`, and the middle of a long text left out."""
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 600]} ... {text[-500:]}")


def printable(text: str) -> str:
    """The text as a terminal may be given it: what would move its cursor or turn its text is written out.

    Line breaks, tabs, zero-width joiners (emoji) and all that is seen stay as they are.
    """
    return "".join(c if c.isprintable() or c in _KEPT else _written_out(c) for c in text)


_KEPT = "\n\t\u00a0\u200c\u200d\u3000"


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def as_argument(name: str, value: Any) -> str:
    """`encoding='latin-1'`; `encoding=` where the user has to choose."""
    return f"{name}=" if value is None else f"{name}={value!r}"


class CorpusError(IsoglossError):
    """A corpus cannot be read or lacks what was asked of it; names the file and the line, row or column."""


class ModelError(IsoglossError):
    """A model reference cannot be resolved, loaded or run."""


class StoreError(IsoglossError):
    """An activation store or run directory is damaged, incomplete, or holds something else than was asked."""


class EngineError(IsoglossError):
    """There are no workers, or they died."""


class OptionError(IsoglossError, ValueError):
    """An option or an array has no such value, or options contradict each other."""


class NotFiniteError(OptionError):
    """Vectors hold NaN or infinity, or are too long to be squared; names the row."""
