"""Runs a model's linear maps in oneDNN, with the weights laid out for it once, where torch takes longer.

Why and when that is, `numerics.onednn` says. As with packing nothing is believed: each shape is tried, and a model
whose maps do not agree keeps torch's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from isogloss.models.blocks import is_spread
from isogloss.models.forwards import Forward, other_forwards
from isogloss.numerics.onednn import LaidOut, gains

AGREE = 80
"""Units in the last place, of the largest value, by which two products may differ (1e-5 in float32)."""


def helps(module: nn.Module) -> bool:
    """Whether this model, where it is now, runs its linear maps faster so.

    On a CPU: in bfloat16, and in float32 where MKL is slow. Not where weights come and go while it runs.
    """
    if is_spread(module):
        return False
    parameter = next(module.parameters())
    return gains(parameter.dtype, parameter.device)


def faster_linear(module: nn.Module) -> AbstractContextManager[None]:
    """While open, the linear maps inside `module` run in oneDNN; its weights must not change meanwhile."""
    return other_forwards(module, _forward)


def _forward(part: nn.Module) -> Forward | None:
    # Subclasses may do more than multiply, so only the two plain kinds are replaced.
    if type(part) is nn.Linear:
        weight = part.weight
    elif type(part) is Conv1D:
        weight = part.weight.T.contiguous()
    else:
        return None
    bias: Tensor | None = part.bias
    laid_out = LaidOut(weight.detach())

    def forward(vectors: Tensor) -> Tensor:
        return laid_out(vectors, bias)

    example = torch.linspace(-1, 1, 2 * weight.shape[1]).view(2, -1).to(weight.dtype)
    expected = nn.functional.linear(example, weight, bias)
    within = AGREE * torch.finfo(weight.dtype).eps * expected.abs().max()
    return forward if bool((forward(example) - expected).abs().max() <= within) else None
