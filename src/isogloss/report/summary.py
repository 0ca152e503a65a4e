"""The run in two small files: Markdown for people, JSON for programs such as a check in CI.

Keys of the JSON, stable within `schema` 1:

    schema          1
    title           heading of the report
    compared        base, tuned (list), corpus, sentences, words, labels, layers, coverage {model: share},
                    hidden {model: width}, series (sentences on checkpoints and on other tunings)
    findings        list, most important first: text, analysis, measure, value, ci_low, ci_high, null_low,
                    null_high, layers, table, rows, weight
    measures        {analysis: {measure: {model: [row]}}}; a row has layer, seed, value, ci_low, ci_high,
                    null_low, null_high, n;
                    rows over all words only (subset "all"), by seed and layer
    notes           list of warnings
    command, seed, versions, models     from the run's manifest

A number that does not exist is null, never NaN. For example
`jq '.measures.similarity.cka.tuned[] | select(.layer == 6) | .value'`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import PurePath
from typing import Any

import polars as pl

from isogloss.analysis import TIDY, listed
from isogloss.report.glossary import measure_name
from isogloss.report.input import Facts, ReportInput, ordered
from isogloss.report.record import command_of, sections
from isogloss.report.text import clean, interval, number, plain

SCHEMA = 1
_ROW = ("layer", "seed", "value", "ci_low", "ci_high", "null_low", "null_high", "n")
_OF_SERIES = {"step", "task"}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|&~!])")


def compared(facts: Facts) -> str:
    """One sentence: what was compared on what; one more on each kind of series."""
    tuned = listed(facts.tuned)
    return " ".join(
        (
            f"{facts.base} and {tuned} read the same {number(facts.words)} words in {number(facts.sentences)} "
            f"sentences of {facts.corpus}.",
            *facts.series,
        )
    )


def tidy_tables(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables of base and tuned that hold one number per row with its noise, all words only; none of a series."""
    return {
        name: frame.filter(pl.col("subset") == "all").sort("measure", "model", "seed", "layer", nulls_last=True)
        for name, frame in tables.items()
        if set(TIDY) <= set(frame.columns) and not _OF_SERIES & set(frame.columns)
    }


def _plain_value(value: Any) -> Any:
    """JSON types only; NaN and infinity become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(k)): _plain_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain_value(v) for v in value]
    if isinstance(value, date | PurePath):
        return str(value)
    return _plain_value(value.item()) if hasattr(value, "item") else clean(str(value))


def summary_json(run: ReportInput) -> dict[str, Any]:
    """The run as JSON types; keys are documented at the top of this module."""
    measures: dict[str, dict[str, dict[str, list[dict[str, Any]]]]] = {}
    for frame in tidy_tables(run.tables).values():
        for row in frame.iter_rows(named=True):
            rows = measures.setdefault(row["analysis"], {}).setdefault(row["measure"], {}).setdefault(row["model"], [])
            rows.append({key: row[key] for key in _ROW})
    facts = run.facts
    summary = {
        "schema": SCHEMA,
        "title": run.heading,
        "compared": {
            "base": facts.base,
            "tuned": facts.tuned,
            "corpus": facts.corpus,
            "sentences": facts.sentences,
            "words": facts.words,
            "labels": facts.labels,
            "layers": facts.layers,
            "coverage": facts.coverage,
            "hidden": facts.hidden,
            "series": facts.series,
        },
        "findings": [finding.as_dict() for finding in ordered(run.findings)],
        "measures": measures,
        "notes": list(run.notes),
        "command": command_of(run.manifest),
        **{key: run.manifest.get(key) for key in ("seed", "versions", "models")},
    }
    plain_summary: dict[str, Any] = _plain_value(summary)
    return plain_summary


def _md(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKDOWN.sub(r"\\\1", plain(text)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def _layer_table(frame: pl.DataFrame) -> list[str]:
    """Measures as columns, layers as rows; the first tuned model only, where there are several."""
    first = frame.filter(pl.col("seed").is_null() | (pl.col("seed") == pl.col("seed").min()))
    columns = list(first.select("measure", "model").unique(maintain_order=True).iter_rows())
    models = {model for _, model in columns}
    cells = {(row["measure"], row["model"], row["layer"]): row for row in first.iter_rows(named=True)}
    layers = sorted({layer for _, _, layer in cells if layer is not None})
    if not layers:
        return []
    titles = [measure_name(m) + (f" ({model})" if len(models) > 1 else "") for m, model in columns]
    lines = ["| layer | " + " | ".join(map(_md, titles)) + " |", "|---:|" + "---:|" * len(columns)]
    for layer in layers:
        rows = [cells.get((measure, model, layer)) for measure, model in columns]
        shown = [interval(r["value"], r["ci_low"], r["ci_high"]) if r else "–" for r in rows]
        lines.append(f"| {layer} | " + " | ".join(shown) + " |")
    return [*lines, ""]


def summary_markdown(run: ReportInput) -> str:
    """The run on one screen: what was compared, findings, warnings, a table per analysis, how it was made."""
    lines = [
        f"# {_md(run.heading)}",
        "",
        _md(compared(run.facts)),
        "",
        "## In short",
        "",
    ]
    lines += [f"- {_md(finding.text)}" for finding in ordered(run.findings)] or ["Nothing to report."]
    if run.notes:
        lines += ["", "## Before you rely on this", "", *(f"- {_md(note)}" for note in run.notes)]
    for name, frame in tidy_tables(run.tables).items():
        if table := _layer_table(frame):
            lines += ["", f"## {_md(name.replace('_', ' ').capitalize())}", ""]
            if question := run.questions.get(name):
                lines += [f"*{_md(question)}*", ""]
            lines += [*table, "Value and 95% interval per layer; layer 0 is the embeddings."]
    command = command_of(run.manifest)
    if command or run.manifest:
        lines += ["", "## How it was made", ""]
        if command:
            fence = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`+", command)), 3)
            lines += [f"{fence}sh", plain(command), fence, ""]
        for section in sections(run.manifest):
            lines.append(f"- {_md(section.title)}: " + "; ".join(f"{_md(n)} {_md(v)}" for n, v, _ in section.lines))
    return "\n".join(lines).rstrip() + "\n"
