"""What the concept tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences speak of the first, and say so, except the one about their agreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import floor
from typing import Any

import polars as pl

from isogloss.analysis import BETWEEN_SEEDS, Finding, Tables, layers, stated, with_interval
from isogloss.concepts.options import CLUSTERINGS, ConceptsOptions

Row = dict[str, Any]
TELLING = 0.2
"""A noise floor below this tells nothing: hardly any concept outlasts a change of the sample."""
CHANGED = 0.05
"""Change of the share explained beyond chance from which on a sentence speaks of it."""
CHANGED_MOST = 3
"""Families of labels that a sentence speaks of at most."""


def findings(tables: Tables, options: ConceptsOptions) -> list[Finding]:
    """All findings, the weightiest first."""
    table = tables["concepts"].with_row_index("row")
    notes = tables.get("concepts_notes", pl.DataFrame({"text": []}))["text"].to_list()
    found = [Finding(text=note, analysis="concepts", measure="", weight=0.2) for note in notes]
    if table.is_empty():
        return found
    first = table["seed"].min()
    own = table.filter(pl.col("seed") == first)
    whole = own.filter(pl.col("subset") == "all")
    of_one = [*_fates(whole), *_polar(own), *_labels(own), *_triggers(tables, first), *_approximation(whole, options)]
    if table.filter(pl.col("subset") != BETWEEN_SEEDS)["seed"].n_unique() > 1:
        of_one = [
            replace(finding, text=f"First tuned model: {finding.text[:1].lower()}{finding.text[1:]}")
            for finding in of_one
        ]
    found += of_one
    found += _seeds(table)
    return sorted(found, key=lambda finding: -finding.weight)


def _measure(table: pl.DataFrame, measure: str, model: str) -> list[Row]:
    kept = table.filter((pl.col("measure") == measure) & (pl.col("model") == model) & pl.col("value").is_not_null())
    return list(kept.sort("layer").iter_rows(named=True))


def _said(row: Row) -> str:
    return with_interval(row["value"], row["ci_low"], row["ci_high"])


def _fates(whole: pl.DataFrame) -> Iterator[Finding]:
    kept = _measure(whole, "kept", "base")
    if not kept:
        return
    if all(row["value"] == 1 for row in kept):
        where = layers([row["layer"] for row in kept]).lower()
        least = min(_measure(whole, "adjusted_rand", "tuned"), key=lambda row: row["value"])
        if least["value"] == 1:
            yield Finding.of_rows(f"Every concept was kept as it was, in {where}.", kept, kept[0], 0.85)
            return
        at = f" at layer {least['layer']}, the least" if len(kept) > 1 else ""
        text = (
            f"Every concept was kept, in {where}, if not with all of its words: the adjusted Rand index of both "
            f"models' concepts is {_said(least)}{at}."
        )
        yield Finding.of_rows(text, [*kept, least], least, 0.85)
        return
    worst = min(kept, key=lambda row: row["value"])
    others = [row for fate in ("split", "merged", "dissolved") for row in _measure(whole, fate, "base")]
    here = {row["measure"]: row for row in others if row["layer"] == worst["layer"]}
    parts = [f"{stated(here[fate]['value'], 2)} {fate}" for fate in ("split", "merged", "dissolved") if fate in here]
    new = [row for row in _measure(whole, "new", "tuned") if row["layer"] == worst["layer"]]
    born = f"; of the tuned model's concepts there {stated(new[0]['value'], 2)} are new" if new else ""
    alone = sum(row["value"] == worst["value"] for row in kept) == 1
    most = ", the fewest of all layers" if len(kept) > 1 and alone else ""
    text = (
        f"At layer {worst['layer']} the share of {worst['n']} base concepts that the tuned model keeps is "
        f"{_said(worst)}{most} ({', '.join(parts)}{born}){_floor(worst)}"
    )
    chance = [row for row in _measure(whole, "kept_by_chance", "base") if row["layer"] == worst["layer"]]
    chance = [row for row in chance if worst["value"] <= row["null_high"]]
    if chance:
        low, high = (stated(chance[0][end], 2) for end in ("null_low", "null_high"))
        text += f"; no more than where words trade concepts at random ({low if low == high else f'{low} to {high}'})"
    yield Finding.of_rows(f"{text}.", [worst, *here.values(), *new, *chance], worst, 0.85)
    still = [row for row in kept if (row["null_low"] or 0) >= TELLING and row["value"] >= row["null_low"]]
    if still:
        text = (
            f"{layers([row['layer'] for row in still])} kept {'their' if len(still) > 1 else 'its'} concepts as far as "
            "can be told: no fewer than the base model keeps of its own when it sees only half of the sentences."
        )
        yield Finding.of_rows(text, still, min(still, key=lambda row: row["value"]), 0.6)


def _floor(row: Row) -> str:
    if row["null_low"] is None:
        return ""
    stay = stated(row["null_low"], 2)
    return f"; the base model keeps a share of {stay} of its own when it sees only half of the sentences"


def _polar(own: pl.DataFrame) -> Iterator[Finding]:
    """Where concepts take a class's side beyond what shuffled classes give, tuned against base."""
    for (subset,), part in own.filter(pl.col("measure") == "polar").group_by("subset", maintain_order=True):
        if subset != "all":
            continue
        tuned, base = _measure(part, "polar", "tuned"), {row["layer"]: row for row in _measure(part, "polar", "base")}
        if not tuned:
            continue
        # Without shuffles there is no chance to be beyond; the sentence then says the counts alone.
        shuffled = any(row["null_high"] is not None for row in tuned)
        beyond = [row for row in tuned if row["null_high"] is not None and row["value"] > row["null_high"]]
        most = max(beyond or tuned, key=lambda row: (row["value"], row["layer"]))
        other = base.get(most["layer"])
        against = f", against {other['value']:.0f} in the base model" if other else ""
        rows = [most, *([other] if other else [])]
        if shuffled and not beyond:
            text = (
                "No layer has more concepts that take a class's side than shuffled classes give "
                f"(at most {most['value']:.0f} of {most['n']}, at layer {most['layer']}{against})."
            )
            also = [row for row in tuned if row is not most]
            yield Finding.of_rows(text, [*rows, *also], most, 0.7, scale=(0.0, float(most["n"])))
            continue
        # A count at or below a percentile that is no whole number is at or below the next whole number under it.
        chance = f"; shuffled classes give at most {floor(most['null_high'])}" if shuffled else ""
        text = (
            f"At layer {most['layer']}, {most['value']:.0f} of {most['n']} concepts "
            f"take{'s' if most['value'] == 1 else ''} the side of a class{against}{chance}."
        )
        yield Finding.of_rows(text, rows, most, 0.8, scale=(0.0, float(most["n"])))
        turned = [
            row
            for row in beyond
            if row["layer"] in base
            and row["value"] > (base[row["layer"]]["null_high"] or 0)
            # Two counts of few concepts differ by chance: by their Poisson spread, 95%.
            and row["value"] - base[row["layer"]]["value"] > 1.96 * (row["value"] + base[row["layer"]]["value"]) ** 0.5
        ]
        if turned and len(tuned) > 1:
            text = (
                f"{layers([row['layer'] for row in turned])} of the tuned model "
                f"{'have' if len(turned) > 1 else 'has'} clearly more concepts on a class's side than the base model "
                "and than chance."
            )
            best = max(turned, key=lambda row: (row["value"], row["layer"]))
            rows = [*turned, *(base[row["layer"]] for row in turned)]
            yield Finding.of_rows(text, rows, best, 0.5, scale=(0.0, float(best["n"])))


def _labels(own: pl.DataFrame) -> Iterator[Finding]:
    """Label families whose share of explained concepts, beyond what shuffled labels explain, changed most.

    The raw shares would not do: what chance explains depends on how many words a concept has, and that changes too.
    """
    explained = own.filter((pl.col("measure") == "alignment") & (pl.col("subset") != "all"))
    best: dict[str, tuple[float, Row, Row]] = {}
    for (_, _), part in explained.group_by("subset", "layer", maintain_order=True):
        both = {row["model"]: row for row in part.iter_rows(named=True)}
        if len(both) < 2 or not any(_explains(row) for row in both.values()):
            continue
        base, tuned = both["base"], both["tuned"]
        change = abs(_beyond_chance(tuned) - _beyond_chance(base))
        if change >= CHANGED and change > best.get(base["subset"], (0.0,))[0]:
            best[base["subset"]] = change, base, tuned
    for _, base, tuned in sorted(best.values(), key=lambda c: -c[0])[:CHANGED_MOST]:
        text = (
            f"At layer {base['layer']}, where that changes most, {base['subset']} explains a share of "
            f"{stated(base['value'], 2)} of the base concepts{_chance(base)} and {stated(tuned['value'], 2)} of the "
            f"tuned ones{_chance(tuned)}."
        )
        yield Finding.of_rows(text, [base, tuned], tuned, 0.45)


def _explains(row: Row) -> bool:
    return row["null_high"] is None or row["value"] > row["null_high"]


def _beyond_chance(row: Row) -> float:
    chance = 0.0 if row["null_high"] is None else (row["null_low"] + row["null_high"]) / 2
    return float(row["value"] - chance)


def _chance(row: Row) -> str:
    if row["null_high"] is None:
        return ""
    low, high = stated(row["null_low"], 2), stated(row["null_high"], 2)
    return f" (shuffled labels {low} to {high})" if low != high else f" (shuffled labels {low})"


def _triggers(tables: Tables, seed: Any) -> Iterator[Finding]:
    table = tables.get("concepts_triggers")
    differences = tables.get("concepts_trigger_differences")
    if table is None or differences is None or table.is_empty():
        return
    numbered = table.with_row_index("row").filter(pl.col("seed") == seed)
    for (target,), part in numbered.group_by("target", maintain_order=True):
        ours = part.filter(pl.col("group") == "triggers").sort("flip_rate", descending=True, nulls_last=True)
        if ours.is_empty():
            continue
        row = ours.row(0, named=True)
        same = [pl.col(column) == row[column] for column in ("layer", "k", "place", "target", "seed")]
        against = part.filter(pl.col("group") == "frequency", *same)
        gap = differences.filter(pl.col("control") == "frequency", *same)
        used = [row["row"], *against["row"].to_list()]
        control = against.row(0, named=True) if against.height else None
        versus = ""
        if control is not None and gap.height:
            turned = with_interval(control["flip_rate"], control["ci_low"], control["ci_high"])
            versus = f"; words as frequent turn {turned}{_against(gap.row(0, named=True))}"
        text = (
            f"One word of the concepts of layer {row['layer']} on the side of class {target}, put "
            f"{_place(row['place'])} (where words do most), turns a share of "
            f"{with_interval(row['flip_rate'], row['ci_low'], row['ci_high'])} of other sentences to it{versus}."
        )
        yield Finding(
            text=text,
            analysis="concepts",
            measure="flip_rate",
            value=row["flip_rate"],
            ci_low=row["ci_low"],
            ci_high=row["ci_high"],
            null_low=None if control is None else control["ci_low"],
            null_high=None if control is None else control["ci_high"],
            layers=(row["layer"],),
            table="concepts_triggers",
            rows=tuple(used),
            weight=0.65,
        )


def _against(gap: Row) -> str:
    """What follows from triggers and control words on the same sentences."""
    if gap["separates"] or gap["separates"] is None:
        return ""
    more = with_interval(gap["difference"], gap["ci_low"], gap["ci_high"])
    if (gap["ci_low"] or 0) > 0:
        return f". These intervals overlap, but in the same sentences triggers turn {more} more"
    return f", so triggers are not shown to do more (difference in the same sentences {more})"


def _approximation(whole: pl.DataFrame, options: ConceptsOptions) -> Iterator[Finding]:
    losses = [*_measure(whole, "loss", "base"), *_measure(whole, "loss", "tuned")]
    if not losses:
        return
    worst = max(losses, key=lambda row: row["value"])
    text = (
        f"By {CLUSTERINGS[options.clustering]} the within-cluster sum of squares of concepts is at most "
        f"{worst['value']:.2f} times that of Ward's method (at layer {worst['layer']} of the {worst['model']} model)."
    )
    yield Finding.of_rows(text, losses, worst, 0.3, scale=(0.0, max(2.0, worst["value"])))


def _place(place: str) -> str:
    return {"front": "at the front", "end": "at the end", "random": "at a random place"}.get(place, place)


def _range(row: Row) -> str:
    return f"{stated(row['value'], 2)} (from {stated(row['ci_low'], 2)} to {stated(row['ci_high'], 2)})"


def _seeds(table: pl.DataFrame) -> Iterator[Finding]:
    spread = table.filter(pl.col("subset") == BETWEEN_SEEDS)
    kept, between = _measure(spread, "kept", "base"), _measure(spread, "kept_between", "tuned")
    if not kept or not between:
        return
    worst = min(kept, key=lambda row: row["value"])
    other = next((row for row in between if row["layer"] == worst["layer"]), None)
    if other is None:
        return
    text = (
        f"Between the {worst['n']} tuned models the share of concepts kept at layer {worst['layer']} is "
        f"{_range(other)}; from the base model to them it is {_range(worst)}."
    )
    yield Finding.of_rows(text, [worst, other], worst, 0.7)
