"""Runs a model's activation functions in the memory of what they are given.

The inner layer of a feed-forward network is the largest thing a block makes. Written over, it stays where the processor
has it; a second one beside it has to come from the memory, which takes longer than the function itself. The bits are
the same. As with packing nothing is believed: it is tried whether a model needs what is written over. Its weights never
are.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers.activations import GELUActivation, GELUTanh, SiLUActivation

from isogloss.models.forwards import Forward, other_forwards

_gelu_: Any = torch.ops.aten.gelu_
_silu_ = partial(nn.functional.silu, inplace=True)


def activations_in_place(module: nn.Module) -> AbstractContextManager[None]:
    """While open, known activation functions inside `module` write over what they are given."""
    return other_forwards(module, _forward)


def _forward(part: nn.Module) -> Forward | None:
    over = _over(part)
    if over is None:
        return None
    plain = part.forward

    def forward(given: Tensor) -> Tensor:
        # Weights were not made in inference mode; what a pass makes is.
        return over(given) if given.is_inference() else plain(given)

    return forward


def _over(part: nn.Module) -> Forward | None:
    # Subclasses may do something else.
    if type(part) is GELUActivation and part.act is nn.functional.gelu:
        return _gelu_
    if type(part) is GELUTanh and getattr(part.act, "func", None) is nn.functional.gelu:
        return partial(_gelu_, approximate="tanh")
    if type(part) is nn.GELU:
        return partial(_gelu_, approximate=part.approximate)
    if type(part) in (nn.SiLU, SiLUActivation):
        return _silu_
    if type(part) is nn.ReLU:
        return torch.relu_
    return None
