"""Reads one case under a time limit and says what came of it: read, refused as it should be, or a fault."""

from __future__ import annotations

import re
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from campaigns.targets import Case, read_case
from isogloss.errors import IsoglossError, printable

SECONDS = 2.0
"""Wall time that one input may take."""
LONGEST_MESSAGE = 2000
"""Characters of a message that a person still reads."""
_PLACE = re.compile(r"\b(line|row|record|byte|header|column|bytes|rows|sentence)s? ")
_OF_OPTIONS = re.compile(r"delimiter|encoding|columns|is not of the form|a label cannot be called|no label is named")


class TooSlow(BaseException):
    """The time of an input is over. Not an `Exception`: no reader may catch it."""


@dataclass(frozen=True)
class Verdict:
    """What came of one input.

    Attributes
    ----------
    kind : `read`, the class of an `IsoglossError`, or `fault`.
    seconds : it took.
    placed : whether a refusal names a line, row or the like.
    message : of the refusal or the fault.
    """

    kind: str
    seconds: float
    placed: bool = False
    message: str = ""

    @property
    def cause(self) -> str:
        """What faults that are alike have in common: the first words of the message."""
        return self.message.split("\n")[0][:80]


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` in the block when its wall time is over."""

    def over(number: int, frame: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judged(case: Case, seconds: float = SECONDS) -> Verdict:
    """The verdict on a case. One that was too slow is tried once more: the machine may have been busy."""
    verdict = _judged(case, seconds)
    return _judged(case, seconds) if "TooSlow" in verdict.cause else verdict


def _judged(case: Case, seconds: float) -> Verdict:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    start = time.perf_counter()
    try:
        with limited(seconds):
            read_case(case, folder)
        return Verdict("read", time.perf_counter() - start)
    except IsoglossError as error:
        took = time.perf_counter() - start
        return replace(_refused(error, case, folder), seconds=took)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # panics of extensions are no Exceptions
        took = time.perf_counter() - start
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} at {Path(where.filename).name}:{where.lineno}: {str(error)[:200]}"
        return Verdict("fault", took, message=what)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refused(error: IsoglossError, case: Case, folder: Path) -> Verdict:
    message = str(error)
    named = str(folder) in message or any(name in message for name in case.files)
    # What is made of a corpus that was read calls it by its name.
    named |= bool(case.options.get("tasks")) and any(f"{Path(name).stem}, sentence" in message for name in case.files)
    if not message:
        return Verdict("fault", 0, message="an error without a message")
    if not named and not (case.options and _OF_OPTIONS.search(message)):
        return Verdict("fault", 0, message=f"the message names no file: {message[:200]}")
    if len(message) > LONGEST_MESSAGE:
        return Verdict("fault", 0, message=f"a message of {len(message)} characters: {message[:120]}")
    if printable(message) != message:
        return Verdict("fault", 0, message=f"control characters in the message: {message[:200]!r}")
    return Verdict(type(error).__name__, 0, _PLACE.search(message) is not None, message)


def smallest(case: Case, cause: str, tries: int = 150) -> Case:
    """The same case with files cut as far as it fails in the same way; stops after so many readings."""
    for name in case.files:
        size = max(len(case.files[name]) // 2, 1)
        while size and tries > 0:
            at = 0
            while at < len(case.files[name]) and tries > 0:
                content = case.files[name]
                shorter = replace(case, files={**case.files, name: content[:at] + content[at + size :]})
                tries -= 1
                if (verdict := judged(shorter)).kind == "fault" and verdict.cause == cause:
                    case = shorter
                else:
                    at += size
            size //= 2
    return case
