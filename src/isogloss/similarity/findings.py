"""What the similarity tables say, in plain sentences; every number in a sentence stands in the rows it names.

With several tuned models the sentences about layers speak of all of them (mean, least and greatest); those about
words, labels and the layer x layer map of the first, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
from scipy.stats import norm, spearmanr

from isogloss.analysis import BETWEEN_SEEDS, Finding, Tables, layers, stated, with_interval
from isogloss.analysis.wording import digits_of
from isogloss.similarity.options import (
    AGREE,
    BETTER_MATCH,
    DEPTH_LAYERS,
    INFLATED,
    KEPT,
    REWRITTEN,
    STEADY,
)

Row = dict[str, Any]


def findings(tables: Tables, neighbours: int = 10) -> list[Finding]:
    """All findings, the weightiest first; `neighbours` is how many were looked for."""
    if "similarity" not in tables or tables["similarity"].is_empty():
        return []
    table = tables["similarity"].with_row_index("row")
    first = table["seed"].min()
    single = _rows(table.filter((pl.col("subset") == "all") & (pl.col("seed") == first)))
    several = _rows(table.filter(pl.col("subset") == BETWEEN_SEEDS))
    spoken = several or single
    cka = [row for row in spoken.get("cka", []) if row["value"] is not None]
    found: list[Finding] = []
    if not cka:
        if single.get("cka"):
            found.append(_too_few(single["cka"]))
        return found
    if _unchanged(table.filter(pl.col("subset") == "all")):
        found.append(_nothing_changed(single))
    else:
        worst = min(cka, key=lambda row: row["value"])
        found += _kept(cka)
        found += _moved_most(cka, worst)
        found += _neighbours(spoken.get("neighbours", []), neighbours, single)
        found += _depth(spoken.get("procrustes", []))
        found += _words(tables.get("similarity_words"), worst["layer"], first, bool(several))
        found += _labels(tables.get("similarity_labels"), worst["layer"], first, bool(several))
        found += _matches(tables.get("similarity_map"), first, bool(several))
        found += _inflated(single)
    found += _notes(single)
    found += _seeds(several.get("cka", []))
    return sorted(found, key=lambda finding: -finding.weight)


def _rows(table: pl.DataFrame) -> dict[str, list[Row]]:
    """Rows by measure, in the order of layers."""
    parts = table.sort("layer").group_by("measure", maintain_order=True)
    return {str(name): list(part.iter_rows(named=True)) for (name,), part in parts}


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
        scale=(0.0, 2.0) if number_row["measure"] == "procrustes" else None,
    )


def _said(row: Row) -> str:
    """A value with its interval; of several tuned models their mean, the least and the greatest."""
    value, low, high = row["value"], row["ci_low"], row["ci_high"]
    if row.get("subset") != BETWEEN_SEEDS:
        return with_interval(value, low, high)
    digits = digits_of(value, low, high)
    return (
        f"{stated(value, digits)} (from {stated(low, digits)} to {stated(high, digits)} over {row['n']} tuned models)"
    )


def _too_few(rows: list[Row]) -> Finding:
    n = max(row["n"] or 0 for row in rows)
    text = f"How far the layers moved cannot be said: CKA is undefined for these {n} words (too few, or all alike)."
    return _finding(text, rows, rows[0], 1.0)


def _unchanged(of_all: pl.DataFrame) -> bool:
    exact = {"cka": 1.0, "procrustes": 0.0, "cosine": 1.0, "neighbours": 1.0}
    values = of_all.select("measure", "value").iter_rows()
    return all(value is None or value == exact[name] for name, value in values if name in exact)


def _nothing_changed(rows: dict[str, list[Row]]) -> Finding:
    used = [row for name in ("cka", "procrustes", "cosine") for row in rows.get(name, []) if row["value"] is not None]
    compared = sorted({row["layer"] for row in used})
    stated = ["CKA is 1", "the Procrustes distance 0"]
    stated += ["every word's cosine 1"] * any(row["measure"] == "cosine" for row in used)
    text = f"Nothing changed: {layers(compared).lower()} hold exactly the same vectors in both models; "
    if len(compared) == 1:
        text = text.replace(" hold ", " holds ")
    return _finding(text + ", ".join(stated) + ".", used, used[0], 1.0)


def _within_noise(row: Row) -> bool:
    return row["null_low"] is not None and row["value"] >= row["null_low"]


def _kept(cka: list[Row]) -> list[Finding]:
    kept = [row for row in cka if (row["value"] if row["ci_low"] is None else row["ci_low"]) >= KEPT]
    if not kept or all(_within_noise(row) for row in cka):
        return []
    low = min(kept, key=lambda row: row["value"])
    which = layers([row["layer"] for row in kept])
    if len(kept) == 1:
        text = f"{which} nearly kept its geometry: CKA is {_said(low)}"
    else:
        text = (
            f"{which} nearly kept their geometry: CKA is at least {stated(KEPT, 2)} (lowest {_said(low)} at layer "
            f"{low['layer']})"
        )
    return [_finding(f"{text}{_beyond_noise(kept)}.", kept, low, 0.9)]


def _beyond_noise(kept: list[Row]) -> str:
    """Say which of the layers that changed little changed all the same."""
    if any(row["null_low"] is None for row in kept):
        return ""
    still = [row["layer"] for row in kept if _within_noise(row)]
    if len(kept) == 1:
        return ", no less than sampling noise alone gives" if still else ", yet that is more than sampling noise"
    if not still:
        return "; small as that is, it is more than sampling noise at every one of them"
    if len(still) == len(kept):
        return ", which is within sampling noise"
    return f"; {layers(still).lower()} moved no more than sampling noise, the others did"


def _moved_most(cka: list[Row], worst: Row) -> list[Finding]:
    value, floor = worst["value"], worst["null_low"]
    noise = (
        "" if floor is None or floor >= 1 else f"; sampling noise alone would stay above {stated(floor).lstrip('>')}"
    )
    if all(_within_noise(row) for row in cka):
        text = (
            f"No layer moved by more than sampling noise: the lowest CKA is {_said(worst)} at layer "
            f"{worst['layer']}{noise}."
        )
        return [_finding(text, cka, worst, 0.95)]
    verb = "was rewritten" if value < REWRITTEN else "changed" if value < KEPT else "moved"
    most = " most" if len(cka) > 1 else ""
    text = f"Layer {worst['layer']} {verb}{most}: CKA {_said(worst)}{noise}."
    return [_finding(text, [worst], worst, 1.0)]


def _neighbours(rows: list[Row], k: int, single: dict[str, list[Row]]) -> list[Finding]:
    rows = [row for row in rows if row["value"] is not None]
    if not rows:
        return []
    worst = min(rows, key=lambda row: row["value"])
    n_words = next(row["n"] for row in single["neighbours"] if row["layer"] == worst["layer"])
    least = ", the least of all layers" if len(rows) > 1 else ""
    text = (
        f"At layer {worst['layer']} the share of its {k} nearest neighbours that a word keeps is {_said(worst)} on "
        f"average (over {n_words:,} words){least}."
    )
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
        f"{_said(rows[0])} at layer {rows[0]['layer']} to {_said(rows[-1])} at layer {rows[-1]['layer']}; its "
        f"Spearman correlation with depth is {stated(rho, 2)}."
    )
    return [_finding(text, rows, rows[-1], 0.6)]


def _first(several: bool) -> str:
    return " of the first tuned model" if several else ""


def _words(table: pl.DataFrame | None, layer: int, seed: Any, several: bool) -> list[Finding]:
    if table is None or not table.height:
        return []
    top = (
        table.drop("examples")
        .with_row_index("row")
        .filter((pl.col("layer") == layer) & (pl.col("seed") == seed) & (pl.col("moved") == "most"))
        .sort("rank")
        .head(3)
        .sort("value")
    )
    rows = list(top.iter_rows(named=True))
    if not rows:
        return []
    listed = [f"“{row['word']}” ({_said(row)} over {row['count']} occurrences)" for row in rows]
    measure = "mean cosine of the two vectors" if rows[0]["measure"] == "cosine" else "share of neighbours kept"
    text = (
        f"The words that most surely moved far at layer {layer}{_first(several)}, by {measure}: {', '.join(listed)}; "
        f"{rows[0]['types']:,} different {'word is' if rows[0]['types'] == 1 else 'words are'} frequent enough to be "
        "ranked."
    )
    return [_finding(text, rows, rows[0], 0.65, "similarity_words")]


def _labels(table: pl.DataFrame | None, layer: int, seed: Any, several: bool) -> list[Finding]:
    """The label values that moved more than the rest, beyond the chance of finding one among so many."""
    if table is None or not table.height:
        return []
    here = table.with_row_index("row").filter((pl.col("layer") == layer) & (pl.col("seed") == seed))
    here = here.filter(pl.col("difference_high").is_not_null())
    # Bonferroni: the interval is widened as if it were to hold for every value compared.
    wider = norm.isf(0.025 / max(1, here.height)) / norm.isf(0.025)
    moved = (
        here.filter(pl.col("difference") + wider * (pl.col("difference_high") - pl.col("difference")) < 0)
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
            f"By {row['label']}, {words} labelled {row['label_value']} moved most at layer {layer}{_first(several)}: "
            f"{share} {_said(row)}, {gap} below the other words (clear of chance among {here.height} values compared)."
        )
        found.append(_finding(text, [row], row, 0.6, "similarity_labels"))
    return found


def _matches(table: pl.DataFrame | None, seed: Any, several: bool) -> list[Finding]:
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
        f"{stated(best['value'])}) "
        f"more than base layer {own['base_layer']} ({stated(own['value'])})"
        for best, own in matches[:3]
    ]
    text = "; ".join(listed) + _first(several).replace(" of", ", in", 1)
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


def _seeds(rows: list[Row]) -> Iterator[Finding]:
    if not rows:
        return
    widest = max(rows, key=lambda row: row["ci_high"] - row["ci_low"])
    agree = "agree" if widest["ci_high"] - widest["ci_low"] <= AGREE else "differ"
    text = (
        f"The {widest['n']} tuned models {agree}: where they differ most, at layer {widest['layer']}, CKA is "
        f"{_said(widest)}."
    )
    yield _finding(text, rows, widest, 0.75)
