"""Runs a model's linear maps in oneDNN, with the weights laid out for it once, where torch takes longer.

torch multiplies float32 matrices with MKL, which on processors of other makers than Intel leaves AVX-512 unused: there
oneDNN takes half the time, and the results differ in the last bits only. bfloat16 matrices it multiplies with oneDNN
anyway, but lays the weights out anew at every call.
As with packing nothing is believed: each shape is tried, and a model whose maps do not agree keeps torch's.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

AGREE = 80
"""Units in the last place, of the largest value, by which two products may differ (1e-5 in float32)."""


def helps(module: nn.Module) -> bool:
    """Whether this model, where it is now, runs its linear maps faster so.

    On a CPU: in bfloat16, and in float32 where MKL is slow.
    """
    parameter = next(module.parameters())
    gains = parameter.dtype == torch.bfloat16 or (parameter.dtype == torch.float32 and _slow_mkl())
    return parameter.device.type == "cpu" and gains and _available()


@contextmanager
def faster_linear(module: nn.Module) -> Iterator[None]:
    """While open, the linear maps inside `module` run in oneDNN; its weights must not change meanwhile."""
    changed: list[nn.Module] = []
    try:
        for part in module.modules():
            if (forward := _forward(part)) is not None:
                part.forward = forward
                changed.append(part)
        yield
    finally:
        for part in changed:
            del part.forward


def _forward(part: nn.Module) -> Callable[[Tensor], Tensor] | None:
    # Subclasses may do more than multiply, so only the two plain kinds are replaced.
    if type(part) is nn.Linear:
        weight = part.weight
    elif type(part) is Conv1D:
        weight = part.weight.T.contiguous()
    else:
        return None
    bias: Tensor | None = part.bias
    operators: Any = torch.ops.mkldnn
    laid_out = operators._reorder_linear_weight(weight.detach(), None)

    def forward(vectors: Tensor) -> Tensor:
        return operators._linear_pointwise(vectors, laid_out, bias, "none", [], "")

    example = torch.linspace(-1, 1, 2 * weight.shape[1]).view(2, -1).to(weight.dtype)
    expected = nn.functional.linear(example, weight, bias)
    within = AGREE * torch.finfo(weight.dtype).eps * expected.abs().max()
    return forward if bool((forward(example) - expected).abs().max() <= within) else None


def _slow_mkl() -> bool:
    if not torch.backends.mkl.is_available() or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    info = Path("/proc/cpuinfo")
    described = info.read_text() if info.exists() else platform.processor()
    return "GenuineIntel" not in described


def _available() -> bool:
    operators: Any = getattr(torch.ops, "mkldnn", None)
    if operators is None or not torch.backends.mkldnn.is_available():
        return False
    try:
        return operators._reorder_linear_weight is not None and operators._linear_pointwise is not None
    except AttributeError:
        return False
