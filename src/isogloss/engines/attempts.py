"""What is under way with workers that may die: which jobs wait, which fly, and how often each was lost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from isogloss.engines.jobs import Job
from isogloss.errors import EngineError

Ticket = TypeVar("Ticket")

MOST_LOSSES = 3
"""A job whose worker died so often is given up: it is likely to be what kills them."""


class Attempts(Generic[Ticket]):
    """Jobs that are taken one by one, and given back where their worker died."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = enumerate(jobs)
        self._again: deque[tuple[int, Job]] = deque()
        self._lost: Counter[int] = Counter()
        self.flying: dict[Ticket, tuple[int, Job]] = {}

    def next(self) -> tuple[int, Job] | None:
        """The next job to hand out; None where there is none left."""
        return self._again.popleft() if self._again else next(self._jobs, None)

    def lost(self, ticket: Ticket, why: str) -> None:
        """The worker of this job died: it is handed out again.

        Raises
        ------
        EngineError : it happened too often.
        """
        index, job = self.flying.pop(ticket)
        self._lost[index] += 1
        if self._lost[index] >= MOST_LOSSES:
            others = f" or one of {len(self.flying)} jobs beside it" if self.flying else ""
            raise EngineError(
                f"{MOST_LOSSES} workers died one after the other while they did {job.label}{others} (the last one: "
                f"{why}); where the system ended them, memory ran out",
                "ask for fewer with {workers} and run again: what is done is kept",
                workers=None,
            )
        self._again.append((index, job))
