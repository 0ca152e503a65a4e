"""A finding: one plain sentence with its number, its interval, its noise floor and the rows it rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One sentence a reader can act on.

    Attributes
    ----------
    text : the sentence, complete with number and interval; plain words, no markup.
    analysis, measure : where the number comes from.
    value, ci_low, ci_high : the number and its 95% interval.
    null_low, null_high : the noise floor: values that "nothing changed" would give.
    layers : the layers it speaks of.
    table : name of the table it rests on.
    rows : row numbers in that table.
    weight : 0 to 1, how much a reader wants to see it first.
    """

    text: str
    analysis: str
    measure: str
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    layers: tuple[int, ...] = ()
    table: str = ""
    rows: tuple[int, ...] = ()
    weight: float = 0.5

    def __str__(self) -> str:
        return self.text

    def as_dict(self) -> dict[str, Any]:
        """Plain types for `summary.json`."""
        return asdict(self)


@dataclass(frozen=True)
class Interval:
    """A value with its 95% interval, and how it reads in a sentence."""

    value: float
    low: float | None = None
    high: float | None = None
    digits: int = field(default=2, compare=False)

    def __str__(self) -> str:
        number = f"{self.value:.{self.digits}f}"
        if self.low is None or self.high is None:
            return number
        return f"{number} [{self.low:.{self.digits}f}, {self.high:.{self.digits}f}]"
