"""What the similarity tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences speak of the first, except the one about their agreement.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from scipy.stats import spearmanr

from isogloss.analysis import Finding, Tables
from isogloss.similarity.options import (
    AGREE,
    BETTER_MATCH,
    DEPTH_LAYERS,
    INFLATED,
    KEPT,
    REWRITTEN,
    STEADY,
)
from isogloss.similarity.wording import layers, number, with_interval

Row = dict[str, Any]


def findings(tables: Tables, neighbours: int = 10) -> list[Finding]:
    """All findings, the weightiest first; `neighbours` is how many were looked for."""
    if "similarity" not in tables or tables["similarity"].is_empty():
        return []
    table = tables["similarity"].with_row_index("row")
    first = table["seed"].min()
    of_all = table.filter((pl.col("subset") == "all") & (pl.col("seed") == first)).sort("layer")
    rows = {name: list(part.iter_rows(named=True)) for (name,), part in of_all.group_by("measure")}
    cka = [row for row in rows.get("cka", []) if row["value"] is not None]
    found: list[Finding] = []
    if not cka:
        if rows.get("cka"):
            found.append(_too_few(rows["cka"]))
        return found
    if _unchanged(rows):
        found.append(_nothing_changed(rows))
    else:
        worst = min(cka, key=lambda row: row["value"])
        found += _kept(cka)
        found += _rewritten(cka, worst)
        found += _neighbours(rows.get("neighbours", []), neighbours)
        found += _depth(rows.get("procrustes", []))
        found += _words(tables.get("similarity_words"), worst["layer"], first)
        found += _labels(tables.get("similarity_labels"), worst["layer"], first)
        found += _matches(tables.get("similarity_map"), first)
        found += _inflated(rows)
    found += _notes(rows)
    found += _seeds(table)
    return sorted(found, key=lambda finding: -finding.weight)


def _finding(text: str, rows: list[Row], number_row: Row, weight: float, table: str = "similarity") -> Finding:
    """Make a finding whose number, interval and floor are those of `number_row`."""
    return Finding(
        text=text,
        analysis="similarity",
        measure=number_row["measure"],
        value=number_row["value"],
        ci_low=number_row.get("ci_low"),
        ci_high=number_row.get("ci_high"),
        null_low=number_row.get("null_low"),
        null_high=number_row.get("null_high"),
        layers=tuple(dict.fromkeys(row["layer"] for row in rows)),
        table=table,
        rows=tuple(row["row"] for row in rows),
        weight=weight,
    )


def _said(row: Row) -> str:
    return with_interval(row["value"], row["ci_low"], row["ci_high"])


def _too_few(rows: list[Row]) -> Finding:
    n = max(row["n"] or 0 for row in rows)
    text = f"How far the layers moved cannot be said: CKA is undefined for these {n} words (too few, or all alike)."
    return _finding(text, rows, rows[0], 1.0)


def _unchanged(rows: dict[str, list[Row]]) -> bool:
    exact = {"cka": 1.0, "procrustes": 0.0, "cosine": 1.0, "neighbours": 1.0}
    values = [(row["value"], exact[name]) for name in exact for row in rows.get(name, [])]
    return all(value is None or value == same for value, same in values)


def _nothing_changed(rows: dict[str, list[Row]]) -> Finding:
    used = [row for name in ("cka", "procrustes", "cosine") for row in rows.get(name, []) if row["value"] is not None]
    compared = sorted({row["layer"] for row in used})
    stated = ["CKA is 1", "the Procrustes distance 0"]
    stated += ["every word's cosine 1"] * any(row["measure"] == "cosine" for row in used)
    text = f"Nothing changed: {layers(compared).lower()} hold exactly the same vectors in both models; "
    if len(compared) == 1:
        text = text.replace(" hold ", " holds ")
    return _finding(text + ", ".join(stated) + ".", used, used[0], 1.0)


def _kept(cka: list[Row]) -> list[Finding]:
    kept = [row for row in cka if (row["value"] if row["ci_low"] is None else row["ci_low"]) >= KEPT]
    if not kept:
        return []
    low = min(kept, key=lambda row: row["value"])
    if len(kept) == 1:
        text = f"{layers([low['layer']])} kept its geometry: CKA is {_said(low)}."
    else:
        which = layers([row["layer"] for row in kept])
        text = (
            f"{which} kept their geometry: CKA stays above {number(KEPT, 2)} "
            f"(lowest {_said(low)} at layer {low['layer']})."
        )
    return [_finding(text, kept, low, 0.9)]


def _rewritten(cka: list[Row], worst: Row) -> list[Finding]:
    value, floor = worst["value"], worst["null_low"]
    noise = "" if floor is None or floor >= 1 else f"; sampling noise alone would stay above {number(floor)}"
    if floor is not None and value >= floor:
        text = (
            f"No layer moved by more than sampling noise: the lowest CKA is {_said(worst)} at layer "
            f"{worst['layer']}{noise}."
        )
        return [_finding(text, cka, worst, 0.95)]
    if len(cka) == 1:
        verb = "was rewritten" if value < REWRITTEN else "changed" if value < KEPT else "moved only a little"
    else:
        verb = (
            "was rewritten most" if value < REWRITTEN else "changed most" if value < KEPT else "moved most, and little"
        )
    text = f"Layer {worst['layer']} {verb}: CKA {_said(worst)}{noise}."
    return [_finding(text, [worst], worst, 1.0)]


def _neighbours(rows: list[Row], k: int) -> list[Finding]:
    rows = [row for row in rows if row["value"] is not None]
    if not rows:
        return []
    worst = min(rows, key=lambda row: row["value"])
    text = (
        f"At layer {worst['layer']} a word keeps on average a share of {_said(worst)} of its {k} nearest neighbours "
        f"(over {worst['n']:,} words), the least of all layers."
    )
    if len(rows) == 1:
        text = text.replace(", the least of all layers", "")
    return [_finding(text, [worst], worst, 0.7)]


def _depth(rows: list[Row]) -> list[Finding]:
    rows = [row for row in rows if row["value"] is not None]
    values = [row["value"] for row in rows]
    if len(rows) < DEPTH_LAYERS or len(set(values)) == 1:
        return []
    rho = float(spearmanr([row["layer"] for row in rows], values).statistic)
    if abs(rho) < STEADY:
        return []
    text = (
        f"Change {'grows' if rho > 0 else 'shrinks'} with depth: the Procrustes distance goes from "
        f"{_said(rows[0])} "
        f"at layer {rows[0]['layer']} to {_said(rows[-1])} at layer {rows[-1]['layer']} "
        f"(rank correlation of distance and depth {number(rho)})."
    )
    return [_finding(text, rows, rows[-1], 0.6)]


def _words(table: pl.DataFrame | None, layer: int, seed: Any) -> list[Finding]:
    if table is None or not table.height:
        return []
    top = (
        table.drop("examples")
        .with_row_index("row")
        .filter((pl.col("layer") == layer) & (pl.col("seed") == seed) & (pl.col("moved") == "most"))
        .sort("rank")
        .head(3)
    )
    rows = list(top.iter_rows(named=True))
    if not rows:
        return []
    listed = [f"“{row['word']}” ({_said(row)} over {row['count']} occurrences)" for row in rows]
    measure = "mean cosine of the two vectors" if rows[0]["measure"] == "cosine" else "share of neighbours kept"
    text = (
        f"The words that moved most at layer {layer}, by {measure}: {', '.join(listed)}; "
        f"{rows[0]['types']:,} words are frequent enough to be ranked."
    )
    return [_finding(text, rows, rows[0], 0.65, "similarity_words")]


def _labels(table: pl.DataFrame | None, layer: int, seed: Any) -> list[Finding]:
    if table is None or not table.height:
        return []
    moved = (
        table.with_row_index("row")
        .filter((pl.col("layer") == layer) & (pl.col("seed") == seed) & (pl.col("difference_high") < 0))
        .sort("difference", "label", "label_value")
        .unique("label", keep="first", maintain_order=True)
        .head(3)
    )
    found = []
    for row in moved.iter_rows(named=True):
        share = "cosine" if row["measure"] == "cosine" else "share of neighbours kept"
        gap = with_interval(-row["difference"], -row["difference_high"], -row["difference_low"])
        words = "words" if row["of"] == "token" else "words in sentences"
        text = (
            f"By {row['label']}, {words} labelled {row['label_value']} moved most at layer {layer}: {share} "
            f"{_said(row)}, {gap} below the other words."
        )
        found.append(_finding(text, [row], row, 0.6, "similarity_labels"))
    return found


def _matches(table: pl.DataFrame | None, seed: Any) -> list[Finding]:
    """Tuned layers that resemble another base layer more than the one of the same number."""
    if table is None or not table.height:
        return []
    cells = (
        table.with_row_index("row")
        .filter((pl.col("seed") == seed) & (pl.col("measure") == "cka") & pl.col("value").is_not_null())
        .with_columns(layer=pl.col("tuned_layer"))
    )
    matches: list[tuple[Row, Row]] = []
    for _, column in cells.group_by("tuned_layer", maintain_order=True):
        rows = list(column.iter_rows(named=True))
        own = [row for row in rows if row["base_layer"] == row["tuned_layer"]]
        best = max(rows, key=lambda row: row["value"])
        if own and best["value"] - own[0]["value"] >= BETTER_MATCH:
            matches.append((best, own[0]))
    if not matches:
        return []
    matches.sort(key=lambda match: match[1]["value"] - match[0]["value"])
    listed = [
        f"tuned layer {best['tuned_layer']} resembles base layer {best['base_layer']} (CKA "
        f"{number(best['value'])}) "
        f"more than base layer {own['base_layer']} ({number(own['value'])})"
        for best, own in matches[:3]
    ]
    text = "; ".join(listed)
    used = [row for match in matches[:3] for row in match]
    return [_finding(text[0].upper() + text[1:] + ".", used, used[0], 0.55, "similarity_map")]


def _inflated(rows: dict[str, list[Row]]) -> list[Finding]:
    debiased = {row["layer"]: row for row in rows.get("cka_debiased", []) if row["value"] is not None}
    gaps = [
        (row["value"] - debiased[row["layer"]]["value"], row, debiased[row["layer"]])
        for row in rows["cka"]
        if row["value"] is not None and row["layer"] in debiased
    ]
    if not gaps:
        return []
    gap, biased, other = max(gaps, key=lambda g: g[0])
    if gap < INFLATED:
        return []
    text = (
        f"{biased['n']:,} words are few for vectors this wide, and CKA is too high for it: at layer "
        f"{biased['layer']} "
        f"it is {_said(biased)}, debiased {_said(other)}. Read the debiased values."
    )
    return [_finding(text, [biased, other], other, 0.8)]


def _notes(rows: dict[str, list[Row]]) -> list[Finding]:
    """Say once what could not be measured."""
    found = []
    total = {row["layer"]: row["n"] for row in rows["cka"]}
    cosine = rows.get("cosine", [])
    if missing := [row for row in cosine if row["value"] is None]:
        text = (
            f"{layers([row['layer'] for row in missing])}: no cosine, because the two models' vectors have "
            "different "
            "widths or are all zero; CKA, Procrustes and neighbours compare them all the same."
        )
        found.append(_finding(text, missing, missing[0], 0.4))
    partial = [row for row in cosine if row["value"] is not None and row["n"] < total.get(row["layer"], row["n"])]
    if partial:
        row = min(partial, key=lambda r: r["n"])
        text = (
            f"The cosine at layer {row['layer']} is over {row['n']:,} of {total[row['layer']]:,} words: a "
            "zero vector "
            "has no direction."
        )
        found.append(_finding(text, partial, row, 0.3))
    if few := [row for row in rows.get("neighbours", []) if row["value"] is None]:
        text = f"{layers([row['layer'] for row in few])}: too few words for nearest neighbours."
        found.append(_finding(text, few, few[0], 0.3))
    return found


def _seeds(table: pl.DataFrame) -> Iterator[Finding]:
    spread = table.filter((pl.col("subset") == "between seeds") & (pl.col("measure") == "cka"))
    if not spread.height:
        return
    rows = list(spread.sort("layer").iter_rows(named=True))
    widest = max(rows, key=lambda row: row["ci_high"] - row["ci_low"])
    gap = widest["ci_high"] - widest["ci_low"]
    agree = "agree" if gap <= AGREE else "differ"
    text = (
        f"The {widest['n']} tuned models {agree}: where they differ most, at layer {widest['layer']}, CKA is "
        f"{number(widest['value'])} on average, from {number(widest['ci_low'])} to "
        f"{number(widest['ci_high'])}."
    )
    yield _finding(text, rows, widest, 0.75)
