"""Probes trained on one matrix of vectors: every label, and its control tasks, in the same passes.

Chooses penalties on dev, predicts test. What the predictions say is in `scoring`; how probes are solved in `numerics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.analysis import Vectors
from isogloss.numerics.elastic_net import Loss, Problem, Solution
from isogloss.numerics.room import rows_of
from isogloss.probing.options import ProbingOptions
from isogloss.probing.solving import FINAL, predicted, problem_of, solved
from isogloss.probing.targets import Target
from isogloss.progress import SILENT, Progress

_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Reading:
    """What a probe reads of one label from one matrix.

    Attributes
    ----------
    target : the label.
    solution : the probe.
    predictions : (n_test,) classes of the test rows, or numbers of a numeric label.
    controls : (n_controls, n_test) classes that the control tasks' probes predict.
    strength : the multiple of the penalties that did best on dev.
    """

    target: Target
    solution: Solution
    predictions: np.ndarray
    controls: np.ndarray
    strength: float

    @property
    def weights(self) -> np.ndarray:
        """(n_classes, hidden) float64 weights on the scale of standardised neurons, where those can be compared."""
        return np.asarray(self.solution.coef, dtype=np.float64) * self.solution.scale


class Readable:
    """The training, dev and test vectors of some labels: each row of a matrix taken once.

    Parameters
    ----------
    vectors : (n, hidden).
    targets : labels of these n rows.
    """

    def __init__(self, vectors: Vectors, targets: Sequence[Target]) -> None:
        self.targets = targets
        self.train_rows = _union(target.rows.train for target in targets)
        self.held_rows = _union(rows for t in targets for rows in (t.rows.dev, t.rows.test))
        self.train, self.held = vectors.take(self.train_rows), vectors.take(self.held_rows)

    def same_as(self, other: Readable) -> bool:
        """Whether all vectors, of training, dev and test, are those of the other."""
        return _equal(self.train, other.train) and _equal(self.held, other.held)

    def held_out(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), hidden) vectors of dev or test rows."""
        return rows_of(self.held, np.searchsorted(self.held_rows, rows))

    def train_of(self, target: Target) -> np.ndarray:
        """(n_train, hidden) vectors of a label's training rows."""
        if len(target.rows.train) == len(self.train_rows):
            return self.train
        return rows_of(self.train, np.searchsorted(self.train_rows, target.rows.train))

    def codes(self, target: Target, codes: np.ndarray) -> np.ndarray:
        """(n_train,) classes of the training rows, -1 for those of other labels only."""
        inside = np.isin(self.train_rows, target.rows.train, assume_unique=True)
        return np.where(inside, codes[self.train_rows], -1)


def read_all(readable: Readable, options: ProbingOptions, seed: int, progress: Progress = SILENT) -> dict[str, Reading]:
    """Train every label's probe, under every penalty, and its control tasks' under the penalty that dev chose."""
    classed = [target for target in readable.targets if not target.numeric]
    numeric = [target for target in readable.targets if target.numeric]
    return {
        **_read_classes(readable, classed, options, seed, progress),
        **_read_numbers(readable, numeric, options, progress),
    }


def _read_classes(
    readable: Readable, targets: Sequence[Target], options: ProbingOptions, seed: int, progress: Progress
) -> dict[str, Reading]:
    if not targets:
        return {}

    def problem(target: Target, codes: np.ndarray, factor: float) -> Problem:
        return problem_of(options, factor, codes=readable.codes(target, codes), n_classes=len(target.classes))

    best = _chosen_path(readable, targets, lambda t, f: problem(t, t.rows.codes, f), options, progress)
    final = solved(
        readable.train,
        [problem(t, t.rows.codes, best[t.name][0]) for t in targets],
        options,
        progress,
        starts=[best[t.name][1] for t in targets],
        tol=FINAL,
    )
    seeds = range(seed, seed + options.controls)
    tasks = [(t, codes) for t in targets if t.has_controls and options.controls for codes in t.controls(seeds)]
    controls = solved(readable.train, [problem(t, codes, best[t.name][0]) for t, codes in tasks], options, progress)
    found = {}
    for target, solution in zip(targets, final, strict=True):
        strength = best[target.name][0]
        test = readable.held_out(target.rows.test)
        own = [one for (of, _), one in zip(tasks, controls, strict=True) if of is target]
        found[target.name] = Reading(
            target=target,
            solution=solution,
            predictions=predicted(solution, test).argmax(axis=1),
            controls=np.array([predicted(one, test).argmax(axis=1) for one in own]).reshape(len(own), len(test)),
            strength=strength,
        )
    return found


def _read_numbers(
    readable: Readable, targets: Sequence[Target], options: ProbingOptions, progress: Progress
) -> dict[str, Reading]:
    if not targets:
        return {}

    def problem(target: Target, factor: float) -> Problem:
        inside = np.isin(readable.train_rows, target.rows.train, assume_unique=True)
        assert target.rows.targets is not None
        truth = np.where(inside, target.rows.targets[readable.train_rows], 0.0)
        return problem_of(options, factor, numbers=truth, weights=inside.astype(np.float64))

    best = _chosen_path(readable, targets, problem, options, progress, loss="squared")
    chosen = [problem(target, best[target.name][0]) for target in targets]
    starts = [best[target.name][1] for target in targets]
    final = solved(readable.train, chosen, options, progress, loss="squared", starts=starts, tol=FINAL)
    found = {}
    for target, solution in zip(targets, final, strict=True):
        strength = best[target.name][0]
        test = readable.held_out(target.rows.test)
        none = np.empty((0, len(test)))
        found[target.name] = Reading(target, solution, predicted(solution, test)[:, 0], none, strength)
    return found


def _chosen_path(
    readable: Readable,
    targets: Sequence[Target],
    problem: Callable[[Target, float], Problem],
    options: ProbingOptions,
    progress: Progress,
    loss: Loss = "multinomial",
) -> dict[str, tuple[float, Solution]]:
    """For each label the multiple of the penalties with the best dev score, and the probe under it.

    From the strongest to the weakest, each begun where the last one ended; a label leaves the path when dev gets worse,
    which it does once probes learn their training words by heart, and weak penalties take longest. Of equally good ones
    the strongest; without dev rows the weakest.
    """
    best: dict[str, tuple[float, Solution]] = {}
    scores: dict[str, float] = {}
    last: dict[str, Solution] = {}
    left = list(targets)
    for factor in reversed(options.factors):
        problems = [problem(target, factor) for target in left]
        starts = [last.get(target.name) for target in left]
        solutions = solved(readable.train, problems, options, progress, loss, starts)
        last = {target.name: solution for target, solution in zip(left, solutions, strict=True)}
        now = {target.name: _dev_score(readable, target, last[target.name]) for target in left}
        left = [target for target in left if now[target.name] >= scores.get(target.name, -np.inf)]
        for target in left:
            name = target.name
            if name not in scores or now[name] > scores[name] or not len(target.rows.dev):
                best[name], scores[name] = (factor, last[name]), now[name]
    return best


def _dev_score(readable: Readable, target: Target, solution: Solution) -> float:
    """Accuracy, or minus the mean squared error, on dev; 0 without dev rows."""
    dev = target.rows.dev
    if not len(dev):
        return 0.0
    X = readable.held_out(dev)
    if target.numeric:
        assert target.rows.targets is not None
        return -float(np.square(predicted(solution, X)[:, 0] - target.rows.targets[dev]).mean())
    return float((predicted(solution, X).argmax(axis=1) == target.rows.codes[dev]).mean())


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    parts = range(0, len(one), _ROWS)
    return one.shape == other.shape and all(np.array_equal(one[i : i + _ROWS], other[i : i + _ROWS]) for i in parts)


def _union(rows: object) -> np.ndarray:
    return np.unique(np.concatenate(list(rows)))  # type: ignore[call-overload]
