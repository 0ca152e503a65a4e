"""What the separability tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences speak of the first, except the one about their agreement. A change of accuracy
is called one only if it is beyond its interval, a change of distances only if it is beyond what other sentences would
change, both widened for all the layers (and values) that were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from isogloss.analysis import Finding, Tables, figure_names, first_tuned, from_to, layers
from isogloss.analysis.finding_rows import Row, of_both, rows_of, said, seeds_of_labels, sure, unsure
from isogloss.analysis.tables import of_whole_labels
from isogloss.separability.findings_distances import apart, single_values
from isogloss.separability.findings_memorisation import memorised
from isogloss.separability.findings_spatial import arrangement, train_with_test
from isogloss.separability.options import SeparabilityOptions

SPOKEN = 4
"""Labels that sentences speak of at most, those whose distances changed most beyond noise."""


def findings(tables: Tables, options: SeparabilityOptions) -> list[Finding]:
    """All findings, the weightiest first."""
    notes = tables.get("separability_notes", pl.DataFrame({"text": []}))["text"].to_list()
    found = [Finding(text=note, analysis="separability", measure="", weight=0.15) for note in notes]
    table = tables["separability"].with_row_index("row")
    if table.is_empty():
        return found
    own = first_tuned(table)
    names = dict(zip(labels_of(own), figure_names("separability", labels_of(own)), strict=True))
    for label in _spoken(own):
        for say in OF_A_LABEL:
            found += say(own, label, names[label])
    for tell in OF_ALL:
        found += tell(tables)
    return sorted(found, key=lambda one: -one.weight)


def labels_of(own: pl.DataFrame) -> list[str]:
    """The labels of a tidy table, in order."""
    whole = own.filter(of_whole_labels(), pl.col("measure") == "spread")
    return [str(name) for name in whole["subset"].unique(maintain_order=True)]


def _spoken(own: pl.DataFrame) -> list[str]:
    names = labels_of(own)

    def size(name: str) -> float:
        rows = [row for row in rows_of(own, "min_distance_change", name) if row["null_high"]]
        return max((abs(row["value"]) / row["null_high"] for row in rows), default=0.0)

    return sorted(names, key=lambda name: (-size(name), names.index(name)))[:SPOKEN]


def _linear(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """In how many clusters the values of a label lie, and where planes tell them apart."""
    by_model = {model: rows_of(own, "clusters", label, model) for model in ("base", "tuned")}
    flat = {model: {row["layer"]: row for row in rows_of(own, "linear", label, model)} for model in by_model}
    shown = {model: rows for model, rows in by_model.items() if rows}
    if not shown:
        return
    told = {model: _where_linear(model, rows, flat[model]) for model, rows in shown.items()}
    every_layer = "at every layer of the {} model"
    if len(told) == 2 and all(text == every_layer.format(model) for model, text in told.items()):
        told = {"both": "at every layer of both models"}
    number = max(row["value"] for rows in shown.values() for row in rows)
    every = [row for rows in shown.values() for row in rows]
    rest = [flat[row["model"]][row["layer"]] for row in every]
    last = shown.get("tuned", shown.get("base", []))[-1]
    alone = any(row["value"] == 1 and row["null_high"] == 1 for row in rest)
    chance = ". So few that planes would tell apart values dealt out at random (Cover 1965): no finding" * alone
    yield Finding.of_rows(
        f"The values of {label} are told apart by planes, one cluster each, {' and '.join(told.values())}; this is of "
        f"{last['n']:,} training rows{chance}.",
        [last, *[row for row in every if row is not last], *rest],
        last,
        0.25 if alone else 0.5,
        scale=(0, float(number)),
        figure=f"{name}-clusters",
    )


def _where_linear(model: str, rows: list[Row], flat: Mapping[int, Row]) -> str:
    there = [row["layer"] for row in rows if flat[row["layer"]]["value"] == 1]
    if len(there) == len(rows):
        return f"at every layer of the {model} model"
    if there:
        most = max(rows, key=lambda row: row["value"])
        return (
            f"at {layers(there).lower()} of the {model} model (elsewhere they take up to {most['value']:,.0f} "
            f"clusters, at layer {most['layer']})"
        )
    least = min(rows, key=lambda row: row["value"])
    return (
        f"at no layer of the {model} model, where they take {least['value']:,.0f} clusters or more (fewest at layer "
        f"{least['layer']})"
    )


def _accuracy(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """Whether the nearest cluster says more or less of test rows."""
    changes = rows_of(own, "intra_accuracy_change", label)
    if not changes:
        return
    more = {"scale": (-1.0, 1.0), "figure": f"{name}-accuracy"}
    where = layers([row["layer"] for row in changes])
    if all(row["value"] == 0 for row in changes):
        text = f"{where}: the nearest cluster is that of {label} exactly as often as before."
        yield Finding.of_rows(text, changes, changes[0], 0.45, **more)
        return
    moved = [row for row in changes if sure(row, len(changes))]
    if not moved:
        most = max(changes, key=lambda row: abs(row["value"]))
        judged = any(row["ci_low"] is not None for row in changes)
        verdict = "as often as before, as far as can be told" if judged else "without an interval to judge changes by"
        yield Finding.of_rows(
            f"{where}: the nearest cluster is that of {label} {verdict}; accuracy changed most at layer "
            f"{most['layer']}, by {said(most)}{unsure(most, len(changes))}.",
            changes, most, 0.35, **more,
        )  # fmt: skip
        return
    for sign, verb in ((-1, "less"), (1, "more")):
        those = [row for row in moved if row["value"] * sign > 0]
        if not those:
            continue
        most = max(those, key=lambda row: abs(row["value"]))
        pair = of_both(own, "intra_accuracy", label, most["layer"])
        if len(pair) < 2:
            continue
        at = f"at layer {most['layer']} " if len(those) > 1 else ""
        yield Finding.of_rows(
            f"The nearest cluster says {verb} of {label} than before at "
            f"{layers([row['layer'] for row in those]).lower()}: {at}accuracy on test rows goes from "
            f"{from_to(pair['base']['value'], pair['tuned']['value'])}, by {said(most)}.",
            [most, *pair.values(), *[row for row in those if row is not most]],
            most, 0.6, **more,
        )  # fmt: skip


OF_A_LABEL: tuple[Callable[[pl.DataFrame, str, str], Iterator[Finding]], ...] = (
    _linear,
    apart,
    single_values,
    arrangement,
    train_with_test,
    _accuracy,
)
"""What is said of a label, given the first tuned model's rows, the label, and how its figures' names begin."""


def _seeds(tables: Tables) -> Iterator[Finding]:
    """How far several tuned models agree on the layer whose distances changed most."""
    table = tables["separability"].with_row_index("row")
    what = "the mean least distance of {} at {layer}, in units of the spread,"
    return seeds_of_labels(table, "min_distance_relative_change", what, 0.4)


OF_ALL: tuple[Callable[[Tables], Iterator[Finding]], ...] = (_seeds, memorised)
"""What is said of all labels together, given all tables."""
