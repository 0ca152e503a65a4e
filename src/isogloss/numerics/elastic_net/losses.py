"""The two losses of one problem: value and residuals on a block of rows, and what the dual bound needs of them.

Every loss is a mean with row weights a_i that sum to 1, of convex functions of the outputs z_i = W x_i + b.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from isogloss.numerics.elastic_net.penalties import Penalty


@dataclass
class Sums:
    """Sums over rows, float64: the loss, and two sums that its conjugate is made of."""

    loss: float = 0.0
    first: float = 0.0
    second: float = 0.0

    def add(self, other: Sums) -> None:
        """Add the sums of other rows."""
        self.loss += other.loss
        self.first += other.first
        self.second += other.second


class RowLoss(Protocol):
    """What the solver asks of a loss."""

    outputs: int
    curvature: float
    """A bound on the second derivative, in any direction of the outputs of one row."""

    def null(self) -> Tensor:
        """(outputs,) best intercepts without weights."""
        ...

    def evaluate(self, outputs: Tensor, rows: slice) -> tuple[Sums, Tensor]:
        """Sums over these rows, and their weighted residuals (rows, outputs): the derivatives by the outputs."""
        ...

    def value(self, outputs: Tensor, rows: slice) -> float:
        """The loss summed over these rows."""
        ...

    def dual(self, sums: Sums, g: Tensor, gb: Tensor, null: Tensor, mean: Tensor, penalty: Penalty) -> float:
        """A lower bound on the optimum, from the residuals at this point made feasible."""
        ...


class Multinomial:
    """Cross-entropy of softmax outputs.

    Parameters
    ----------
    codes : (n,) classes; any value where the weight is 0.
    weights : (n,) float64, sum 1.
    classes : number of classes.
    """

    curvature = 0.5
    """Boehning 1992 (doi:10.1007/BF00048682): diag(p) - p p' is at most (I - 11'/K) / 2."""

    def __init__(
        self, codes: np.ndarray, weights: np.ndarray, classes: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.outputs = classes
        self.codes = torch.from_numpy(np.maximum(codes, 0)).to(device)
        self.weights = torch.from_numpy(weights).to(device, dtype)
        self.shares = torch.from_numpy(np.bincount(np.maximum(codes, 0), weights, classes)).to(device)
        self.all_rows = bool((weights > 0).all())

    def null(self) -> Tensor:
        """Logarithms of the classes' shares."""
        return self.shares.log().to(self.weights.dtype)

    def evaluate(self, outputs: Tensor, rows: slice) -> tuple[Sums, Tensor]:
        """Loss; `first` is the sum of a_i sum_k p_ik log p_ik."""
        a, codes = self.weights[rows], self.codes[rows, None]
        logs = torch.log_softmax(outputs, dim=1)
        p = logs.exp()
        loss = -float((a * logs.gather(1, codes)[:, 0]).sum(dtype=torch.float64))
        # A probability of 0 has a logarithm of at least -1e38 in log_softmax, so the product is 0.
        entropy = float((a * (p * logs).sum(dim=1)).sum(dtype=torch.float64))
        p.scatter_add_(1, codes, torch.full_like(p[:, :1], -1.0))
        return Sums(loss, entropy), p.mul_(a[:, None])

    def value(self, outputs: Tensor, rows: slice) -> float:
        """The loss alone."""
        own = outputs.gather(1, self.codes[rows, None])[:, 0]
        return float((self.weights[rows] * (outputs.logsumexp(dim=1) - own)).sum(dtype=torch.float64))

    def dual(self, sums: Sums, g: Tensor, gb: Tensor, null: Tensor, mean: Tensor, penalty: Penalty) -> float:
        """Dual value of probabilities near the present ones.

        The dual problem is to maximise - sum_i a_i sum_k q_ik log q_ik - r*(-sum_i a_i (q_i - e_{y_i}) x_i') over
        probabilities q_i whose weighted mean is the classes' shares (as the intercepts are free). With the present
        probabilities p_i, of mean p_bar, q_i = s ((1 - t) p_i + t v) + (1 - s) e_{y_i} is such a point: t is the
        least for which v = (shares - (1 - t) p_bar) / t is a probability, 0 when the intercepts' gradient is 0. The
        negative entropy is convex, so the mixture has at most the mixture of the three, that of e_y being 0; the
        slopes are s ((1 - t) g + t (g_null + (v - shares) mean')).

        Parameters
        ----------
        sums : of the present outputs.
        g, gb : (K, d), (K,) gradients by weights and intercepts.
        null : (K, d) gradient at the null model.
        mean : (d,) weighted mean of the rows.
        penalty : r.
        """
        g, gb, null, mean = g.double(), gb.double(), null.double(), mean.double()
        present = self.shares + gb
        t = float((gb / present.clamp_min(1e-300)).max().clamp(0, 1))
        entropy = (1 - t) * sums.first
        if t > 0:
            v = ((self.shares - (1 - t) * present) / t).clamp_min(0)
            entropy += t * float(torch.special.xlogy(v, v).sum())
            g = (1 - t) * g + t * (null + torch.outer(v - self.shares, mean))
        return best_factor(lambda s: -s * entropy - penalty.conjugate(g, s), penalty.largest_factor(g))


class Squared:
    """Half the squared error, summed over outputs.

    Parameters
    ----------
    targets : (n, t).
    weights : (n,) float64, sum 1.
    """

    curvature = 1.0

    def __init__(self, targets: np.ndarray, weights: np.ndarray, dtype: torch.dtype, device: torch.device) -> None:
        self.outputs = targets.shape[1]
        self.targets = torch.from_numpy(targets).to(device, dtype)
        self.weights = torch.from_numpy(weights).to(device, dtype)
        self.means = torch.from_numpy(weights @ targets).to(device)
        self.all_rows = bool((weights > 0).all())

    def null(self) -> Tensor:
        """Means of the targets."""
        return self.means.to(self.weights.dtype)

    def evaluate(self, outputs: Tensor, rows: slice) -> tuple[Sums, Tensor]:
        """Loss; `first` and `second` are the sums of a_i e_i^2 and a_i e_i t_i, e_i = z_i - t_i."""
        a, targets = self.weights[rows, None], self.targets[rows]
        errors = outputs - targets
        weighted = a * errors
        squares = float((weighted * errors).sum(dtype=torch.float64))
        return Sums(squares / 2, squares, float((weighted * targets).sum(dtype=torch.float64))), weighted

    def value(self, outputs: Tensor, rows: slice) -> float:
        """The loss alone."""
        return float((self.weights[rows, None] * (outputs - self.targets[rows]).square()).sum(dtype=torch.float64)) / 2

    def dual(self, sums: Sums, g: Tensor, gb: Tensor, null: Tensor, mean: Tensor, penalty: Penalty) -> float:
        """Dual value of the present errors e_i, less their mean, times s.

        The dual problem is to maximise - sum_i a_i (|e_i|^2 / 2 + e_i t_i) - r*(-sum_i a_i e_i x_i') over errors of
        weighted mean 0. Parameters as for `Multinomial.dual`.
        """
        g, gb = g.double(), gb.double()
        g = g - torch.outer(gb, mean.double())
        squares = sums.first - float(gb @ gb)
        along = sums.second - float(gb @ self.means)
        return best_factor(
            lambda s: -s * s / 2 * squares - s * along - penalty.conjugate(g, s), penalty.largest_factor(g)
        )


def best_factor(bound: object, largest: float) -> float:
    """The largest of a concave function on [0, largest], by golden section; every value of it is a valid bound."""
    assert callable(bound)
    ratio = (math.sqrt(5) - 1) / 2
    low, high = 0.0, largest
    best = bound(largest)
    if best > bound(0.97 * largest) > -math.inf:
        low = 0.97 * largest
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = bound(left), bound(right)
    for _ in range(14):
        best = max(best, at_left, at_right)
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = bound(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = bound(right)
    return max(best, at_left, at_right)
