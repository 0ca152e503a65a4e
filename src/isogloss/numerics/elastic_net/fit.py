"""One problem on its way to its optimum: its weights, outputs, gradient and certificate.

Knows nothing of X: what X gives (outputs, pulled residuals) is handed to it.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from torch import Tensor

from isogloss.numerics.elastic_net.losses import RowLoss, Sums
from isogloss.numerics.elastic_net.metric import Covariance, Model
from isogloss.numerics.elastic_net.penalties import Penalty
from isogloss.numerics.room import empty_tensor

SHORTEST = 2.0**-10
DECREASE = 1e-4
PROGRESS_OVER = 5
CERTIFY_EVERY = 5


class Fit:
    """State of one problem. Weights live in coordinates v = w * scale, on centred features.

    Parameters
    ----------
    loss, penalty : in these coordinates.
    mean, scale : (d,) of the coordinates; float64.
    own_mean : (d,) weighted mean of the rows less `mean`, divided by `scale`.
    constant : (d,) bool, features that carry nothing; their weights stay 0.
    n : number of rows.
    """

    def __init__(
        self,
        loss: RowLoss,
        penalty: Penalty,
        mean: Tensor,
        scale: Tensor,
        own_mean: Tensor,
        constant: Tensor,
        n: int,
        dtype: torch.dtype,
    ) -> None:
        self.loss, self.penalty = loss, penalty
        self.mean, self.scale, self.own_mean, self.constant = mean, scale, own_mean, constant
        k, d = loss.outputs, len(scale)
        self.weights = torch.zeros(k, d + 1, dtype=dtype, device=scale.device)
        self.weights[:, -1] = loss.null()
        self.outputs = empty_tensor((n, k), dtype, scale.device)
        self.outputs[:] = self.weights[:, -1]
        self.direction = torch.zeros_like(self.weights)
        self.changes: Tensor | None = None
        self.model: Model | None = None
        self.slopes = torch.zeros_like(self.weights)
        self.null_slopes = self.weights[:, :-1]
        self.sums = Sums()
        self.objective = self.null_objective = 0.0
        self.dual = -float("inf")
        self.n_iter = 0
        self.predicted = 0.0
        self.stopped = ""
        self._objectives: deque[float] = deque(maxlen=PROGRESS_OVER + 1)

    @property
    def gap(self) -> float:
        """Objective less the best lower bound so far."""
        return max(0.0, self.objective - self.dual)

    def raw(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Weights (k, d) and intercepts (k,) for X's own units, float64."""
        coef = weights[:, :-1].double() / self.scale
        return coef, weights[:, -1].double() - coef @ self.mean

    def from_raw(self, coef: Any, intercept: Any) -> Tensor:
        """The inverse of `raw`."""
        coef = torch.as_tensor(coef, dtype=torch.float64, device=self.scale.device)
        intercept = torch.as_tensor(intercept, dtype=torch.float64, device=self.scale.device)
        weights = torch.cat([coef * self.scale, (intercept + coef @ self.mean)[:, None]], dim=1)
        weights[:, :-1][:, self.constant] = 0
        return weights.to(self.weights.dtype)

    def show(self, rows: slice, changes: Tensor | None) -> Tensor:
        """Take the change of these rows' outputs along the direction (None: no change); residuals after it."""
        outputs = self.outputs[rows]
        if changes is not None:
            if self.changes is None:
                self.changes = empty_tensor(tuple(self.outputs.shape), self.outputs.dtype, self.outputs.device)
            self.changes[rows] = changes
            outputs = outputs + changes
        sums, residuals = self.loss.evaluate(outputs, rows)
        self._trial.add(sums)
        return residuals

    def begin(self) -> None:
        """Before a pass: forget the sums of the last."""
        self._trial = Sums()

    def aim(self) -> None:
        """Choose the next direction."""
        assert self.model is not None
        for _ in range(2):
            self.direction = self.model.step(self.weights, self.slopes, self.penalty)
            moved = self.weights + self.direction
            along = float((self.slopes.double() * self.direction).sum())
            self.predicted = along + self._penalty(moved) - self._penalty(self.weights)
            if self.predicted < 0 or not self.model.bent:
                return
            self.model.forget()

    def arrive(self, pulled: Tensor, residual_sums: Tensor) -> None:
        """After a pass at the present weights."""
        self.sums = self._trial
        self.slopes = self._slopes(pulled, residual_sums)
        self.objective = self.sums.loss + self._penalty(self.weights)

    def start_from_null(self, covariance: Covariance, rescale: Tensor | None) -> None:
        """Keep what the null model gave."""
        self.null_slopes = self.slopes[:, :-1].clone()
        self.null_objective = self.objective
        self.model = Model(covariance, rescale, self.loss.curvature)
        self.certify()

    def raw_step(self) -> tuple[Tensor, Tensor]:
        """The direction in X's own units."""
        return self.raw(self.direction)

    def would_be(self) -> float:
        """The objective after the whole step, after a pass along it."""
        return self._trial.loss + self._penalty(self.weights + self.direction)

    def accepts(self) -> bool:
        """Whether the whole step lowers the objective enough."""
        return self.would_be() <= self._allowed(1.0)

    def jump(self, pulled: Tensor, residual_sums: Tensor) -> None:
        """Take the whole step, of which nothing is learnt."""
        assert self.changes is not None
        self.outputs += self.changes
        self.weights = self.weights + self.direction
        self.arrive(pulled, residual_sums)

    def give_up(self) -> None:
        """No step along the direction helps: forget what bent the model, or stop where nothing did."""
        assert self.model is not None
        if not self.model.bent:
            self.stopped = "rounding"
        self.model.forget()
        self.n_iter += 1

    def accept(self, pulled: Tensor, residual_sums: Tensor, length: float = 1.0) -> None:
        """Take the step of this length, of which the last pass gave residuals."""
        assert self.model is not None
        if length == 1.0 and self.changes is not None:
            self.outputs += self.changes
        slopes = self._slopes(pulled, residual_sums)
        self.weights = self.weights + length * self.direction
        self.model.learn(length * self.direction, slopes - self.slopes)
        self.slopes, self.sums = slopes, self._trial
        self.objective = self.sums.loss + self._penalty(self.weights)
        self.n_iter += 1

    def search(self, rows: int) -> float:
        """Halve the step until the objective falls enough, and move the outputs; 0 where no step does."""
        assert self.changes is not None
        length = 0.5
        spans = [slice(at, min(at + rows, len(self.outputs))) for at in range(0, len(self.outputs), rows)]
        while length >= SHORTEST:
            value = sum(self.loss.value(self.outputs[s] + length * self.changes[s], s) for s in spans)
            if value + self._penalty(self.weights + length * self.direction) <= self._allowed(length):
                self.outputs += length * self.changes
                return length
            length /= 2
        return 0.0

    def certify(self) -> None:
        """Raise the lower bound on the optimum."""
        g, gb = self.slopes[:, :-1], self.slopes[:, -1]
        bound = self.loss.dual(self.sums, g, gb, self.null_slopes, self.own_mean, self.penalty)
        self.dual = max(self.dual, bound)

    def judge(self, tol: float) -> bool:
        """Whether this problem is done; `stopped` says why."""
        self._objectives.append(self.objective)
        fallen = self._objectives[0] - self.objective
        if not self.stopped and len(self._objectives) > PROGRESS_OVER and fallen <= tol * abs(self.objective):
            self.stopped = "progress"
        if self.stopped or self.n_iter % CERTIFY_EVERY == 0:
            self.certify()
        if self.gap <= tol * self.null_objective:
            self.stopped = "gap"
        if self.stopped:
            self.changes = None
        return bool(self.stopped)

    def _allowed(self, length: float) -> float:
        # The objective itself is known to rounding only.
        slack = torch.finfo(self.weights.dtype).eps * abs(self.objective)
        return self.objective + DECREASE * length * min(self.predicted, 0.0) + slack

    def _penalty(self, weights: Tensor) -> float:
        return self.penalty.value(weights[:, :-1])

    def _slopes(self, pulled: Tensor, residual_sums: Tensor) -> Tensor:
        slopes = (pulled - torch.outer(residual_sums, self.mean)) / self.scale
        slopes[:, self.constant] = 0
        return torch.cat([slopes, residual_sums[:, None]], dim=1).to(self.weights.dtype)
