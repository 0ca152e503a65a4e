"""One label in both models, compared: rows of the tidy table, and the tables beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import binom

from isogloss.analysis import LayerPair, Tables
from isogloss.analysis.tables import FEWEST_SENTENCES, known
from isogloss.numerics import group_sums, ratio_intervals
from isogloss.separability.centroids import CENTROIDS
from isogloss.separability.distances import grown
from isogloss.separability.halves import noise
from isogloss.separability.measured import Measured
from isogloss.separability.options import SeparabilityOptions
from isogloss.separability.spatial import SpatialSimilarity, compare_spaces, correlation_of
from isogloss.separability.targets import Target

Row = dict[str, Any]

PRECISION = 1e-6
"""Of the spread of the vectors: what is less is not told from the rounding of float32 vectors."""

LABELS: dict[str, Any] = {
    "model": pl.String(),
    "layer": pl.Int32(),
    "label": pl.String(),
    "value": pl.String(),
    "points": pl.Int64(),
    "test_points": pl.Int64(),
    "clusters": pl.Int64(),
    "min_distance": pl.Float64(),
    "min_distance_relative": pl.Float64(),
    "nearest": pl.String(),
    "seed": pl.Int32(),
}
"""`points` training rows of a value, `nearest` the other value at the least distance."""
DISTANCES: dict[str, Any] = {
    "layer": pl.Int32(),
    "label": pl.String(),
    "first": pl.String(),
    "second": pl.String(),
    "base": pl.Float64(),
    "tuned": pl.Float64(),
    "change": pl.Float64(),
    "noise": pl.Float64(),
    "seed": pl.Int32(),
}
"""Every pair of values: distance of their hulls (mean over their clusters), and what of its change is noise."""


def label_rows(target: Target, measured: Mapping[str, Measured], options: SeparabilityOptions, seed: int) -> list[Row]:
    """Rows of one label at one layer, subset = the label; of single values, LABEL=VALUE.

    Per model: `clusters`, `linear` (1 or 0; null: of values dealt out at random, by Cover's count), both only where
    clusters were found in that model; `spread`;
    `min_distance`, the mean over values of their least distance, `min_distance_relative` the same over the spread;
    `intra_accuracy` of the nearest cluster on test rows; `train_test`, spatial similarity of the training with the test
    rows (null: Mantel's), with `train_test_spearman`, `train_test_p` and `train_test_excluded` (values that lack a
    distance in one of them), where both are one cluster per value. Of both: `..._change`, tuned minus base
    (accuracy: 95% intervals over test sentences; distances and `train_test`: the null is the noise of `halves`);
    `grew` and `shrank`, values whose least distance did; `spatial`, `spatial_spearman`, `spatial_p` (null: Mantel's),
    `spatial_excluded`; `spatial_halves`, similarity of two halves of the training sentences in the base model,
    `spatial_across`, of one half in the base with the other half in the tuned model, and `spatial_change`, how much
    less that is, with the noise of `halves` as its null: `spatial` alone cannot say whether values lie otherwise, for
    the same sentences are in both spaces.
    """
    rows: list[Row] = []
    n, n_test = len(target.train), len(target.test)

    def add(
        measure: str, model: str, value: float, n: int = n, subset: str = target.name, **ends: float | None
    ) -> None:
        rows.append({"measure": measure, "model": model, "subset": subset, "value": known(value), "n": n} | ends)

    between = {model: _train_test(one, options, seed) for model, one in measured.items()}
    for model, one in measured.items():
        if one.found:
            add("clusters", model, len(one.clusters))
            add("linear", model, float(one.clusters.linear), **_by_chance(one))
        add("spread", model, one.spread)
        add("min_distance", model, _mean(one.least))
        add("min_distance_relative", model, _mean(one.relative))
        add("train_test", model, between[model].pearson, n_test, **_null(between[model]))
        add("train_test_spearman", model, between[model].spearman, n_test)
        add("train_test_p", model, between[model].p, n_test)
        if between[model].n_labels:
            add("train_test_excluded", model, between[model].excluded, n_test)
        for k, value in enumerate(target.classes):
            add("min_distance", model, one.least[k], int(one.sizes[k]), f"{target.name}={value}")
    rows += _accuracy_rows(target, measured, options, seed)
    if len(measured) < 2:
        return rows
    base, tuned = measured["base"], measured["tuned"]
    if base.found and tuned.found:
        add("clusters_change", "tuned", len(tuned.clusters) - len(base.clusters))
    for measure, change, half in (
        ("min_distance", tuned.least - base.least, tuned.half_least - base.half_least),
        ("min_distance_relative", tuned.relative - base.relative, tuned.half_relative - base.half_relative),
    ):
        means = _means(half)
        add(f"{measure}_change", "tuned", _mean(change), **_around(noise(means[:, 0], means[:, 1])))
        each = noise(half[:, 0], half[:, 1])
        for k, value in enumerate(target.classes):
            subset, size = f"{target.name}={value}", int(tuned.sizes[k])
            add(f"{measure}_change", "tuned", change[k], size, subset, **_around(each[k]))
    counted = grown(base.least, tuned.least, PRECISION * max(base.spread, tuned.spread))
    if counted.n:
        add("grew", "tuned", counted.grew)
        add("shrank", "tuned", counted.shrank)
    half = _half_train_test(tuned) - _half_train_test(base)
    change = between["tuned"].pearson - between["base"].pearson
    add("train_test_change", "tuned", change, n_test, **_around(noise(half[:, 0], half[:, 1])))
    found = compare_spaces(base.distances, tuned.distances, n_permutations=options.permutations, seed=seed)
    add("spatial", "tuned", found.pearson, **_null(found))
    add("spatial_spearman", "tuned", found.spearman)
    add("spatial_p", "tuned", found.p)
    add("spatial_excluded", "tuned", found.excluded)
    among, across = _across(base, base), _across(base, tuned)
    both = np.isfinite(among).all(axis=1) & np.isfinite(across).all(axis=1)
    if both.any():
        among, across = among[both], across[both]
        width = noise(across[:, 0], across[:, 1])
        add("spatial_halves", "base", float(among.mean()))
        add("spatial_across", "tuned", float(across.mean()))
        add("spatial_change", "tuned", float((across.mean(axis=1) - among.mean(axis=1)).mean()), **_around(width))
    return rows


def beside(target: Target, measured: Mapping[str, Measured], pair: LayerPair) -> Tables:
    """Tables of one label at one layer: its values, pairs of them, and their centroids."""
    place = {"layer": pair.layer, "label": target.name, "seed": pair.tuned_index}
    values, centroids, pairs = [], [], []
    for model, one in measured.items():
        held = np.bincount(target.truth, minlength=len(target.classes))
        clusters = np.bincount(one.clusters.classes, minlength=len(target.classes))
        for k, value in enumerate(target.classes):
            own = place | {"model": model, "value": value}
            values.append(
                own
                | {
                    "points": int(one.sizes[k]),
                    "test_points": int(held[k]),
                    "clusters": int(clusters[k]),
                    "min_distance": known(one.least[k]),
                    "min_distance_relative": known(one.relative[k]),
                    "nearest": target.classes[one.nearest[k]] if one.nearest[k] >= 0 else None,
                }
            )
            centroids.append(own | {"n": int(one.sizes[k]), "centroid": one.centroids[k].tolist()})
    base, tuned = measured.get("base"), measured.get("tuned")
    unsure = None
    if base is not None and tuned is not None:
        half = tuned.half_distances - base.half_distances
        unsure = noise(half[:, 0], half[:, 1])
    for i, j in zip(*np.triu_indices(len(target.classes), 1), strict=True):
        before, after = (None if one is None else known(one.distances[i, j]) for one in (base, tuned))
        if before is None and after is None:
            continue
        pairs.append(
            place
            | {
                "first": target.classes[i],
                "second": target.classes[j],
                "base": before,
                "tuned": after,
                "change": None if before is None or after is None else after - before,
                "noise": None if unsure is None else known(unsure[i, j]),
            }
        )
    return {
        "separability_labels": pl.DataFrame(values, schema=LABELS),
        "separability_distances": pl.DataFrame(pairs, schema=DISTANCES),
        "separability_centroids": pl.DataFrame(centroids, schema=CENTROIDS),
    }


def _by_chance(one: Measured) -> Row:
    """Whether planes would tell values apart that mean nothing: 95% of what is found then, as a null.

    Of all ways to part n points in general position in d dimensions, P(Binomial(n - 1, 1/2) <= d) are by a plane (Cover
    1965, doi:10.1109/PGEC.1965.264137). Taken for every pair of values, as if these were independent; parts of unequal
    size are told apart more easily than that.
    """
    d = one.centroids.shape[1]
    first, second = np.triu_indices(len(one.sizes), 1)
    p = float(np.prod(binom.cdf(d, one.sizes[first] + one.sizes[second] - 1, 0.5)))
    return {"null_low": float(p >= 0.975), "null_high": float(p > 0.025)}


def _accuracy_rows(
    target: Target, measured: Mapping[str, Measured], options: SeparabilityOptions, seed: int
) -> list[Row]:
    """Accuracy of the nearest cluster, and its change, paired over the test sentences."""
    right = [one.right.astype(np.float64) for one in measured.values()]
    names = [("intra_accuracy", model) for model in measured]
    if len(right) == 2:
        right.append(right[1] - right[0])
        names.append(("intra_accuracy_change", "tuned"))
    sentences, of = np.unique(target.sentences[target.test], return_inverse=True)
    sums = group_sums(np.stack(right, axis=1), of, len(sentences))
    counts = np.repeat(np.bincount(of, minlength=len(sentences))[:, None].astype(np.float64), len(right), axis=1)
    n_boot = options.bootstrap if len(sentences) >= FEWEST_SENTENCES else 0
    means, low, high = ratio_intervals(sums, counts, n_boot, seed)
    return [
        {
            "measure": measure,
            "model": model,
            "subset": target.name,
            "value": known(means[i]),
            "ci_low": known(low[i]),
            "ci_high": known(high[i]),
            "n": len(target.test),
        }
        for i, (measure, model) in enumerate(names)
    ]


def _train_test(one: Measured, options: SeparabilityOptions, seed: int) -> SpatialSimilarity:
    linear = one.clusters.linear and one.test_clusters is not None and one.test_clusters.linear
    test = one.test_distances if linear else np.full_like(one.test_distances, np.nan)
    return compare_spaces(one.distances, test, n_permutations=options.permutations, seed=seed)


def _half_train_test(one: Measured) -> np.ndarray:
    """(K, 2) similarity of a half of the training with one of the test sentences; NaN where it is not defined.

    The test sentences are halved too, for they might be others as well.
    """
    if not one.clusters.linear:
        return np.full(one.half_distances.shape[:2], np.nan)
    pairs = zip(one.half_distances, one.half_test, strict=True)
    found = [[correlation_of(*both) for both in zip(train, test, strict=True)] for train, test in pairs]
    return np.array(found).reshape(-1, 2)


def _across(first: Measured, second: Measured) -> np.ndarray:
    """(K, 2) similarity of one half in one model with the other half in the other, both ways."""
    pairs = zip(first.half_distances, second.half_distances, strict=True)
    return np.array([(correlation_of(a[0], b[1]), correlation_of(a[1], b[0])) for a, b in pairs]).reshape(-1, 2)


def _means(half: np.ndarray) -> np.ndarray:
    """(K, 2) means over the values that both halves of a split have."""
    both = np.isfinite(half).all(axis=1, keepdims=True)
    n = both.sum(axis=2)
    sums = np.where(both, half, 0.0).sum(axis=2)
    return np.divide(sums, n, out=np.full(sums.shape, np.nan), where=n > 0)


def _mean(values: np.ndarray) -> float:
    there = values[np.isfinite(values)]
    return float(there.mean()) if len(there) else float("nan")


def _around(half_width: Any) -> Row:
    """The null of a change: as far from 0 as noise goes."""
    width = known(float(half_width))
    return {} if width is None else {"null_low": 0.0 - width, "null_high": width}


def _null(found: SpatialSimilarity) -> Row:
    return {"null_low": known(found.null_low), "null_high": known(found.null_high)}
