"""float32 matrix products in MKL with one factor laid out for it beforehand.

On Intel's processors, torch multiplies float32 matrices with MKL, which lays both factors out anew at every call. For a
layer's weights that is a twentieth of the time with two thousand rows of vectors, and more than half of it with ten.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isogloss.numerics.processor import has_operators, of_intel

DTYPES = (torch.float32,)
"""What can be laid out."""

_ROWS = 2048
"""Rows of vectors that a layout is made for; it serves any number."""


class LaidOut:
    """A (outputs, inputs) float32 matrix in MKL's layout; memory of one copy of it.

    Call it with (..., inputs) float32 vectors to have vectors @ matrix.T (+ bias), (..., outputs).
    """

    def __init__(self, matrix: Tensor) -> None:
        operators: Any = torch.ops.mkl
        self._multiply = operators._mkl_linear
        self._matrix = matrix
        self._laid_out: Tensor = operators._mkl_reorder_linear_weight(matrix.contiguous(), _ROWS)

    def __call__(self, vectors: Tensor, bias: Tensor | None = None) -> Tensor:
        """Multiply."""
        # Told of another number of rows than it has, the operator would multiply with the plain matrix.
        rows = vectors.numel() // vectors.shape[-1]
        product: Tensor = self._multiply(vectors, self._laid_out, self._matrix, bias, rows)
        return product


def gains(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether `LaidOut` is there and faster than torch's own product for this dtype on this device."""
    return device.type == "cpu" and dtype == torch.float32 and available() and of_intel()


def available() -> bool:
    """Whether this torch has MKL and the two operators."""
    operators = has_operators("mkl", "_mkl_reorder_linear_weight", "_mkl_linear")
    return operators and torch.backends.mkl.is_available()
