"""What shows the concept tables: fates, sides taken, labels, a map of layers, triggers, the concepts themselves."""

from __future__ import annotations

import polars as pl

from isogloss.analysis import (
    Band,
    BarPart,
    BarsFigure,
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
from isogloss.concepts.explorer_figure import explorer
from isogloss.concepts.fates import BASE_FATES, TUNED_FATES
from isogloss.concepts.options import ConceptsOptions
from isogloss.concepts.triggers import TRIGGERS

_ROUND = 6
_GROUPS = {
    "triggers": "concepts on its side",
    "random": "any words",
    "frequency": "as frequent words",
    "non-polar": "concepts on no side",
}
FAMILIES = 12
"""Families of labels that get a figure, those that explain most."""


def figures(tables: Tables, options: ConceptsOptions) -> list[Figure]:
    """All figures for which there are tables."""
    table = tables["concepts"]
    if table.is_empty():
        return []
    several = table["seed"].n_unique() > 1 and table["seed"].drop_nulls().n_unique() > 1
    own = first_tuned(table)
    tail = " First tuned model." * several
    found = [
        *_fates(own, options, tail),
        *_numbers(tables, tail),
        *_found_again(own, options, tail),
        *_polar(own, tail),
        *_labels(own, tail),
    ]
    if "concepts_map" in tables:
        found += _map(tables["concepts_map"], tail)
    if "concepts_triggers" in tables:
        found += _triggers(tables, tail)
    if "concepts_list" in tables:
        found.append(explorer(tables, tail))
    return found


def _bands(name: str, rows: pl.DataFrame) -> tuple[Band, ...]:
    """What chance gives, for each model by itself."""
    parts = rows.sort("model").group_by("model", maintain_order=True)
    return tuple(band for (model,), part in parts for band in noise_band(f"{name}, {model}", part))


def _fates(own: pl.DataFrame, options: ConceptsOptions, tail: str) -> list[Figure]:
    whole = own.filter(pl.col("subset") == "all")
    found: list[Figure] = []
    for name, title, model, fates, caption in (
        (
            "concepts-fates",
            "What became of the base model's concepts",
            "base",
            BASE_FATES,
            "Kept: one concept of the tuned model holds most of its words and little else. Split: several that come "
            "mostly from it do. Merged: its words stayed together in a larger concept. Dissolved: they went apart.",
        ),
        (
            "concepts-origins",
            "Where the tuned model's concepts come from",
            "tuned",
            TUNED_FATES,
            "Inherited: most of its words come from base concepts that went into it. New: gathered from pieces.",
        ),
    ):
        part = whole.filter((pl.col("model") == model) & pl.col("measure").is_in(fates)).sort("layer")
        if part.is_empty():
            continue
        at = part["layer"].unique().sort().to_list()
        cells = {(m, i): v for m, i, v in part.select("measure", "layer", "value").iter_rows()}
        found.append(
            BarsFigure(
                name=name,
                title=title,
                caption=f"{caption} Most means a share of {options.fate_threshold:g} of the words.{tail}",
                x_label="layer",
                y_label="share of concepts",
                bars=tuple(str(i) for i in at),
                parts=tuple(
                    BarPart(fate, tuple(round(cells.get((fate, i), 0.0), _ROUND) for i in at)) for fate in fates
                ),
            )
        )
    kept = whole.filter((pl.col("measure") == "kept") & (pl.col("model") == "base"))
    if kept.height:
        rand = whole.filter(pl.col("measure") == "adjusted_rand")
        chance = whole.filter(pl.col("measure") == "kept_by_chance")
        shuffled = (
            f" The lower band is what is kept where words trade concepts at random.{tail}" if len(chance) else tail
        )
        found.append(
            LinesFigure(
                name="concepts-kept",
                title="How many concepts were kept",
                caption="Share of base concepts kept, and the adjusted Rand index of both clusterings (1: the same, 0: "
                "chance), with 95% intervals over sentences. The band is how many of its own concepts the base model "
                f"keeps when it sees only half of the sentences.{shuffled}",
                y_label="share",
                lines=(curve("concepts kept", kept), curve("adjusted Rand index", rand)),
                bands=noise_band("same model, half of the sentences", kept) + noise_band("shuffled words", chance),
                y_min=0.0,
                y_max=1.0,
            )
        )
    return found


def _numbers(tables: Tables, tail: str) -> list[Figure]:
    if "concepts_numbers" not in tables:
        return []
    whole = first_tuned(tables["concepts_numbers"]).filter(pl.col("subset") == "all")
    kept = whole.filter((pl.col("measure") == "kept") & (pl.col("model") == "base")).sort("clusters")
    if kept.is_empty():
        return []
    return [
        LinesFigure(
            name="concepts-numbers",
            title="How many concepts were kept, by how many there are",
            caption="Share of base concepts kept where the same trees are cut into more or fewer concepts, with 95% "
            f"intervals over sentences; all else on this page is of the first number asked for.{tail}",
            y_label="share of concepts",
            lines=tuple(
                curve(f"{number} concepts", part) for (number,), part in kept.group_by("clusters", maintain_order=True)
            ),
            y_min=0.0,
            y_max=1.0,
        )
    ]


def _found_again(own: pl.DataFrame, options: ConceptsOptions, tail: str) -> list[Figure]:
    whole = own.filter(pl.col("subset") == "all")
    matched, aligned = (whole.filter(pl.col("measure") == measure) for measure in ("matched", "calign"))
    if matched.is_empty():
        return []
    lines = [
        curve(f"{name}, {model}", part)
        for name, rows in (("matched", matched), ("CALIGN", aligned))
        for (model,), part in rows.sort("model").group_by("model", maintain_order=True)
    ]
    chance = matched["null_high"].is_not_null().any()
    bands = " The bands: what is matched where words trade concepts at random." * chance
    return [
        LinesFigure(
            name="concepts-matched",
            title="Concepts found again in the other model",
            caption=f"Matched: one concept of the other model holds a share of {options.match_threshold:g} of a "
            "concept's different words, however many it holds besides. CALIGN: more than .8 of them, of concepts of "
            f"more than 5 words, in one that is not much larger (Mousi et al., ACL 2024).{bands}{tail}",
            y_label="share of concepts",
            lines=tuple(lines),
            bands=_bands("shuffled words", matched),
            y_min=0.0,
            y_max=1.0,
        )
    ]


def _polar(own: pl.DataFrame, tail: str) -> list[Figure]:
    polar = own.filter(pl.col("measure") == "polar")
    if polar.is_empty():
        return []
    single = polar.filter(pl.col("subset") != "all")
    lines = [
        curve(f"{subset}, {model}", part)
        for (subset, model), part in single.sort("subset", "model").group_by("subset", "model", maintain_order=True)
    ]
    most = max(polar["n"].to_list())
    return [
        LinesFigure(
            name="concepts-polar",
            title="Concepts that take the side of a class",
            caption=f"Of {most} concepts per layer, how many have nearly all their words from sentences of one class, "
            f"and more than the class's share of all words. The bands: what shuffled classes give in each model.{tail}",
            y_label="concepts",
            lines=tuple(lines),
            bands=_bands("shuffled classes", single),
            y_min=0.0,
        )
    ]


def _labels(own: pl.DataFrame, tail: str) -> list[Figure]:
    explained = own.filter((pl.col("measure") == "alignment") & (pl.col("subset") != "all"))
    if explained.is_empty():
        return []
    order = explained.group_by("subset").agg(pl.col("value").max()).sort(["value", "subset"], descending=[True, False])
    found: list[Figure] = []
    families = [str(family) for family in order["subset"].head(FAMILIES)]
    for name, family in zip(figure_names("concepts-label", families), families, strict=True):
        part = explained.filter(pl.col("subset") == family)
        lines = [curve(str(model), rows) for (model,), rows in part.group_by("model", maintain_order=True)]
        found.append(
            LinesFigure(
                name=name,
                title=f"Concepts explained by {family}",
                caption=f"Share of a layer's concepts of which nearly all words have one value of {family}. "
                f"The bands: what labels shuffled over word types give, in each model.{tail}",
                y_label="share of concepts",
                lines=tuple(lines),
                bands=_bands("shuffled labels", part),
                y_min=0.0,
                y_max=1.0,
            )
        )
    return found


def _map(table: pl.DataFrame, tail: str) -> list[Figure]:
    part = first_tuned(table).filter(pl.col("measure") == "adjusted_rand")
    return [
        layer_map(
            part,
            name="concepts-map",
            title="Concepts of every layer against every layer",
            caption="Adjusted Rand index of the concepts of each base layer (row) and each tuned layer (column): 1, "
            f"the same concepts; 0, what chance gives.{tail}",
        )
    ]


def _triggers(tables: Tables, tail: str) -> list[Figure]:
    table = tables["concepts_triggers"]
    table = first_tuned(table)
    words = tables["concepts_trigger_words"]
    words = first_tuned(words)
    columns = (
        "target",
        "layer",
        "group",
        "place",
        "k",
        "n_sentences",
        "flip_rate",
        "ci_low",
        "ci_high",
        "accuracy_drop",
    )
    found: list[Figure] = [
        TableFigure(
            name="concepts-triggers",
            title="Words of polar concepts as triggers",
            caption="Words are put into sentences of the other classes that the classifier gets right: the share whose "
            "prediction turns to the target, with 95% intervals over sentences and words, and how far accuracy falls. "
            f"Controls are put into the same sentences at the same places.{_limits(tables)}{tail}",
            columns=(
                "target",
                "layer",
                "words from",
                "place",
                "put in",
                "sentences",
                "share turned",
                "low",
                "high",
                "accuracy lost",
            ),
            rows=tuple(table.with_columns(pl.col("group").replace(_GROUPS)).select(columns).iter_rows()),
            group_by="target",
        )
    ]
    shown = words.filter(pl.col("group") == TRIGGERS).join(_best_places(table), on=["target", "place"], how="semi")
    if shown.height:
        found.append(
            TableFigure(
                name="concepts-trigger-words",
                title="The trigger words one by one",
                caption="Share of sentences that the word alone turns to the target, at the place where words did "
                f"most; the first of many looks better here than it is.{tail}",
                columns=("target", "layer", "word", "place", "sentences", "share turned", "low", "high"),
                rows=tuple(
                    shown.sort(["target", "layer", "flip_rate", "word"], descending=[False, False, True, False])
                    .select("target", "layer", "word", "place", "n_sentences", "flip_rate", "ci_low", "ci_high")
                    .iter_rows()
                ),
                group_by="target",
            )
        )
    return found


def _limits(tables: Tables) -> str:
    """What limits the numbers, as the trials themselves say."""
    if "concepts_trigger_notes" not in tables:
        return ""
    notes = first_tuned(tables["concepts_trigger_notes"])
    said = notes.group_by("note", maintain_order=True).agg(pl.col("target").unique(maintain_order=True))
    return "".join(f" {' and '.join(targets)}: {note}" for note, targets in said.iter_rows())


def _best_places(table: pl.DataFrame) -> pl.DataFrame:
    """For each target the place where single trigger words turn most sentences."""
    single = table.filter((pl.col("group") == TRIGGERS) & (pl.col("k") == 1))
    ordered = single.sort(["target", "flip_rate", "place"], descending=[False, True, False])
    return ordered.unique("target", keep="first", maintain_order=True).select("target", "place")
