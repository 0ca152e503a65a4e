"""A finding: one plain sentence with its number, its interval, its noise floor and the rows it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from isogloss.errors import printable


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
    scale : least and greatest value the measure can take, where it is not 0 and 1.
    figure : name of the figure that shows it; "" leaves the choice to the page.
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
    scale: tuple[float, float] | None = None
    figure: str = ""

    @staticmethod
    def of_rows(
        text: str, rows: Sequence[Mapping[str, Any]], number: Mapping[str, Any], weight: float, **more: Any
    ) -> Finding:
        """A finding on rows of an analysis's tidy table, whose number is that of one of them.

        Parameters
        ----------
        rows : rows of the table with their number in it as `row`.
        number : the one whose value, interval and null are those of the finding.
        more : other attributes.
        """
        return Finding(
            text=text,
            analysis=number["analysis"],
            measure=number["measure"],
            value=number["value"],
            ci_low=number["ci_low"],
            ci_high=number["ci_high"],
            null_low=number["null_low"],
            null_high=number["null_high"],
            layers=tuple(dict.fromkeys(row["layer"] for row in rows)),
            table=number["analysis"],
            rows=tuple(row["row"] for row in rows),
            weight=weight,
            **more,
        )

    def __str__(self) -> str:
        return printable(self.text)

    def as_dict(self) -> dict[str, Any]:
        """Plain types for `summary.json`."""
        return asdict(self)
