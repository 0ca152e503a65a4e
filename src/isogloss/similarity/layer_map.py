"""The layer x layer map: CKA of every base layer with every tuned layer, exact, streamed.

The task of layer i knows its own row: |Cxy|_F^2 of base layer i with every tuned layer, in one pass. The norm
|Cyy|_F that completes the cell of tuned layer j belongs to the task of layer j, which has it anyway;
`complete_map` puts them together when all layers are done, so that no product is computed twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, Vectors
from isogloss.errors import OptionError
from isogloss.numerics import PairMoments, cross_scatters, pair_moments
from isogloss.numerics.blocks import ROWS
from isogloss.similarity.cka import cka_from_moments
from isogloss.similarity.layer import sample_rows
from isogloss.similarity.options import SimilarityOptions

MAP_SCHEMA: dict[str, pl.DataType] = {
    "base_layer": pl.Int32(),
    "tuned_layer": pl.Int32(),
    "measure": pl.String(),
    "value": pl.Float64(),
    "seed": pl.Int32(),
}
_PARTS: dict[str, pl.DataType] = {
    "cross": pl.Float64(),
    "base_norm": pl.Float64(),
    "tuned_norm": pl.Float64(),
}


def map_row(pair: LayerPair, options: SimilarityOptions, moments: PairMoments | None) -> pl.DataFrame:
    """One base layer against all tuned layers.

    Parameters
    ----------
    pair : the layer; base or tuned may be missing.
    moments : of all words of this layer, where both models have it.

    Returns
    -------
    base_layer, tuned_layer, measure, value, seed, and the parts `cross`, `base_norm`, `tuned_norm` from which
    `complete_map` makes the values still missing. Without a base layer: one row with only `tuned_norm`.
    """
    n = pair.words.height
    rows = sample_rows(n, options.map_words, pair.seed)
    own = moments
    if rows is not None and pair.base is not None and pair.tuned is not None:
        own = pair_moments(zip(_blocks(pair.base, rows), _blocks(pair.tuned, rows), strict=True))[0]
    if pair.base is None:
        norm = None if pair.tuned is None else _cross(pair.tuned, [pair.tuned], rows)[0]
        return _frame(pair, [(None, pair.layer, None, None, None, None if norm is None else _square(norm) ** 0.5)])
    others = {j: v for j, v in sorted(pair.tuned_layers.items()) if own is None or j != pair.layer}
    scatters = _cross(pair.base, [*([pair.base] if own is None else []), *others.values()], rows)
    base_norm = sqrt(_square(scatters.pop(0) if own is None else own.cxx))
    cells: list[tuple[float | None, ...]] = [
        (pair.layer, j, None, _square(scatter), base_norm, None) for j, scatter in zip(others, scatters, strict=True)
    ]
    if own is not None:
        constant = own.n < 2 or own.is_constant("x") or own.is_constant("y")
        value = None if constant else cka_from_moments(own)
        cells.append((pair.layer, pair.layer, value, _square(own.cxy), base_norm, sqrt(_square(own.cyy))))
    return _frame(pair, cells)


def complete_map(table: pl.DataFrame) -> pl.DataFrame:
    """Fill the cells whose tuned norm another task computed, and drop the parts.

    A complete table is left as it is. Cells stay null where a layer has no variance or its task is missing.
    """
    if "cross" not in table.columns:
        return table
    norms = table.filter(pl.col("tuned_norm").is_not_null()).select("tuned_layer", "seed", norm="tuned_norm")
    product = pl.col("base_norm") * pl.col("norm")
    filled = pl.when(product > 0).then((pl.col("cross") / product).clip(0.0, 1.0))
    return (
        table.filter(pl.col("base_layer").is_not_null())
        .join(norms.unique(["tuned_layer", "seed"]), on=["tuned_layer", "seed"], how="left")
        .with_columns(value=pl.coalesce("value", filled))
        .select(list(MAP_SCHEMA))
        .sort("seed", "measure", "base_layer", "tuned_layer")
    )


def _frame(pair: LayerPair, cells: Sequence[tuple[float | None, ...]]) -> pl.DataFrame:
    rows = [
        (base, tuned, "cka", value, pair.tuned_index, cross, base_norm, tuned_norm)
        for base, tuned, value, cross, base_norm, tuned_norm in cells
    ]
    return pl.DataFrame(rows, schema=MAP_SCHEMA | _PARTS, orient="row")


def _blocks(vectors: Vectors, rows: np.ndarray | None) -> Iterator[np.ndarray]:
    if rows is None:
        yield from vectors.blocks(ROWS)
        return
    for start in range(0, len(rows), ROWS):
        yield vectors.take(rows[start : start + ROWS])


def _cross(x: Vectors, ys: Sequence[Vectors], rows: np.ndarray | None) -> list[np.ndarray]:
    if not ys:
        return []
    try:
        return cross_scatters(_blocks(x, rows), [_blocks(y, rows) for y in ys])
    except ValueError as error:
        raise OptionError(f"layers of the map do not hold the same words: {error}") from error


def _square(scatter: np.ndarray) -> float:
    return float(np.vdot(scatter, scatter))
