"""What shows the similarity tables: curves per layer, the layer x layer map, words and labels that moved."""

from __future__ import annotations

from typing import Any

import polars as pl

from isogloss.analysis import (
    MARK,
    Figure,
    LinesFigure,
    TableFigure,
    Tables,
    curve,
    figure_names,
    first_tuned,
    layer_map,
    noise_band,
)

CLOSE = 0.005
"""Two curves nearer than this everywhere would hide each other."""
LABEL_LINES = 8
"""Lines in the figure of one label: those whose values moved most."""

_NAMES = {"cka": "CKA", "cka_debiased": "CKA, debiased", "cosine": "cosine", "neighbours": "neighbours kept"}


def figures(tables: Tables) -> list[Figure]:
    """All figures for which there are tables."""
    found: list[Figure] = []
    if "similarity" in tables:
        found += _curves(tables["similarity"])
    if "similarity_map" in tables:
        found += _maps(tables["similarity_map"])
    if tables.get("similarity_words", pl.DataFrame()).height:
        found.append(_words(tables["similarity_words"]))
    if tables.get("similarity_labels", pl.DataFrame()).height:
        found += _labels(tables["similarity_labels"])
    return found


def _curves(table: pl.DataFrame) -> list[Figure]:
    several = table.filter(pl.col("subset") == "between seeds")
    shown = several if several.height else table.filter(pl.col("subset") == "all")
    shown = shown.sort("layer")
    bars = (
        "Shaded: from the least to the greatest of the tuned models."
        if several.height
        else "Shaded: 95% intervals over sentences."
    )
    floors = table.filter((pl.col("subset") == "all") & pl.col("null_low").is_not_null())
    close = _debiased_is_close(shown)
    hidden = ""
    if close:
        hidden = f" The debiased CKA, everywhere within {CLOSE} of the plain one, is not drawn."
    lines = [
        curve(title, part)
        for measure, title in _NAMES.items()
        if not (close and measure == "cka_debiased")
        and (part := shown.filter((pl.col("measure") == measure) & pl.col("value").is_not_null())).height
    ]
    found: list[Figure] = []
    if lines:
        found.append(
            LinesFigure(
                name="similarity",
                title="How much of each layer stayed",
                caption=f"1 means nothing changed; layer 0 is the embeddings. {bars}{hidden} The band at the top is "
                "the widest "
                "sampling noise of these measures: values inside it may be noise.",
                y_label="similarity",
                lines=tuple(lines),
                bands=noise_band("sampling noise", floors.filter(pl.col("measure").is_in(list(_NAMES)))),
                y_min=min(0.0, *(v for line in lines for v in (*line.y, *line.low) if v is not None)),
                y_max=1.0,
            )
        )
    distance = shown.filter((pl.col("measure") == "procrustes") & pl.col("value").is_not_null())
    if distance.height:
        found.append(
            LinesFigure(
                name="similarity-procrustes",
                title="How far each layer moved",
                caption="Orthogonal Procrustes distance, what is left after the best rotation: 0 means that "
                "one space "
                f"is the other rotated, scaled or shifted, 2 that they share nothing. {bars} The band at the "
                "bottom is "
                "sampling noise.",
                y_label="Procrustes distance",
                lines=(curve("Procrustes distance", distance),),
                bands=noise_band("sampling noise", floors.filter(pl.col("measure") == "procrustes")),
                y_min=0.0,
            )
        )
    return found


def _debiased_is_close(shown: pl.DataFrame) -> bool:
    wide = shown.filter(pl.col("measure").is_in(["cka", "cka_debiased"])).pivot(
        "measure", index="layer", values="value"
    )
    if not {"cka", "cka_debiased"} <= set(wide.columns):
        return False
    gap = (wide["cka"] - wide["cka_debiased"]).abs().max()
    return isinstance(gap, float) and gap < CLOSE


def _maps(table: pl.DataFrame) -> list[Figure]:
    found: list[Figure] = []
    cka = table.filter(pl.col("measure") == "cka")
    for (seed,), part in cka.sort("seed").group_by("seed", maintain_order=True):
        found.append(
            layer_map(
                part,
                name="similarity-map" if not found else f"similarity-map-{seed}",
                title="Every layer against every layer" + (f", tuned model {seed}" if found else ""),
                caption="CKA of each base layer (row) with each tuned layer (column). An unchanged model is symmetric "
                "with 1 on the diagonal; a tuned layer whose brightest cell is off the diagonal has taken another "
                "layer's place.",
            )
        )
    kept = first_tuned(table).filter(pl.col("measure") == "neighbours")
    if kept["value"].count():
        several = table["seed"].n_unique() > 1
        found.append(
            layer_map(
                kept,
                name="similarity-map-neighbours",
                title="Neighbours kept, every layer against every layer",
                caption="Mean share of each word's nearest neighbours in the base layer (row) that are also its "
                "neighbours in the tuned layer (column): what stays of the surroundings of single words, where CKA is "
                "of the space as a whole." + " First tuned model." * several,
            )
        )
    return found


def _marked(example: dict[str, Any]) -> str:
    text, start, end = example["text"].replace(MARK, " "), example["start"], example["end"]
    return f"{text[:start]}{MARK}{text[start:end]}{MARK}{text[end:]}"


def _words(table: pl.DataFrame) -> Figure:
    several = table["seed"].n_unique() > 1
    table = first_tuned(table).sort("layer", "rank")
    rows = tuple(
        (
            row["layer"],
            row["moved"],
            row["word"],
            row["count"],
            row["value"],
            row["ci_low"],
            row["ci_high"],
            tuple(_marked(example) for example in row["examples"]),
        )
        for row in table.iter_rows(named=True)
    )
    measure = "cosine" if table["measure"][0] == "cosine" else "neighbours kept"
    return TableFigure(
        name="similarity-words",
        title="The words that moved most and least",
        caption=f"Mean {measure} between a word's two vectors over its occurrences (low: moved far), with "
        "95% intervals "
        "over sentences, most moved first, and where it moved most." + " First tuned model." * several,
        columns=("layer", "moved", "word", "count", measure, "low", "high", "examples"),
        rows=rows,
        group_by="layer",
    )


def _labels(table: pl.DataFrame) -> list[Figure]:
    several = table["seed"].n_unique() > 1
    table = first_tuned(table)
    measure = "cosine" if table["measure"][0] == "cosine" else "neighbours kept"
    found: list[Figure] = []
    parts = {str(label): part for (label,), part in table.group_by("label", maintain_order=True)}
    for name, (label, part) in zip(figure_names("similarity-label", parts), parts.items(), strict=True):
        lowest = part.group_by("label_value").agg(pl.col("value").min()).sort("value", "label_value")
        if lowest.height < 2:
            continue
        chosen = sorted(lowest.head(LABEL_LINES)["label_value"])
        found.append(
            LinesFigure(
                name=name,
                title=f"How far words moved, by {label}",
                caption=f"Mean {measure} between a word's two vectors for each value of {label} (1: "
                "unmoved), with 95% "
                f"intervals over sentences; at most {LABEL_LINES} values, those that moved most."
                + " First tuned model."
                * several,
                y_label=measure,
                lines=tuple(
                    curve(value, part.filter(pl.col("label_value") == value).sort("layer")) for value in chosen
                ),
                y_max=1.0,
            )
        )
    columns = ("layer", "label", "label_value", "n", "value", "ci_low", "ci_high", "difference")
    found.append(
        TableFigure(
            name="similarity-labels",
            title="The labels that moved most",
            caption=f"Mean {measure} of the words of each label value; the difference is to the other "
            "labelled words "
            "(negative: moved more).",
            columns=("layer", "label", "value", "words", measure, "low", "high", "difference"),
            rows=tuple(table.sort("layer", "value").select(columns).iter_rows()),
            group_by="layer",
        )
    )
    return found
