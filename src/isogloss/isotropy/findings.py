"""What the isotropy tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences speak of the first, except the one about their agreement. A change is called
one only if it is beyond its interval widened for all the layers that were looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from isogloss.analysis import BETWEEN_SEEDS, Finding, Tables, first_tuned, from_to, layers, stated, with_interval
from isogloss.analysis.finding_rows import Row, finding_in, first_rows, margin, rows_of, said, z_of
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.shape_rows import SENTENCES, WORDS

FEWEST = 30
"""Test sentences (or pairs) below which what directions carry is not spoken of."""
SPOKEN_K = (10, 5, 2, 20, 1, 50)
"""Numbers of directions that a sentence may name, the first that was tried."""


def findings(tables: Tables, options: IsotropyOptions) -> list[Finding]:
    """All findings, the weightiest first."""
    notes = tables.get("isotropy_notes", pl.DataFrame({"text": []}))["text"].to_list()
    found = [Finding(text=note, analysis="isotropy", measure="", weight=0.15) for note in notes]
    table = tables["isotropy"].with_row_index("row")
    if table.is_empty():
        return found
    own = first_tuned(table)
    found += _moved(own, "mean_cosine", WORDS, "two words' mean cosine", 0.7, "less isotropic", "more isotropic", 1)
    found += _moved(own, "isoscore", WORDS, "IsoScore", 0.6, "less evenly spread", "more evenly spread", -1)
    found += _moved(own, "mean_cosine", SENTENCES, "two sentences' mean cosine", 0.5, "less isotropic for sentence "
                    "vectors", "more isotropic for sentence vectors", 1)  # fmt: skip
    found += _directions(own, options)
    found += _contextuality(own)
    found += _clusters(tables, options)
    found += _carry(tables)
    found += _treatments(tables)
    found += _seeds(table)
    return sorted(found, key=lambda one: -one.weight)


def _moved(
    own: pl.DataFrame, measure: str, subset: str, name: str, weight: float, worse: str, better: str, sign: int
) -> Iterator[Finding]:
    """At which layers a measure of isotropy went up and down."""
    changes = rows_of(own, f"{measure}_change", subset)
    if not changes:
        return
    scale = (-1.0, 1.0)
    where = layers([row["layer"] for row in changes])
    if all(row["value"] == 0 for row in changes):
        yield Finding.of_rows(f"{where}: {name} is exactly what it was.", changes, changes[0], weight, scale=scale)
        return
    beyond = [row for row in changes if abs(z_of(row)) > margin(len(changes))]
    if not beyond:
        most = max(changes, key=lambda row: abs(row["value"]))
        yield Finding.of_rows(
            f"{where}: {name} is what it was, as far as can be told; it changed most at layer {most['layer']}, by "
            f"{said(most)}.",
            changes,
            most,
            weight - 0.2,
            scale=scale,
        )
        return
    for direction, verdict in ((sign, worse), (-sign, better)):
        moved = [row for row in beyond if row["value"] * direction > 0]
        if not moved:
            continue
        most = max(moved, key=lambda row: abs(row["value"]))
        pair = _pair(own, measure, subset, most["layer"])
        if len(pair) < 2:
            continue
        at = f"at layer {most['layer']} " if len(moved) > 1 else ""
        yield Finding.of_rows(
            f"{layers([row['layer'] for row in moved])} became {verdict}: {at}{name} goes from "
            f"{from_to(pair['base']['value'], pair['tuned']['value'])}, by {said(most)}.",
            [most, *pair.values(), *[row for row in moved if row is not most]],
            most,
            weight,
            scale=scale,
        )


def _pair(own: pl.DataFrame, measure: str, subset: str, layer: int) -> dict[str, Row]:
    return {
        model: row
        for model in ("base", "tuned")
        for row in rows_of(own, measure, subset, model)
        if row["layer"] == layer
    }


def _directions(own: pl.DataFrame, options: IsotropyOptions) -> Iterator[Finding]:
    """How many directions hold most of the variance, and how many are elongated, where they changed most."""
    elongated = f"elongated_{options.multiples[len(options.multiples) // 2]:g}"
    times = elongated.removeprefix("elongated_")
    for measure, what, weight in (
        ("directions_90", "directions that hold 90% of the variance", 0.55),
        (elongated, f"directions with more than {times} times the mean variance", 0.5),
    ):
        changes = rows_of(own, f"{measure}_change", WORDS)
        beyond = [row for row in changes if abs(z_of(row)) > margin(len(changes)) and row["value"]]
        if not changes:
            continue
        if not beyond:
            most = max(changes, key=lambda row: abs(row["value"]))
            text = f"{layers([row['layer'] for row in changes])}: the number of {what} is what it was"
            if any(row["value"] for row in changes):
                text += f", as far as can be told: it changed most at layer {most['layer']}, by {_counted(most)}"
            yield Finding.of_rows(f"{text}.", changes, most, weight - 0.2, scale=_widest(changes))
            continue
        most = max(beyond, key=lambda row: abs(row["value"]))
        pair = _pair(own, measure, WORDS, most["layer"])
        if len(pair) < 2:
            continue
        up = [row["layer"] for row in beyond if row["value"] > 0]
        down = [row["layer"] for row in beyond if row["value"] < 0]
        directions = " and ".join(
            f"{verb} at {layers(those).lower()}" for verb, those in (("grew", up), ("fell", down)) if those
        )
        yield Finding.of_rows(
            f"The number of {what} {directions}: at layer {most['layer']} from {pair['base']['value']:.0f} to "
            f"{pair['tuned']['value']:.0f}, by {_counted(most)}.",
            [most, *pair.values(), *[row for row in beyond if row is not most]],
            most,
            weight,
            scale=_widest(changes),
        )


def _counted(row: Row) -> str:
    """A change of a count with its interval."""
    if row["ci_low"] is None:
        return f"{row['value']:+.0f}"
    return f"{row['value']:+.0f} [{row['ci_low']:+.0f}, {row['ci_high']:+.0f}]"


def _widest(rows: list[Row]) -> tuple[float, float]:
    ends = [abs(v) for row in rows for v in (row["value"], row["ci_low"], row["ci_high"]) if v is not None]
    return -max(ends, default=1.0) or -1.0, max(ends, default=1.0) or 1.0


def _contextuality(own: pl.DataFrame) -> Iterator[Finding]:
    """Whether words came to depend more or less on their sentences."""
    changes = rows_of(own, "self_similarity_adjusted_change", WORDS)
    beyond = [row for row in changes if abs(z_of(row)) > margin(len(changes))]
    if not beyond:
        return
    most = max(beyond, key=lambda row: abs(row["value"]))
    pair = _pair(own, "self_similarity_adjusted", WORDS, most["layer"])
    if len(pair) < 2:
        return
    verb = "more" if most["value"] < 0 else "less"
    yield Finding.of_rows(
        f"A word's vector depends {verb} on its sentence than before, most at layer {most['layer']}: the cosine of its "
        "occurrences in different sentences, beyond that of any two words, goes from "
        f"{from_to(pair['base']['value'], pair['tuned']['value'])}, by {said(most)}.",
        [most, *pair.values()],
        most,
        0.45,
        scale=(-1, 1),
    )


def _clusters(tables: Tables, options: IsotropyOptions) -> Iterator[Finding]:
    """What clusters of words are clusters of, before and after: the labels whose share changed."""
    rows = [row for row in first_rows(tables, "isotropy_clusters") if row["measure"] == "nmi"]
    most_clusters = max((row["clusters"] for row in rows), default=0)
    rows = [row for row in rows if row["clusters"] == most_clusters]
    changes = [row for row in rows if row["model"] == "change" and row["value"] is not None]
    beyond = [row for row in changes if abs(z_of(row)) > margin(len(changes))]
    for direction, verb in ((-1, "less"), (1, "more")):
        moved = [row for row in beyond if row["value"] * direction > 0]
        labels = list(dict.fromkeys(row["label"] for row in moved))
        if not moved:
            continue
        most = max(moved, key=lambda row: abs(row["value"]))
        pair = {
            row["model"]: row
            for row in rows
            if row["label"] == most["label"] and row["layer"] == most["layer"] and row["model"] != "change"
        }
        if len(pair) < 2:
            continue
        chance = pair["tuned"]["null_high"]
        text = (
            f"Clusters of words go {verb} with {_listed(labels)} than before, most with {most['label']} at layer "
            f"{most['layer']}: normalised mutual information {from_to(pair['base']['value'], pair['tuned']['value'])}, "
            f"by {_of(most)}" + (f"; chance gives up to {stated(chance, 2)}." if chance is not None else ".")
        )
        yield finding_in(
            text, "nmi", "isotropy_clusters", [most, *pair.values()], most["value"], 0.4,
            ci_low=most["ci_low"], ci_high=most["ci_high"], layers=(most["layer"],), scale=(-1, 1),
        )  # fmt: skip


def _listed(names: list[str]) -> str:
    shown = [name.replace("_", " ") for name in names[:4]] + ([f"{len(names) - 4} more"] if len(names) > 4 else [])
    return f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]


def _of(row: Row) -> str:
    return with_interval(row["value"], row["ci_low"], row["ci_high"])


def _carry(tables: Tables) -> Iterator[Finding]:
    """Whether the top directions carry more than random ones, and whether they came to carry more."""
    rows = first_rows(tables, "isotropy_reliance")
    keys = dict.fromkeys((row["score"], row["measure"], row["layer"]) for row in rows)
    tested = sum(row["model"] == "change" for row in rows)
    for score, measure, layer in keys:
        of = {r["model"]: r for r in rows if (r["score"], r["measure"], r["layer"]) == (score, measure, layer)}
        if "tuned" not in of or of["tuned"]["n"] < FEWEST or of["tuned"]["ci_low"] is None:
            continue
        name = {
            "spearman": f"the correlation of cosines with {score}",
            "probe accuracy": f"what a probe reads of {score}",
            "head accuracy": f"the running classifier's accuracy on {score}",
        }[measure]
        tuned, change = of["tuned"], of.get("change")
        number: Row = change or tuned
        example = _example(tables, score, measure, layer)
        if change is None:
            more = tuned["ci_low"] > 0
            verdict = (
                "rests on the top directions" if more else "does not rest more on the top directions than on others"
            )
            text = (
                f"At layer {layer}, {name} {verdict}: without them it loses {_of(tuned)} more than without as many "
                f"random ones{example}."
            )
            weight = 0.55
        else:
            moved = abs(z_of({**change, "value": change["loss"]} | _ends(change))) > margin(tested)
            verdict = ("rests more" if change["loss"] > 0 else "rests less") if moved else "rests no differently"
            tail = "than before" if moved else "as far as can be told"
            link = " " if moved else ", "
            text = (
                f"At layer {layer}, {name} {verdict} on the top directions{link}{tail}: taking them out instead of "
                f"random ones costs {stated(of['base']['loss'], 2)} before and {stated(tuned['loss'], 2)} after, a "
                f"change of {with_interval(change['loss'], change['ci_low'], change['ci_high'])}{example}."
            )
            weight = 0.65 if moved else 0.45
        yield finding_in(
            text, "loss", "isotropy_reliance", list(of.values()), number["loss"], weight,
            ci_low=number["ci_low"], ci_high=number["ci_high"], layers=(layer,), scale=(-1, 1),
        )  # fmt: skip


def _ends(row: Row) -> dict[str, Any]:
    return {"ci_low": row["ci_low"], "ci_high": row["ci_high"]}


def _example(tables: Tables, score: str, measure: str, layer: int) -> str:
    """The same with one number of directions: what is left without the top ones, and without random ones."""
    rows = [
        row
        for row in first_rows(tables, "isotropy_removal")
        if (row["score"], row["measure"], row["layer"]) == (score, measure, layer) and row["model"] == "tuned"
    ]
    whole = next((row["value"] for row in rows if row["which"] == "top" and row["k"] == 0), None)
    for k in SPOKEN_K:
        top = next((row["value"] for row in rows if row["which"] == "top" and row["k"] == k), None)
        random = [row["value"] for row in rows if row["which"] == "random" and row["k"] == k]
        if whole is not None and top is not None and random:
            mean = sum(random) / len(random)
            return (
                f"; without the top {k} the tuned model keeps {stated(top, 2)} of {stated(whole, 2)}, without {k} "
                f"random ones {stated(mean, 2)}"
            )
    return ""


def _treatments(tables: Tables) -> Iterator[Finding]:
    """Whether making the space more isotropic helps, before and after."""
    rows = first_rows(tables, "isotropy_treatments")
    keys = dict.fromkeys((row["score"], row["measure"], row["layer"]) for row in rows)
    for score, measure, layer in keys:
        own = [r for r in rows if (r["score"], r["layer"]) == (score, layer) and r["treatment"] != "none"]
        best = {
            model: max(of, key=lambda row: row["gain"])
            for model in ("base", "tuned")
            if (of := [r for r in own if r["model"] == model and r["gain"] is not None and r["gain_low"] is not None])
        }
        if len(best) < 2:
            continue
        tested = sum(1 for row in own if row["model"] == "base")

        def verdict(row: Row, among: int = tested) -> str:
            z = z_of({"value": row["gain"], "ci_low": row["gain_low"], "ci_high": row["gain_high"]})
            gain = with_interval(row["gain"], row["gain_low"], row["gain_high"])
            named = row["treatment"].replace("_", "-")
            if z > margin(among):
                return f"helps the {row['model']} model (best: {named}, {gain})"
            if z < -margin(among):
                return f"harms the {row['model']} model, whichever treatment (least: {named}, {gain})"
            return f"is not shown to help the {row['model']} model (best: {named}, {gain})"

        what = "the correlation of cosines with" if measure == "spearman" else "a probe's accuracy on"
        text = (
            f"Making layer {layer} more isotropic {verdict(best['base'])} and {verdict(best['tuned'])}, judged by "
            f"{what} {score}."
        )
        yield finding_in(
            text, "gain", "isotropy_treatments", list(best.values()), best["tuned"]["gain"], 0.5,
            ci_low=best["tuned"]["gain_low"], ci_high=best["tuned"]["gain_high"], layers=(layer,), scale=(-1, 1),
        )  # fmt: skip


def _seeds(table: pl.DataFrame) -> Iterator[Finding]:
    """How far several tuned models agree."""
    rows = rows_of(table, "mean_cosine_change", BETWEEN_SEEDS)
    if not rows:
        return
    widest = max(rows, key=lambda row: row["ci_high"] - row["ci_low"])
    yield Finding.of_rows(
        f"The {widest['n']} tuned models differ most at layer {widest['layer']}, where the change of two words' mean "
        f"cosine is {with_interval(widest['value'], widest['ci_low'], widest['ci_high'])} (least and greatest).",
        rows,
        widest,
        0.3,
        scale=(-1, 1),
    )
