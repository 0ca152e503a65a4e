"""Solves many elastic-net problems on one matrix together, each to a certified gap.

A proximal quasi-Newton method (Lee, Sun, Saunders 2014, doi:10.1137/130921428): per iteration, each problem chooses a
step on a model of its curvature that needs no data (`metric`); then all problems share one pass over X, which gives
the outputs along the steps, the objective there, and the next gradients. Chooses no penalties and scores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isogloss.errors import OptionError
from isogloss.numerics.elastic_net.design import Design
from isogloss.numerics.elastic_net.fit import Fit
from isogloss.numerics.elastic_net.losses import Multinomial
from isogloss.numerics.elastic_net.prepare import prepare
from isogloss.numerics.elastic_net.problem import Loss, PenaltyName, Problem, Solution, check_options
from isogloss.progress import SILENT, Progress


def solve(
    X: Any,
    problems: Sequence[Problem],
    *,
    loss: Loss = "multinomial",
    penalty: PenaltyName = "elastic",
    standardize: bool = False,
    tol: float = 1e-3,
    max_iter: int = 100,
    start: Sequence[Solution | None] | None = None,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
    progress: Progress = SILENT,
) -> list[Solution]:
    """Minimise, for each problem, mean loss + penalty over weights W (outputs, d) and free intercepts.

    loss "multinomial": weighted mean of the cross-entropy in nats of softmax(W x + b).
    loss "squared": weighted mean of |W x + b - t|^2 / 2.
    penalty "elastic": l1 * sum |W| + l2 / 2 * sum W^2.
    penalty "neurox": l1 * sum |W| + l2 * ||W||_F, the norm not squared.
    `Problem.share_power` makes the elastic penalty weaker for rarer classes.

    A problem is done when its duality gap, a bound on its distance from the optimum that holds up to rounding, is at
    most tol * (objective of the best intercepts alone); or when five iterations lowered its objective by at most
    tol * objective: under weak penalties (1e-5, nearly separable classes) the bound is loose long after predictions
    have settled. `Solution.stopped` says which. The gap comes from the residuals at hand, made feasible for the dual
    problem (`losses`); it costs no pass. What is done leaves the batch. Deterministic; the result does not depend on
    what else is in the batch, up to rounding.

    Parameters
    ----------
    X : (n, d) array, memory map, tensor, or an object with `.shape` and `.blocks(rows)` that yields consecutive row
        blocks. Never copied as a whole. Memory beyond X: outputs, 2 n times all problems' outputs; d^2 for the
        features' covariance; 40 times the weights.
    problems : what to fit; see `Problem`.
    standardize : penalise the weights of features of standard deviation 1. Coefficients are in X's units all the same.
    tol : see above.
    max_iter : passes over X at most, apart from three to begin with.
    start : solutions to start from (None for 0), e.g. of a neighbouring l1.
    device : torch device of the products.
    dtype : float32 or float64; None for float64 if X is, else float32. Losses and gradients are summed in float64.
    progress : told each problem that is done.

    Returns
    -------
    one `Solution` for each problem, in order.

    Raises
    ------
    OptionError : X holds NaN or infinity (row and column are named), a problem does not fit X or has one class
        only, an option has no such value.
    """
    check_options(problems, loss, penalty, tol, max_iter)
    if start is not None and len(start) != len(problems):
        raise OptionError(f"start has {len(start)} solutions for {len(problems)} problems; give one for each, or None")
    design = Design(X, dtype, device)
    prepared = prepare(design, problems, loss, penalty, standardize)
    fits = prepared.fits
    for fit, (pulled, sums) in zip(fits, _pass(design, fits, moving=False), strict=True):
        fit.arrive(pulled, sums)
        rescale = (fit.scale / prepared.base).to(design.dtype)
        fit.start_from_null(prepared.covariance, None if bool((rescale == 1).all()) else 1 / rescale)
    if start is not None and any(given is not None for given in start):
        _warm_start(design, fits, start)
    with progress.task("probes", len(fits), "probes") as advance:
        active = [fit for fit in fits if not fit.judge(tol)]
        advance(len(fits) - len(active))
        for _ in range(max_iter):
            if not active:
                break
            _iterate(design, active)
            left = [fit for fit in active if not fit.judge(tol)]
            advance(len(active) - len(left))
            active = left
        for fit in active:
            fit.certify()
        advance(len(active))
    return [_solution(fit, mean, scale) for fit, (mean, scale) in zip(fits, prepared.own, strict=True)]


def _pass(design: Design, fits: Sequence[Fit], moving: bool) -> list[tuple[Tensor, Tensor]]:
    """One pass for these fits: residuals after their directions (moving) or as they are; pulled, and summed."""
    ends = np.cumsum([fit.loss.outputs for fit in fits]).tolist()
    spans = [slice(end - fit.loss.outputs, end) for end, fit in zip(ends, fits, strict=True)]
    weights = offsets = None
    if moving:
        raws = [fit.raw_step() for fit in fits]
        weights = torch.cat([coef for coef, _ in raws]).to(design.dtype)
        offsets = torch.cat([offset for _, offset in raws]).to(design.dtype)
    for fit in fits:
        fit.begin()

    def visit(rows: slice, outputs: Tensor | None) -> Tensor:
        shown = [
            fit.show(rows, None if outputs is None else outputs[:, span]) for fit, span in zip(fits, spans, strict=True)
        ]
        return shown[0] if len(shown) == 1 else torch.cat(shown, dim=1)

    pulled, sums = design.sweep(weights, offsets, ends[-1], visit)
    return [(pulled[span], sums[span]) for span in spans]


def _iterate(design: Design, fits: Sequence[Fit]) -> None:
    """A step of each problem: one pass, and another for those whose whole step was too long."""
    for fit in fits:
        fit.aim()
    shorter: list[tuple[Fit, float]] = []
    for fit, (pulled, sums) in zip(fits, _pass(design, fits, moving=True), strict=True):
        if fit.accepts():
            fit.accept(pulled, sums)
        elif length := fit.search(design.rows):
            shorter.append((fit, length))
        else:
            fit.give_up()
    if shorter:
        results = _pass(design, [fit for fit, _ in shorter], moving=False)
        for (fit, length), (pulled, sums) in zip(shorter, results, strict=True):
            fit.accept(pulled, sums, length)


def _warm_start(design: Design, fits: Sequence[Fit], start: Sequence[Solution | None]) -> None:
    """Move to the given solutions where they are better than no weights at all."""
    given = []
    for i, (fit, solution) in enumerate(zip(fits, start, strict=True)):
        if solution is None:
            continue
        if np.shape(solution.coef) != (fit.loss.outputs, design.d):
            raise OptionError(
                f"the start of problem {i} has coefficients of shape {np.shape(solution.coef)}; "
                f"the problem has {(fit.loss.outputs, design.d)}"
            )
        fit.direction = fit.from_raw(solution.coef, solution.intercept) - fit.weights
        given.append(fit)
    for fit, (pulled, sums) in zip(given, _pass(design, given, moving=True), strict=True):
        if fit.would_be() < fit.objective:
            fit.jump(pulled, sums)


def _solution(fit: Fit, mean: Tensor, scale: Tensor) -> Solution:
    coef, intercept = fit.raw(fit.weights)
    if isinstance(fit.loss, Multinomial):
        # Softmax does not see a shift of all intercepts.
        intercept = intercept - intercept.mean()
    return Solution(
        coef=coef.cpu().numpy(),
        intercept=intercept.cpu().numpy(),
        objective=fit.objective,
        gap=fit.gap,
        null_objective=fit.null_objective,
        n_iter=fit.n_iter,
        stopped=fit.stopped or "max_iter",
        mean=mean.cpu().numpy(),
        scale=scale.cpu().numpy(),
    )
