"""Probes by the solver of `numerics`, also where training lacks some of the classes. Chooses no penalties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isogloss.numerics.elastic_net import Loss, Problem, Solution, solve
from isogloss.numerics.room import by_rows
from isogloss.probing.options import ProbingOptions
from isogloss.progress import SILENT, Progress

CHOOSING, FINAL = 1e-2, 1e-3
"""Tolerances (see `solve`) of probes that are only held against each other, and of those whose weights are told."""


def solved(
    X: np.ndarray,
    problems: Sequence[Problem],
    options: ProbingOptions,
    progress: Progress = SILENT,
    loss: Loss = "multinomial",
    starts: Sequence[Solution | None] | None = None,
    tol: float = CHOOSING,
) -> list[Solution]:
    """Solve problems together; a class that no training row has gets no weight and is never predicted.

    Control tasks and parts of the training words may miss classes; left with one, they always predict it.
    """
    present = [None if p.codes is None else np.unique(p.codes[p.codes >= 0]) for p in problems]
    asked = [i for i, classes in enumerate(present) if classes is None or len(classes) > 1]
    if not asked:
        return [_whole(None, p, classes, X.shape[1]) for p, classes in zip(problems, present, strict=True)]
    given = [None if starts is None else _part(starts[i], present[i]) for i in asked]
    solutions = solve(
        X,
        [_compact(problems[i], present[i]) for i in asked],
        loss=loss,
        penalty="neurox" if options.penalty == "neurox" else "elastic",
        standardize=options.standardize,
        start=given,
        tol=tol,
        device=options.device,
        progress=progress,
    )
    found = dict(zip(asked, solutions, strict=True))
    return [_whole(found.get(i), p, present[i], X.shape[1]) for i, p in enumerate(problems)]


def problem_of(
    options: ProbingOptions,
    strength: float,
    *,
    codes: np.ndarray | None = None,
    n_classes: int | None = None,
    numbers: np.ndarray | None = None,
    weights: np.ndarray | None = None,
) -> Problem:
    """A probe of classes (`codes`, `n_classes`) or of numbers, under a multiple of the penalties that are asked for."""
    return Problem(
        codes=codes,
        n_classes=n_classes,
        targets=numbers,
        weights=weights,
        l1=options.l1 * strength,
        l2=options.l2 * strength,
        share_power=options.share_power if numbers is None else 0.0,
    )


def predicted(solution: Solution, X: np.ndarray) -> np.ndarray:
    """(n, outputs) logits of classes, or numbers, of (n, d) vectors."""
    coef, intercept = (np.asarray(part, dtype=X.dtype) for part in (solution.coef, solution.intercept))
    return by_rows(lambda block: block @ coef.T + intercept, X)


class Fitted:
    """A probe that predicts the numbers of classes."""

    def __init__(self, solution: Solution) -> None:
        self.solution = solution

    def predict(self, X: np.ndarray) -> np.ndarray:
        """(n,) classes of (n, d) vectors."""
        return predicted(self.solution, X).argmax(axis=1)


def fitted(X: np.ndarray, codes: np.ndarray, n_classes: int, strength: float, options: ProbingOptions) -> Fitted:
    """A probe trained on (n, d) vectors and (n,) classes, under a multiple of the penalties."""
    problem = problem_of(options, strength, codes=codes, n_classes=n_classes)
    return Fitted(solved(np.ascontiguousarray(X), [problem], options)[0])


def _compact(problem: Problem, classes: np.ndarray | None) -> Problem:
    """The problem with its classes numbered without gaps."""
    if classes is None:
        return problem
    assert problem.codes is not None
    number = np.full(int(problem.codes.max()) + 2, -1)
    number[classes] = np.arange(len(classes))
    return replace(problem, codes=number[problem.codes], n_classes=len(classes))


def _part(solution: Solution | None, classes: np.ndarray | None) -> Solution | None:
    if solution is None or classes is None:
        return solution
    return replace(solution, coef=solution.coef[classes], intercept=solution.intercept[classes])


def _whole(solution: Solution | None, problem: Problem, classes: np.ndarray | None, width: int) -> Solution:
    """The solution with a row for every class; without one, the only class there is wins."""
    if classes is None:
        assert solution is not None
        return solution
    n_classes = problem.n_classes or int(classes.max()) + 1
    coef, intercept = np.zeros((n_classes, width)), np.full(n_classes, -np.inf)
    if solution is None:
        intercept[classes] = 0.0
        return Solution(coef, intercept, 0.0, 0.0, 0.0, 0, "gap", np.zeros(width), np.ones(width))
    coef[classes], intercept[classes] = solution.coef, solution.intercept
    return replace(solution, coef=coef, intercept=intercept)
