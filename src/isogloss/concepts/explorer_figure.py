"""The tables of single concepts in the shape of the page's explorer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from isogloss.analysis import ExplorerFigure, ExplorerLevel, Tables, first_tuned
from isogloss.analysis.places import Numbers

LINKS = 6
"""Concepts of the other model that a concept points to, those with most of its words."""


def explorer(tables: Tables, tail: str = "") -> ExplorerFigure:
    """The concepts of every layer of both models, of the first tuned model where there are several."""
    concepts = first_tuned(tables["concepts_list"])
    words, sentences = Numbers(), Numbers()
    levels = tuple(_levels(concepts, tables, words, sentences))
    classes, priors = _classes(tables)
    return ExplorerFigure(
        name="concepts",
        title="The concepts themselves",
        caption="Every concept of every layer of both models: search for a word, a name or a label, open a concept, "
        f"and follow its words into the other model.{tail}",
        levels=levels,
        classes=classes,
        vocabulary=tuple(words.known),
        sentences=tuple(sentences.known),
        priors=priors,
    )


def _classes(tables: Tables) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Names and shares of the classes; the words, and so the shares, are the same at every layer of both models."""
    if "concepts_classes" not in tables:
        return (), ()
    rows = first_tuned(tables["concepts_classes"]).unique("class", keep="first", maintain_order=True).sort("class")
    return tuple(rows["class"]), tuple(rows["prior"].round(4))


def _levels(concepts: pl.DataFrame, tables: Tables, words: Numbers, sentences: Numbers) -> Iterator[ExplorerLevel]:
    listed = _grouped(first_tuned(tables["concepts_words"]), "model", "layer")
    trees = _grouped(first_tuned(tables["concepts_tree"]), "model", "layer")
    links = _grouped(first_tuned(tables["concepts_links"]), "layer") if "concepts_links" in tables else {}
    for key, level in _grouped(concepts, "model", "layer").items():
        model, layer = key
        level = level.sort("concept")
        counts = _per_concept(listed[key], level, lambda row: (words(row["word"]), row["count"]))
        kept = [
            [(sentences(e["text"]), e["start"], e["end"]) for e in examples or []]
            for examples in level["examples"].to_list()
        ]
        shares = [tuple(round(s or 0.0, 4) for s in given) if given else () for given in level["shares"].to_list()]
        merges = trees[key].sort("step").select("left", "right", pl.col("height").round(4)).iter_rows()
        yield ExplorerLevel(
            model=model,
            layer=layer,
            names=tuple(level["name"]),
            n_tokens=tuple(level["n_tokens"]),
            n_types=tuple(level["n_types"]),
            cohesion=tuple(None if c is None else round(c, 4) for c in level["cosine"]),
            fates=tuple(fate or "" for fate in level["fate"]),
            labels=tuple(tuple(given or ()) for given in level["labels"].to_list()),
            shares=tuple(shares),
            polar=tuple(side or "" for side in level["polar"]),
            words=counts,
            contexts=tuple(tuple(found) for found in kept),
            links=_links(links.get((layer,)), level, model),
            merges=tuple(merges),
        )


def _grouped(table: pl.DataFrame, *columns: str) -> dict[tuple[Any, ...], pl.DataFrame]:
    return dict(table.sort(columns, maintain_order=True).partition_by(*columns, as_dict=True, maintain_order=True))


def _per_concept(rows: pl.DataFrame, level: pl.DataFrame, made: Any) -> tuple[tuple[Any, ...], ...]:
    found: dict[int, list[Any]] = {concept: [] for concept in level["concept"]}
    for row in rows.iter_rows(named=True):
        found[row["concept"]].append(made(row))
    return tuple(tuple(values) for values in found.values())


def _links(rows: pl.DataFrame | None, level: pl.DataFrame, model: str) -> tuple[tuple[tuple[int, float], ...], ...]:
    if rows is None:
        return tuple(() for _ in range(level.height))
    own, other, share = ("base", "tuned", "share_base") if model == "base" else ("tuned", "base", "share_tuned")
    most = (
        rows.sort([own, share, other], descending=[False, True, False]).group_by(own, maintain_order=True).head(LINKS)
    )
    renamed = most.select(pl.col(own).alias("concept"), pl.col(other).alias("other"), pl.col(share).alias("share"))
    return _per_concept(renamed, level, lambda row: (row["other"], round(row["share"], 4)))
