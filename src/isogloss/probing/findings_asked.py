"""What the measures say that are made only where they are asked for: one sentence per measure and label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from isogloss.analysis import Finding, Tables, layers, stated
from isogloss.analysis.finding_rows import Row, finding_in, first_rows, margin, rows_of, said, z_of

ENOUGH = 0.95
"""Share of the accuracy with all training words that a learning curve is asked for."""


def asked(own: pl.DataFrame, tables: Tables, label: str) -> Iterator[Finding]:
    """Sentences on one label; none on what was not asked for.

    Parameters
    ----------
    own : the tidy table of the first tuned model, with each row's number in a column `row`.
    tables : the others.
    """
    yield from _bits(own, label)
    yield from _mlp(own, label)
    yield from _learning(tables, label)
    yield from _mix(tables, label)


def curve_layer(curves: Sequence[Row]) -> int | None:
    """The layer whose learning curves are told: where the base model is read best with all training words."""
    base = _whole([row for row in curves if row["model"] == "base"], "layer")
    return max(base, key=lambda layer: (base[layer]["accuracy"], -layer)) if base else None


def _whole(curves: Sequence[Row], by: str) -> dict[Any, Row]:
    """The row of most training words, of each layer or model."""
    return {row[by]: row for row in sorted(curves, key=lambda row: row["n_words"])}


def _bits(own: pl.DataFrame, label: str) -> Iterator[Finding]:
    changes = rows_of(own, "bits_change", label)
    if not changes:
        return
    where = layers([row["layer"] for row in changes]).lower()
    most = max(changes, key=lambda row: (abs(row["value"]), -row["layer"]))
    top = max(abs(most[name]) for name in ("value", "ci_low", "ci_high") if most[name] is not None) or 1.0
    if not most["value"]:
        text = f"{label} takes exactly as many bits per word as before, in {where}."
        yield Finding.of_rows(text, changes, most, 0.4, scale=(-top, top))
        return
    if abs(z_of(most)) <= margin(own.filter(pl.col("measure") == "bits_change").height):
        text = (
            f"{label} takes as many bits per word as before as far as can be told, in {where}: they changed most at "
            f"layer {most['layer']}, by {said(most)}."
        )
        yield Finding.of_rows(text, changes, most, 0.4, scale=(-top, top))
        return
    pair = {m: r for m in ("base", "tuned") for r in rows_of(own, "bits", label, m) if r["layer"] == most["layer"]}
    control = pair["tuned"]["null_low"]
    tail = f"; random classes of words take {stated(control, 2)} there" if control is not None else ""
    text = (
        f"{label} takes {said(pair['tuned'])} bits per word from layer {most['layer']} of the tuned model, where that "
        f"changed most, and {said(pair['base'])} from the base model's, a change of {said(most)}{tail}."
    )
    yield Finding.of_rows(text, [most, *pair.values()], most, 0.6, scale=(-top, top))


def _mlp(own: pl.DataFrame, label: str) -> Iterator[Finding]:
    gains = rows_of(own, "mlp_gain", label)
    if not gains:
        return
    most = max(gains, key=lambda row: (row["value"], -row["layer"]))
    right = next(r for r in rows_of(own, "mlp_accuracy", label, most["model"]) if r["layer"] == most["layer"])
    where = f"layer {most['layer']} of the {most['model']} model"
    if most["value"] > 0 and z_of(most) > margin(own.filter(pl.col("measure") == "mlp_gain").height):
        text = (
            f"Not all of {label} lies along directions: at {where} a probe with two hidden layers reads it with "
            f"accuracy {said(right)}, {said(most)} more than the linear one."
        )
        yield Finding.of_rows(text, [most, right], most, 0.5, scale=(-1, 1))
        return
    text = (
        f"Probes with two hidden layers read {label} no better than linear ones as far as can be told: most at "
        f"{where}, with accuracy {said(right)}, a gain of {said(most)}."
    )
    yield Finding.of_rows(text, [most, right, *[row for row in gains if row is not most]], most, 0.35, scale=(-1, 1))


def _learning(tables: Tables, label: str) -> Iterator[Finding]:
    curves = first_rows(tables, "probing_learning_curve", label)
    layer = curve_layer(curves)
    here = [row for row in curves if row["layer"] == layer]
    whole = _whole(here, "model")
    if layer is None or len(whole) < 2:
        return
    enough = {
        model: min(
            (r for r in here if r["model"] == model and r["accuracy"] >= ENOUGH * full["accuracy"]),
            key=lambda row: row["n_words"],
        )
        for model, full in whole.items()
    }
    base, tuned = enough["base"], enough["tuned"]
    text = (
        f"At layer {layer}, where {label} is read best from the base model, {base['n_words']:,.0f} training words give "
        f"{ENOUGH:.0%} of its accuracy with all {whole['base']['n_words']:,.0f}, which is "
        f"{stated(whole['base']['accuracy'])}; from the tuned model {tuned['n_words']:,.0f} words give {ENOUGH:.0%} of "
        f"{stated(whole['tuned']['accuracy'])}."
    )
    rows = [tuned, base, *whole.values()]
    ends = {"layers": (layer,), "scale": (0, whole["tuned"]["n_words"])}
    yield finding_in(text, "n_words", "probing_learning_curve", rows, tuned["n_words"], 0.38, **ends)


def _mix(tables: Tables, label: str) -> Iterator[Finding]:
    rows = first_rows(tables, "probing_mix", label)
    heaviest = {row["model"]: row for row in sorted(rows, key=lambda row: (row["weight"], -row["layer"]))}
    if len(heaviest) < 2:
        return
    base, tuned = heaviest["base"], heaviest["tuned"]

    def told(row: Row) -> str:
        return f"accuracy {stated(row['accuracy'])}, most weight on layer {row['layer']}: {stated(row['weight'], 2)}"

    text = (
        f"A probe that mixes all layers reads {label} around layer {base['expected_layer']:.1f} of the base model "
        f"({told(base)}) and around layer {tuned['expected_layer']:.1f} of the tuned one ({told(tuned)})."
    )
    if not (base["converged"] and tuned["converged"]):
        text = text[:-1] + "; its training was cut short."
    ends = {"scale": (min(row["layer"] for row in rows), max(row["layer"] for row in rows))}
    value = tuned["expected_layer"]
    yield finding_in(text, "expected_layer", "probing_mix", [tuned, base], value, 0.36, **ends)
