"""What the directions of one layer carry, in base and tuned model: removal curves and treatments as tables.

By whom it is judged is in `judges`, how in `removal` and `treatment_scores`. Replicates of the two models are paired,
so the difference of what they lose has an interval of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import Tables, Vectors
from isogloss.analysis.sampling import sampled_rows
from isogloss.analysis.tables import known
from isogloss.errors import OptionError
from isogloss.isotropy.cosine import mean_cosine
from isogloss.isotropy.directions import Directions
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.judges import Judges
from isogloss.isotropy.partition import partition_isotropy
from isogloss.isotropy.removal import SCHEMA, removal_curves
from isogloss.isotropy.scores import RemovalScore, TreatmentScore
from isogloss.isotropy.treatment_scores import SCHEMA as OF_SWEEP
from isogloss.isotropy.treatment_scores import Treatment, compare_treatments, sweep, treated, treatments
from isogloss.isotropy.treatments import ClusterEnhancement
from isogloss.numerics.copies import distinct_rows

MOST_TRAIN = 20_000
"""Training words on which directions and treatments are found, a seeded draw."""
MOST_JUDGED = 4_000
"""Test words of which the isotropy of a treated space is measured."""

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


SCHEMAS = {"removal": REMOVAL, "reliance": RELIANCE, "treatments": TREATMENTS, "sweep": SWEEP}


def carrying_tables(judges: Judges) -> tuple[Tables, list[str]]:
    """Tables `isotropy_removal`, `isotropy_reliance`, `isotropy_treatments` and `isotropy_sweep`, and notes."""
    pair = judges.pair
    train = _drawn(judges.train, MOST_TRAIN, pair.seed)
    if len(train) < 2:
        return {}, ["No directions are taken out: fewer than two words are in training sentences."]
    models = [
        _Model(model, vectors, vectors.take(train), judges)
        for model, vectors in (("base", pair.base), ("tuned", pair.tuned))
        if vectors is not None
    ]
    for model in models:
        model.measure()
    rows = {name: [row for model in models for row in model.rows[name]] for name in SCHEMAS}
    both = {model.name: model.areas for model in models}
    for key in both.get("base", {}):
        if key in both.get("tuned", {}):
            change = both["tuned"][key].minus(both["base"][key])
            n = next(row["n"] for row in rows["reliance"] if (row["score"], row["measure"]) == key)
            rows["reliance"].append(_reliance(models[0].where | {"model": "change", "n": n}, key, change))
    tables = {
        f"isotropy_{name}": pl.DataFrame(of, schema=SCHEMAS[name], orient="row") for name, of in rows.items() if of
    }
    return tables, [note for model in models for note in model.notes]


Key = tuple[str, str]
"""Name of what is judged by, and the measure."""


class _Model:
    """One model's layer: its rows of every table, and the area of every score."""

    def __init__(self, name: str, vectors: Vectors, train: np.ndarray, judges: Judges) -> None:
        self.name, self.vectors, self.train, self.judges = name, vectors, train, judges
        self.pair, self.options = judges.pair, judges.options
        self.where = {"model": name, "layer": self.pair.layer, "seed": self.pair.tuned_index}
        self.rows: dict[str, list[dict[str, Any]]] = {table: [] for table in SCHEMAS}
        self.areas: dict[Key, Estimate] = {}
        self.notes: list[str] = []
        similarity, probes = judges.similarity_scores(vectors), judges.probe_scores(vectors)
        self.scores: dict[str, TreatmentScore] = {**similarity, **probes}
        self.removal: dict[Key, RemovalScore] = {(label, "spearman"): one for label, one in similarity.items()}
        self.removal |= {(label, "probe accuracy"): one for label, one in probes.items()}
        self.notes += [f"{label}: {note}." for label, one in similarity.items() for note in one.notes]
        if not self.scores and not self.judges.gold:
            self.notes.append("No label judges the directions: nothing is said of what they carry.")
        head = judges.head_score() if name == "tuned" else None
        if head is not None and judges.gold is not None:
            self.removal[judges.gold[0], "head accuracy"] = head

    def measure(self) -> None:
        """Fill the rows."""
        self._remove()
        swept = self._sweep() if self.options.sweep else {}
        if self.options.treatments and self.scores:
            self._treat(swept)

    def _remove(self) -> None:
        directions = Directions.of(self.train)
        if beyond := [k for k in self.options.removed if k >= directions.d]:
            self.notes.append(
                f"isotropy.counts: {', '.join(map(str, beyond))} of {directions.d} directions leave none."
            )
        for key, judge in self.removal.items():
            curves = removal_curves(
                judge,
                directions,
                ks=self.options.removed,
                draws=self.options.draws,
                seed=self.pair.seed,
                progress=self.pair.progress,
            )
            named = self._named(key) | {"n": judge.n, "floor": curves.floor}
            self.rows["removal"] += [_known(named | row) for row in curves.table().to_dicts()]
            if len(set(curves.curve("top")) & set(curves.curve("random"))) > 1:
                self.areas[key] = curves.area()
                self.rows["reliance"].append(_reliance(self.where | {"n": judge.n}, key, self.areas[key]))

    def _treat(self, swept: Mapping[str, Treatment]) -> None:
        space = self.vectors.take(_drawn(self.judges.test, MOST_JUDGED, self.pair.seed))
        clusters = min(self.options.treatment_clusters, len(distinct_rows(self.train).first))
        components = min(self.options.treatment_components, self.train.shape[1] - 1)
        if (clusters, components) != (self.options.treatment_clusters, self.options.treatment_components):
            self.notes.append(
                f"The cluster-based treatments of the {self.name} model have {clusters} clusters and take out "
                f"{components} directions instead of {self.options.treatment_clusters} and "
                f"{self.options.treatment_components}."
            )
        chosen = treatments(self.pair.seed, clusters, components)
        found = compare_treatments(self.train, space, self.scores, MEASURES, chosen, progress=self.pair.progress)
        for name, treatment in swept.items():
            found.append(treated("swept", treatment, self.train, space, {name: self.scores[name]}, MEASURES))
        for one in found:
            self._note(one.treatment, one.notes)
            for name, score in one.scores.items():
                gain = one.gains[name]
                (low, high), (gain_low, gain_high) = score.interval(), gain.interval()
                row = {"value": score.value, "ci_low": low, "ci_high": high, "treatment": one.treatment}
                row |= {"gain": gain.value, "gain_low": gain_low, "gain_high": gain_high}
                row |= {**one.measures, "partition": 10 ** one.measures["partition_log10"]}
                self.rows["treatments"].append(_known(self._named(self._key(name)) | row))

    def _sweep(self) -> dict[str, Treatment]:
        """Scores on dev sentences for every number of clusters and directions, and the best of each score."""
        best: dict[str, Treatment] = {}
        scores: dict[str, TreatmentScore] = {
            **self.judges.similarity_scores(self.vectors, of="dev"),
            **self.judges.probe_scores(self.vectors, of="dev"),
        }
        for name, score in scores.items():
            if name not in self.scores:
                continue
            found = sweep(self.train, score, random_state=self.pair.seed, progress=self.pair.progress)
            self.notes += [f"The sweep passes over {one}." for one in found.passed_over]
            best[name] = ClusterEnhancement(*found.best, random_state=self.pair.seed)
            self.rows["sweep"] += [_known(self._named(self._key(name)) | row) for row in found.table().to_dicts()]
        return best

    def _key(self, score: str) -> Key:
        return score, "spearman" if score in self.judges.pairs else "probe accuracy"

    def _named(self, key: Key) -> dict[str, Any]:
        return self.where | {"score": key[0], "measure": key[1]}

    def _note(self, treatment: str, notes: Sequence[str]) -> None:
        done = f"{self.name} model, layer {self.pair.layer}, {treatment.replace('_', ' ')}"
        self.notes += [f"{done}: {note}." for note in notes]


def _reliance(where: Mapping[str, Any], key: Key, area: Estimate) -> dict[str, Any]:
    low, high = area.interval()
    named = {"score": key[0], "measure": key[1], "loss": area.value, "ci_low": low, "ci_high": high}
    return _known({**where, **named})


def _drawn(mask: np.ndarray, most: int, seed: int) -> np.ndarray:
    rows = np.flatnonzero(mask)
    return rows[sampled_rows(len(rows), most, seed)]


def _defined(measure: Callable[[np.ndarray], float], X: np.ndarray) -> float:
    """A measure, or NaN where so few words leave it undefined; what a treatment made zero is left out of cosines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return float(measure(X))
        except OptionError:
            return float("nan")


MEASURES = {
    "partition_log10": lambda X: _defined(lambda Y: partition_isotropy(Y, log10=True), X),
    "mean_cosine": lambda X: _defined(mean_cosine, X),
}


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known(value) if isinstance(value, float) else value for name, value in row.items()}
