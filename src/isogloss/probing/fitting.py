"""Many linear probes on the same vectors, fitted together: layers share nothing, targets share every pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.analysis.codes import label_codes
from isogloss.errors import OptionError
from isogloss.numerics.elastic_net import PenaltyName, Problem, solve
from isogloss.probing.probe import LinearProbe
from isogloss.progress import SILENT, Progress


def fit_probes(
    X: Any,
    targets: Sequence[Sequence[Any] | np.ndarray],
    *,
    l1: float = 1e-5,
    l2: float = 1e-5,
    penalty: PenaltyName = "elastic",
    standardize: bool = False,
    share_power: float = 0.0,
    weights: Sequence[np.ndarray | None] | np.ndarray | None = None,
    path: Sequence[tuple[float, float]] | None = None,
    tol: float = 1e-3,
    max_iter: int = 200,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> list[LinearProbe]:
    """Fit a probe for each of several labellings of the same rows: tasks, control tasks, subsets, penalties.

    Parameters
    ----------
    X : (n, d) array, memory map, or matrix read in blocks.
    targets : labels (n,) of each probe; None or "" where a row takes no part.
    l1, l2, penalty, standardize, share_power, tol, max_iter, device : as in `LinearProbe`.
    weights : (n,) weights of the rows for all probes, or one such array (or None) for each.
    path : pairs (l1, l2), used instead of `l1` and `l2`: every target is fitted with each.
    progress : told each probe that is done.

    Returns
    -------
    a probe for each target; with `path` target by target, for each its probes in the order of the path.

    Raises
    ------
    OptionError : a target has another length than X or fewer than two labels; see also
        `isogloss.numerics.elastic_net.solve`.
    """
    n = int(X.shape[0])
    if isinstance(weights, np.ndarray) and weights.ndim == 1:
        weights = [weights] * len(targets)
    if weights is not None and len(weights) != len(targets):
        raise OptionError(f"weights has {len(weights)} entries for {len(targets)} targets; give one for each, or None")
    pairs = list(path) if path is not None else [(l1, l2)]
    problems, labels = [], []
    for i, target in enumerate(targets):
        a = None if weights is None else weights[i]
        classes, codes = encode(target, n, a, f"target {i}")
        for first, second in pairs:
            problems.append(
                Problem(codes=codes, n_classes=len(classes), weights=a, l1=first, l2=second, share_power=share_power)
            )
            labels.append(classes)
    if not problems:
        return []
    solutions = solve(
        X,
        problems,
        penalty=penalty,
        standardize=standardize,
        tol=tol,
        max_iter=max_iter,
        device=device,
        progress=progress,
    )
    return [
        LinearProbe(
            problem.l1,
            problem.l2,
            penalty=penalty,
            standardize=standardize,
            share_power=share_power,
            tol=tol,
            max_iter=max_iter,
            device=device,
        )._take(solution, classes)
        for problem, solution, classes in zip(problems, solutions, labels, strict=True)
    ]


def encode(
    labels: Sequence[Any] | np.ndarray, n: int, weights: np.ndarray | None, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Sorted classes, and each row's code: -1 where it has no label.

    A label all of whose rows weigh 0 is no class.

    Raises
    ------
    OptionError : there are not n labels, or fewer than two different ones.
    """
    if len(labels) != n:
        raise OptionError(f"{name} has {len(labels)} labels, X has {n} rows; give one label (or None) for each row")
    codes, classes = label_codes(labels)
    if weights is not None and len(weights) == n:
        codes = np.where(np.asarray(weights) != 0, codes, -1)
    present, inverse = np.unique(codes[codes >= 0], return_inverse=True)
    if len(present) < 2:
        raise OptionError(f"{name} has {len(present)} different labels; a probe needs at least two classes")
    codes[codes >= 0] = inverse
    return classes[present], codes
