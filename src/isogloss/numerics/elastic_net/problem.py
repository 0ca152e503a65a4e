"""What is asked of the solver and what it answers, checked. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.errors import OptionError

Loss = Literal["multinomial", "squared"]
PenaltyName = Literal["elastic", "neurox"]


@dataclass(frozen=True)
class Problem:
    """One probe to fit: what it predicts, from which rows, how strongly penalised.

    Attributes
    ----------
    codes : (n,) integers, the class of each row; -1 where a row takes no part. For the multinomial loss.
    targets : (n,) or (n, t) numbers to predict. For the squared loss.
    n_classes : number of classes; None for the largest code + 1.
    weights : (n,) weights of the rows, at least 0; None for ones. The loss is the weighted mean, so that a row of
        weight 0 counts like no row.
    l1, l2 : strengths of the two penalties, at least 0.
    share_power : both are multiplied, for the weights of class k, by (n_classes * share_k) ** share_power, share_k its
        part of the rows' weight. 0 penalises all classes alike, 1 each in proportion to its rows.
    """

    codes: np.ndarray | None = None
    targets: np.ndarray | None = None
    n_classes: int | None = None
    weights: np.ndarray | None = None
    l1: float = 1e-5
    l2: float = 1e-5
    share_power: float = 0.0


@dataclass(frozen=True)
class Solution:
    """A solved problem; predictions are X @ coef.T + intercept.

    Attributes
    ----------
    coef : (outputs, d) weights, in units of X whether standardised or not.
    intercept : (outputs,); of the multinomial loss they sum to 0.
    objective : value of the penalised objective here.
    gap : bound on `objective` minus the optimum, from a feasible point of the dual problem.
    null_objective : the objective of the best intercepts alone; `tol` of the gap is told in parts of it.
    n_iter : iterations, each one pass over X.
    stopped : "gap" where `gap` is at most tol * null_objective; "progress" where five iterations lowered the objective
        by at most tol of itself; "rounding" where no step lowers it any more; "max_iter".
    mean : (d,) mean of the rows that take part, weighted.
    scale : (d,) their standard deviations (1 for constant features) where standardised, else ones.
    """

    coef: np.ndarray
    intercept: np.ndarray
    objective: float
    gap: float
    null_objective: float
    n_iter: int
    stopped: str
    mean: np.ndarray
    scale: np.ndarray

    @property
    def converged(self) -> bool:
        """Whether it stopped of itself."""
        return self.stopped != "max_iter"


def row_weights(problem: Problem, n: int, name: str) -> np.ndarray:
    """(n,) float64 weights that sum to 1, 0 where a row takes no part.

    Raises
    ------
    OptionError : weights or codes are of another length, weights negative or not finite, or no row takes part.
    """
    weights = np.ones(n) if problem.weights is None else np.array(problem.weights, dtype=np.float64)
    if weights.shape != (n,):
        raise OptionError(f"{name}: weights have shape {weights.shape}, X has {n} rows; give one weight for each row")
    bad = ~(np.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(np.argmax(bad))
        raise OptionError(f"{name}: the weight of row {row} is {weights[row]}; weights must be finite and at least 0")
    if problem.codes is not None:
        codes = np.asarray(problem.codes)
        if codes.shape != (n,) or codes.dtype.kind not in "iu":
            raise OptionError(
                f"{name}: codes must be {n} integers, one for each row of X; got {codes.dtype} of shape {codes.shape}"
            )
        weights[codes < 0] = 0
    total = weights.sum()
    if total <= 0:
        raise OptionError(f"{name}: no row takes part: all weights are zero, or all codes -1")
    return weights / total


def class_codes(problem: Problem, weights: np.ndarray, name: str) -> tuple[np.ndarray, int]:
    """(n,) int64 codes, and the number of classes.

    Raises
    ------
    OptionError : codes are missing or too large, there is only one class, or a class has no row.
    """
    if problem.codes is None:
        raise OptionError(f"{name}: the multinomial loss needs codes, the class of each row")
    codes = np.asarray(problem.codes)
    classes = int(codes.max()) + 1 if problem.n_classes is None else problem.n_classes
    if codes.max() >= classes:
        raise OptionError(f"{name}: row {int(codes.argmax())} is of class {codes.max()}; there are {classes} classes")
    mass = np.bincount(np.maximum(codes, 0), weights, classes)
    if (mass > 0).sum() < 2:
        raise OptionError(f"{name}: all rows that take part are of one class; a probe needs at least two")
    if (mass == 0).any():
        raise OptionError(
            f"{name}: class {int(np.argmin(mass))} has no row that takes part; leave the class out of the codes"
        )
    return codes.astype(np.int64), classes


def target_matrix(problem: Problem, n: int, name: str) -> np.ndarray:
    """(n, t) float64 targets.

    Raises
    ------
    OptionError : targets are missing, of another length or not finite.
    """
    if problem.targets is None:
        raise OptionError(f"{name}: the squared loss needs targets, the numbers to predict")
    targets = np.array(problem.targets, dtype=np.float64)
    targets = targets[:, None] if targets.ndim == 1 else targets
    if targets.ndim != 2 or len(targets) != n:
        raise OptionError(f"{name}: targets have shape {targets.shape}, X has {n} rows; give one row for each row")
    if not np.isfinite(targets).all():
        row, column = np.argwhere(~np.isfinite(targets))[0]
        raise OptionError(f"{name}: the target in row {row}, column {column} is {targets[row, column]}")
    return targets


def check_options(problems: Sequence[Problem], loss: str, penalty: str, tol: float, max_iter: int) -> None:
    """Refuse options that mean nothing.

    Raises
    ------
    OptionError : names the option, what it is and what it may be.
    """
    if not problems:
        raise OptionError("no problems: give at least one")
    if loss not in ("multinomial", "squared"):
        raise OptionError(f"loss is {loss!r}; it may be 'multinomial' or 'squared'")
    if penalty not in ("elastic", "neurox"):
        raise OptionError(f"penalty is {penalty!r}; it may be 'elastic' or 'neurox'")
    if not tol > 0:
        raise OptionError(f"tol is {tol}; it must be above 0")
    if max_iter < 1:
        raise OptionError(f"max_iter is {max_iter}; it must be at least 1")
    for problem in problems:
        for strength in ("l1", "l2"):
            value = getattr(problem, strength)
            if not (np.isfinite(value) and value >= 0):
                raise OptionError(f"{strength} is {value}; it must be finite and at least 0")
        if not 0 <= problem.share_power <= 1:
            raise OptionError(f"share_power is {problem.share_power}; it must be from 0 to 1")
        if problem.share_power and (loss == "squared" or penalty == "neurox"):
            other = "squared loss" if loss == "squared" else "neurox penalty"
            raise OptionError(f"share_power is {problem.share_power}; with the {other} it must be 0")
