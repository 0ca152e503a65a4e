"""Small jobs for engines to do."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import OptionError


@dataclass(frozen=True)
class Square:
    x: int
    seconds: float = 0.0
    size: float = 2.0

    @property
    def label(self):
        return f"the square of {self.x}"

    def do(self, bench):
        time.sleep(self.seconds)
        bench.tick(1.5)
        return self.x**2, os.getpid()


@dataclass(frozen=True)
class Refused(Square):
    def do(self, bench):
        bench.progress.note("about to refuse")
        raise OptionError(f"no square of {self.x}", "take {number}", number=3)


@dataclass(frozen=True)
class Faulty(Square):
    def do(self, bench):
        return self.x // 0, 0


@dataclass(frozen=True)
class Deadly(Square):
    """Kills its worker until so many have died."""

    deaths: str = ""
    most: int = 1

    def do(self, bench):
        with Path(self.deaths).open("a") as stream:
            stream.write("x")
        if len(Path(self.deaths).read_text()) <= self.most:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().do(bench)


@dataclass(frozen=True)
class Made(Square):
    """Says how often a worker made what it keeps."""

    def do(self, bench):
        made = bench.keep("counter", "key", list)
        made.append(self.x)
        return len(made), os.getpid()


class Untravelled(Exception):
    def __init__(self, why, *, needed):
        super().__init__(why)


@dataclass(frozen=True)
class Untravelling(Square):
    def do(self, bench):
        raise Untravelled("lost", needed=1)


@dataclass(frozen=True)
class Large(Square):
    """Keeps more than a worker's memory may grow by where growth is taken for a leak."""

    def do(self, bench):
        bench.keep("large", self.x > 0, lambda: b"x" * (400 << 20 if self.x else 1))
        return super().do(bench)
