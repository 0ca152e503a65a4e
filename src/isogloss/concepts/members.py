"""Tables of single concepts: what each one is, its words, where they stand, what became of it, the tree above."""

from __future__ import annotations

from typing import Any

import polars as pl

from isogloss.analysis import CONTEXT, LayerPair, contexts
from isogloss.concepts.clustering import ConceptTree
from isogloss.concepts.clusters import ClusterDescription
from isogloss.concepts.fates import Fates
from isogloss.concepts.model_concepts import ModelConcepts
from isogloss.concepts.naming import name_concepts
from isogloss.concepts.options import EXAMPLES, SPELLING, TRIED, WORDS_SHOWN
from isogloss.concepts.polarity import Polarity
from isogloss.concepts.selection import ChosenWords


def _here(pair: LayerPair, model: str | None) -> list[pl.Expr]:
    said = [] if model is None else [pl.lit(model).alias("model")]
    return [*said, pl.lit(pair.layer, pl.Int32).alias("layer"), pl.lit(pair.tuned_index, pl.Int32).alias("seed")]


def list_table(
    model: str,
    concepts: ModelConcepts,
    described: ClusterDescription,
    both: Fates | None,
    pair: LayerPair,
    chosen: ChosenWords,
) -> pl.DataFrame:
    """One row per concept, with all that is known of it.

    `concept`, size and cohesion as in `describe_clusters`, `name`, `labels`, `fate`, `relatives` (heirs of a base
    concept, parents of a tuned one), `held` (as in `fates`), the `class` it has most of with `class_share`,
    `class_low`, `class_high`, `type_share` and `lift`, the class it is `polar` to, its `shares` of all classes in order
    of the alphabet, `examples`.
    """
    names = name_concepts(concepts.tree.clusters, chosen.words, concepts.labels, unsaid=SPELLING)
    names = names.select("concept", "name", "labels")
    table = described.concepts.join(names, on="concept", maintain_order="left")
    fates = _fates(model, both)
    table = (
        table.join(fates, on="concept", how="left", maintain_order="left")
        if fates is not None
        else table.with_columns(
            fate=pl.lit(None, pl.String), relatives=pl.lit(None, pl.List(pl.Int64)), held=pl.lit(None, pl.Float64)
        )
    )
    table = table.join(_sides(table["concept"], concepts.polarity), on="concept", how="left", maintain_order="left")
    examples = _examples(described, pair, chosen)
    return table.with_columns(examples).with_columns(_here(pair, model))


def _fates(model: str, both: Fates | None) -> pl.DataFrame | None:
    if both is None:
        return None
    rows = both.base.rename({"heirs": "relatives"}) if model == "base" else both.tuned.rename({"parents": "relatives"})
    return rows.select("concept", "fate", "relatives", "held")


def _sides(ids: pl.Series, sides: Polarity | None) -> pl.DataFrame:
    """The class that each concept has most of, and all of its shares."""
    kinds = {
        "class": pl.String(),
        "class_share": pl.Float64(),
        "class_low": pl.Float64(),
        "class_high": pl.Float64(),
        "type_share": pl.Float64(),
        "lift": pl.Float64(),
        "polar": pl.String(),
        "shares": pl.List(pl.Float64()),
    }
    if sides is None:
        return pl.DataFrame({"concept": ids}).with_columns(pl.lit(None, kind).alias(n) for n, kind in kinds.items())
    ordered = sides.table.sort(["concept", "share", "class"], descending=[False, True, False], nulls_last=True)
    most = ordered.unique("concept", keep="first", maintain_order=True).select(
        "concept",
        "class",
        pl.col("share").alias("class_share"),
        pl.col("ci_low").alias("class_low"),
        pl.col("ci_high").alias("class_high"),
        "type_share",
        "lift",
    )
    every = sides.table.group_by("concept", maintain_order=True).agg(
        polar=pl.col("class").filter("polar").first(), shares=pl.col("share")
    )
    return most.join(every, on="concept", maintain_order="left")


def _examples(described: ClusterDescription, pair: LayerPair, chosen: ChosenWords) -> pl.Series:
    """For each concept its commonest words in a sentence: list of struct(word, sentence, text, start, end)."""
    sentence = chosen.words["sentence"].to_list()
    seen: set[tuple[int, int]] = set()
    chosen_rows: list[tuple[int, int]] = []
    for concept, rows in (
        described.words.group_by("concept", maintain_order=True).head(TRIED).select("concept", "rows").iter_rows()
    ):
        row = next((r for r in rows if (concept, sentence[r]) not in seen), None)
        if row is not None:
            seen.add((concept, sentence[row]))
            chosen_rows.append((concept, row))
    kinds = {"concept": pl.Int64(), "row": pl.Int64()}
    picked = pl.DataFrame(chosen_rows, schema=kinds, orient="row")
    picked = picked.group_by("concept", maintain_order=True).head(EXAMPLES)
    words = chosen.words[picked["row"].to_numpy()]
    shown: dict[int, list[dict[str, Any]]] = {}
    for concept, word, context in zip(
        picked["concept"].to_list(), words["word"].to_list(), contexts(pair.sentences, words), strict=True
    ):
        shown.setdefault(concept, []).append({"word": word} | context)
    kind = pl.List(pl.Struct({"word": pl.String()} | CONTEXT))
    return pl.Series("examples", [shown.get(c, []) for c in described.concepts["concept"].to_list()], dtype=kind)


def words_table(model: str, described: ClusterDescription, pair: LayerPair) -> pl.DataFrame:
    """The commonest words of each concept: `concept`, `word`, `count`, `n_sentences`."""
    top = described.words.drop("rows").group_by("concept", maintain_order=True).head(WORDS_SHOWN)
    return top.with_columns(_here(pair, model))


def tree_table(model: str, tree: ConceptTree, pair: LayerPair) -> pl.DataFrame:
    """Merges above the concepts: `step`, `left`, `right`, `height`; see `ConceptTree`."""
    merges = tree.merges
    columns = {
        "step": pl.Series(range(len(merges)), dtype=pl.Int32),
        "left": pl.Series(merges[:, 0].astype("int32")),
        "right": pl.Series(merges[:, 1].astype("int32")),
        "height": pl.Series(merges[:, 2], dtype=pl.Float64),
    }
    return pl.DataFrame(columns).with_columns(_here(pair, model))


def members_table(model: str, tree: ConceptTree, chosen: ChosenWords, pair: LayerPair) -> pl.DataFrame:
    """Which concept each clustered word is in: `sentence`, `part`, `position`, `word`, `concept`."""
    names = [n for n in ("sentence", "part", "position", "word") if n in chosen.words.columns]
    clusters = pl.Series("concept", tree.clusters.astype("int32"))
    return chosen.words.select(names).with_columns(clusters).with_columns(_here(pair, model))


def links_table(both: Fates, pair: LayerPair) -> pl.DataFrame:
    """Base and tuned concepts that share words: `base`, `tuned`, `shared`, `share_base`, `share_tuned`."""
    return both.transitions.with_columns(_here(pair, None))


def classes_table(model: str, label: str, sides: Polarity, pair: LayerPair) -> pl.DataFrame:
    """Classes that concepts may side with: `label`, `class`, `prior` (share of the clustered words), `n_polar`."""
    rows = sides.counts.filter(pl.col("class").is_not_null())
    named = rows.select(pl.lit(label).alias("label"), "class", "prior", "n_polar")
    return named.with_columns(_here(pair, model))
