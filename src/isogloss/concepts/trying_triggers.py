"""Takes trigger words from the polar concepts of a top layer and tries them on the tuned classifier.

How words are inserted and what is counted is in `triggers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from isogloss.analysis import LayerPair, Tables
from isogloss.concepts.controls import matched_controls
from isogloss.concepts.model_concepts import ModelConcepts
from isogloss.concepts.options import ConceptsOptions
from isogloss.concepts.selection import ChosenWords
from isogloss.concepts.task_classes import TaskClasses
from isogloss.concepts.triggers import TRIGGERS, UNIVERSAL, Triggers, triggers
from isogloss.concepts.universal_trigger import universal_trigger
from isogloss.errors import IsoglossError
from isogloss.numerics import wilson_interval
from isogloss.progress import Progress

CEILING_WORDS = 60
"""Words of polar concepts that the best trigger is searched among, besides the controls."""


def try_triggers(
    pair: LayerPair,
    chosen: ChosenWords,
    found: Mapping[str, ModelConcepts],
    classes: TaskClasses | None,
    options: ConceptsOptions,
) -> tuple[Tables, list[str]]:
    """Tables of triggers for every class, and sentences that say what limits them or why there are none.

    Only the top `trigger_layers` layers of the tuned model are asked.
    """
    top = sorted(pair.tuned_layers)[-options.trigger_layers :]
    if not options.triggers or pair.layer not in top or "tuned" not in found or classes is None:
        return {}, []
    if pair.classifier is None:
        return {}, ["Triggers were not tried: no classifier is at hand."]
    try:
        known = pair.classifier.classes
    except IsoglossError as error:
        return {}, [f"Triggers were not tried: {_plain(error)}."]
    if not set(classes.names) <= set(known):
        return {}, [
            f"Triggers were not tried: the classes of {classes.name} ({', '.join(classes.names)}) are not those of the "
            f"classifier ({', '.join(known)})."
        ]
    parts: dict[str, list[pl.DataFrame]] = {}
    reasons: list[str] = []
    for target in _told(classes.names, pair.progress):
        words, others, polar = _words_of(found["tuned"], chosen, target)
        if not words:
            reasons.append(f"no concept of layer {pair.layer} is polar to {target}")
            continue
        sides = _Sides(target, words, others, polar)
        try:
            tried, ceiling = _tried(pair, classes, sides, options)
        except IsoglossError as error:
            reasons.append(f"for {target}: {_plain(error)}")
            continue
        for name, frame in _tables(tried, ceiling, target, pair).items():
            parts.setdefault(name, []).append(frame)
    notes = [f"Triggers: {'; '.join(reasons)}."] if reasons else []
    return {name: pl.concat(frames, how="diagonal_relaxed") for name, frames in parts.items()}, notes


def _told(targets: list[str], progress: Progress) -> Iterator[str]:
    """The classes one after the other, while progress is told."""
    with progress.task("triggers", len(targets), "classes") as advance:
        for target in targets:
            yield target
            advance(1)


def _plain(reason: object) -> str:
    return str(reason).rstrip(".")


@dataclass(frozen=True)
class _Sides:
    """Words by what their concepts are to a class: mostly polar to it, polar to none, at least once polar to it."""

    target: str
    words: list[str]
    others: list[str]
    polar: list[str]


def _words_of(concepts: ModelConcepts, chosen: ChosenWords, target: str) -> tuple[list[str], list[str], list[str]]:
    """Words of concepts polar to a class; words of no polar concept; all that are in a concept polar to the class.

    A word is one of the class's when more than half of its occurrences are in concepts polar to it. The surest come
    first: by the lower end of that share's Wilson interval.
    """
    assert concepts.polarity is not None
    table = concepts.polarity.table
    sides = table.filter((pl.col("class") == target) & "polar")["concept"]
    any_side = table.filter("polar")["concept"]
    words = chosen.words.select("word").with_columns(pl.Series("concept", concepts.tree.clusters))
    words = words.filter(pl.col("word").str.contains(r"^\p{L}+$"))
    counted = (
        words.group_by("word")
        .agg(
            inside=pl.col("concept").is_in(sides.implode()).sum(),
            polar=pl.col("concept").is_in(any_side.implode()).sum(),
            count=pl.len(),
        )
        .sort("word")
    )
    low, _ = wilson_interval(counted["inside"].to_numpy(), counted["count"].to_numpy())
    surest = counted.with_columns(low=pl.Series(low)).sort(["low", "inside", "word"], descending=[True, True, False])
    ours = surest.filter(pl.col("inside") > pl.col("count") / 2)["word"].to_list()
    outside, inside = counted.filter(pl.col("polar") == 0), counted.filter(pl.col("inside") > 0)
    return ours, outside["word"].to_list(), inside["word"].to_list()


def _tried(
    pair: LayerPair, classes: TaskClasses, sides: _Sides, options: ConceptsOptions
) -> tuple[Triggers, pl.DataFrame]:
    """What triggers and controls do, and the best that a search finds at the place where triggers do most."""
    assert pair.classifier is not None
    counts = dict(pair.words["word"].value_counts().filter(pl.col("word").str.contains(r"^\p{L}+$")).iter_rows())
    sentences = pair.sentences.join(classes.sentences, on="sentence", how="left", maintain_order="left")
    texts, gold = sentences["text"].to_list(), sentences["class"].to_list()
    seconds: Any = sentences["text_b"].to_list() if "text_b" in sentences.columns else None
    words = sides.words[: options.trigger_words]
    controls = matched_controls(counts, words, sides.others, len(words), pair.seed, polar_words=sides.polar)
    tried = triggers(
        pair.classifier,
        texts,
        gold,
        words,
        classes=pair.classifier.classes,
        target=sides.target,
        controls=controls,
        text_b=seconds,
        n_words=[k for k in range(1, options.trigger_length + 1) if k <= len(words)],
        max_sentences=options.trigger_sentences,
        max_words=options.trigger_words,
        seed=pair.seed,
        universal_length=0,
    )
    ours = tried.table.filter(pl.col("group") == TRIGGERS).sort("flip_rate", descending=True, nulls_last=True)
    place = ours["place"][0]
    vocabulary = [*sides.words[:CEILING_WORDS], *(word for group in controls.values() for word in group)]
    best = universal_trigger(
        pair.classifier,
        texts,
        gold,
        vocabulary,
        classes=pair.classifier.classes,
        target=sides.target,
        length=options.trigger_length,
        place=place,
        text_b=seconds,
        max_sentences=options.trigger_sentences,
        seed=pair.seed,
    )
    of_all = {"group": pl.lit(UNIVERSAL), "place": pl.lit(place), "candidates": pl.lit(best.n_candidates)}
    return tried, best.steps.with_columns(**of_all)


def _tables(tried: Triggers, ceiling: pl.DataFrame, target: str, pair: LayerPair) -> Tables:
    where = [
        pl.lit(target).alias("target"),
        pl.lit(pair.layer, pl.Int32).alias("layer"),
        pl.lit(pair.tuned_index, pl.Int32).alias("seed"),
    ]
    return {
        "concepts_triggers": tried.table.with_columns(where),
        "concepts_trigger_differences": tried.differences.with_columns(where),
        "concepts_trigger_words": tried.by_word.with_columns(where),
        "concepts_trigger_ceiling": ceiling.with_columns(where),
        "concepts_trigger_notes": pl.DataFrame({"note": tried.notes}, schema={"note": pl.String}).with_columns(where),
    }
