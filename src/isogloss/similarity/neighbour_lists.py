"""Neighbour lists of a sample of words: searched once per layer and model, compared wherever they are needed.

The task of a layer searches its own neighbours and hands the lists on in a helper table; the layer x layer map is
made from them when all layers are done, and they are dropped. The sample is the same at every layer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, Vectors
from isogloss.numerics import nearest_neighbours, shared_neighbours
from isogloss.similarity.options import SimilarityOptions
from isogloss.similarity.sampling import sample_rows

LISTS = "similarity_neighbour_lists"
"""Name of the helper table."""

Lists = tuple[np.ndarray, np.ndarray]


def neighbour_lists(vectors: Vectors, options: SimilarityOptions, seed: int) -> np.ndarray | None:
    """Neighbours of each sampled word among the sampled words, (m, k); None for too few words.

    Raises
    ------
    ValueError : a value is NaN or infinite.
    """
    points = _sampled(vectors, options, seed)
    return None if points is None else nearest_neighbours(points, options.neighbours)


def paired_lists(base: Vectors, tuned: Vectors, options: SimilarityOptions, seed: int) -> Lists | None:
    """Return the lists of both models; equal vectors are searched once."""
    x, y = _sampled(base, options, seed), _sampled(tuned, options, seed)
    if x is None or y is None:
        return None
    in_x = nearest_neighbours(x, options.neighbours)
    same = x.shape == y.shape and np.array_equal(x, y)
    return in_x, in_x if same else nearest_neighbours(y, options.neighbours)


def overlap_by_word(lists: Lists | None, n: int, options: SimilarityOptions, seed: int) -> np.ndarray:
    """Share of neighbours kept by each sampled word, (n,); NaN elsewhere, and everywhere for too few words."""
    overlap = np.full(n, np.nan)
    if lists is not None:
        overlap[_sample(n, options, seed)] = shared_neighbours(*lists)
    return overlap


def lists_table(pair: LayerPair, lists: Mapping[str, np.ndarray], options: SimilarityOptions) -> pl.DataFrame:
    """The helper table of one layer: one row per list.

    Parameters
    ----------
    pair : the layer.
    lists : (m, k) by model, "base" or "tuned"; none for too few words.
    options : of which `neighbours` is k.

    Returns
    -------
    layer, model, seed, neighbours (k numbers of sampled words); the lists of one model in the order of the sample.
    """
    schema = pl.Schema(
        {
            "layer": pl.Int32(),
            "model": pl.String(),
            "seed": pl.Int32(),
            "neighbours": pl.Array(pl.UInt32(), options.neighbours),
        }
    )
    frames = [
        pl.DataFrame({"neighbours": found.astype(np.uint32)}).select(
            layer=pl.lit(pair.layer), model=pl.lit(model), seed=pl.lit(pair.tuned_index), neighbours="neighbours"
        )
        for model, found in lists.items()
    ]
    return pl.concat([schema.to_frame(), *(frame.cast(schema) for frame in frames)])


def overlap_cells(table: pl.DataFrame) -> pl.DataFrame:
    """Mean share of neighbours kept between every base layer and every other tuned layer.

    Returns
    -------
    seed, base_layer, tuned_layer, kept; not the cells of two layers of the same number, which their task gives.
    """
    by_layer: dict[tuple[int, str], dict[int, np.ndarray]] = {}
    for (seed, model, layer), part in table.group_by("seed", "model", "layer", maintain_order=True):
        by_layer.setdefault((int(seed), str(model)), {})[int(layer)] = part["neighbours"].to_numpy()
    cells = [
        (seed, i, j, float(shared_neighbours(in_base, in_tuned).mean()))
        for (seed, model), of_base in by_layer.items()
        if model == "base"
        for i, in_base in of_base.items()
        for j, in_tuned in by_layer.get((seed, "tuned"), {}).items()
        if i != j
    ]
    schema = {"seed": pl.Int32(), "base_layer": pl.Int32(), "tuned_layer": pl.Int32(), "kept": pl.Float64()}
    return pl.DataFrame(cells, schema=schema, orient="row")


def _sample(n: int, options: SimilarityOptions, seed: int) -> np.ndarray:
    rows = sample_rows(n, options.neighbour_words, seed)
    return np.arange(n) if rows is None else rows


def _sampled(vectors: Vectors, options: SimilarityOptions, seed: int) -> np.ndarray | None:
    rows = _sample(vectors.shape[0], options, seed)
    return vectors.take(rows) if len(rows) > options.neighbours + 1 else None
