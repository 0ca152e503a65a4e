"""What every analysis gives of a series: its tidy tables one below the other, headline measures drawn, and findings.

Knows the tidy columns and the optional parts of the protocol, no analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from isogloss.analysis import TIDY, Analysis, By, Figure, Finding, SeriesAnalysis, Tables
from isogloss.study.series import Series
from isogloss.study.series_figures import over_steps, side_by_side
from isogloss.study.series_findings import half_way

TABLES: dict[By, str] = {"step": "steps", "task": "tasks"}
"""What the name of an analysis's tidy table of all members ends with."""
MOST_MEASURES = 3
"""Headline measures of an analysis that names none."""


@dataclass
class Added:
    """What a series adds to an analysis."""

    tables: Tables = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def series_results(
    analysis: Analysis, options: Any, series: Series, of_each: Sequence[Tables], findings: Sequence[Finding]
) -> Added:
    """Everything that is said of a series beside what is said of the tuned model.

    Parameters
    ----------
    of_each : the tables of the tuned model, then those of every member, each as if it were compared alone.
    findings : of the tuned model.
    """
    added = Added()
    measures = headline(analysis, of_each[0].get(analysis.name), findings)
    for by, ending in TABLES.items():
        places = series.places(by)
        if not places:
            continue
        name = f"{analysis.name}_{ending}"
        table = _joined([(place, of_each[index][analysis.name]) for place, index in places.items()], by)
        added.tables[name] = table
        if set(TIDY) <= set(table.columns):
            if by == "step":
                added.figures += over_steps(analysis.name, table, measures)
                added.findings += half_way(analysis.name, table, measures)
            else:
                added.figures += side_by_side(analysis.name, table, measures)
        if isinstance(analysis, SeriesAnalysis):
            tables, said, shown = analysis.series(_of_all(of_each, places, by), by, options)
            added.tables |= tables
            added.findings += said
            added.figures += shown
    return added


def headline(analysis: Analysis, tidy: pl.DataFrame | None, findings: Sequence[Finding]) -> dict[str, str]:
    """The measures to draw over steps, and what each is called in a sentence.

    Those that the analysis names; else those that its findings on its tidy table speak of; else the first of the table.
    """
    named = getattr(analysis, "headline", None)
    if named is not None:
        return dict(named) if hasattr(named, "keys") else {measure: _words(measure) for measure in named}
    if tidy is None or "measure" not in tidy.columns:
        return {}
    known = tidy["measure"].unique(maintain_order=True).to_list()
    spoken = [f.measure for f in sorted(findings, key=lambda f: -f.weight) if f.measure in known]
    return {measure: _words(measure) for measure in list(dict.fromkeys(spoken or known))[:MOST_MEASURES]}


def _words(measure: str) -> str:
    return measure.replace("_", " ")


def _of_all(of_each: Sequence[Tables], places: dict[int | str, int], by: By) -> Tables:
    names = dict.fromkeys(name for index in places.values() for name in of_each[index])
    return {
        name: _joined([(place, of_each[i][name]) for place, i in places.items() if name in of_each[i]], by)
        for name in names
    }


def _joined(parts: list[tuple[int | str, pl.DataFrame]], by: By) -> pl.DataFrame:
    kind = pl.Int64() if by == "step" else pl.String()
    # A column that one member has no value for may be of no type there.
    return pl.concat(
        [table.select(pl.lit(place, kind).alias(by), pl.all()) for place, table in parts], how="vertical_relaxed"
    )
