"""Probes trained on one matrix of vectors: every label, and its control tasks, in the same passes.

Chooses penalties on dev, predicts test. What the predictions say is in `layer`; how probes are solved in `numerics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from isogloss.analysis import Vectors
from isogloss.numerics.elastic_net import Problem, Solution, solve
from isogloss.probing.options import ProbingOptions
from isogloss.probing.targets import Target
from isogloss.progress import SILENT, Progress


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

    def held_out(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), hidden) vectors of dev or test rows."""
        return self.held[np.searchsorted(self.held_rows, rows)]

    def train_of(self, target: Target) -> np.ndarray:
        """(n_train, hidden) vectors of a label's training rows."""
        if len(target.rows.train) == len(self.train_rows):
            return self.train
        return self.train[np.searchsorted(self.train_rows, target.rows.train)]

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


def predicted(solution: Solution, X: np.ndarray) -> np.ndarray:
    """(n, n_classes) logits, or (n,) numbers of a probe with one output that is no class."""
    return X @ np.asarray(solution.coef, dtype=X.dtype).T + np.asarray(solution.intercept, dtype=X.dtype)


class Fitted:
    """A probe of some columns: predicts the numbers of classes."""

    def __init__(self, solution: Solution) -> None:
        self.solution = solution

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) classes of (n, d) vectors."""
        return predicted(self.solution, X).argmax(axis=1)


def fitted(X: np.ndarray, codes: np.ndarray, n_classes: int, strength: float, options: ProbingOptions) -> Fitted:
    """A probe trained on (n, d) vectors and (n,) classes, under a multiple of the penalties."""
    problem = Problem(codes=codes, n_classes=n_classes, l1=options.l1 * strength, l2=options.l2 * strength)
    return Fitted(_solved(np.ascontiguousarray(X), [problem], options, SILENT)[0])


def _read_classes(
    readable: Readable, targets: Sequence[Target], options: ProbingOptions, seed: int, progress: Progress
) -> dict[str, Reading]:
    if not targets:
        return {}

    def problem(target: Target, codes: np.ndarray, factor: float) -> Problem:
        return Problem(
            codes=readable.codes(target, codes),
            n_classes=len(target.classes),
            l1=options.l1 * factor,
            l2=options.l2 * factor,
        )

    factors = options.factors
    path = _solved(readable.train, [problem(t, t.rows.codes, f) for t in targets for f in factors], options, progress)
    best: dict[str, tuple[float, Solution]] = {}
    for i, target in enumerate(targets):
        solutions = path[i * len(factors) : (i + 1) * len(factors)]
        best[target.name] = _chosen(readable, target, factors, solutions)
    seeds = range(seed, seed + options.controls)
    tasks = {target.name: target.controls(seeds) for target in targets if options.controls}
    controls = _solved(
        readable.train,
        [problem(t, codes, best[t.name][0]) for t in targets for codes in tasks.get(t.name, ())],
        options,
        progress,
    )
    found = {}
    for i, target in enumerate(targets):
        strength, solution = best[target.name]
        test = readable.held_out(target.rows.test)
        own = controls[i * options.controls : (i + 1) * options.controls]
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
    found = {}
    for target in targets:
        inside = np.isin(readable.train_rows, target.rows.train, assume_unique=True)
        assert target.rows.targets is not None
        truth = np.where(inside, target.rows.targets[readable.train_rows], np.nan)[:, None]
        problems = [Problem(targets=truth, l1=options.l1 * f, l2=options.l2 * f) for f in options.factors]
        solutions = _solved(readable.train, problems, options, progress, loss="squared")
        strength, solution = _chosen(readable, target, options.factors, solutions)
        test = readable.held_out(target.rows.test)
        found[target.name] = Reading(
            target, solution, predicted(solution, test)[:, 0], np.empty((0, len(test))), strength
        )
    return found


def _solved(
    X: np.ndarray, problems: Sequence[Problem], options: ProbingOptions, progress: Progress, loss: str = "multinomial"
) -> list[Solution]:
    """Solve problems together; a class that no training row has gets no weight and is never predicted."""
    if not problems:
        return []
    present = [None if p.codes is None else np.unique(p.codes[p.codes >= 0]) for p in problems]
    compact = [_compact(p, classes) for p, classes in zip(problems, present, strict=True)]
    # One class is no problem, but its control task may be left with one: it is always predicted.
    asked = [i for i, classes in enumerate(present) if classes is None or len(classes) > 1]
    solutions = (
        solve(
            X,
            [compact[i] for i in asked],
            loss=loss,
            penalty=options.penalty,
            standardize=options.standardize,
            device=options.device,
            progress=progress,
        )
        if asked
        else []
    )
    found = dict(zip(asked, solutions, strict=True))
    return [
        _whole(found.get(i), p, classes, X.shape[1])
        for i, (p, classes) in enumerate(zip(problems, present, strict=True))
    ]


def _compact(problem: Problem, classes: np.ndarray | None) -> Problem:
    if classes is None:
        return problem
    assert problem.codes is not None
    number = np.full(int(problem.codes.max()) + 2, -1)
    number[classes] = np.arange(len(classes))
    return replace(problem, codes=number[problem.codes], n_classes=len(classes))


def _whole(solution: Solution | None, problem: Problem, classes: np.ndarray | None, width: int) -> Solution:
    if classes is None:
        assert solution is not None
        return solution
    coef, intercept = np.zeros((problem.n_classes or 0, width)), np.full(problem.n_classes or 0, -np.inf)
    if solution is None:
        intercept[classes] = 0.0
        nothing = np.zeros(width)
        return Solution(coef, intercept, 0.0, 0.0, 0.0, 0, True, nothing, np.ones(width))
    coef[classes], intercept[classes] = solution.coef, solution.intercept
    return replace(solution, coef=coef, intercept=intercept)


def _chosen(
    readable: Readable, target: Target, factors: Sequence[float], solutions: Sequence[Solution]
) -> tuple[float, Solution]:
    """The penalty with the best dev score; of equal ones the strongest. Without dev rows, the weakest."""
    dev = target.rows.dev
    if not len(dev) or len(factors) == 1:
        return factors[0], solutions[0]
    X = readable.held_out(dev)
    if target.numeric:
        assert target.rows.targets is not None
        truth = target.rows.targets[dev]
        scores = [-float(np.square(predicted(one, X)[:, 0] - truth).mean()) for one in solutions]
    else:
        scores = [float((predicted(one, X).argmax(axis=1) == target.rows.codes[dev]).mean()) for one in solutions]
    best = max(range(len(factors)), key=lambda i: (scores[i], factors[i]))
    return factors[best], solutions[best]


def _union(rows: object) -> np.ndarray:
    return np.unique(np.concatenate(list(rows)))  # type: ignore[call-overload]


Readings = Mapping[str, Mapping[str, Reading]]
"""Per model ("base", "tuned") and label."""
