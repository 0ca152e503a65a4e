"""What the directions of one layer carry, in base and tuned model: removal curves and treatments as tables.

By whom it is judged is in `judges`, how in `removal` and `treatment_scores`. Replicates of the two models are paired,
so the difference of what they lose has an interval of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import LayerPair, Tables, Vectors
from isogloss.errors import OptionError
from isogloss.isotropy.cosine import mean_cosine
from isogloss.isotropy.directions import Directions, Which
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.judges import Judges
from isogloss.isotropy.options import IsotropyOptions
from isogloss.isotropy.partition import partition_isotropy
from isogloss.isotropy.removal import SCHEMA, RemovalCurves, removal_curves
from isogloss.isotropy.scores import RemovalScore, TreatmentScore
from isogloss.isotropy.treatment_scores import SCHEMA as OF_SWEEP
from isogloss.isotropy.treatment_scores import Treatment, compare_treatments, sweep, treatments
from isogloss.isotropy.treatments import ClusterEnhancement

MOST_TRAIN = 20_000
"""Training words on which directions and treatments are found, a seeded draw."""
MOST_JUDGED = 4_000
"""Test words of which the isotropy of a treated space is measured."""

OF_VECTORS: tuple[Which, ...] = ("top", "bottom", "random", "only_top")
OF_HEAD: tuple[Which, ...] = ("top", "random")
"""The running classifier takes a pass over the sentences for every cut."""

WHERE: dict[str, Any] = {
    "score": pl.String(),
    "measure": pl.String(),
    "model": pl.String(),
    "layer": pl.Int32(),
}
REMOVAL: dict[str, Any] = WHERE | SCHEMA | {"floor": pl.Float64(), "n": pl.Int64(), "seed": pl.Int32()}
"""A score without k directions (`which`: top, bottom, random, or only_top: nothing but the top k): see `removal`."""
RELIANCE: dict[str, Any] = WHERE | {
    "loss": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "n": pl.Int64(),
    "seed": pl.Int32(),
}
"""`loss` without top directions beyond that without as many random ones, mean over log(1 + k); model `change` is tuned
minus base."""
TREATMENTS: dict[str, Any] = WHERE | {
    "treatment": pl.String(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "gain": pl.Float64(),
    "gain_low": pl.Float64(),
    "gain_high": pl.Float64(),
    "partition": pl.Float64(),
    "partition_log10": pl.Float64(),
    "mean_cosine": pl.Float64(),
    "seed": pl.Int32(),
}
SWEEP: dict[str, Any] = WHERE | OF_SWEEP | {"seed": pl.Int32()}
"""Scores of dev sentences; the best is judged on test sentences, as the treatment `swept`."""


@dataclass(frozen=True, eq=False)
class _Scores:
    """Everything that judges one model's layer."""

    probes: Mapping[str, TreatmentScore]
    removal: Mapping[tuple[str, str], RemovalScore]
    sizes: Mapping[tuple[str, str], int]


def carrying_tables(pair: LayerPair, judges: Judges, options: IsotropyOptions) -> tuple[Tables, list[str]]:
    """Tables `isotropy_removal`, `isotropy_reliance`, `isotropy_treatments` and `isotropy_sweep`, and notes."""
    rows: dict[str, list[dict[str, Any]]] = {"removal": [], "reliance": [], "treatments": [], "sweep": []}
    notes: list[str] = []
    areas: dict[tuple[str, str], dict[str, Estimate]] = {}
    train = _drawn(judges.train, MOST_TRAIN, pair.seed)
    if len(train) < 2:
        return {}, ["No directions are taken out: no word is in a training sentence."]
    for model, vectors in (("base", pair.base), ("tuned", pair.tuned)):
        if vectors is None:
            continue
        known = vectors.take(train)
        directions = Directions.of(known)
        scores = _scores(vectors, model, pair, judges, options)
        where = {"model": model, "layer": pair.layer, "seed": pair.tuned_index}
        for (score, measure), judge in scores.removal.items():
            curves = removal_curves(
                judge,
                directions,
                ks=options.removed,
                draws=options.draws,
                kinds=OF_HEAD if measure == "head accuracy" else OF_VECTORS,
                seed=pair.seed,
                progress=pair.progress,
            )
            named = where | {"score": score, "measure": measure, "n": scores.sizes[score, measure]}
            rows["removal"] += [_known(named | row | {"floor": curves.floor}) for row in curves.table().to_dicts()]
            if (area := _area(curves)) is not None:
                areas.setdefault((score, measure), {})[model] = area
                rows["reliance"].append(_reliance(named, area))
        swept: dict[str, Treatment] = {}
        if options.sweep:
            rows["sweep"] += _sweep_rows(known, vectors, judges, pair, options, where, notes, swept)
        if options.treatments and scores.probes:
            rows["treatments"] += _treatment_rows(known, vectors, scores, judges, pair, options, where, notes, swept)
    for (score, measure), of_models in areas.items():
        if len(of_models) == 2:
            named = {"score": score, "measure": measure, "layer": pair.layer, "seed": pair.tuned_index}
            rows["reliance"].append(_reliance(named | {"model": "change"}, of_models["tuned"].minus(of_models["base"])))
    schemas = {"removal": REMOVAL, "reliance": RELIANCE, "treatments": TREATMENTS, "sweep": SWEEP}
    found = {
        f"isotropy_{name}": pl.DataFrame(of, schema=schemas[name], orient="row") for name, of in rows.items() if of
    }
    return found, notes


def _scores(vectors: Vectors, model: str, pair: LayerPair, judges: Judges, options: IsotropyOptions) -> _Scores:
    similarity = judges.similarity_scores(vectors, pair, options)
    probes = judges.probe_scores(vectors, pair, options)
    removal: dict[tuple[str, str], RemovalScore] = {(name, "spearman"): one for name, one in similarity.items()}
    removal |= {(name, "probe accuracy"): one for name, one in probes.items()}
    sizes = {key: judge.n for key, judge in removal.items()}
    head = judges.head_score(pair, options) if model == "tuned" else None
    if head is not None and judges.gold is not None:
        removal[judges.gold[0], "head accuracy"] = head
        sizes[judges.gold[0], "head accuracy"] = head.n
    return _Scores({**similarity, **probes}, removal, sizes)


def _area(curves: RemovalCurves) -> Estimate | None:
    both = set(curves.curve("top")) & set(curves.curve("random"))
    return curves.area() if len(both) > 1 else None


def _reliance(named: Mapping[str, Any], area: Estimate) -> dict[str, Any]:
    low, high = area.interval()
    return _known({**named, "loss": area.value, "ci_low": low, "ci_high": high})


def _treatment_rows(
    train: np.ndarray,
    vectors: Vectors,
    scores: _Scores,
    judges: Judges,
    pair: LayerPair,
    options: IsotropyOptions,
    where: Mapping[str, Any],
    notes: list[str],
    swept: Mapping[str, Treatment],
) -> list[dict[str, Any]]:
    judged = _drawn(judges.test, MOST_JUDGED, pair.seed)
    clusters = min(options.treatment_clusters, len(train))
    components = min(options.treatment_components, train.shape[1] - 1)
    if (clusters, components) != (options.treatment_clusters, options.treatment_components):
        notes.append(f"The cluster-based treatments have {clusters} clusters and take out {components} directions.")
    space = vectors.take(judged)
    found = compare_treatments(
        train, space, scores.probes, MEASURES, treatments(pair.seed, clusters, components), progress=pair.progress
    )
    for name, treatment in swept.items():
        found += compare_treatments(train, space, {name: scores.probes[name]}, MEASURES, {"swept": treatment})[1:]
    rows = []
    for one in found:
        done = f"Layer {pair.layer}, {where['model']} model, {one.treatment.replace('_', ' ')}"
        notes += [f"{done}: {note}." for note in one.notes]
        for name, score in one.scores.items():
            gain = one.gains[name]
            (low, high), (gain_low, gain_high) = score.interval(), gain.interval()
            row = {
                **where,
                "score": name,
                "measure": _measure(judges, name),
                "treatment": one.treatment,
                "value": score.value,
                "ci_low": low,
                "ci_high": high,
                "gain": gain.value,
                "gain_low": gain_low,
                "gain_high": gain_high,
            }
            rows.append(_known(row | one.measures))
    return rows


def _sweep_rows(
    train: np.ndarray,
    vectors: Vectors,
    judges: Judges,
    pair: LayerPair,
    options: IsotropyOptions,
    where: Mapping[str, Any],
    notes: list[str],
    swept: dict[str, Treatment],
) -> list[dict[str, Any]]:
    """Scores on dev sentences for every number of clusters and directions; the best goes into `swept`."""
    rows = []
    scores: dict[str, TreatmentScore] = {
        **judges.similarity_scores(vectors, pair, options, of="dev"),
        **judges.probe_scores(vectors, pair, options, of="dev"),
    }
    for name, score in scores.items():
        found = sweep(train, score, random_state=pair.seed, progress=pair.progress)
        notes += [f"The sweep passes over {one}." for one in found.passed_over]
        swept[name] = ClusterEnhancement(*found.best, random_state=pair.seed)
        named = {**where, "score": name, "measure": _measure(judges, name)}
        rows += [_known(named | row) for row in found.table().to_dicts()]
    return rows


def _measure(judges: Judges, score: str) -> str:
    return "spearman" if score in judges.pairs else "probe accuracy"


def _drawn(mask: np.ndarray, most: int, seed: int) -> np.ndarray:
    rows = np.flatnonzero(mask)
    return rows if len(rows) <= most else np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _defined(measure: Callable[[np.ndarray], float], X: np.ndarray) -> float:
    """A measure, or NaN where so few words leave it undefined; what a treatment made zero is left out of cosines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return float(measure(X))
        except OptionError:
            return float("nan")


MEASURES = {
    "partition": lambda X: _defined(partition_isotropy, X),
    "partition_log10": lambda X: _defined(lambda Y: partition_isotropy(Y, log10=True), X),
    "mean_cosine": lambda X: _defined(mean_cosine, X),
}


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}
