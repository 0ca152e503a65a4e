"""The global measures of a layer as rows: of words and of sentence vectors, base, tuned, and the paired change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, Vectors
from isogloss.analysis.tables import known
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.shape import PAIRED_WORDS, Shape, measure_shape

Row = dict[str, Any]
WORDS, SENTENCES = "all", "sentences"
"""Subsets of the tidy table: words, and sentence vectors, which are the means of their words'."""

COUNTS = ("directions_", "elongated_")
"""Measures that are whole numbers; so are the ends of their intervals."""

SPECTRUM: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "subset": pl.String(),
    "rank": pl.Int32(),
    "eigenvalue": pl.Float64(),
    "share": pl.Float64(),
    "seed": pl.Int32(),
}
ROGUE: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "dimension": pl.Int32(),
    "contribution": pl.Float64(),
    "share": pl.Float64(),
    "seed": pl.Int32(),
}
"""`contribution` of a dimension to the mean cosine over all pairs, and its share of it."""


def shapes_of(
    vectors: Vectors, means: Vectors | None, groups: np.ndarray, options: IsotropyOptions, seed: int
) -> dict[str, Shape]:
    """The shape of one model's layer, of words and of sentence vectors, if given; `groups` numbers the sentences."""

    def shape(of: Vectors, groups: np.ndarray) -> Shape:
        n_groups = int(groups.max(initial=-1)) + 1
        return measure_shape(of, groups, n_groups, bootstrap=options.bootstrap, seed=seed, elongated=options.multiples)

    found = {WORDS: shape(vectors, groups)}
    if means is not None:
        found[SENTENCES] = shape(means, np.arange(means.shape[0]))
    return found


def shape_rows(shapes: Mapping[str, Mapping[str, Shape]]) -> list[Row]:
    """Rows of the tidy table, given each model's shapes by subset."""
    rows = []
    for subset in (WORDS, SENTENCES):
        of_models = {model: found[subset] for model, found in shapes.items() if subset in found}
        measures = {model: shape.measures for model, shape in of_models.items()}
        sizes = {
            (model, name): min(shape.n, PAIRED_WORDS) if name.startswith("informativity") else shape.n
            for model, shape in of_models.items()
            for name in shape.measures
        }
        rows += estimate_rows(measures, sizes, subset)
    return rows


def estimate_rows(
    measures: Mapping[str, Mapping[str, Estimate]],
    sizes: Mapping[tuple[str, str], int],
    subset: str,
    nulls: Mapping[tuple[str, str], tuple[float, float]] | None = None,
) -> list[Row]:
    """A row for each model and measure, and `..._change`, tuned minus base, where both have it.

    Parameters
    ----------
    measures : by model, by name.
    sizes, nulls : by model and measure: the words (or sentences) behind it, and what chance gives.
    """
    rows = []
    for name in dict.fromkeys(name for of_model in measures.values() for name in of_model):
        both = [model for model in ("base", "tuned") if name in measures.get(model, {})]
        for model in both:
            row = _row(name, model, subset, measures[model][name], sizes[model, name])
            if nulls and (model, name) in nulls:
                row |= dict(zip(("null_low", "null_high"), nulls[model, name], strict=True))
            rows.append(row)
        if len(both) == 2:
            change = measures["tuned"][name].minus(measures["base"][name])
            rows.append(_row(f"{name}_change", "tuned", subset, change, rows[-1]["n"]))
    return rows


def _row(measure: str, model: str, subset: str, found: Estimate, n: int) -> Row:
    low, high = found.interval()
    if measure.startswith(COUNTS) and np.isfinite(low):
        low, high = np.floor(low), np.ceil(high)
    return {
        "measure": measure,
        "model": model,
        "subset": subset,
        "value": known(found.value),
        "ci_low": known(low),
        "ci_high": known(high),
        "n": n,
    }


def spectrum_table(shapes: Mapping[str, Mapping[str, Shape]], pair: LayerPair) -> pl.DataFrame:
    """Variance along every principal direction, largest first, and its share of the whole."""
    parts = []
    for model, found in shapes.items():
        for subset, shape in found.items():
            values = shape.spectrum
            if not len(values) or values.sum() <= 0:
                continue
            parts.append(
                pl.DataFrame(
                    {
                        "model": model,
                        "layer": pair.layer,
                        "subset": subset,
                        "rank": np.arange(1, len(values) + 1),
                        "eigenvalue": values,
                        "share": values / values.sum(),
                        "seed": pair.tuned_index,
                    },
                    schema_overrides=SPECTRUM,
                )
            )
    return pl.concat(parts).select(list(SPECTRUM)) if parts else pl.DataFrame(schema=SPECTRUM)


def rogue_table(shapes: Mapping[str, Mapping[str, Shape]], pair: LayerPair) -> pl.DataFrame:
    """The dimensions that add most to the mean cosine of words."""
    rows = []
    for model, found in shapes.items():
        rogue = found[WORDS].rogue
        if rogue is None:
            continue
        for dimension, contribution in zip(rogue.dimensions.tolist(), rogue.contributions.tolist(), strict=True):
            share = contribution / rogue.mean_cosine if rogue.mean_cosine > 0 else None
            rows.append((model, pair.layer, dimension, contribution, share, pair.tuned_index))
    return pl.DataFrame(rows, schema=ROGUE, orient="row")


def shape_notes(shapes: Mapping[str, Mapping[str, Shape]]) -> Iterable[str]:
    """What could not be measured, said once for both models where it is the same."""
    said: dict[str, list[str]] = {}
    for model, found in shapes.items():
        for subset, shape in found.items():
            what = "" if subset == WORDS else "sentence vectors: "
            for note in shape.notes:
                said.setdefault(what + note, []).append(model)
    for note, models in said.items():
        yield f"{' and '.join(models)} model: {note}."
