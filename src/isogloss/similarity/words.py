"""Which words moved most and least in a layer, with examples of them in their sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from scipy.stats import t as student

from isogloss.analysis import CONTEXT, LayerPair, contexts
from isogloss.numerics import ratio_intervals
from isogloss.similarity.layer import Movement
from isogloss.similarity.options import SimilarityOptions

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
    "examples": pl.List(pl.Struct(CONTEXT)),
}
"""`word` is lower-cased; `moved` is most or least; `rank` counts from 1 (moved most) to `types`, the number of words
that are frequent enough; `start`, `end` are character offsets into the example's `text`, which is cut to a window
around the word."""


def words_table(pair: LayerPair, movement: Movement, options: SimilarityOptions) -> pl.DataFrame:
    """Mean similarity of the two vectors of each word type, for the types at both ends.

    Types with at least `options.min_count` occurrences take part. Among many types the extreme means are those of rare
    words by chance, so the most moved are ranked by the upper end, the least moved by the lower end, of the mean's
    interval (Student's t over sentences); types seen in one sentence only come last, and ties are in alphabetical
    order. The intervals in the table are bootstrapped over sentences, for each type by itself.

    Returns
    -------
    the columns of `WORDS_SCHEMA`, most moved first.
    """
    values = movement.values
    rows = np.flatnonzero(~np.isnan(values))
    occurrences = pl.DataFrame({"row": rows, "value": values[rows], "group": movement.groups[rows]})
    words = pair.words["word"].gather(rows).str.to_lowercase()
    occurrences = occurrences.with_columns(words.alias("word"))
    types = _ranked(occurrences, options.min_count)
    most = min(options.top_words, -(-types.height // 2))
    least = min(options.top_words, types.height - most)
    head = types.head(most)
    rest = types.join(head.select("word"), on="word", how="anti", maintain_order="left")
    tail = rest.sort("lower", "word", descending=[True, False]).head(least).reverse()
    ranks = [*range(1, most + 1), *range(types.height - least + 1, types.height + 1)]
    chosen = pl.concat([head, tail]).with_columns(rank=pl.Series(ranks, dtype=pl.Int32))
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
        for i, (rank, word, count, sentences) in enumerate(
            chosen.select("rank", "word", "count", "sentences").iter_rows()
        )
    ]
    return pl.DataFrame(table, schema=WORDS_SCHEMA)


def _ranked(occurrences: pl.DataFrame, min_count: int) -> pl.DataFrame:
    """Types by the upper end of their mean's interval: word, count, sentences, mean, upper, lower."""
    types = (
        occurrences.group_by("word", "group")
        .agg(total=pl.col("value").sum(), size=pl.len())
        .with_columns(mean=(pl.col("total").sum() / pl.col("size").sum()).over("word"))
        .group_by("word")
        .agg(
            count=pl.col("size").sum().cast(pl.Int64),
            sentences=pl.len().cast(pl.Int64),
            mean=pl.col("mean").first(),
            squares=((pl.col("total") - pl.col("mean") * pl.col("size")) ** 2).sum(),
        )
        .filter(pl.col("count") >= min_count)
    )
    n = types["sentences"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(types["squares"].to_numpy() * n / (n - 1)) / types["count"].to_numpy()
        margin = np.where(n > 1, student.isf(0.025, np.maximum(n - 1, 1)) * error, np.inf)
    return types.with_columns(upper=pl.col("mean") + margin, lower=pl.col("mean") - margin).sort(
        "upper", "mean", "word"
    )


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
    found: dict[int, list[dict[str, Any]]] = {}
    shown = contexts(pair.sentences, pair.words[best["row"].to_numpy()])
    for type_, context in zip(best["type"].to_list(), shown, strict=True):
        found.setdefault(type_, []).append(context)
    return found
