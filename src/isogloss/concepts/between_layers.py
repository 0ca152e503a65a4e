"""Concepts of every base layer against those of every tuned layer, and of tuned models against each other.

Works on which word is in which concept; needs no vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import BETWEEN_SEEDS, between_seeds, tidy
from isogloss.concepts.alignment import align_clusters
from isogloss.concepts.fates import fates
from isogloss.concepts.noise import adjusted_rand
from isogloss.concepts.options import ConceptsOptions

_WORD = ("sentence", "position", "word")

MAP_SCHEMA: dict[str, Any] = {
    "base_layer": pl.Int32(),
    "tuned_layer": pl.Int32(),
    "measure": pl.String(),
    "value": pl.Float64(),
    "seed": pl.Int32(),
}
"""`measure` is `adjusted_rand`, `matched_base` (share of the base layer's concepts whose word types one concept of the
tuned layer holds) or `matched_tuned` (the other way round)."""


def layer_map(members: pl.DataFrame, options: ConceptsOptions) -> pl.DataFrame:
    """Every base layer against every tuned layer; the columns of `MAP_SCHEMA`."""
    rows: list[dict[str, Any]] = []
    for (seed,), part in members.group_by("seed", maintain_order=True):
        by_model = {model: dict(_layers(part.filter(pl.col("model") == model))) for model in ("base", "tuned")}
        for i, (base, words) in by_model["base"].items():
            for j, (tuned, _) in by_model["tuned"].items():
                matched = align_clusters(base, tuned, words, threshold=options.match_threshold)
                values = {
                    "adjusted_rand": adjusted_rand(base, tuned),
                    "matched_base": matched.share_a,
                    "matched_tuned": matched.share_b,
                }
                cell = {"base_layer": i, "tuned_layer": j, "seed": seed}
                rows += [cell | {"measure": measure, "value": value} for measure, value in values.items()]
    return pl.DataFrame(rows, schema=MAP_SCHEMA)


def _layers(part: pl.DataFrame) -> Iterator[tuple[int, tuple[np.ndarray, pl.Series]]]:
    for (layer,), rows in part.sort("layer", maintain_order=True).group_by("layer", maintain_order=True):
        yield int(str(layer)), (rows["concept"].to_numpy(), rows["word"])


def seed_rows(table: pl.DataFrame, members: pl.DataFrame, options: ConceptsOptions) -> pl.DataFrame:
    """What several tuned models give: mean, least and greatest of every value, and how far they agree.

    `subset` is `between seeds`. The measures `adjusted_rand_between` and `kept_between` hold tuned models against each
    other, pair by pair: what a mere change of the seed does to the concepts.
    """
    pairs = tidy(row | {"subset": BETWEEN_SEEDS} for row in _between(members, options))
    return pl.concat([between_seeds(table), pairs])


def _between(members: pl.DataFrame, options: ConceptsOptions) -> Iterator[dict[str, Any]]:
    tuned = members.filter(pl.col("model") == "tuned")
    for (layer,), part in tuned.sort("layer", "seed", maintain_order=True).group_by("layer", maintain_order=True):
        models = [rows for _, rows in part.group_by("seed", maintain_order=True)]
        seeds = [rows["concept"].to_numpy() for rows in models]
        # Tuned models with other tokenizers may have been given other words.
        same = all(rows.select(_WORD).equals(models[0].select(_WORD)) for rows in models)
        if len(seeds) < 2 or not same:
            continue
        pairs = list(combinations(seeds, 2))
        kept = [fates(a, b, threshold=options.fate_threshold).counts["share"][0] for a, b in pairs]
        rand = [adjusted_rand(a, b) for a, b in pairs]
        for measure, values in (("kept_between", kept), ("adjusted_rand_between", rand)):
            yield {
                "analysis": "concepts",
                "measure": measure,
                "model": "tuned",
                "layer": layer,
                "value": float(np.mean(values)),
                "ci_low": min(values),
                "ci_high": max(values),
                "n": len(seeds),
            }
