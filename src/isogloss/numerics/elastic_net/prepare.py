"""From problems to fits: losses, coordinates and penalties in them, and the features' covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isogloss.numerics.elastic_net.design import Design
from isogloss.numerics.elastic_net.fit import Fit
from isogloss.numerics.elastic_net.losses import Multinomial, RowLoss, Squared
from isogloss.numerics.elastic_net.metric import Covariance
from isogloss.numerics.elastic_net.penalties import Elastic, NeuroX, Penalty
from isogloss.numerics.elastic_net.problem import (
    Loss,
    PenaltyName,
    Problem,
    class_codes,
    row_weights,
    target_matrix,
)

ROWS = 8192
ROWS_PER_FEATURE = 4
"""The covariance is a model of curvature: so many rows give it well enough."""


@dataclass(frozen=True)
class Prepared:
    """Fits at their null models, and what they share.

    Attributes
    ----------
    fits : one for each problem.
    own : the mean and the scale to report for each problem, (d,) each.
    covariance : of X's features, each divided by `base`.
    base : (d,) deviations of the features, 1 where constant.
    """

    fits: list[Fit]
    own: list[tuple[Tensor, Tensor]]
    covariance: Covariance
    base: Tensor


def prepare(
    design: Design, problems: Sequence[Problem], loss: Loss, penalty: PenaltyName, standardize: bool
) -> Prepared:
    """Check the problems, read X's moments and covariance (two passes), and choose coordinates.

    All problems of the elastic penalty share coordinates in which features have deviation 1, and the penalty of each
    feature is scaled to mean the same. The group of the un-squared norm allows none but its own.
    """
    names = [f"problem {i}" for i in range(len(problems))]
    weights = [row_weights(problem, design.n, name) for problem, name in zip(problems, names, strict=True)]
    losses: list[RowLoss] = []
    for problem, a, name in zip(problems, weights, names, strict=True):
        if loss == "multinomial":
            codes, classes = class_codes(problem, a, name)
            losses.append(Multinomial(codes, a, classes, design.dtype, design.device))
        else:
            losses.append(Squared(target_matrix(problem, design.n, name), a, design.dtype, design.device))
    uneven = [i for i, a in enumerate(weights) if a.min() != a.max()]
    stacked = torch.from_numpy(np.stack([weights[i] for i in uneven], axis=1)) if uneven else None
    mean, deviation, means, deviations = design.moments(None if stacked is None else stacked.to(design.device))
    constant = deviation == 0
    base = torch.where(constant, 1.0, deviation)
    covariance = Covariance(design.gram(mean, base, max(ROWS, ROWS_PER_FEATURE * design.d)))
    own = [(mean, base if standardize else torch.ones_like(base)) for _ in problems]
    for column, i in enumerate(uneven):
        assert means is not None
        assert deviations is not None
        scale = torch.where(deviations[column] > 0, deviations[column], 1.0)
        own[i] = means[column], scale if standardize else torch.ones_like(base)
    fits = []
    for problem, row_loss, (own_mean, own_scale) in zip(problems, losses, own, strict=True):
        scale = base if penalty == "elastic" else own_scale
        ratio = own_scale / scale
        chosen: Penalty = (
            _elastic(problem, row_loss, ratio, design.dtype) if penalty == "elastic" else NeuroX(problem.l1, problem.l2)
        )
        centre = (own_mean - mean) / scale
        fits.append(Fit(row_loss, chosen, mean, scale, centre, constant, design.n, design.dtype))
    return Prepared(fits, own, covariance, base)


def _elastic(problem: Problem, row_loss: RowLoss, ratio: Tensor, dtype: torch.dtype) -> Elastic:
    """The penalty of weights that are `ratio` (d,) times those that the strengths are meant for."""
    l1, l2 = problem.l1 * ratio, problem.l2 * ratio.square()
    if problem.share_power and isinstance(row_loss, Multinomial):
        of_class = (row_loss.outputs * row_loss.shares)[:, None] ** problem.share_power
        l1, l2 = of_class * l1, of_class * l2
    return Elastic(l1.to(dtype), l2.to(dtype))
