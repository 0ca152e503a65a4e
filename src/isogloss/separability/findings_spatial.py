"""How the values of a label lie to each other: in base and tuned model, and in training and test rows."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from isogloss.analysis import Finding, from_to, stated
from isogloss.analysis.finding_rows import beyond, doubt, of_both, rows_of
from isogloss.separability.finding_words import noise_of, of_layer, signed


def arrangement(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
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
    p = of_layer(own, "spatial_p", label, layer)
    if p is not None and whole["null_high"] is not None:
        rows.append(p)
        ends = f"{stated(whole['null_low'], 2)} to {stated(whole['null_high'], 2)}"
        chance = f" (shuffled values: {ends}; p {stated(p['value'], 3)})"
    text = (
        f"How the values of {label} lie to each other changed most at layer {layer}: spatial similarity of base and "
        f"tuned model {stated(whole['value'], 2)}{chance}."
    )
    halves = next((row for row in rows_of(own, "spatial_halves", label, "base") if row["layer"] == layer), None)
    across, change = of_layer(own, "spatial_across", label, layer), of_layer(own, "spatial_change", label, layer)
    if halves is not None and across is not None and change is not None:
        rows += [halves, across, change]
        verdict = "they lie otherwise than before" if moved else "no difference beyond noise"
        verdict = doubt(change, len(changes)).removeprefix("; ") or verdict
        text += (
            " One half of the sentences in the base model and the other half in the tuned one agree to "
            f"{stated(across['value'], 2)}, two halves in the base model to {stated(halves['value'], 2)}, by "
            f"{signed(change['value'])} ({noise_of(change['null_high'])}): {verdict}."
        )
    # The null of `spatial` is what chance gives; a gauge's band is what no change gives.
    number = whole | {"null_low": None, "null_high": None}
    yield Finding.of_rows(text, rows, number, 0.6 if moved else 0.4, **more)


def train_with_test(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """Whether training and test rows came to lie otherwise: the study's sign of a space fitted to its training set."""
    changes = rows_of(own, "train_test_change", label)
    moved = [row for row in changes if beyond(row, len(changes))]
    if not changes or all(row["value"] == 0 for row in changes):
        return
    most = max(moved or changes, key=lambda row: abs(row["value"]))
    pair = of_both(own, "train_test", label, most["layer"])
    if len(pair) < 2:
        return
    ends = from_to(pair["base"]["value"], pair["tuned"]["value"])
    by = f"by {signed(most['value'])} ({noise_of(most['null_high'])})"
    if not moved:
        judged = any(row["null_high"] is not None for row in changes)
        verdict = "lie as alike as before, as far as can be told" if judged else "have no noise to judge changes by"
        text = (
            f"Training and test rows of {label} {verdict}: their spatial "
            f"similarity changed most at layer {most['layer']}, from {ends}, {by}{doubt(most, len(changes))}."
        )
    else:
        verb = "less" if most["value"] < 0 else "more"
        text = (
            f"Training and test rows of {label} lie {verb} alike than before: their spatial similarity goes from "
            f"{ends} at layer {most['layer']}, {by}."
        )
    rows = [most, *pair.values()]
    yield Finding.of_rows(text, rows, most, 0.65 if moved else 0.35, scale=(-2, 2), figure=f"{name}-spatial")
