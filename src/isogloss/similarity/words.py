"""Which words moved most and least in a layer, with examples of them in their sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair
from isogloss.numerics import ratio_intervals
from isogloss.similarity.layer import Movement
from isogloss.similarity.options import SimilarityOptions

WINDOW = 90
"""Characters of the sentence kept on each side of an example word."""

WORDS_SCHEMA: dict[str, Any] = {
    "layer": pl.Int32(),
    "word": pl.String(),
    "measure": pl.String(),
    "moved": pl.String(),
    "rank": pl.Int32(),
    "types": pl.Int32(),
    "count": pl.Int64(),
    "sentences": pl.Int64(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "seed": pl.Int32(),
    "examples": pl.List(
        pl.Struct({"sentence": pl.Int64(), "text": pl.String(), "start": pl.Int64(), "end": pl.Int64()})
    ),
}
"""`word` is lower-cased; `moved` is most or least; `rank` 1 moved most among `types` words that are frequent
enough; `start`, `end` are character offsets into the example's `text`, which is cut to a window around the
word."""


def words_table(pair: LayerPair, movement: Movement, options: SimilarityOptions) -> pl.DataFrame:
    """Mean similarity of the two vectors of each word type, for the types at both ends.

    Types are ranked by their mean over occurrences, ties in alphabetical order; at least `options.min_count`
    occurrences are needed. Intervals are over sentences and for each type by itself: the extremes of a
    ranking of many types are extreme partly by chance.

    Returns
    -------
    the columns of `WORDS_SCHEMA`, most moved first.
    """
    values = movement.values
    rows = np.flatnonzero(~np.isnan(values))
    occurrences = pl.DataFrame({"row": rows, "value": values[rows], "group": movement.groups[rows]})
    words = pair.words["word"].gather(rows).str.to_lowercase()
    occurrences = occurrences.with_columns(words.alias("word"))
    types = (
        occurrences.group_by("word")
        .agg(
            count=pl.len().cast(pl.Int64),
            sentences=pl.col("group").n_unique().cast(pl.Int64),
            mean=pl.col("value").mean(),
        )
        .filter(pl.col("count") >= options.min_count)
        .sort("mean", "word")
        .with_row_index("rank", offset=1)
    )
    most = min(options.top_words, -(-types.height // 2))
    least = min(options.top_words, types.height - most)
    chosen = pl.concat([types.head(most), types.tail(least)])
    if not chosen.height:
        return pl.DataFrame(schema=WORDS_SCHEMA)
    picked = occurrences.join(
        chosen.select("word").with_row_index("type"), on="word", how="inner", maintain_order="left"
    )
    means, low, high = _intervals(picked, chosen.height, movement.n_groups, options.bootstrap, pair.seed)
    examples = _examples(pair, picked, most, options.examples)
    table = [
        {
            "layer": pair.layer,
            "word": word,
            "measure": movement.measure,
            "moved": "most" if i < most else "least",
            "rank": rank,
            "types": types.height,
            "count": count,
            "sentences": sentences,
            "value": means[i],
            "ci_low": low[i] if options.bootstrap else None,
            "ci_high": high[i] if options.bootstrap else None,
            "seed": pair.tuned_index,
            "examples": examples.get(i, []),
        }
        for i, (rank, word, count, sentences, _) in enumerate(chosen.iter_rows())
    ]
    return pl.DataFrame(table, schema=WORDS_SCHEMA)


def _intervals(
    picked: pl.DataFrame, n_types: int, n_groups: int, n_boot: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and interval of each chosen type; only sentences that hold one of them take part."""
    _, groups = np.unique(picked["group"].to_numpy(), return_inverse=True)
    cells = groups * n_types + picked["type"].to_numpy()
    shape = (int(groups.max()) + 1, n_types)
    size = shape[0] * shape[1]
    sums = np.bincount(cells, weights=picked["value"].to_numpy(), minlength=size).reshape(shape)
    counts = np.bincount(cells, minlength=size).reshape(shape).astype(np.float64)
    return ratio_intervals(sums, counts, n_boot, seed)


def _examples(pair: LayerPair, picked: pl.DataFrame, most: int, n: int) -> dict[int, list[dict[str, Any]]]:
    """Pick the occurrences of each type that moved most (or least), in different sentences."""
    if not n:
        return {}
    key = pl.when(pl.col("type") < most).then(pl.col("value")).otherwise(-pl.col("value"))
    best = (
        picked.with_columns(key=key)
        .sort("type", "key", "row")
        .unique(["type", "group"], keep="first", maintain_order=True)
        .group_by("type", maintain_order=True)
        .head(n)
    )
    has_parts = "part" in pair.words.columns and "text_b" in pair.sentences.columns
    number = {s: i for i, s in enumerate(pair.sentences["sentence"].to_list())}
    found: dict[int, list[dict[str, Any]]] = {}
    for type_, row in best.select("type", "row").iter_rows():
        word = pair.words.row(row, named=True)
        column = "text_b" if has_parts and word["part"] == 1 else "text"
        text = pair.sentences[column][number[word["sentence"]]]
        example = _window(text, int(word["start"]), int(word["end"]))
        found.setdefault(type_, []).append({"sentence": word["sentence"], **example})
    return found


def _window(text: str, start: int, end: int) -> dict[str, Any]:
    first, last = max(0, start - WINDOW), min(len(text), end + WINDOW)
    before = "…" if first else ""
    shift = len(before) - first
    cut = before + text[first:last] + ("…" if last < len(text) else "")
    return {"text": cut, "start": start + shift, "end": end + shift}
