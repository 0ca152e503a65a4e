"""Treatments against a held-out score: all of them side by side, and cluster enhancement over a grid of its options.

Treatments are fitted on training words only; the score looks at others. What the measures of a treated space are is
handed in, so that this knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import polars as pl

from isogloss.errors import OptionError
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.scores import TreatmentScore
from isogloss.isotropy.treatments import AllButTheTop, ClusterEnhancement, ClusterZeroMean, ZeroMean
from isogloss.numerics.copies import distinct_rows
from isogloss.progress import SILENT, Progress

Measure = Callable[[np.ndarray], float]
"""A number of a matrix (n, d), such as `partition_isotropy` or `mean_cosine`."""

CLUSTERS = (1, 3, 9, 27)
COMPONENTS = (0, 1, 2, 4, 8, 12, 20)
SCHEMA: dict[str, Any] = {
    "n_clusters": pl.Int64(),
    "n_components": pl.Int64(),
    "value": pl.Float64(),
    "ci_low": pl.Float64(),
    "ci_high": pl.Float64(),
    "gain": pl.Float64(),
    "gain_low": pl.Float64(),
    "gain_high": pl.Float64(),
}


class Treatment(Protocol):
    """What a treatment can do: `fit` and `transform` of scikit-learn."""

    def fit(self, X: Any, y: None = None) -> Any:
        """Learn from training vectors."""
        ...

    def transform(self, X: Any) -> np.ndarray:
        """Treat vectors."""
        ...


@dataclass(frozen=True, eq=False)
class Sweep:
    """Held-out scores of cluster enhancement over its options.

    Attributes
    ----------
    untouched : the score of no treatment.
    scores : by (n_clusters, n_components).
    notes : by (n_clusters, n_components), what a treatment did otherwise than asked; only where it did.
    passed_over : numbers of clusters that there are too few training vectors for, and of components that are not less
        than the dimensions.
    """

    untouched: Estimate
    scores: dict[tuple[int, int], Estimate]
    notes: dict[tuple[int, int], tuple[str, ...]]
    passed_over: tuple[str, ...]

    @property
    def best(self) -> tuple[int, int]:
        """The options with the highest score, of equally good ones the smallest. Chosen here, judge it elsewhere."""
        return min(self.scores, key=lambda options: (-_number(self.scores[options].value), options))

    def gain(self, options: tuple[int, int]) -> Estimate:
        """The score under these options less that of no treatment."""
        return self.scores[options].minus(self.untouched)

    def table(self) -> pl.DataFrame:
        """A row for each pair of options: the columns of `SCHEMA`, with 95% intervals."""
        rows = []
        for options, score in self.scores.items():
            gain = self.gain(options)
            rows.append((*options, score.value, *score.interval(), gain.value, *gain.interval()))
        return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def sweep(
    X: np.ndarray,
    score: TreatmentScore,
    *,
    n_clusters: Sequence[int] = CLUSTERS,
    n_components: Sequence[int] = COMPONENTS,
    random_state: int = 0,
    progress: Progress = SILENT,
) -> Sweep:
    """Cluster enhancement with every number of clusters and of removed directions, on a held-out score.

    Clusters and their directions are found once for each number of clusters. One cluster and no direction is the
    zero-mean treatment, one cluster with directions is all-but-the-top.

    Parameters
    ----------
    X : (n_train, d) training vectors.
    score : of other words, such as a `SimilarityScore` of dev pairs.
    n_clusters, n_components : the grid.
    random_state : seed of k-means.

    Raises
    ------
    OptionError : the grid is empty, or nothing of it fits X; X holds NaN or infinity.
    """
    n, d = len(distinct_rows(X).first), X.shape[1]
    if not len(n_clusters) or not len(n_components) or min(n_components) < 0 or min(n_clusters) < 1:
        raise OptionError(
            f"the grid should have clusters >= 1 and components >= 0. Got {list(n_clusters)} and {list(n_components)}."
        )
    clusters = [k for k in n_clusters if k <= n]
    components = [k for k in n_components if k < d]
    if not clusters or not components:
        raise OptionError(f"nothing of the grid fits {n} vectors of {d} dimensions.")
    passed_over = [f"{k} clusters: there are {n} different training vectors" for k in n_clusters if k > n]
    passed_over += [f"{k} components: there are {d} dimensions" for k in n_components if k >= d]
    scores, notes = {}, {}
    with progress.task("treatments", len(clusters) * len(components), "options") as advance:
        for k in clusters:
            widest = ClusterEnhancement(k, max(components), random_state=random_state).fit(X)
            for few in components:
                treatment = widest.with_components(few)
                scores[k, few] = score.treated(treatment.transform)
                if treatment.notes_:
                    notes[k, few] = treatment.notes_
                advance(1)
    return Sweep(score.untouched, scores, notes, tuple(passed_over))


@dataclass(frozen=True, eq=False)
class Treated:
    """What one treatment does to a space.

    Attributes
    ----------
    treatment : its name; "none" is the space as it is.
    scores : by name of the score.
    gains : each score less that of no treatment, replicate by replicate.
    measures : by name of the measure, of the treated judged vectors.
    notes : what the treatment did otherwise than asked.
    """

    treatment: str
    scores: dict[str, Estimate]
    gains: dict[str, Estimate]
    measures: dict[str, float]
    notes: tuple[str, ...]


def treatments(random_state: int = 0, n_clusters: int = 27, n_components: int = 12) -> dict[str, Treatment]:
    """The four treatments of the study, by name."""
    return {
        "zero_mean": ZeroMean(),
        "cluster_zero_mean": ClusterZeroMean(n_clusters, random_state=random_state),
        "all_but_the_top": AllButTheTop(),
        "cluster_enhancement": ClusterEnhancement(n_clusters, n_components, random_state=random_state),
    }


def compare_treatments(
    X: np.ndarray,
    judged: np.ndarray,
    scores: Mapping[str, TreatmentScore],
    measures: Mapping[str, Measure],
    chosen: Mapping[str, Treatment] | None = None,
    *,
    progress: Progress = SILENT,
) -> list[Treated]:
    """Scores and measures of a space as it is and after each treatment, in this order.

    Parameters
    ----------
    X : (n_train, d) training vectors, on which treatments are fitted.
    judged : (n, d) other vectors, of which the measures are taken.
    scores : of other words than the training words.
    measures : such as `{"partition": partition_isotropy, "mean_cosine": mean_cosine}`.
    chosen : treatments by name, not fitted; None takes `treatments()`.
    """
    given = treatments() if chosen is None else chosen
    untouched = {name: score.untouched for name, score in scores.items()}
    zero = {name: score.minus(score) for name, score in untouched.items()}
    found = [Treated("none", untouched, zero, {name: of(judged) for name, of in measures.items()}, ())]
    with progress.task("treatments", len(given), "treatments") as advance:
        for name, treatment in given.items():
            found.append(treated(name, treatment, X, judged, scores, measures))
            advance(1)
    return found


def treated(
    name: str,
    treatment: Treatment,
    X: np.ndarray,
    judged: np.ndarray,
    scores: Mapping[str, TreatmentScore],
    measures: Mapping[str, Measure],
) -> Treated:
    """One treatment, fitted on X; the rest is as in `compare_treatments`."""
    fitted = treatment.fit(X)
    after = {one: score.treated(fitted.transform) for one, score in scores.items()}
    space = fitted.transform(judged)
    return Treated(
        name,
        after,
        {one: after[one].minus(score.untouched) for one, score in scores.items()},
        {one: of(space) for one, of in measures.items()},
        tuple(getattr(fitted, "notes_", ())),
    )


def _number(value: float) -> float:
    return value if np.isfinite(value) else -np.inf
