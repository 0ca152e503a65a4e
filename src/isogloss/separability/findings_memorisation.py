"""Whether the model has encoded its training set: one sentence per label, from the tables of `measure_memorisation`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from isogloss.analysis import Finding, Tables, first_tuned, listed, stated
from isogloss.analysis.curves import figure_names
from isogloss.analysis.figure_lines import MODELS
from isogloss.analysis.finding_rows import Row, finding_in, first_rows, rows_of, said, sure, unsure
from isogloss.separability.memorisation import PARTS, SUBTEST, TEST

SLIGHT = 0.02
"""A gap that is clear but slight."""
CHANGE, GAP = "memorised_gap_change", "memorised_gap"
PRESUMED = "This presumes that the model was tuned on what the corpus calls its training part"


def memorised(tables: Tables, options: Any = None) -> Iterator[Finding]:
    """Findings of all labels the test was asked for, those that could not be decided last; none of what was not.

    A training set counts as encoded where the gap grew in tuning and is now above 0, both beyond what chance gives
    among all labels and layers that were looked at.

    Parameters
    ----------
    tables : `separability`, and the two tables of `measure_memorisation`.
    options : of the run; not needed.
    """
    if "separability" not in tables or PARTS not in tables:
        return
    whole = tables["separability"].with_row_index("row")
    own = first_tuned(whole)
    measured = measured_labels(tables)
    names = dict(zip(measured, figure_names("separability-memorisation-after", measured), strict=True))
    for label in measured:
        yield _decided(own, whole, label, names[label])
    yield from _undecided(tables)


def measured_labels(tables: Tables) -> list[str]:
    """Labels that have gaps, in order."""
    if "separability" not in tables:
        return []
    rows = first_tuned(tables["separability"]).filter((pl.col("measure") == GAP) & pl.col("value").is_not_null())
    return list(dict.fromkeys(rows["subset"]))


def told_layer(own: pl.DataFrame, label: str) -> int | None:
    """The layer that is told: where the gap grew most; without both models, where it is widest."""
    rows = rows_of(own, CHANGE, label) or rows_of(own, GAP, label)
    return max(rows, key=lambda row: (row["value"], row["layer"]))["layer"] if rows else None


def _decided(own: pl.DataFrame, whole: pl.DataFrame, label: str, figure: str) -> Finding:
    layer = told_layer(own, label)
    measures = {
        (measure, model): row
        for measure in (f"memorised_{SUBTEST}", f"memorised_{TEST}", GAP)
        for model in MODELS
        for row in rows_of(own, measure, label, model)
        if row["layer"] == layer
    }
    changes = rows_of(own, CHANGE, label)
    change = next((row for row in changes if row["layer"] == layer), None)
    rows = [*([change] if change else []), *measures.values()]
    ends: dict[str, Any] = {"scale": (-1, 1), "figure": figure}
    if change is None:
        model = next(model for model in reversed(MODELS) if (GAP, model) in measures)
        text = (
            f"Whether the model has encoded its training set is not decided at layer {layer}, which one model lacks: "
            f"from the {model} one a classifier tells {label} {_scored(measures, model)}."
        )
        return Finding.of_rows(text, rows, measures[GAP, model], 0.35, **ends)
    gap = measures[GAP, "tuned"]
    n = own.filter(pl.col("measure") == CHANGE).height
    verdict, weight = _verdict(change, gap, n)
    text = (
        f"{verdict}: at layer {layer}{_most(changes)}, a classifier of the vectors, trained on other training "
        f"sentences, tells {label} {_scored(measures, 'tuned')}; from the base model's vectors "
        f"{_scored(measures, 'base', True)}. {_grew(change, n)}{_seeds(whole, label, layer)}. {PRESUMED}."
    )
    return Finding.of_rows(text, rows, change, weight, **ends)


def _verdict(change: Row, gap: Row, n: int) -> tuple[str, float]:
    if change["ci_low"] is None or gap["ci_low"] is None:
        return "How much of its training set this model has encoded has no interval", 0.4
    grew = change["value"] > 0 and sure(change, n)
    if grew and gap["value"] > 0 and sure(gap, n):
        if change["value"] < SLIGHT:
            return "This model has slightly encoded its training set", 0.5
        return "This model has encoded its training set", 0.8
    if change["value"] < 0 and sure(change, n):
        return "No sign that this model has encoded its training set; sentences it was trained on lost ground", 0.45
    return "No sign that this model has encoded its training set", 0.45


def _scored(measures: dict[tuple[str, str], Row], model: str, short: bool = False) -> str:
    seen, unseen = (measures[f"memorised_{part}", model]["value"] for part in (SUBTEST, TEST))
    full = "with accuracy {} in sentences the model was trained on and {} in unseen ones", "a gap of"
    where = ("{} and {}", "gap") if short else full
    return f"{where[0].format(stated(seen), stated(unseen))} ({where[1]} {said(measures[GAP, model])})"


def _grew(change: Row, n: int) -> str:
    if not change["value"]:
        return "The gap is exactly the same"
    return f"The gap changed by {said(change)}{unsure(change, n)}"


def _most(changes: Sequence[Row]) -> str:
    return f", of {len(changes)} the one where the gap grew most" if len(changes) > 1 else ""


def _seeds(whole: pl.DataFrame, label: str, layer: int | None) -> str:
    """What other tuned models give at the same layer."""
    rows = whole.filter(
        (pl.col("measure") == CHANGE)
        & (pl.col("subset") == label)
        & (pl.col("layer") == layer)
        & pl.col("value").is_not_null()
    )
    if rows["seed"].n_unique() < 2:
        return ""
    least, most = rows["value"].min(), rows["value"].max()
    return f" ({stated(float(str(least)))} to {stated(float(str(most)))} over {rows.height} tuned models)"


def _undecided(tables: Tables) -> Iterator[Finding]:
    """One sentence for all labels that share a reason."""
    rows = [row for row in first_rows(tables, PARTS) if row["undecided"] is not None]
    for reason in dict.fromkeys(row["undecided"] for row in rows):
        of = [row for row in rows if row["undecided"] == reason]
        labels = listed(list(dict.fromkeys(row["label"] for row in of)), most=3)
        text = f"Whether the model has encoded its training set is not decided for {labels}: {reason}."
        yield finding_in(
            text, GAP, PARTS, of, None, 0.2, layers=tuple(sorted({row["layer"] for row in of})), scale=(-1, 1)
        )
