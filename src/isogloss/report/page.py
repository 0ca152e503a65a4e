"""The report page: one HTML file that needs nothing beside it. Lays out, computes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from isogloss.analysis import Figure, Finding, TableFigure, listed, side_by_side, stated
from isogloss.report import assets
from isogloss.report.draw import Grid, motif, renderer, strip
from isogloss.report.draw.table import TableView, view
from isogloss.report.glossary import measure_name, terms
from isogloss.report.input import Facts, ReportInput, ordered
from isogloss.report.record import command_of, sections
from isogloss.report.summary import compared, summary_json
from isogloss.report.text import clean, number, words_of
from isogloss.sealed import write_bytes

__all__ = ["Facts", "ReportInput", "render", "write_report"]

WIDE, NARROW = 720, 340
_IN_SHORT = 8
_IN_FULL = 6
"""Figures of an analysis that stand open; the rest is folded, but for those to walk through."""
_WALKED = ("explorer", "neurons", "wordmap", "paths")
_LABELS_SHOWN = 6
_NOTES_SHOWN = 3
_SEGMENTS = 26
_SMALL_TABLE = 1200
_LONG_TABLE = 12


@dataclass(frozen=True)
class _Shown:
    """A figure with what its template needs."""

    figure: Figure
    wide: Markup
    narrow: Markup
    grid: Grid | None
    view: Any


@dataclass(frozen=True)
class _SmallTable:
    """A table of the run: its rows ready to be shown, or only its name and size."""

    name: str
    title: str
    size: str
    link: str | None
    view: TableView | None


def _shown(figure: Figure) -> _Shown:
    drawn_by = renderer(figure)
    if drawn_by.view is not None:
        return _Shown(figure, Markup(""), Markup(""), None, drawn_by.view(figure))
    grid = drawn_by.numbers(figure) if drawn_by.numbers else None
    return _Shown(figure, drawn_by.svg(figure, WIDE), drawn_by.svg(figure, NARROW), grid, None)


def figure_of(finding: Finding, figures: Sequence[Figure]) -> Figure | None:
    """The figure that a finding names; else the one that shows it best: of its table, of its measure, or the first.

    The table named as the analysis holds all measures and so says nothing about the figure.
    """

    def likeness(figure: Figure) -> int:
        if finding.figure == figure.name:
            return 6
        name = figure.name.replace("-", "_")
        drawn = {getattr(line, "name", "").casefold() for line in getattr(figure, "lines", ())}
        measure = finding.measure
        if finding.table == name != finding.analysis:
            return 5
        if measure and (measure.casefold() in drawn or measure_name(measure).casefold() in drawn):
            return 4
        if measure and name.endswith(measure):
            return 3
        if finding.table and (name == finding.table or name.endswith(finding.table)):
            return 2
        return 1 if measure and measure in name else 0

    return max(figures, key=likeness, default=None)


def _table(name: str, frame: pl.DataFrame, folder: str | None) -> _SmallTable:
    size = f"{number(frame.height)} rows, {number(frame.width)} columns"
    link = f"{folder}/{name}.parquet" if folder is not None else None
    if frame.height * frame.width > _SMALL_TABLE or any(dtype.is_nested() for dtype in frame.dtypes):
        return _SmallTable(name, words_of(name), size, link, None)
    kept = [c for c in frame.columns if frame[c].null_count() < frame.height] or frame.columns
    rows = tuple(frame.select(kept).iter_rows())
    shown = view(TableFigure(f"table-{name}", name, "", tuple(kept), rows))
    return _SmallTable(name, words_of(name), size, link, shown)


def _json(value: object) -> Markup:
    """JSON that is safe inside a script element: no `<`, `>`, `&`, only ASCII."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("isogloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters |= {
        "number": number,
        "stated": stated,
        "words_of": words_of,
        "measure_name": measure_name,
        "json": _json,
    }
    environment.globals |= {"strip": strip, "side_by_side": side_by_side}
    return environment


def _parted(figures: Sequence[Figure]) -> tuple[list[_Shown], list[_Shown]]:
    """The figures that stand open - the first ones, and those to walk through - and those that are folded."""
    plain = [figure.name for figure in figures if figure.kind not in _WALKED]
    folded = set(plain[_IN_FULL:])
    parts: tuple[list[_Shown], list[_Shown]] = ([], [])
    for figure in figures:
        parts[figure.name in folded].append(_shown(figure))
    return parts


def _headline(facts: Facts) -> list[tuple[str, str]]:
    """(name, value) pairs of the page's head."""
    layers = facts.layers
    consecutive = list(layers) == list(range(layers[0], layers[-1] + 1)) if layers else False
    named = f"{layers[0]} to {layers[-1]}" if consecutive and len(layers) > 1 else listed([str(i) for i in layers])
    widths = list(dict.fromkeys(facts.hidden.values()))
    labels = facts.labels[:_LABELS_SHOWN]
    if more := len(facts.labels) - len(labels):
        labels = (*labels, f"{more} more")
    shares = [share for share in facts.coverage.values() if share is not None]
    pairs = [
        ("sentences", number(facts.sentences)),
        ("words", number(facts.words)),
        ("layers" if len(layers) != 1 else "layer", named),
        ("numbers per vector", " / ".join(number(w) for w in widths)),
        ("of words covered", f"{_floor_percent(min(shares))} %" if shares else ""),
        ("labels" if len(facts.labels) != 1 else "label", listed(labels)),
    ]
    return [(name, value) for name, value in pairs if value]


def _floor_percent(share: float) -> str:
    """Never rounds up to 100."""
    return "100" if share >= 1 else f"{int(share * 10000) / 100:g}"


def _names(run: ReportInput) -> list[str]:
    """Analyses in the order of the page: as asked, then any that only have figures or findings."""
    return list(dict.fromkeys([*run.questions, *run.figures, *(f.analysis for f in run.findings)]))


def _measures(run: ReportInput) -> set[str]:
    """What the glossary may have to explain: measures, kinds of figures, rankings of neurons."""
    used = {finding.measure for finding in run.findings}
    for frame in run.tables.values():
        if "measure" in frame.columns:
            used |= set(frame["measure"].drop_nulls().unique().to_list())
    for figure in chain(*run.figures.values()):
        used |= {figure.kind, *(method.casefold() for method in getattr(figure, "methods", ()))}
    return used


def _context(run: ReportInput) -> Mapping[str, Any]:
    names = _names(run)
    findings = ordered(run.findings)
    first, later = findings[:_IN_SHORT], findings[_IN_SHORT:]
    link = {id(f): figure_of(f, run.figures.get(f.analysis, ())) for f in findings}
    parted = {name: _parted(run.figures.get(name, ())) for name in names}
    analyses = [
        {
            "name": name,
            "question": run.questions.get(name, ""),
            "findings": [f for f in later if f.analysis == name],
            "silent": not run.figures.get(name) and all(f.analysis != name for f in findings),
            "figures": parted[name][0],
            "folded": parted[name][1],
        }
        for name in names
    ]
    return {
        "run": run,
        "title": run.heading,
        "compared": compared(run.facts),
        "headline": _headline(run.facts),
        "in_short": first,
        "more_findings": len(later),
        "link": lambda finding: link[id(finding)],
        "analyses": analyses,
        "tables": [_table(name, frame, run.tables_at) for name, frame in run.tables.items()],
        "notes": list(run.notes[:_NOTES_SHOWN]),
        "more_notes": list(run.notes[_NOTES_SHOWN:]),
        "command": command_of(run.manifest),
        "sections": sections(run.manifest),
        "terms": terms(_measures(run)),
        "summary": summary_json(run),
        "style": Markup(assets.style()),
        "script": Markup(assets.script()),
        "policy": assets.policy(),
        "motif": motif(),
        "segments": _SEGMENTS,
        "long_table": _LONG_TABLE,
    }


def render(run: ReportInput) -> str:
    """The page as one HTML string: nothing is loaded from elsewhere and only its own script can run.

    Text of the corpus, of models and of the manifest is shown as text, whatever it holds.

    Raises
    ------
    ValueError : a figure of a kind that nothing draws.
    """
    return _environment().get_template("page.html.jinja").render(_context(run))


def write_report(run: ReportInput, path: str | Path) -> Path:
    """Render the page and write it whole; folders on the way are made.

    Raises
    ------
    StoreError : it cannot be written; an older page at that place stays as it was.
    """
    target = Path(path)
    write_bytes(target, render(run).encode("utf-8"))
    return target
