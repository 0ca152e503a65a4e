"""Runs a model's linear maps with the weights laid out once, where torch lays them out at every call or takes longer.

Why and when that is, `numerics.onednn` and `numerics.mkl` say. As with packing nothing is believed: each map is tried,
and those that do not agree keep torch's product.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from isogloss.models.blocks import is_spread
from isogloss.models.forwards import Forward, other_forwards
from isogloss.numerics import mkl, onednn

AGREE = 80
"""Units in the last place, of the largest value, by which two products may differ (1e-5 in float32)."""

LIBRARIES = {"onednn": onednn, "mkl": mkl}
"""What may run a linear map in torch's place, by name."""

LARGEST_FOR_MKL = 2 << 30
"""Bytes of weights that are kept twice for MKL: the twentieth that it gains is not worth more memory."""


def fastest(module: nn.Module) -> str:
    """What runs this model's linear maps fastest where it is now: `torch`, or one of `LIBRARIES`.

    Always `torch` where weights come and go while the model runs.
    """
    if is_spread(module):
        return "torch"
    parameter = next(module.parameters())
    if onednn.gains(parameter.dtype, parameter.device):
        return "onednn"
    small = sum(weights.numel() * weights.itemsize for weights in module.parameters()) <= LARGEST_FOR_MKL
    return "mkl" if small and mkl.gains(parameter.dtype, parameter.device) else "torch"


def faster_linear(module: nn.Module, library: str) -> AbstractContextManager[None]:
    """While open, the linear maps inside `module` run in `library`; its weights must not change meanwhile.

    They are kept once more in that library's layout; `torch` changes nothing.
    """
    return nullcontext() if library == "torch" else other_forwards(module, partial(_forward, library=library))


def _forward(part: Any, library: str) -> Forward | None:
    # Subclasses may do more than multiply, so only the two plain kinds are replaced, and quantised weights are others'.
    if type(part) not in (nn.Linear, Conv1D):
        return None
    weight: Tensor = part.weight.data if type(part) is nn.Linear else part.weight.data.T
    bias: Tensor | None = part.bias
    if type(weight) is not Tensor or weight.layout != torch.strided or not weight.numel():
        return None
    if weight.dtype not in LIBRARIES[library].DTYPES or (bias is not None and bias.dtype != weight.dtype):
        return None
    laid_out = LIBRARIES[library].LaidOut(weight)

    def forward(input: Tensor) -> Tensor:  # noqa: A002 (nn.Linear calls it so)
        return laid_out(input, bias)

    example = torch.linspace(-1, 1, 2 * weight.shape[1]).view(2, -1).to(weight.dtype)
    expected = nn.functional.linear(example, weight, bias)
    within = AGREE * torch.finfo(weight.dtype).eps * expected.abs().max()
    return forward if bool((forward(example) - expected).abs().max() <= within) else None
