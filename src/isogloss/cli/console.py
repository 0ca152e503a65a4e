"""What the commands share: the console, and how errors end a command."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from isogloss.bars import BarProgress, PlainConsole, err
from isogloss.errors import IsoglossError
from isogloss.progress import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

    from isogloss.analysis import Finding

USER_ERROR = 2
INTERRUPTED = 130

out = PlainConsole(soft_wrap=True)


WIDE = 500
"""Columns of a table that goes to a file or to another program, where nobody set COLUMNS."""
READABLE = 100
"""Columns of running text, where the terminal is wider."""


def print_findings(findings: Sequence[Finding]) -> None:
    """The findings in a box that is no wider than can be read."""
    from isogloss.report import findings_panel

    out.print(findings_panel(findings), width=min(out.width, READABLE))


def print_table(table: RenderableType) -> None:
    """A table as wide as the terminal, or as it needs to be where there is none: then no cell is broken."""
    free = not out.is_terminal and "COLUMNS" not in os.environ
    (Console(width=WIDE) if free else out).print(table)


def progress(quiet: bool) -> Progress:
    """Bars, or nothing."""
    return Progress() if quiet else BarProgress()


@contextmanager
def user_errors(stopped: str = "stopped") -> Iterator[None]:
    """A user's mistake becomes one message and exit code 2; Ctrl-C becomes 130. Anything else keeps its trace.

    Parameters
    ----------
    stopped : what Ctrl-C leaves behind, and how to go on.
    """
    try:
        yield
    except IsoglossError as error:
        err.print(f"[bold red]error:[/] {_escaped(error.spelled(as_option))}")
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        err.print(stopped, markup=False)
        sys.exit(INTERRUPTED)


# Arguments of the library that the command line knows under another name.
_OPTIONS = {"split": "split-column", "long_sentences": "long"}
_CHARACTERS = {"\t": "tab"}


def as_option(name: str, value: Any) -> str:
    """`--encoding latin-1`, `--no-quoting`, `--columns word,pos`; the name alone where the user has to choose."""
    written = _OPTIONS.get(name, name.replace("_", "-"))
    if value is None or value is True:
        return f"--{written}"
    if value is False:
        return f"--no-{written}"
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"--{written} {_CHARACTERS.get(text) or shlex.quote(text)}"


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
