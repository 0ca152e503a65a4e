"""The classifiers of the memorisation test: many trained on parts of the same rows. Scores nothing, splits nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from isogloss.numerics.elastic_net import Problem, Solution, solve
from isogloss.numerics.mlp import MLPProbe
from isogloss.progress import SILENT, Progress

Classifier = Literal["mlp", "linear"]
CLASSIFIERS: tuple[Classifier, ...] = ("mlp", "linear")
Predict = Callable[[np.ndarray], np.ndarray]
"""(n, d) vectors to (n,) classes."""

HIDDEN = (64, 64)
"""The study searches 32 to 256 units for both layers; one size of them is enough where two parts are compared."""
_L2, _RATE = 1e-4, 3e-3
_BATCH = 128
_EPOCHS, _STEPS = 30, 300
"""Passes over the rows at most; few rows are passed over as often as makes so many steps."""
_PATIENCE, _PATIENT_STEPS = 3, 60
_FEWEST_STOPPING = 30
"""Held-out rows below which stopping on them would be a matter of luck: all steps are made, on all rows."""
_TOL = 1e-2


def trained(
    kind: Classifier,
    X: np.ndarray,
    codes: np.ndarray,
    uses: Sequence[np.ndarray],
    stopping: np.ndarray,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> list[Predict]:
    """Train one classifier on each part of the rows; where a part has one class only, that is what it predicts.

    Parameters
    ----------
    kind : "mlp", two hidden layers, stopped early on `stopping`; "linear", multinomial logistic regression with
        scikit-learn's C = 1 on standardised features, which uses all rows.
    X : (n, d) finite vectors.
    codes : (n,) classes, at least 0.
    uses : (n,) booleans each: the rows of a part.
    stopping : (n,) booleans: rows that are not learnt from but decide when training stops.
    seeds : one of each classifier's first weights.
    """
    if kind == "linear":
        return _linear(X, codes, uses, device, progress)
    found: list[Predict] = []
    with progress.task("classifiers", len(uses), "classifiers") as advance:
        for used, seed in zip(uses, seeds, strict=True):
            found.append(_mlp(X, codes, used, stopping, seed, device))
            advance(1)
    return found


def _mlp(X: np.ndarray, codes: np.ndarray, used: np.ndarray, stopping: np.ndarray, seed: int, device: str) -> Predict:
    learnt, held = np.flatnonzero(used & ~stopping), np.flatnonzero(used & stopping)
    if len(held) < _FEWEST_STOPPING or len(np.unique(codes[learnt])) < 2:
        learnt, held = np.flatnonzero(used), held[:0]
    if (only := _only(codes[learnt])) is not None:
        return only
    per_epoch = -(-len(learnt) // _BATCH)
    probe = MLPProbe(
        HIDDEN,
        _L2,
        learning_rate=_RATE,
        batch_size=_BATCH,
        max_epochs=max(_EPOCHS, -(-_STEPS // per_epoch)),
        patience=max(_PATIENCE, -(-_PATIENT_STEPS // per_epoch)),
        dev_fraction=0.0,
        device=device,
        random_state=seed,
    )
    probe.fit(X[learnt], codes[learnt], *((X[held], codes[held]) if len(held) else (None, None)))
    return probe.predict


def _linear(
    X: np.ndarray, codes: np.ndarray, uses: Sequence[np.ndarray], device: str, progress: Progress
) -> list[Predict]:
    problems, places, found = [], [], [_only(codes[used]) for used in uses]
    for i, used in enumerate(uses):
        if found[i] is None:
            classes, own = np.unique(codes[used], return_inverse=True)
            given = np.full(len(codes), -1)
            given[used] = own
            problems.append(Problem(codes=given, n_classes=len(classes), l1=0.0, l2=1.0 / int(used.sum())))
            places.append((i, classes))
    solutions = solve(X, problems, standardize=True, tol=_TOL, device=device, progress=progress) if problems else []
    for (i, classes), solution in zip(places, solutions, strict=True):
        found[i] = _of_solution(solution, classes)
    return [predict for predict in found if predict is not None]


def _of_solution(solution: Solution, classes: np.ndarray) -> Predict:
    def predict(X: np.ndarray) -> np.ndarray:
        logits: np.ndarray = X.astype(np.float64) @ solution.coef.T + solution.intercept
        return classes[logits.argmax(axis=1)]

    return predict


def _only(codes: np.ndarray) -> Predict | None:
    """What predicts the only class there is; None where there are several."""
    if len(codes) and (codes == codes[0]).all():
        return lambda X: np.full(len(X), codes[0])
    return None
