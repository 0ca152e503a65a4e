"""Matrix products in oneDNN with one factor laid out for it beforehand, where torch alone takes longer.

torch multiplies float32 matrices with MKL, which on processors of other makers than Intel leaves AVX-512 unused: there
oneDNN takes half the time, and the results differ in the last bits only. bfloat16 matrices it multiplies with oneDNN
anyway, but lays a factor out anew at every call.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from isogloss.numerics.processor import has_operators, of_intel

DTYPES = (torch.float32, torch.bfloat16)
"""What can be laid out."""


class LaidOut:
    """A (outputs, inputs) matrix kept in oneDNN's layout; memory of one copy of it.

    Call it with (rows, inputs) vectors of the same dtype to have vectors @ matrix.T (+ bias), (rows, outputs).
    """

    def __init__(self, matrix: Tensor) -> None:
        operators: Any = torch.ops.mkldnn
        self._multiply = operators._linear_pointwise
        self._matrix: Tensor = operators._reorder_linear_weight(matrix.contiguous(), None)

    def __call__(self, vectors: Tensor, bias: Tensor | None = None) -> Tensor:
        """Multiply."""
        product: Tensor = self._multiply(vectors, self._matrix, bias, "none", [], "")
        return product


def gains(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether `LaidOut` is there and faster than torch's own product for this dtype on this device."""
    faster = dtype == torch.bfloat16 or (dtype == torch.float32 and slow_mkl())
    return device.type == "cpu" and faster and available()


@cache
def slow_mkl() -> bool:
    """Whether float32 products go through an MKL that leaves this processor's AVX-512 unused."""
    capable = torch.backends.mkl.is_available() and torch.backends.cpu.get_cpu_capability() == "AVX512"
    return capable and not of_intel()


def available() -> bool:
    """Whether this torch has oneDNN and the two operators."""
    operators = has_operators("mkldnn", "_reorder_linear_weight", "_linear_pointwise")
    return operators and torch.backends.mkldnn.is_available()
