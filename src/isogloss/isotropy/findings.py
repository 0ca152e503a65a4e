"""What the isotropy tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences speak of the first, except the one about their agreement. A change is called
one only if it is beyond its interval widened for all the layers that were looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from isogloss.analysis import (
    BETWEEN_SEEDS,
    Finding,
    Tables,
    figure_names,
    first_tuned,
    from_to,
    layers,
    listed,
    stated,
    with_interval,
)
from isogloss.analysis.finding_rows import Row, finding_in, first_rows, of_both, rows_of, said, sure, unsure
from isogloss.isotropy.findings_carrying import carrying
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.shape_rows import SENTENCES, WORDS


def findings(tables: Tables, options: IsotropyOptions) -> list[Finding]:
    """All findings, the weightiest first."""
    notes = tables.get("isotropy_notes", pl.DataFrame({"text": []}))["text"].to_list()
    found = [Finding(text=note, analysis="isotropy", measure="", weight=0.15) for note in notes]
    table = tables["isotropy"].with_row_index("row")
    if table.is_empty():
        return found
    own = first_tuned(table)
    for spoken in SPOKEN:
        found += _moved(own, spoken)
    found += _first_direction(own)
    found += _directions(own, options)
    found += _contextuality(own)
    found += _clusters(tables)
    found += carrying(tables)
    found += _seeds(table)
    return sorted(found, key=lambda one: -one.weight)


@dataclass(frozen=True)
class Spoken:
    """A measure of isotropy that sentences speak of.

    Attributes
    ----------
    name : as it reads in a sentence.
    worse, better : what layers became where it rose (`rises_where_worse`) or fell.
    """

    measure: str
    subset: str
    name: str
    weight: float
    worse: str
    better: str
    rises_where_worse: bool = True


SPOKEN = (
    Spoken("isoscore", WORDS, "IsoScore", 0.65, "stretched along fewer directions", "more evenly spread", False),
    Spoken("mean_cosine", WORDS, "two words' mean cosine", 0.6, "narrower", "wider"),
    Spoken("mean_cosine", SENTENCES, "two sentences' mean cosine", 0.4, "narrower", "wider"),
)


def _moved(own: pl.DataFrame, spoken: Spoken) -> Iterator[Finding]:
    """At which layers a measure of isotropy went up and down."""
    measure, name, weight = spoken.measure, spoken.name, spoken.weight
    changes = rows_of(own, f"{measure}_change", spoken.subset)
    if not changes:
        return
    more = {"scale": (-1.0, 1.0), "figure": f"isotropy-{measure.replace('_', '-')}"}
    where = layers([row["layer"] for row in changes])
    if all(row["value"] == 0 for row in changes):
        yield Finding.of_rows(f"{where}: {name} is exactly what it was.", changes, changes[0], weight, **more)
        return
    beyond = [row for row in changes if sure(row, len(changes))]
    if not beyond:
        most = max(changes, key=lambda row: abs(row["value"]))
        judged = any(row["ci_low"] is not None for row in changes)
        verdict = "is what it was, as far as can be told" if judged else "has no intervals to judge changes by"
        yield Finding.of_rows(
            f"{where}: {name} {verdict}; it changed most at layer {most['layer']}, by {said(most)}"
            f"{unsure(most, len(changes))}.",
            changes,
            most,
            weight - 0.2,
            **more,
        )
        return
    for sign, verdict in ((1, spoken.worse), (-1, spoken.better)):
        direction = sign if spoken.rises_where_worse else -sign
        moved = [row for row in beyond if row["value"] * direction > 0]
        if not moved:
            continue
        most = max(moved, key=lambda row: abs(row["value"]))
        pair = of_both(own, measure, spoken.subset, most["layer"])
        if len(pair) < 2:
            continue
        at = f"at layer {most['layer']} " if len(moved) > 1 else ""
        yield Finding.of_rows(
            f"{layers([row['layer'] for row in moved])} became {verdict}: {at}{name} goes from "
            f"{from_to(pair['base']['value'], pair['tuned']['value'])}, by {said(most)}.",
            [most, *pair.values(), *[row for row in moved if row is not most]],
            most,
            weight - 0.3 * (abs(most["value"]) < SLIGHT),
            **more,
        )


SLIGHT = 0.02
"""A change of a measure between 0 and 1 that is clear but slight."""
MUCH = 0.05
"""A share of the variance that the first direction gains or loses and that is worth a sentence."""


def most_stretched(own: pl.DataFrame) -> Row | None:
    """The change of the first direction's share of variance that is largest, if it is one worth a sentence."""
    changes = rows_of(own, "top_share_change", WORDS)
    moved = [row for row in changes if sure(row, len(changes)) and abs(row["value"]) >= MUCH]
    return max(moved, key=lambda row: abs(row["value"]), default=None)


def _first_direction(own: pl.DataFrame) -> Iterator[Finding]:
    """How much of the variance lies along the first direction, where that changed most."""
    most = most_stretched(own)
    pair = of_both(own, "top_share", WORDS, most["layer"]) if most else {}
    if most is None or len(pair) < 2:
        return
    yield Finding.of_rows(
        f"At layer {most['layer']} one direction now holds {said(pair['tuned'])} of the variance of all words; in the "
        f"base model the first one held {said(pair['base'])}.",
        [most, *pair.values()],
        pair["tuned"],
        0.7,
        figure=f"isotropy-spectrum-{most['layer']}",
    )


def _directions(own: pl.DataFrame, options: IsotropyOptions) -> Iterator[Finding]:
    """How many directions hold most of the variance, and how many are elongated, where they changed most."""
    elongated = f"elongated_{options.multiples[len(options.multiples) // 2]:g}"
    times = elongated.removeprefix("elongated_")
    for measure, what, weight, figure in (
        ("directions_90", "directions that hold 90% of the variance", 0.5, "isotropy-directions-90"),
        (elongated, f"directions with more than {times} times the mean variance", 0.5, "isotropy-elongated"),
    ):
        changes = rows_of(own, f"{measure}_change", WORDS)
        beyond = [row for row in changes if sure(row, len(changes)) and row["value"]]
        if not changes:
            continue
        if not beyond:
            most = max(changes, key=lambda row: abs(row["value"]))
            judged = any(row["ci_low"] is not None for row in changes)
            text = f"{layers([row['layer'] for row in changes])}: the number of {what} is what it was"
            if any(row["value"] for row in changes):
                text += ", as far as can be told" if judged else ", or not: there are no intervals to judge changes by"
                text += f"; it changed most at layer {most['layer']}, by {_counted(most)}"
            yield Finding.of_rows(f"{text}.", changes, most, weight - 0.2, scale=_widest(changes), figure=figure)
            continue
        most = max(beyond, key=lambda row: abs(row["value"]))
        pair = of_both(own, measure, WORDS, most["layer"])
        if len(pair) < 2:
            continue
        up = [row["layer"] for row in beyond if row["value"] > 0]
        down = [row["layer"] for row in beyond if row["value"] < 0]
        directions = " and ".join(
            f"{verb} at {layers(those).lower()}" for verb, those in (("grew", up), ("fell", down)) if those
        )
        at = f" at layer {most['layer']}" if len(beyond) > 1 else ""
        yield Finding.of_rows(
            f"The number of {what} {directions}:{at} from {pair['base']['value']:.0f} to "
            f"{pair['tuned']['value']:.0f}, by {_counted(most)}.",
            [most, *pair.values(), *[row for row in beyond if row is not most]],
            most,
            weight,
            scale=_widest(changes),
            figure=figure,
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
    beyond = [row for row in changes if sure(row, len(changes))]
    if not beyond:
        return
    most = max(beyond, key=lambda row: abs(row["value"]))
    pair = of_both(own, "self_similarity_adjusted", WORDS, most["layer"])
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
        figure="isotropy-self-similarity-adjusted",
    )


def _clusters(tables: Tables) -> Iterator[Finding]:
    """What clusters of words are clusters of, before and after: the labels whose share changed."""
    rows = [row for row in first_rows(tables, "isotropy_clusters") if row["measure"] == "nmi"]
    most_clusters = max((row["clusters"] for row in rows), default=0)
    all_labels = list(dict.fromkeys(row["label"] for row in rows))
    rows = [row for row in rows if row["clusters"] == most_clusters]
    changes = [row for row in rows if row["model"] == "change" and row["value"] is not None]
    chance = {(r["label"], r["layer"], r["model"]): r["null_high"] for r in rows}
    values = {(r["label"], r["layer"], r["model"]): r["value"] for r in rows}

    def above_chance(row: Row) -> bool:
        keys = [(row["label"], row["layer"], model) for model in ("base", "tuned")]
        return any(chance.get(key) is not None and values[key] > chance[key] for key in keys)

    beyond = [row for row in changes if sure(row, len(changes)) and above_chance(row)]
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
        by_chance, named = pair["tuned"]["null_high"], listed([_spelled(label) for label in labels], 4)
        text = (
            f"Clusters of words go {verb} with {named} than before, most with {_spelled(most['label'])} at layer "
            f"{most['layer']}: normalised mutual information {from_to(pair['base']['value'], pair['tuned']['value'])}, "
            f"by {_of(most)}" + (f"; chance gives up to {stated(by_chance, 2)}." if by_chance is not None else ".")
        )
        yield finding_in(
            text, "nmi", "isotropy_clusters", [most, *pair.values()], most["value"], 0.4,
            ci_low=most["ci_low"], ci_high=most["ci_high"], layers=(most["layer"],), scale=(-1, 1),
            figure=dict(zip(all_labels, figure_names("isotropy-clusters", all_labels), strict=True))[most["label"]],
        )  # fmt: skip


def _spelled(label: str) -> str:
    return "the word itself" if label == "word" else label.replace("_", " ")


def _of(row: Row) -> str:
    return with_interval(row["value"], row["ci_low"], row["ci_high"])


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
