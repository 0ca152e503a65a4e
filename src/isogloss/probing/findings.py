"""What the probing tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences speak of the first, except the one about their agreement. A change is called
one only if it is beyond its interval widened for all the layers and labels that were looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from isogloss.analysis import Finding, Tables, first_tuned, from_to, layers, listed, stated, with_interval
from isogloss.analysis.finding_rows import (
    Row,
    finding_in,
    first_rows,
    margin,
    rows_of,
    said,
    seeds_of_labels,
    sure,
    unsure,
    z_of,
)
from isogloss.analysis.tables import of_whole_labels
from isogloss.probing.findings_asked import asked
from isogloss.probing.options import ProbingOptions

ALIKE = 0.9
"""Random neurons vary as much as others where their mean standard deviation is this share of theirs, or more."""
FEWEST_OF_A_VALUE = 20
"""Test words that a value needs for a sentence of its own: resampling sees no more than what is there."""
SPOKEN = 4
"""Labels that sentences speak of at most, those that changed most."""
CHANGES = {"accuracy_change": "accuracy", "r2_change": "r2"}


def findings(tables: Tables, options: ProbingOptions) -> list[Finding]:
    """All findings, the weightiest first."""
    notes = tables.get("probing_notes", pl.DataFrame({"text": []}))["text"].to_list()
    found = [Finding(text=note, analysis="probing", measure="", weight=0.15) for note in notes]
    table = tables["probing"].with_row_index("row")
    if table.is_empty():
        return found
    own = first_tuned(table)
    for label in _labels(own):
        found += _changes(own, label)
        found += _best(own, label)
        found += _values(own, label)
        found += _places(tables, label)
        found += asked(own, tables, label)
    found += _task(tables)
    found += seeds_of_labels(table, "accuracy_change", "the accuracy of {} at {layer}", 0.6)
    return sorted(found, key=lambda one: -one.weight)


def _labels(own: pl.DataFrame) -> list[str]:
    """The labels to speak of: by how far the layers' changes are beyond their intervals."""
    whole = own.filter(of_whole_labels())
    names = whole.filter(pl.col("measure").is_in(["accuracy", "r2"]))["subset"].unique(maintain_order=True).to_list()
    size = {
        name: max((abs(z_of(row)) for row in rows_of(own, _change_of(own, name), name)), default=0.0) for name in names
    }
    return sorted(names, key=lambda name: (-size[name], names.index(name)))[:SPOKEN]


def _change_of(own: pl.DataFrame, label: str) -> str:
    has = own.filter((pl.col("subset") == label) & (pl.col("measure") == "accuracy_change")).height
    return "accuracy_change" if has else "r2_change"


def _changes(own: pl.DataFrame, label: str) -> Iterator[Finding]:
    measure = _change_of(own, label)
    name = CHANGES[measure]
    changes = rows_of(own, measure, label)
    if not changes:
        return
    where = layers([row["layer"] for row in changes]).lower()
    word = "accuracy" if name == "accuracy" else "R²"
    if all(row["value"] == 0 for row in changes):
        yield Finding.of_rows(
            f"{label} is read exactly as well as before, in {where}.", changes, changes[0], 0.7, scale=(-1, 1)
        )
        return
    looked_at = own.filter(pl.col("measure").is_in(list(CHANGES)) & of_whole_labels()).height
    beyond = [row for row in changes if sure(row, looked_at)]
    if not beyond:
        most = max(changes, key=lambda row: abs(row["value"]))
        judged = any(row["ci_low"] is not None for row in changes)
        verdict = (
            "is read as well as before as far as can be told" if judged else "has no intervals to judge changes by"
        )
        most_at = f"{word} changed most at layer {most['layer']}, by {said(most)}{unsure(most, looked_at)}"
        text = f"{label} {verdict}, in {where}: {most_at}."
        yield Finding.of_rows(text, changes, most, 0.5, scale=_scale(most))
        return
    for direction, verb, weight in ((-1, "less well", 0.8), (1, "better", 0.75)):
        moved = [row for row in beyond if row["value"] * direction > 0]
        if not moved:
            continue
        most = max(moved, key=lambda row: abs(row["value"]))
        pair = {m: r for m in ("base", "tuned") for r in rows_of(own, name, label, m) if r["layer"] == most["layer"]}
        if len(pair) < 2:
            continue
        at = f"at layer {most['layer']} " if len(moved) > 1 else ""
        before = from_to(pair["base"]["value"], pair["tuned"]["value"])
        text = (
            f"{label} is read {verb} after fine-tuning at {layers([row['layer'] for row in moved]).lower()}: "
            f"{at}{word} goes from {before}, by {said(most)}{_selectivity(own, label, most)}."
        )
        rows = [most, *pair.values(), *[row for row in moved if row is not most]]
        yield Finding.of_rows(text, rows, most, weight, scale=_scale(most))


def _scale(row: Row) -> tuple[float, float]:
    """Accuracies lie between 0 and 1, R² has no least value."""
    return min(-1.0, row["value"], row["ci_low"] or 0.0), 1.0


def _selectivity(own: pl.DataFrame, label: str, at: Row) -> str:
    """What selectivity does at the same layer: control tasks may have lost as much."""
    rows = [row for row in rows_of(own, "selectivity_change", label) if row["layer"] == at["layer"]]
    return f"; selectivity changes by {said(rows[0])}" if rows else ""


def _best(own: pl.DataFrame, label: str) -> Iterator[Finding]:
    measure = "accuracy" if rows_of(own, "accuracy", label) else "r2"
    best = {}
    for model in ("base", "tuned"):
        rows = rows_of(own, measure, label, model)
        if rows:
            best[model] = max(rows, key=lambda row: (row["value"], -row["layer"]))
    if len(best) < 2:
        return
    word = "accuracy" if measure == "accuracy" else "R²"
    base, tuned = best["base"], best["tuned"]
    if measure == "r2" and max(base["value"], tuned["value"]) <= 0:
        text = f"{label} is not read at any layer: the best R², {said(base)} and {said(tuned)}, does not beat the mean."
        yield Finding.of_rows(text, [base, tuned], base, 0.55, scale=(min(-1.0, base["value"]), 1))
        return
    same = base["layer"] == tuned["layer"]
    where = (
        f"at layer {base['layer']} of both models, with {word} {said(base)} and {said(tuned)} after fine-tuning"
        if same
        else f"at layer {base['layer']} of the base model ({word} {said(base)}) and at layer {tuned['layer']} of the "
        f"tuned one ({said(tuned)})"
    )
    spelled = [row for row in rows_of(own, "per_type", label) if row["layer"] == base["layer"]]
    control = [row for row in rows_of(own, "control", label, "base") if row["layer"] == base["layer"]]
    tail = f"; each word's commonest value alone gives {stated(spelled[0]['value'], 2)}" if spelled else ""
    tail += f", control tasks {stated(control[0]['value'], 2)} there" if spelled and control else ""
    yield Finding.of_rows(
        f"{label} is read best {where}{tail}.", [base, tuned, *spelled, *control], base, 0.55, scale=(0, 1)
    )


def _values(own: pl.DataFrame, label: str) -> Iterator[Finding]:
    """The value of a label whose F1 changed most, of those beyond noise."""
    rows = own.filter((pl.col("measure") == "f1_change") & pl.col("subset").str.starts_with(f"{label}="))
    known = [row for row in rows.iter_rows(named=True) if row["value"] is not None and row["n"] >= FEWEST_OF_A_VALUE]
    beyond = [row for row in known if sure(row, len(known))]
    if not beyond:
        return
    most = max(beyond, key=lambda row: abs(row["value"]))
    pair = {
        m: r for m in ("base", "tuned") for r in rows_of(own, "f1", most["subset"], m) if r["layer"] == most["layer"]
    }
    if len(pair) < 2:
        return
    value = most["subset"].partition("=")[2]
    text = (
        f"Of the values of {label}, {value} changed most: F1 "
        f"{from_to(pair['base']['value'], pair['tuned']['value'])} at layer {most['layer']}, by {said(most)}."
    )
    yield Finding.of_rows(text, [most, *pair.values()], most, 0.45, scale=(-1, 1))


def _places(tables: Tables, label: str) -> Iterator[Finding]:
    """Where the neurons of a label sit among all layers, how few suffice, how many stayed."""
    shift = first_rows(tables, "probing_shift", label)
    fates = first_rows(tables, "probing_fates_together", label)
    fewest = [row for row in first_rows(tables, "probing_minimal", label) if row["what"] == "neurons"]
    if shift and shift[0]["shift"] is not None and shift[0]["null_low"] is not None:
        row = shift[0]
        inside = row["null_low"] <= row["shift"] <= row["null_high"]
        verdict = "within" if inside else "beyond"
        text = (
            f"Among all layers side by side, the salient neurons of {label} lie at layer "
            f"{row['base_mean']:.1f} on average in the base model and {row['tuned_mean']:.1f} in the tuned one: "
            f"a shift of {stated(row['shift'], 2)}, {verdict} what relabelling neurons gives "
            f"({stated(row['null_low'], 2)} to {stated(row['null_high'], 2)})."
        )
        if row["shift"] == 0:
            text = f"The salient neurons of {label} lie at the same layer on average as before, {row['base_mean']:.1f}."
        ends = {"null_low": row["null_low"], "null_high": row["null_high"]}
        top = max((r["layer"] for r in first_rows(tables, "probing_shift_layers", label)), default=1)
        yield finding_in(
            text, "shift", "probing_shift", [row], row["shift"], 0.6 - 0.2 * inside, scale=(-top, top), **ends
        )
    same = [row for row in fates if row["fate"] == "same"]
    total = sum(row["count"] for row in fates)
    if same and total:
        kept, expected = sum(row["count"] for row in same), sum(row["expected"] for row in same)
        text = (
            f"Of the base model's salient neurons of {label}, a share of {stated(kept / total, 2)} is salient for the "
            f"same value after fine-tuning; {stated(expected / total, 2)} would be by chance."
        )
        yield finding_in(text, "same", "probing_fates_together", same, kept / total, 0.4)
    by_model = {row["model"]: row for row in fewest}
    if len(by_model) == 2:
        base, tuned = by_model["base"], by_model["tuned"]
        text = (
            f"To read {label} nearly as well as with all {base['of']:,} neurons (losing at most "
            f"{base['tolerance']:.0%} of dev accuracy) takes {base['n']:,} of the base model's (test accuracy "
            f"{stated(base['accuracy'], 2)}) and {tuned['n']:,} of the tuned one's ({stated(tuned['accuracy'], 2)})."
        )
        yield finding_in(text, "neurons", "probing_minimal", [base, tuned], base["n"], 0.35, scale=(0, base["of"]))


def _task(tables: Tables) -> Iterator[Finding]:
    """Whether the running classifier uses a label's neurons more than matched ones."""
    rows = [row for row in first_rows(tables, "probing_task") if row["difference_low"] is not None]
    if not rows:
        return
    least = margin(len(rows))

    def z(row: Row) -> float:
        return z_of({"value": row["difference"], "ci_low": row["difference_low"], "ci_high": row["difference_high"]})

    beyond = [row for row in rows if z(row) > least]
    most = max(beyond or rows, key=lambda row: (row["difference"], row["layer"]))
    loss = with_interval(most["loss"], most["ci_low"], most["ci_high"])
    more = with_interval(most["difference"], most["difference_low"], most["difference_high"])
    ends = {"ci_low": most["difference_low"], "ci_high": most["difference_high"], "scale": (-1, 1)}
    ends |= {"layers": (most["layer"],)}
    if beyond:
        named = sorted({row["label"] for row in beyond})
        text = (
            f"The task uses what {listed(named)} {'is' if len(named) == 1 else 'are'} read from: without the share of "
            f"neurons ({most['n_neurons']}) that hold {most['label']} most at layer {most['layer']}, the classifier "
            f"loses {loss} of its accuracy of {stated(most['accuracy'], 2)}, {more} more than without as many random "
            f"ones{_matched(most)}."
        )
    else:
        text = (
            "Taking the neurons of a label out of the running classifier costs no more than taking out as many random "
            f"ones, as far as {most['n']} sentences can tell: most for {most['label']} at layer {most['layer']}, "
            f"{loss} of accuracy; the difference from random ones{_matched(most)} is {more}."
        )
    yield finding_in(text, "difference", "probing_task", [most], most["difference"], 0.65 if beyond else 0.45, **ends)


def _matched(row: Row) -> str:
    """Whether the random neurons vary as much; a layer has no others like its liveliest."""
    if not row["spread"] or row["random_spread"] >= ALIKE * row["spread"]:
        return " that vary as much"
    return (
        f", which vary less (standard deviation {stated(row['random_spread'], 2)} against {stated(row['spread'], 2)}: "
        "no others vary as much)"
    )
