"""A finished run: its tables, its findings, its figures. Reading one needs neither models nor analyses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from isogloss.analysis import Figure, Finding, Tables
from isogloss.errors import OptionError, StoreError
from isogloss.sealed import inside, read_json, read_table
from isogloss.study.layout import FORMAT, RunLayout
from isogloss.study.manifest import checked_manifest, findings_and_figures
from isogloss.study.places import described, placed

FEW_SENTENCES = 30
"""With fewer, intervals over sentences are too narrow to be believed, and every number says so."""


@dataclass(frozen=True)
class AnalysisResult:
    """What one analysis found.

    Attributes
    ----------
    name, question : of the analysis.
    tables : by name; the one called like the analysis is tidy.
    findings : the most important first.
    figures : what shows them.
    """

    name: str
    question: str
    tables: Tables
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class StudyResults(Mapping[str, AnalysisResult]):
    """All results of a run; `results["similarity"]` is one analysis.

    Attributes
    ----------
    directory : the run directory.
    manifest : what was asked, found and used.
    analyses : by name.
    """

    directory: Path
    manifest: dict[str, Any]
    analyses: dict[str, AnalysisResult] = field(default_factory=dict)

    def __getitem__(self, name: str) -> AnalysisResult:
        """One analysis.

        Raises
        ------
        KeyError : this run has no such analysis; the message lists those it has.
        """
        if name not in self.analyses:
            raise KeyError(f"this run has no analysis {name!r}; it has {', '.join(self.analyses)}")
        return self.analyses[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.analyses)

    def __len__(self) -> int:
        return len(self.analyses)

    @property
    def findings(self) -> list[Finding]:
        """Of all analyses, the most important first."""
        everything = [finding for result in self.analyses.values() for finding in result.findings]
        return sorted(everything, key=lambda finding: -finding.weight)

    @property
    def tables(self) -> Tables:
        """All tables by name."""
        return {name: table for result in self.analyses.values() for name, table in result.tables.items()}

    @property
    def notes(self) -> list[str]:
        """What a reader must know: dropped words, cut sentences, what could not be compared."""
        return list(self.manifest["notes"])

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps of the checkpoints that the run was drawn over, from 0 (the base model); none without a series."""
        found = placed(self.manifest["question"].get("series") or {}, "step")
        return (0, *found) if found else ()

    @property
    def tunings(self) -> tuple[str, ...]:
        """The names of the tunings that stand side by side, the tuned model's first; none if there is only that one."""
        return tuple(placed(self.manifest["question"].get("series") or {}, "task"))

    @property
    def series(self) -> tuple[str, ...]:
        """A sentence on the steps and one on the tunings, where there are such."""
        return tuple(described(self.manifest["question"].get("series") or {}))

    def table(self, name: str) -> pl.DataFrame:
        """A table by name.

        Raises
        ------
        OptionError : there is none of that name; the message lists them.
        """
        if name not in self.tables:
            raise OptionError(f"this run has no table {name!r}; it has {', '.join(self.tables)}")
        return self.tables[name]


def load_results(directory: Path | str) -> StudyResults:
    """Open a finished run.

    Raises
    ------
    StoreError : it is not a run, not finished, or a file was changed or lost (named).
    """
    layout = RunLayout(Path(directory))
    if not layout.root.is_dir():
        raise StoreError(f"there is no run directory {layout.root}")
    if not layout.manifest.exists():
        inside = layout.root / "run"
        hint = f"; did you mean {inside}?" if RunLayout(inside).manifest.exists() else ""
        raise StoreError(f"{layout.root} is not a run directory: it has no {layout.manifest.name}{hint}")
    try:
        manifest = read_json(layout.manifest)
    except StoreError as error:
        raise StoreError(
            error.message, "without it the run cannot be read: delete the directory and run again"
        ) from None
    if "question" not in manifest:
        raise StoreError(f"{layout.root} is not a run directory: its manifest asks no question (an activation store?)")
    if manifest.get("format") != FORMAT:
        raise StoreError(f"{layout.root} has format {manifest.get('format')}; this version reads {FORMAT}")
    if not manifest.get("finished"):
        raise StoreError(f"the run in {layout.root} is not finished: start it again and it goes on where it stopped")
    manifest = checked_manifest(manifest, layout.manifest)
    try:
        n = manifest["corpus"]["sentences"]
        analyses = {name: _analysis(layout, name, entry, n) for name, entry in manifest["results"].items()}
    except StoreError as error:
        raise StoreError(error.message, way_out(manifest)) from None
    return StudyResults(layout.root, manifest, analyses)


def way_out(manifest: Mapping[str, Any]) -> str:
    """What mends a finished run with a damaged file."""
    command = manifest.get("command")
    same = f"run the same command again ({command})" if command else "ask for the same comparison again"
    return f"{same}: what is damaged is made anew from the tables of its layers"


def _analysis(layout: RunLayout, name: str, entry: Mapping[str, Any], n_sentences: int) -> AnalysisResult:
    path = inside(layout.figures, f"{name}.json")
    findings, figures = findings_and_figures(read_json(path), path)
    return AnalysisResult(
        name=name,
        question=entry["question"],
        tables={t: read_table(inside(layout.tables, f"{t}.parquet"), d) for t, d in entry["tables"].items()},
        findings=tuple(_with_caveat(finding, n_sentences) for finding in findings),
        figures=figures,
    )


def _with_caveat(finding: Finding, n_sentences: int) -> Finding:
    if finding.value is None or n_sentences >= FEW_SENTENCES:
        return finding
    only = f"From {n_sentences} sentence{'s' * (n_sentences != 1)} only, too few to be sure."
    return replace(finding, text=f"{finding.text} {only}")
