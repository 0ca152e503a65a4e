"""A model of one problem's curvature, and the step that minimises model plus penalty.

The model is c G, G the covariance of X's features (one matrix for all outputs), bent by the last few steps as L-BFGS
bends a multiple of the identity. It costs d^2 per output to apply, not n d, and G already holds what makes word
vectors slow: their correlation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from isogloss.numerics.elastic_net.penalties import Penalty
from isogloss.numerics.onednn import LaidOut, gains

MEMORY = 12
RECENT = 5
STEPS = 40
ACCURACY = 0.1
HALF_FROM = 1024
"""Features from which the model is multiplied in bfloat16, where the processor does that in hardware."""


class Covariance:
    """Products with the covariance G (d, d) of the features and a free intercept of variance 1.

    Parameters
    ----------
    matrix : (d, d); made a little larger on its diagonal, for features that are copies of each other.
    """

    def __init__(self, matrix: Tensor) -> None:
        matrix.diagonal().add_(1e-3 * matrix.diagonal().mean().clamp_min(1e-12))
        self._multiply: Callable[[Tensor], Tensor] = matrix.__rmatmul__
        if len(matrix) >= HALF_FROM and matrix.dtype == torch.float32 and _multiplies_halves(matrix.device):
            # Only the way to the optimum depends on it: steps are judged by the data, in full precision.
            half = LaidOut(matrix.bfloat16())
            self._multiply = lambda weights: half(weights.bfloat16()).float()
        elif gains(matrix.dtype, matrix.device):
            self._multiply = LaidOut(matrix)

    def __call__(self, weights: Tensor, rescale: Tensor | None) -> Tensor:
        """Multiply (outputs, d + 1); `rescale` (d,) goes from the covariance's coordinates to the problem's."""
        inner = weights[:, :-1] if rescale is None else weights[:, :-1] * rescale
        inner = inner.contiguous()
        product = self._multiply(inner)
        return torch.cat([product if rescale is None else product * rescale, weights[:, -1:]], dim=1)


class Model:
    """The curvature B of one problem, (outputs x (d + 1)) squared, in compact form.

    Byrd, Nocedal, Schnabel 1994 (doi:10.1007/BF01582063), eq. 2.17, from B0 = c G. c is the largest
    of the last few curvatures y's / s'Gs: a smaller one makes steps too long.

    Parameters
    ----------
    covariance : G.
    rescale : see `Covariance`.
    curvature : the first c.
    """

    def __init__(self, covariance: Covariance, rescale: Tensor | None, curvature: float) -> None:
        self._covariance, self._rescale = covariance, rescale
        self._first = curvature
        self._top: Tensor | None = None
        self.forget()

    def forget(self) -> None:
        """Back to c G with the first c."""
        self._steps: deque[Tensor] = deque(maxlen=MEMORY)
        self._changes: deque[Tensor] = deque(maxlen=MEMORY)
        self._images: deque[Tensor] = deque(maxlen=MEMORY)
        self._ratios: deque[float] = deque(maxlen=RECENT)
        self._c = self._first
        self._columns: Tensor | None = None
        self._middle: Tensor | None = None

    @property
    def bent(self) -> bool:
        """Whether it holds any step."""
        return bool(self._steps)

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Take in how the gradient changed along a step."""
        along = float((step * change).sum(dtype=torch.float64))
        if along <= 1e-10 * float(torch.linalg.vector_norm(step)) * float(torch.linalg.vector_norm(change)):
            return
        image = self._covariance(step, self._rescale)
        self._steps.append(step.flatten())
        self._changes.append(change.flatten())
        self._images.append(image.flatten())
        self._ratios.append(along / float((step * image).sum(dtype=torch.float64)))
        self._c = max(max(self._ratios), 1e-6)
        steps, changes = torch.stack(list(self._steps)), torch.stack(list(self._changes))
        images = self._c * torch.stack(list(self._images))
        products = (steps @ changes.T).double()
        lower, diagonal = products.tril(-1), products.diagonal().diag()
        middle = torch.cat(
            [torch.cat([(steps @ images.T).double(), lower], 1), torch.cat([lower.T, -diagonal], 1)], dim=0
        )
        # Scaled to a unit diagonal first: steps shrink by orders of magnitude on the way.
        size = middle.diagonal().abs().sqrt()
        inverse, failed = torch.linalg.inv_ex(middle / torch.outer(size, size))
        if int(failed) or not bool(torch.isfinite(inverse).all()):
            self.forget()
            return
        self._columns = torch.cat([images, changes])
        self._middle = (inverse / torch.outer(size, size)).to(step.dtype)

    def times(self, weights: Tensor) -> Tensor:
        """B applied to (outputs, d + 1)."""
        product = self._c * self._covariance(weights, self._rescale)
        if self._columns is not None and self._middle is not None:
            bent = self._middle @ (self._columns @ weights.reshape(-1))
            product -= (bent @ self._columns).view_as(product)
        return product

    def step(self, weights: Tensor, slopes: Tensor, penalty: Penalty) -> Tensor:
        """An approximate argmin over D of <slopes, D> + D'BD / 2 + r(weights + D), (outputs, d + 1).

        By FISTA (Beck & Teboulle 2009, doi:10.1137/080716542) with restarts (O'Donoghue & Candes 2015,
        doi:10.1007/s10208-013-9150-3), until its steps are a tenth of the first: a better step is not worth its time.
        """
        size = 1 / (1.1 * self._largest(weights))
        now, ahead, momentum, first = weights, weights, 1.0, 0.0
        for k in range(STEPS):
            gradient = slopes + self.times(ahead - weights) if k else slopes
            moved = ahead - size * gradient
            after = torch.cat([penalty.prox(moved[:, :-1], size), moved[:, -1:]], dim=1)
            back, change = ahead - after, after - now
            length = float(torch.linalg.vector_norm(back))
            first = first or length
            if float((back * change).sum()) > 0:
                momentum = 1.0
            following = (1 + (1 + 4 * momentum * momentum) ** 0.5) / 2
            ahead = after + ((momentum - 1) / following) * change
            now, momentum = after, following
            if length <= ACCURACY * first:
                break
        return now - weights

    def _largest(self, like: Tensor) -> float:
        """The largest eigenvalue of B, by power iteration from where the last one ended."""
        rounds = 4
        if self._top is None:
            # Outputs share G, so any start with a share of its first eigenvector in one output will do.
            self._top, rounds = torch.linspace(1, 2, like.numel(), device=like.device, dtype=like.dtype), 20
            self._top = self._top.view_as(like)
        size = 0.0
        for _ in range(rounds):
            image = self.times(self._top)
            size = float(torch.linalg.vector_norm(image))
            if not size:
                return 1e-12
            self._top = image / size
        return size


def _multiplies_halves(device: torch.device) -> bool:
    hardware = any(getattr(torch.cpu, f"_is_{name}_supported", bool)() for name in ("avx512_bf16", "amx_tile"))
    return device.type == "cpu" and hardware and gains(torch.bfloat16, device)
