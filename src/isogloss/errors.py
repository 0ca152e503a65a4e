"""The errors a user can mend. The command line prints them as one message and exits with code 2.

Anything that is not an `IsoglossError` is a fault of the program and keeps its stack trace.
"""


class IsoglossError(Exception):
    """Something the user asked for cannot be done; the message says what, where and what would be right."""


class CorpusError(IsoglossError):
    """A corpus cannot be read or lacks what was asked of it; names the file and the line, row or column."""


class ModelError(IsoglossError):
    """A model reference cannot be resolved, loaded or run."""


class StoreError(IsoglossError):
    """An activation store or run directory is damaged, incomplete, or holds something else than was asked."""


class OptionError(IsoglossError, ValueError):
    """An option or an array has no such value, or options contradict each other."""
