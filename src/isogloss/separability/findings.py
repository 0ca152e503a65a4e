"""What the separability tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences speak of the first, except the one about their agreement. A change of accuracy
is called one only if it is beyond its interval, a change of distances only if it is beyond what other sentences would
change, both widened for all the layers (and values) that were looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from isogloss.analysis import Finding, Tables, figure_names, first_tuned, from_to, layers, stated
from isogloss.analysis.finding_rows import Row, margin, rows_of, said, sure, unsure
from isogloss.separability.options import SeparabilityOptions

SPOKEN = 4
"""Labels that sentences speak of at most, those whose distances changed most beyond noise."""
_NORMAL_95 = 1.959963984540054


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
    whole = own.filter(~pl.col("subset").str.contains("=", literal=True) & (pl.col("measure") == "spread"))
    return [str(name) for name in whole["subset"].unique(maintain_order=True)]


def beyond(row: Row, n: int) -> bool:
    """Whether a change of distances is beyond noise, widened for n that were looked at."""
    if row["value"] is None or row["null_high"] is None or not row["value"]:
        return False
    return bool(abs(row["value"]) > row["null_high"] * margin(n) / _NORMAL_95)


def _doubt(row: Row, n: int) -> str:
    """What to say of a change beyond its own noise that is none all the same, of n that were looked at."""
    if row["null_high"] is None or abs(row["value"]) <= row["null_high"] or beyond(row, n):
        return ""
    return f"; among {n} looked at, one so large may be chance"


def _spoken(own: pl.DataFrame) -> list[str]:
    names = labels_of(own)

    def size(name: str) -> float:
        rows = [row for row in rows_of(own, "min_distance_change", name) if row["null_high"]]
        return max((abs(row["value"]) / row["null_high"] for row in rows), default=0.0)

    return sorted(names, key=lambda name: (-size(name), names.index(name)))[:SPOKEN]


def _pair(own: pl.DataFrame, measure: str, subset: str, layer: int) -> dict[str, Row]:
    return {
        model: row
        for model in ("base", "tuned")
        for row in rows_of(own, measure, subset, model)
        if row["layer"] == layer
    }


def _at(own: pl.DataFrame, measure: str, label: str, layer: int) -> Row | None:
    return next((row for row in rows_of(own, measure, label, "tuned") if row["layer"] == layer), None)


def _noise(row: Row) -> str:
    if row["null_high"] is None:
        return "noise unknown"
    return f"noise {stated(row['null_high'], None if row['null_high'] < 0.01 else 2)}"


def _signed(value: float) -> str:
    text = stated(value, None if abs(value) < 0.01 else 2)
    return f"+{text}" if value > 0 and text[0] not in "<>" else text


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
    yield Finding.of_rows(
        f"The values of {label} are told apart by planes, one cluster each, {' and '.join(told.values())}; this is of "
        f"{last['n']:,} training rows.",
        [last, *[row for row in every if row is not last], *rest],
        last,
        0.5,
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


def _apart(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """Whether values moved apart: their mean least distance."""
    changes = rows_of(own, "min_distance_change", label)
    if not changes:
        return
    where = layers([row["layer"] for row in changes])
    more = {"figure": f"{name}-distance"}
    widest = max([abs(row["value"]) for row in changes] + [row["null_high"] or 0 for row in changes]) or 1.0
    more_scale = {"scale": (-widest, widest)}
    if all(row["value"] == 0 for row in changes):
        yield Finding.of_rows(
            f"{where}: the values of {label} lie exactly as far apart as before.", changes, changes[0], 0.6,
            **more, **more_scale,
        )  # fmt: skip
        return
    moved = [row for row in changes if beyond(row, len(changes))]
    if not moved:
        most = max(changes, key=lambda row: abs(row["value"]))
        judged = any(row["null_high"] is not None for row in changes)
        verdict = "lie as far apart as before, as far as can be told" if judged else "have no noise to judge changes by"
        yield Finding.of_rows(
            f"{where}: the values of {label} {verdict}; their mean least distance changed most at layer "
            f"{most['layer']}, by {_signed(most['value'])} ({_noise(most)}){_doubt(most, len(changes))}.",
            changes, most, 0.4, **more, **more_scale,
        )  # fmt: skip
        return
    for sign, verb in ((1, "moved apart"), (-1, "moved together")):
        those = [row for row in moved if row["value"] * sign > 0]
        if not those:
            continue
        most = max(those, key=lambda row: abs(row["value"]))
        pair = _pair(own, "min_distance", label, most["layer"])
        relative = _at(own, "min_distance_relative_change", label, most["layer"])
        scaled = _pair(own, "min_distance_relative", label, most["layer"])
        if len(pair) < 2:
            continue
        rows = [most, *pair.values(), *[row for row in those if row is not most]]
        tail = ""
        if relative is not None and len(scaled) == 2:
            rows += [relative, *scaled.values()]
            ends = from_to(scaled["base"]["value"], scaled["tuned"]["value"])
            if not beyond(relative, len(changes)):
                tail = f"; in units of the spread of all vectors it is what it was ({ends}, {_noise(relative)})"
            elif relative["value"] * sign < 0:
                verdict = "fell" if sign > 0 else "rose"
                tail = f"; in units of the spread of all vectors, though, it {verdict} from {ends} ({_noise(relative)})"
            else:
                tail = f"; in units of the spread of all vectors from {ends} ({_noise(relative)})"
        parts = _pair(own, "clusters", label, most["layer"])
        if len(parts) == 2 and parts["base"]["value"] != parts["tuned"]["value"]:
            rows += list(parts.values())
            counts = (
                f"{parts['base']['value']:,.0f} clusters of the base model and {parts['tuned']['value']:,.0f} of the"
            )
            tail += f". These are distances between {counts} tuned one, so between parts of values"
        at = f"at layer {most['layer']} " if len(those) > 1 else ""
        yield Finding.of_rows(
            f"The values of {label} {verb} at {layers([row['layer'] for row in those]).lower()}: {at}the mean of their "
            f"least distances goes from {from_to(pair['base']['value'], pair['tuned']['value'])}, by "
            f"{_signed(most['value'])} ({_noise(most)}){tail}.",
            rows, most, 0.75, **more, **more_scale,
        )  # fmt: skip


def _values(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """How many values moved away from, or closer to, their nearest other value, at the last layer."""
    rows = own.filter(
        (pl.col("measure") == "min_distance_change")
        & pl.col("subset").str.starts_with(f"{label}=")
        & pl.col("value").is_not_null()
    )
    if rows.is_empty():
        return
    last = [row for row in rows.iter_rows(named=True) if row["layer"] == rows["layer"].max()]
    sure_ones = [row for row in last if beyond(row, len(last))]
    if len(last) < 3 or not sure_ones:
        return
    grew, shrank = ([row for row in sure_ones if row["value"] * sign > 0] for sign in (1, -1))
    most = max(sure_ones, key=lambda row: abs(row["value"]))
    pair = _pair(own, "min_distance", most["subset"], most["layer"])
    if len(pair) < 2:
        return
    widest = max(abs(row["value"]) for row in last)
    yield Finding.of_rows(
        f"At layer {most['layer']}, of {len(last)} values of {label}, {len(grew)} lie farther from their nearest other "
        f"value than before and {len(shrank)} closer, beyond noise; most {most['subset'].partition('=')[2]}, from "
        f"{from_to(pair['base']['value'], pair['tuned']['value'])}, by {_signed(most['value'])} ({_noise(most)}).",
        [most, *pair.values(), *[row for row in sure_ones if row is not most]],
        most,
        0.45,
        scale=(-widest, widest),
        figure=f"{name}-values",
    )


def _spatial(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """Whether values still lie in the same places relative to each other."""
    found = rows_of(own, "spatial", label)
    if not found:
        return
    more = {"scale": (-1.0, 1.0), "figure": f"{name}-spatial"}
    if all(row["value"] == 1 for row in found):
        text = f"The values of {label} lie to each other exactly as before: spatial similarity 1 at every layer."
        yield Finding.of_rows(text, found, found[0], 0.5, **more)
        return
    changes = rows_of(own, "spatial_change", label)
    moved = [row for row in changes if row["value"] < 0 and beyond(row, len(changes))]
    layer = min(moved or found, key=lambda row: row["value"])["layer"]
    whole = next(row for row in found if row["layer"] == layer)
    rows = [whole]
    chance = ""
    p = _at(own, "spatial_p", label, layer)
    if p is not None and whole["null_high"] is not None:
        rows.append(p)
        ends = f"{stated(whole['null_low'], 2)} to {stated(whole['null_high'], 2)}"
        chance = f" (shuffled values: {ends}; p {stated(p['value'], 3)})"
    text = (
        f"How the values of {label} lie to each other changed most at layer {layer}: spatial similarity of base and "
        f"tuned model {stated(whole['value'], 2)}{chance}."
    )
    halves = next((row for row in rows_of(own, "spatial_halves", label, "base") if row["layer"] == layer), None)
    across, change = _at(own, "spatial_across", label, layer), _at(own, "spatial_change", label, layer)
    if halves is not None and across is not None and change is not None:
        rows += [halves, across, change]
        verdict = "they lie otherwise than before" if moved else "no difference beyond noise"
        verdict = _doubt(change, len(changes)).removeprefix("; ") or verdict
        text += (
            " One half of the sentences in the base model and the other half in the tuned one agree to "
            f"{stated(across['value'], 2)}, two halves in the base model to {stated(halves['value'], 2)}, by "
            f"{_signed(change['value'])} ({_noise(change)}): {verdict}."
        )
    yield Finding.of_rows(text, rows, whole, 0.6 if moved else 0.4, **more)


def _train_test(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """Whether training and test rows came to lie otherwise: the study's sign of a space fitted to its training set."""
    changes = rows_of(own, "train_test_change", label)
    moved = [row for row in changes if beyond(row, len(changes))]
    if not changes or all(row["value"] == 0 for row in changes):
        return
    most = max(moved or changes, key=lambda row: abs(row["value"]))
    pair = _pair(own, "train_test", label, most["layer"])
    if len(pair) < 2:
        return
    ends = from_to(pair["base"]["value"], pair["tuned"]["value"])
    by = f"by {_signed(most['value'])} ({_noise(most)})"
    if not moved:
        text = (
            f"Training and test rows of {label} lie as alike as before, as far as can be told: their spatial "
            f"similarity changed most at layer {most['layer']}, from {ends}, {by}{_doubt(most, len(changes))}."
        )
    else:
        verb = "less" if most["value"] < 0 else "more"
        text = (
            f"Training and test rows of {label} lie {verb} alike than before: their spatial similarity goes from "
            f"{ends} at layer {most['layer']}, {by}."
        )
    rows = [most, *pair.values()]
    yield Finding.of_rows(text, rows, most, 0.65 if moved else 0.35, scale=(-2, 2), figure=f"{name}-spatial")


def _accuracy(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """Whether the nearest cluster says more or less of test rows."""
    changes = rows_of(own, "accuracy_change", label)
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
        pair = _pair(own, "accuracy", label, most["layer"])
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
    _apart,
    _values,
    _spatial,
    _train_test,
    _accuracy,
)
"""What is said of a label, given the first tuned model's rows, the label, and how its figures' names begin."""


def _seeds(tables: Tables) -> Iterator[Finding]:
    """How far several tuned models agree on the layer whose distances changed most."""
    table = tables["separability"].with_row_index("row")
    rows = [
        row
        for row in table.filter(
            pl.col("subset").str.ends_with(" between seeds") & (pl.col("measure") == "min_distance_relative_change")
        ).iter_rows(named=True)
        if row["value"] is not None
    ]
    if not rows:
        return
    most = max(rows, key=lambda row: abs(row["value"]))
    label = most["subset"].removesuffix(" between seeds")
    widest = max(abs(most[end]) for end in ("value", "ci_low", "ci_high")) or 1.0
    yield Finding.of_rows(
        f"Over {most['n']} tuned models, the mean least distance of {label} at layer {most['layer']}, in units of the "
        f"spread, changes by {stated(most['value'], 3)} on average, from {stated(most['ci_low'], 3)} to "
        f"{stated(most['ci_high'], 3)}.",
        [most],
        most,
        0.4,
        scale=(-widest, widest),
    )


OF_ALL: tuple[Callable[[Tables], Iterator[Finding]], ...] = (_seeds,)
"""What is said of all labels together, given all tables."""
