"""Which labels moved most in a layer: means over the words of each label value, against the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, word_classes
from isogloss.numerics import percentile_interval, poisson_sums
from isogloss.similarity.layer import Movement
from isogloss.similarity.options import LABEL_VALUES, SimilarityOptions

NORMAL_95 = 1.959963984540054
_ENTRIES = 8_000_000

LABELS_SCHEMA: dict[str, pl.DataType] = {
    "layer": pl.Int32(),
    "label": pl.String(),
    "label_value": pl.String(),
    "of": pl.String(),
    "measure": pl.String(),
    "n": pl.Int64(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "difference": pl.Float64(),
    "difference_low": pl.Float64(),
    "difference_high": pl.Float64(),
    "seed": pl.Int32(),
}
"""`of` is token or sentence; `difference` is the mean of this value's words minus that of the other labelled
words (negative: moved more than they did); its interval is over sentences."""


@dataclass(frozen=True)
class _Subset:
    label: str
    value: str
    of: str
    sums: np.ndarray
    counts: np.ndarray
    other_sums: np.ndarray
    other_counts: np.ndarray
    squares: float


def labels_tables(
    pair: LayerPair, movement: Movement, options: SimilarityOptions
) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    """Mean similarity of the words of each label value, most moved first within each label.

    The `LABEL_VALUES` most frequent values of each label with at least `options.min_count` words take part;
    numeric sentence labels (regression) do not.

    Returns
    -------
    the columns of `LABELS_SCHEMA`, and the same means as rows of the tidy table (`subset` LABEL=VALUE). Their
    noise band is the normal limit of the random halves: 1.96 sqrt(sum over sentences of squared influence)
    below 1.
    """
    table: list[dict[str, Any]] = []
    tidy_rows: list[dict[str, Any]] = []
    batch: list[_Subset] = []
    size = max(1, _ENTRIES // (4 * max(1, movement.n_groups)))
    for subset in _subsets(pair, movement, options):
        batch.append(subset)
        if len(batch) == size:
            _measure(batch, pair, movement, options, table, tidy_rows)
            batch = []
    if batch:
        _measure(batch, pair, movement, options, table, tidy_rows)
    frame = pl.DataFrame(table, schema=LABELS_SCHEMA)
    return frame.sort("of", "label", "value", "label_value", descending=[True, False, False, False]), tidy_rows


def _subsets(pair: LayerPair, movement: Movement, options: SimilarityOptions) -> Iterator[_Subset]:
    defined = ~np.isnan(movement.values)
    columns = [("token", name, pair.words[name]) for name in word_classes(pair)]
    row_of = pair.words.select("sentence").join(
        pair.sentences.select("sentence").with_row_index("at"),
        on="sentence",
        how="left",
        maintain_order="left",
    )["at"]
    columns += [
        ("sentence", name, pair.sentences[name].gather(row_of))
        for name in pair.sentence_labels
        if not pair.sentences[name].dtype.is_float()
    ]
    for of, name, column in columns:
        labels = column.cast(pl.String)
        rows = np.flatnonzero(defined & labels.is_not_null().to_numpy())
        labels = labels.gather(rows)
        frequent = (
            pl.DataFrame({"value": labels})
            .group_by("value")
            .agg(n=pl.len())
            .filter(pl.col("n") >= options.min_count)
            .sort(["n", "value"], descending=[True, False])
            .head(LABEL_VALUES)
        )
        values, groups = movement.values[rows], movement.groups[rows]
        all_sums = np.bincount(groups, weights=values, minlength=movement.n_groups)
        all_counts = np.bincount(groups, minlength=movement.n_groups).astype(np.float64)
        for value in frequent["value"]:
            mask = (labels == value).to_numpy()
            sums = np.bincount(groups[mask], weights=values[mask], minlength=movement.n_groups)
            counts = np.bincount(groups[mask], minlength=movement.n_groups).astype(np.float64)
            influence = (sums - sums.sum() / counts.sum() * counts) / counts.sum()
            squares = float(influence @ influence)
            yield _Subset(name, value, of, sums, counts, all_sums - sums, all_counts - counts, squares)


def _measure(
    batch: list[_Subset],
    pair: LayerPair,
    movement: Movement,
    options: SimilarityOptions,
    table: list[dict[str, Any]],
    tidy_rows: list[dict[str, Any]],
) -> None:
    """Append the rows of a few subsets, all resampled with the same weights."""
    columns = np.stack([c for s in batch for c in (s.sums, s.counts, s.other_sums, s.other_counts)], axis=1)
    means, differences = _means(columns.sum(axis=0)[None])
    intervals = np.full((4, len(batch)), np.nan)
    if options.bootstrap:
        resampled_means, resampled_differences = _means(poisson_sums(columns, options.bootstrap, pair.seed))
        intervals[:2] = percentile_interval(resampled_means)
        intervals[2:] = percentile_interval(resampled_differences)
    for i, subset in enumerate(batch):
        low, high, difference_low, difference_high = (_number(v) for v in intervals[:, i])
        n = int(subset.counts.sum())
        value = float(means[0, i])
        table.append(
            {
                "layer": pair.layer,
                "label": subset.label,
                "label_value": subset.value,
                "of": subset.of,
                "measure": movement.measure,
                "n": n,
                "value": value,
                "ci_low": low,
                "ci_high": high,
                "difference": _number(differences[0, i]),
                "difference_low": difference_low,
                "difference_high": difference_high,
                "seed": pair.tuned_index,
            }
        )
        row = {"analysis": "similarity", "measure": movement.measure, "model": "tuned", "layer": pair.layer}
        row |= {"subset": f"{subset.label}={subset.value}", "value": value, "n": n, "seed": pair.tuned_index}
        row |= {"ci_low": low, "ci_high": high}
        if options.bootstrap:
            row |= {"null_low": 1 - NORMAL_95 * sqrt(subset.squares), "null_high": 1.0}
        tidy_rows.append(row)


def _means(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and differences from the rest, each (rows, subsets), from (rows, 4 * subsets) totals."""
    sums, counts, other_sums, other_counts = totals.reshape(len(totals), -1, 4).transpose(2, 0, 1)
    mean = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    # What is left after subtracting a label from all can be rounding instead of nothing.
    rest = np.divide(other_sums, other_counts, out=np.full_like(sums, np.nan), where=other_counts > 0.5)
    return mean, mean - rest


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
