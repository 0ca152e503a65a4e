"""The words that neurons answer to: which word types are far above or below a neuron's mean, and where they stand.

After Dalvi et al., AAAI 2019. Reads the vectors twice, however many neurons: once for the means of the types, once for
examples of the types that were chosen. Explains nothing: that a type is on top says what the neuron is active on in
this corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from isogloss.analysis import Vectors
from isogloss.errors import OptionError
from isogloss.progress import SILENT, Progress

SCHEMA: dict[str, Any] = {
    "neuron": pl.Int32(),
    "side": pl.String(),
    "rank": pl.Int32(),
    "word": pl.String(),
    "count": pl.Int64(),
    "mean": pl.Float64(),
    "z": pl.Float64(),
    "examples": pl.List(
        pl.Struct(
            {
                "row": pl.Int64(),
                "sentence": pl.Int64(),
                "start": pl.Int64(),
                "end": pl.Int64(),
                "activation": pl.Float64(),
            }
        )
    ),
}
_ROWS = 4096
_LARGEST = 1 << 27
"""Numbers in the table types x neurons that are held at a time (1 GB); more neurons are done in turns."""
_EXPANDED = 1 << 20
"""Candidate examples looked at before the strongest are picked from them."""


def top_words(
    X: Vectors,
    words: pl.DataFrame,
    neurons: Sequence[int] | np.ndarray | None = None,
    *,
    n: int = 10,
    min_count: int = 5,
    examples: int = 3,
    lower_case: bool = True,
    largest: int = _LARGEST,
    progress: Progress = SILENT,
) -> pl.DataFrame:
    """Word types with the highest and lowest mean activation of each neuron.

    z is (the type's mean - the neuron's mean) / the neuron's standard deviation, both over all words, so that
    neurons of different scale compare. It is no test statistic: rare types have extreme means by chance, and
    `min_count` is all that is done against it.

    Parameters
    ----------
    X : (n_words, d) vectors, read twice in blocks (twice per turn where the table is larger than `largest`).
    words : n_words rows with `word` and, for examples, `sentence`, `start`, `end`.
    neurons : which of the d; None takes all.
    n : types per neuron and side, at most. `positive` holds types with z > 0, `negative` those with z < 0; a neuron
        that never varies has neither.
    min_count : rarer types do not take part, though they count in the neuron's mean.
    examples : strongest occurrences per type, in different sentences; on the negative side the lowest.
    lower_case : count spellings that differ in case only as one type, written in lower case.
    largest : numbers of the table types x neurons to hold at a time.

    Returns
    -------
    the columns of `SCHEMA`: neurons in the order given, the positive side first, the strongest first; equal ones in
    alphabetical order.

    Raises
    ------
    OptionError : words and vectors are not equally many, a column is missing, a neuron is not below d, or an option
        has no such value.
    """
    chosen = _checked(X, words, neurons, n, min_count, examples)
    spelling = words["word"].cast(pl.String)
    types = _types(spelling.str.to_lowercase() if lower_case else spelling, min_count)
    step = max(1, largest // max(len(types.names), 1))
    turns = -(-len(chosen) // step) if len(types.names) else 0
    parts = []
    with progress.task("top words", turns * (2 if examples else 1) * X.shape[0], "words") as advance:
        for start in range(0, len(chosen) if turns else 0, step):
            part = chosen[start : start + step]
            found = _extremes(X, types, part, n, advance)
            shown = _examples(X, words, types, part, found, examples, advance) if examples else {}
            parts.append(_table(found, part, types, shown))
    return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)


class _Types:
    """Frequent word types: their names in alphabetical order, counts, and the type of each word, -1 for rare ones."""

    def __init__(self, names: list[str], counts: np.ndarray, codes: np.ndarray) -> None:
        self.names, self.counts, self.codes = names, counts, codes


def _types(spelling: pl.Series, min_count: int) -> _Types:
    frequent = (
        spelling.alias("word").value_counts().filter(pl.col("count") >= min_count).drop_nulls("word").sort("word")
    )
    numbered = frequent.with_row_index("code").select("word", "code")
    codes = spelling.alias("word").to_frame().join(numbered, on="word", how="left", maintain_order="left")["code"]
    of_word = codes.cast(pl.Int64).fill_null(-1).to_numpy()
    return _Types(frequent["word"].to_list(), frequent["count"].to_numpy().astype(np.int64), of_word)


def _extremes(X: Vectors, types: _Types, neurons: np.ndarray, n: int, advance: Any) -> pl.DataFrame:
    """`pair`, `neuron` (which of `neurons`), `side` (+1, -1), `rank`, `type`, `mean`, `z`."""
    sums = np.zeros((len(types.names), len(neurons)))
    total, squares, origin, start = np.zeros(len(neurons)), np.zeros(len(neurons)), None, 0
    for block in X.blocks(_ROWS):
        part = block[:, neurons].astype(np.float64)
        # Around the first word: squares of large offsets would drown the spread.
        origin = part[0].copy() if origin is None else origin
        part -= origin
        codes = types.codes[start : start + len(block)]
        rows = np.flatnonzero(codes >= 0)
        hot = sparse.csr_array((np.ones(len(rows)), (codes[rows], rows)), shape=(len(sums), len(block)))
        sums += hot @ part
        total += part.sum(axis=0)
        squares += np.einsum("ij,ij->j", part, part)
        start += len(block)
        advance(len(block))
    mean = total / start
    deviation = np.sqrt(np.maximum(squares / start - mean**2, 0.0))
    deviation[deviation <= 1e-6 * np.abs(mean)] = 0.0
    sums /= types.counts[:, None]
    parts = []
    for i in range(len(neurons)):
        if deviation[i] == 0:
            continue
        z = (sums[:, i] - mean[i]) / deviation[i]
        for side in (1, -1):
            key = -side * z
            # Ties at the cut go by the alphabet, so all that tie with the last are sorted.
            last = np.partition(key, n - 1)[n - 1] if len(key) > n else np.inf
            best = np.flatnonzero((key <= last) & (key < 0))
            best = best[np.argsort(key[best], kind="stable")][:n]
            parts.append((np.full(len(best), i), np.full(len(best), side), np.arange(1, len(best) + 1), best, z[best]))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.zeros(0)] * 5
    which, side_, rank, type_, z_ = (c.astype(np.int64) if k < 4 else c for k, c in enumerate(columns))
    origin = np.zeros(len(neurons)) if origin is None else origin
    return pl.DataFrame(
        {
            "pair": np.arange(len(which)),
            "which": which,
            "side": side_,
            "rank": rank,
            "type": type_,
            "mean": sums[type_, which] + origin[which],
            "z": z_,
        }
    )


def _examples(
    X: Vectors, words: pl.DataFrame, types: _Types, neurons: np.ndarray, found: pl.DataFrame, n: int, advance: Any
) -> dict[int, list[dict[str, Any]]]:
    """Per pair the strongest occurrences, each in another sentence."""
    pairs = found.sort("type", "pair")
    pair, which, side = (pairs[c].to_numpy() for c in ("pair", "which", "side"))
    bounds = np.searchsorted(pairs["type"].to_numpy(), np.arange(len(types.names) + 1))
    sentence = words["sentence"].to_numpy()
    best = pl.DataFrame(
        schema={"pair": pl.Int64(), "strength": pl.Float64(), "row": pl.Int64(), "sentence": pl.Int64()}
    )
    start = 0
    for block in X.blocks(_ROWS):
        codes = types.codes[start : start + len(block)]
        rows = np.flatnonzero(codes >= 0)
        first, repeats = bounds[codes[rows]], np.diff(bounds)[codes[rows]]
        ends = np.cumsum(repeats)
        # Rows in groups whose candidates together stay few; a single row always goes.
        group = ends // _EXPANDED
        for g in np.unique(group[repeats > 0]):
            of = (group == g) & (repeats > 0)
            r, m = np.repeat(rows[of], repeats[of]), repeats[of]
            within = np.arange(m.sum()) - np.repeat(np.cumsum(m) - m, m)
            at = np.repeat(first[of], m) + within
            strength = side[at] * block[r, neurons[which[at]]].astype(np.float64)
            new = {"pair": pair[at], "strength": strength, "row": start + r, "sentence": sentence[start + r]}
            best = _strongest(pl.concat([best, pl.DataFrame(new, schema=best.schema)]), n)
        start += len(block)
        advance(len(block))
    shown: dict[int, list[dict[str, Any]]] = {}
    sides = dict(zip(pair.tolist(), side.tolist(), strict=True))
    places = words.select("sentence", "start", "end")[best["row"]]
    for (p, strength, row), place in zip(
        best.select("pair", "strength", "row").iter_rows(), places.iter_rows(named=True), strict=True
    ):
        shown.setdefault(p, []).append({"row": row, **place, "activation": sides[p] * strength})
    return shown


def _strongest(candidates: pl.DataFrame, n: int) -> pl.DataFrame:
    return (
        candidates.sort("pair", "strength", "row", descending=[False, True, False])
        .unique(["pair", "sentence"], keep="first", maintain_order=True)
        .group_by("pair", maintain_order=True)
        .head(n)
        .select(candidates.columns)
    )


def _table(
    found: pl.DataFrame, neurons: np.ndarray, types: _Types, shown: dict[int, list[dict[str, Any]]]
) -> pl.DataFrame:
    type_ = found["type"].to_numpy()
    return pl.DataFrame(
        {
            "neuron": neurons[found["which"].to_numpy()],
            "side": ["positive" if s > 0 else "negative" for s in found["side"].to_list()],
            "rank": found["rank"],
            "word": [types.names[t] for t in type_],
            "count": types.counts[type_],
            "mean": found["mean"],
            "z": found["z"],
            "examples": [shown.get(p, []) for p in found["pair"].to_list()],
        },
        schema=SCHEMA,
    )


def _checked(X: Vectors, words: pl.DataFrame, neurons: Any, n: int, min_count: int, examples: int) -> np.ndarray:
    for name, value, least in (("n", n, 1), ("min_count", min_count, 1), ("examples", examples, 0)):
        if value < least:
            raise OptionError(f"{name} should be at least {least}. Got {value} instead.")
    needed = ["word", "sentence", "start", "end"] if examples else ["word"]
    if missing := [c for c in needed if c not in words.columns]:
        raise OptionError(f"words should have the columns {', '.join(needed)}. Got none called {', '.join(missing)}.")
    if words.height != X.shape[0]:
        raise OptionError(f"X and words should be of the same words. Got {X.shape[0]} and {words.height} rows.")
    d = X.shape[1]
    chosen = np.arange(d) if neurons is None else np.asarray(neurons, dtype=np.int64)
    if len(chosen) and not 0 <= chosen.min() <= chosen.max() < d:
        raise OptionError(f"neurons should be from 0 to {d - 1}. Got {chosen.min()} to {chosen.max()}.")
    return chosen
