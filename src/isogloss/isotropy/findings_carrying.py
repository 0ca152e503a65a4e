"""What the tables of removals and treatments say: what directions carry, and whether a more isotropic space helps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from isogloss.analysis import Finding, Tables, figure_names, listed, stated, with_interval
from isogloss.analysis.finding_rows import Row, finding_in, first_rows, sure, unsure, z_of

FEWEST = 30
"""Test sentences, words or pairs below which what directions carry is not spoken of."""
SLIGHT = 0.02
"""A change of what is lost that is clear but slight."""
SPOKEN_K = (10, 5, 2, 20, 1, 50)
"""Numbers of directions that a sentence may name, the first that was tried."""

TREATMENT_NAMES = {
    "none": "as it is",
    "zero_mean": "zero-mean",
    "cluster_zero_mean": "clusters + zero-mean",
    "all_but_the_top": "global (all-but-the-top)",
    "cluster_enhancement": "cluster-based",
    "swept": "cluster-based, chosen on dev",
}
"""Treatments as readers know them."""

Key = tuple[str, str, int]
"""Score, measure and layer."""


def removal_figures(keys: list[Key]) -> dict[Key, str]:
    """The name of the figure of each score, measure and layer."""
    return dict(zip(keys, figure_names("isotropy-removal", (f"{s} {m} {layer}" for s, m, layer in keys)), strict=True))


def carrying(tables: Tables) -> Iterator[Finding]:
    """Findings of removals, then of treatments."""
    yield from _carry(tables)
    yield from _treatments(tables)


def key_of(row: Row) -> Key:
    """Which score of which layer a row is of."""
    return row["score"], row["measure"], row["layer"]


def _named(measure: str, score: str) -> str:
    return {
        "spearman": f"the correlation of cosines with {score}",
        "probe accuracy": f"what a probe reads of {score}",
        "head accuracy": f"the running classifier's accuracy on {score}",
    }[measure]


def _carry(tables: Tables) -> Iterator[Finding]:
    """Whether the top directions carry more than random ones, and whether they came to carry more."""
    rows = first_rows(tables, "isotropy_reliance")
    keys = list(dict.fromkeys(map(key_of, rows)))
    names = removal_figures(list(dict.fromkeys(map(key_of, first_rows(tables, "isotropy_removal")))))
    tested = sum(row["model"] == "change" for row in rows)
    for key in keys:
        score, measure, layer = key
        of = {row["model"]: row for row in rows if key_of(row) == key}
        if "tuned" not in of or of["tuned"]["n"] < FEWEST or of["tuned"]["ci_low"] is None:
            continue
        tuned, change = of["tuned"], of.get("change")
        name, example = _named(measure, score), _example(tables, key)
        if change is None:
            more = tuned["ci_low"] > 0
            verdict = "rests on the top directions" if more else "rests on the top directions no more than on others"
            loss = with_interval(tuned["loss"], tuned["ci_low"], tuned["ci_high"])
            text = f"At layer {layer}, {name} {verdict}: without them it loses {loss} more than without random ones"
            weight = 0.55
        else:
            moved = sure(change | {"value": change["loss"]}, tested)
            verdict = ("rests more" if change["loss"] > 0 else "rests less") if moved else "rests no differently"
            tail = " than before" if moved else ", as far as can be told"
            text = (
                f"At layer {layer}, {name} {verdict} on the top directions{tail}: taking them out instead of random "
                f"ones {_costs(of['base']['loss'], tuned['loss'])}, a change of "
                f"{with_interval(change['loss'], change['ci_low'], change['ci_high'])}"
                + ("" if moved else unsure(change | {"value": change["loss"]}, tested))
            )
            weight = (0.62 if abs(change["loss"]) >= SLIGHT else 0.42) if moved else 0.4
        number = change or tuned
        yield finding_in(
            f"{text}{example}.",
            "reliance",
            "isotropy_reliance",
            list(of.values()),
            number["loss"],
            weight,
            ci_low=number["ci_low"],
            ci_high=number["ci_high"],
            layers=(layer,),
            scale=(-1, 1),
            figure=names.get(key, ""),
        )


def _costs(before: float, after: float) -> str:
    verbs = ["gains" if loss < 0 else "costs" for loss in (before, after)]
    again = "" if verbs[0] == verbs[1] else f"{verbs[1]} "
    return f"{verbs[0]} {stated(abs(before), 3)} before and {again}{stated(abs(after), 3)} after"


def _example(tables: Tables, key: Key) -> str:
    """The same with one number of directions: what is left without the top ones, and without random ones."""
    rows = [r for r in first_rows(tables, "isotropy_removal") if key_of(r) == key and r["model"] == "tuned"]
    whole = next((row["value"] for row in rows if row["which"] == "top" and row["k"] == 0), None)
    for k in SPOKEN_K:
        top = next((row["value"] for row in rows if row["which"] == "top" and row["k"] == k), None)
        random = [r["value"] for r in rows if r["which"] == "random" and r["k"] == k and r["value"] is not None]
        if whole is not None and top is not None and random:
            return (
                f"; without the top {k} the tuned model scores {stated(top, 2)} instead of {stated(whole, 2)}, without "
                f"{k} random ones {stated(sum(random) / len(random), 2)}"
            )
    return ""


def _treatments(tables: Tables) -> Iterator[Finding]:
    """Whether making the space more isotropic helps, before and after: one sentence per measure and layer."""
    rows = [row for row in first_rows(tables, "isotropy_treatments") if row["gain_low"] is not None]
    # A probe does not see the mean: taking it away changes nothing by construction.
    rows = [
        row
        for row in rows
        if row["treatment"] != "none" and not (row["treatment"] == "zero_mean" and row["measure"] != "spearman")
    ]
    for measure, layer in dict.fromkeys((row["measure"], row["layer"]) for row in rows):
        of = [row for row in rows if (row["measure"], row["layer"]) == (measure, layer)]
        models = [model for model in ("base", "tuned") if any(row["model"] == model for row in of)]
        if len(models) < 2:
            continue
        scores = list(dict.fromkeys(row["score"] for row in of))
        judged = (
            f"cosines' correlation with {listed(scores)}" if measure == "spearman" else f"probes of {listed(scores)}"
        )
        best = {model: _best([row for row in of if row["model"] == model], len(of)) for model in models}
        text = (
            f"Making layer {layer} more isotropic {_verdict(best['base'], len(of), len(scores))}, and "
            f"{_verdict(best['tuned'], len(of), len(scores))}, judged by {judged}."
        )
        number = best["tuned"]
        yield finding_in(
            text,
            "gain",
            "isotropy_treatments",
            list(best.values()),
            number["gain"],
            0.5,
            ci_low=number["gain_low"],
            ci_high=number["gain_high"],
            layers=(layer,),
            scale=(-1, 1),
            figure="isotropy-treatments",
        )


def _best(rows: list[Row], tested: int) -> Row:
    """The treatment that helps most; one chosen on dev only if it helps, since it may be to do nothing."""
    helps = [row for row in rows if sure(_gain(row), tested) and row["gain"] > 0]
    fixed = [row for row in rows if row["treatment"] != "swept"]
    return max(helps or fixed or rows, key=lambda row: (z_of(_gain(row)), row["gain"]))


def _gain(row: Row) -> Row:
    return {"value": row["gain"], "ci_low": row["gain_low"], "ci_high": row["gain_high"]}


def _verdict(row: dict[str, Any], tested: int, scores: int) -> str:
    gain = with_interval(row["gain"], row["gain_low"], row["gain_high"])
    named = TREATMENT_NAMES[row["treatment"]] + (f" for {row['score']}" if scores > 1 else "")
    clear = sure(_gain(row), tested)
    if clear and row["gain"] > 0:
        return f"helps the {row['model']} model (best: {named}, {gain})"
    if clear:
        return f"harms the {row['model']} model whichever way it is done (least: {named}, {gain})"
    return f"is not shown to help the {row['model']} model (best: {named}, {gain}{unsure(_gain(row), tested)})"
