"""The layer x layer map: every measure of every base layer with every tuned layer, exact, streamed.

The task of layer i knows its own row: the products of base layer i with every tuned layer, in one pass. What completes
the cell of tuned layer j (its norm, its neighbour lists) belongs to the task of layer j, which has it anyway;
`complete_map` puts them together when all layers are done, so that nothing is computed twice. The diagonal is not
computed at all, but taken from the layer's own measures (unless the map has a sample of words of its own).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, Vectors
from isogloss.errors import OptionError
from isogloss.numerics import CrossMoments, CrossStream, MomentStream, PairMoments, zip_blocks
from isogloss.similarity.cka import DEBIASED_ROWS, cka_from_moments, hsic_term
from isogloss.similarity.cosine import word_cosine
from isogloss.similarity.layer import Measured, defined
from isogloss.similarity.neighbour_lists import lists_table, neighbour_lists, overlap_cells
from isogloss.similarity.options import SimilarityOptions
from isogloss.similarity.procrustes import nuclear_norm, procrustes_from_moments
from isogloss.similarity.sampling import pair_blocks, sample_rows, sampled_blocks

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
_NORMED = ("cka", "cka_debiased", "procrustes")
"""Measures that are made of a product of both sides and a norm of each."""
_MEASURES = (*_NORMED, "cosine", "neighbours")

Values = dict[str, float | None]


def map_row(
    pair: LayerPair, options: SimilarityOptions, measured: Measured | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One base layer against all tuned layers.

    Parameters
    ----------
    pair : the layer; base or tuned may be missing.
    options : of the analysis.
    measured : this layer's own measures, where both models have it.

    Returns
    -------
    base_layer, tuned_layer, measure, value, seed, and the parts `cross`, `base_norm`, `tuned_norm` from which
    `complete_map` makes the values still missing (without a base layer only `tuned_norm`); and the helper table of
    neighbour lists.

    Raises
    ------
    OptionError : layers do not hold the same words, or hold NaN or infinity.
    """
    rows = sample_rows(pair.words.height, options.map_words, pair.seed)
    try:
        lists = _lists(pair, options, measured)
        own, values = _own(pair, rows, measured)
        base_norms = {} if pair.base is None else _norms(own, "x")
        tuned_norms = {} if pair.tuned is None else _norms(own, "y")
        cells = []
        if pair.base is None:
            cells += _cell(pair, None, pair.layer, _NORMED, tuned_norm=tuned_norms)
        else:
            others = {j: v for j, v in sorted(pair.tuned_layers.items()) if measured is None or j != pair.layer}
            for j, (cross, cosine) in zip(others, _others(pair.base, list(others.values()), rows), strict=True):
                cells += _cell(pair, pair.layer, j, value={"cosine": cosine}, cross=cross, base_norm=base_norms)
        if measured is not None:
            cells += _cell(pair, pair.layer, pair.layer, value=values, tuned_norm=tuned_norms)
    except ValueError as error:
        raise OptionError(f"layer {pair.layer} of the layer x layer map: {error}") from error
    return pl.DataFrame(cells, schema=MAP_SCHEMA | _PARTS, orient="row"), lists_table(pair, lists, options)


def complete_map(table: pl.DataFrame, lists: pl.DataFrame | None = None) -> pl.DataFrame:
    """Fill the cells of which another task computed a part, and drop the parts.

    A complete table is left as it is. Cells stay null where a layer has no variance, the widths differ (cosine),
    there are too few words, or a task is missing.

    Parameters
    ----------
    table : what `map_row` gave for all layers, concatenated.
    lists : the helper tables of neighbour lists, concatenated.
    """
    if "cross" not in table.columns:
        return table
    keys = ["tuned_layer", "seed", "measure"]
    norms = table.filter(pl.col("tuned_norm").is_not_null()).select(*keys, norm="tuned_norm").unique(keys)
    if lists is not None:
        kept = overlap_cells(lists).with_columns(measure=pl.lit("neighbours"))
        table = table.join(kept, on=["base_layer", *keys], how="left")
        table = table.with_columns(value=pl.coalesce("value", "kept"))
    product = pl.col("base_norm") * pl.col("norm")
    ratio = pl.col("cross") / product
    measure = pl.col("measure")
    bounded = (
        pl.when(measure == "procrustes")
        .then((2.0 - 2.0 * ratio).clip(0.0, 2.0))
        .when(measure == "cka_debiased")
        .then(ratio.clip(-1.0, 1.0))
        .otherwise(ratio.clip(0.0, 1.0))
    )
    return (
        table.filter(pl.col("base_layer").is_not_null())
        .join(norms, on=keys, how="left")
        .with_columns(value=pl.coalesce("value", pl.when(product > 0).then(bounded)))
        .select(list(MAP_SCHEMA))
        .sort("seed", "measure", "base_layer", "tuned_layer")
    )


def _cell(
    pair: LayerPair,
    base: int | None,
    tuned: int,
    measures: Sequence[str] = _MEASURES,
    **columns: Mapping[str, float | None],
) -> list[tuple[Any, ...]]:
    """One row per measure; each column is given as a value by measure."""

    def at(column: str, measure: str) -> float | None:
        return columns.get(column, {}).get(measure)

    return [
        (base, tuned, measure, at("value", measure), pair.tuned_index, *(at(part, measure) for part in _PARTS))
        for measure in measures
    ]


def _lists(pair: LayerPair, options: SimilarityOptions, measured: Measured | None) -> dict[str, np.ndarray]:
    if measured is not None:
        return {} if measured.lists is None else dict(zip(("base", "tuned"), measured.lists, strict=True))
    sides = {"base": pair.base, "tuned": pair.tuned}
    found = {
        model: neighbour_lists(vectors, options, pair.seed) for model, vectors in sides.items() if vectors is not None
    }
    return {model: lists for model, lists in found.items() if lists is not None}


def _own(pair: LayerPair, rows: np.ndarray | None, measured: Measured | None) -> tuple[PairMoments, Values]:
    """Moments of the layer with itself or with its partner over the words of the map, and its measures with it."""
    if measured is not None and rows is None:
        return measured.moments, measured.of_all()
    stream = MomentStream()
    if pair.base is None or pair.tuned is None or measured is None:
        only = pair.tuned if pair.base is None else pair.base
        assert only is not None  # a pair has at least one side
        for block in sampled_blocks(only, rows):
            stream.add(block, block)
        return stream.result(), {}
    cosines = []
    for x, y in pair_blocks(pair.base, pair.tuned, rows):
        stream.add(x, y)
        cosines.append(word_cosine(x, y) if x.shape == y.shape else np.full(len(x), np.nan))
    own = stream.result()
    return own, {
        "cka": defined(cka_from_moments, own),
        "cka_debiased": defined(lambda moments: cka_from_moments(moments, debiased=True), own),
        "procrustes": defined(procrustes_from_moments, own),
        "cosine": _mean(np.concatenate(cosines)),
        "neighbours": measured.of_all()["neighbours"],
    }


def _norms(own: PairMoments, side: str) -> Values:
    """Norm of one side by measure; none where the measure is not defined for it."""
    if own.n < 2 or own.is_constant(side):
        return {}
    m = own.centred
    scatter, norms = (m.xx, m.aa) if side == "x" else (m.yy, m.bb)
    trace = float(np.trace(scatter))
    squares = _products(CrossMoments(own.n, scatter, trace, trace, norms)) | {"procrustes": trace}
    return {measure: sqrt(square) for measure, square in squares.items() if square is not None and square > 0}


def _products(cross: CrossMoments) -> Values:
    """HSIC terms of two layers, biased and debiased."""
    return {
        measure: hsic_term(cross.xy, cross.n, cross.trace_x, cross.trace_y, cross.ab, debiased)
        for measure, debiased in (("cka", False), ("cka_debiased", True))
        if not debiased or cross.n >= DEBIASED_ROWS
    }


def _others(base: Vectors, tuned: Sequence[Vectors], rows: np.ndarray | None) -> list[tuple[Values, float | None]]:
    """Products of a base layer with each tuned layer by measure, and the mean cosine of a word's two vectors."""
    if not tuned:
        return []
    stream = CrossStream()
    sums, counts = np.zeros(len(tuned)), np.zeros(len(tuned))
    for x, *ys in zip_blocks([sampled_blocks(vectors, rows) for vectors in (base, *tuned)]):
        stream.add(x, ys)
        for j, y in enumerate(ys):
            if x.shape == y.shape:
                cosine = word_cosine(x, y)
                sums[j] += np.nansum(cosine)
                counts[j] += np.count_nonzero(~np.isnan(cosine))
    means = [total / count if count else None for total, count in zip(sums.tolist(), counts.tolist(), strict=True)]
    crosses = [_products(cross) | {"procrustes": nuclear_norm(cross.xy)} for cross in stream.result()]
    return list(zip(crosses, means, strict=True))


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
