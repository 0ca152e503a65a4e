"""The matrix that all problems share: its blocks, its moments, and products with stacked weights and residuals.

X is never copied: centring and scaling are folded into the weights before a product and into the gradient after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isogloss.errors import OptionError
from isogloss.numerics.devices import choose_device
from isogloss.numerics.onednn import LaidOut, gains

BLOCK_BYTES = 8 << 20
"""Size of a row block: its second product still finds part of it in the cache."""

Visit = Callable[[slice, Tensor | None], Tensor]
"""From rows and their outputs (rows, stacked) to weighted residuals (rows, stacked)."""


class Design:
    """X (n, d), read in row blocks.

    Parameters
    ----------
    X : array, memory map, tensor, or anything with `.shape` and `.blocks(rows)` yielding consecutive row blocks.
    dtype : float32 or float64 of all products; None for float64 if X is, else float32.
    device : torch device of the products. X itself stays where it is, and each block is brought there.

    Raises
    ------
    OptionError : X is not two-dimensional, has no row or no column, or no numbers.
    """

    def __init__(self, X: Any, dtype: torch.dtype | None, device: str) -> None:
        if not hasattr(X, "blocks") and not isinstance(X, Tensor):
            X = np.asanyarray(X)
        if len(X.shape) != 2 or not X.shape[0] or not X.shape[1]:
            raise OptionError(f"X must be two-dimensional, (n, d), with rows and columns; got shape {tuple(X.shape)}")
        if isinstance(X, np.ndarray) and X.dtype.kind not in "fiubV":
            raise OptionError(f"X must hold numbers; got {X.dtype}")
        self.X = X
        self.n, self.d = int(X.shape[0]), int(X.shape[1])
        wide = str(getattr(X, "dtype", "")).endswith("float64")
        self.dtype = dtype or (torch.float64 if wide else torch.float32)
        self.device = choose_device(device)
        width = 8 if self.dtype == torch.float64 else 4
        self.rows = max(256, min(8192, BLOCK_BYTES // (width * self.d)))
        self._lay_out = gains(self.dtype, self.device)
        self.passes = 0

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Consecutive rows, and their block."""
        start = 0
        for block in self._raw_blocks():
            if isinstance(block, np.ndarray):
                if block.dtype.kind == "V" or not block.dtype.isnative:
                    block = block.astype(np.float32)
                elif not block.flags.writeable or any(stride < 0 for stride in block.strides):
                    # torch wraps neither without a warning or an error; a block's copy is soon gone.
                    block = block.copy()
                block = torch.from_numpy(block)
            yield slice(start, start + len(block)), block.to(self.device, self.dtype)
            start += len(block)
        if start != self.n:
            raise OptionError(f"X says it has {self.n} rows, its blocks have {start}")

    def moments(self, weights: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """Means (d,) and standard deviations (d,) of the rows, then of the rows under each of `weights` (n, m).

        float64. A deviation is 0 where a feature is constant up to rounding.

        Raises
        ------
        OptionError : a value is NaN or infinite; names its row and column.
        """
        origin, sums, squares = None, torch.zeros(self.d), torch.zeros(self.d)
        for rows, block in self.blocks():
            if origin is None:
                origin = block.mean(dim=0)
                of = 0 if weights is None else weights.shape[1]
                sums = torch.zeros(1 + of, self.d, dtype=torch.float64, device=self.device)
                squares = torch.zeros_like(sums)
                if not bool(torch.isfinite(origin).all()):
                    _explain_not_finite(block, 0)
            shifted = block - origin
            squared = shifted.square()
            sums[0] += shifted.sum(dim=0, dtype=torch.float64) / self.n
            squares[0] += squared.sum(dim=0, dtype=torch.float64) / self.n
            if not bool(torch.isfinite(squares[0]).all()):
                _explain_not_finite(block, rows.start)
            if weights is not None:
                a = weights[rows].to(block.dtype).T
                sums[1:] += a @ shifted
                squares[1:] += a @ squared
        assert origin is not None
        deviations = (squares - sums.square()).clamp_min(0).sqrt()
        means = sums + origin.double()
        # The mean of the squares of rounding errors is what is left of a constant feature.
        noise = 8 * torch.finfo(self.dtype).eps * torch.maximum(means.abs(), squares.sqrt())
        deviations = torch.where(deviations > noise, deviations, 0.0)
        if weights is None:
            return means[0], deviations[0], None, None
        return means[0], deviations[0], means[1:], deviations[1:]

    def gram(self, mean: Tensor, scale: Tensor, rows: int) -> Tensor:
        """Covariance (d, d) of at most `rows` evenly spaced rows after (x - mean) / scale: a model, not a result."""
        every = -(-self.n // rows)
        total = torch.zeros(self.d, self.d, dtype=self.dtype, device=self.device)
        mean, scale = mean.to(self.dtype), scale.to(self.dtype)
        seen = 0
        held: list[Tensor] = []
        for span, block in self.blocks():
            some = (block[-span.start % every :: every] - mean) / scale
            seen += len(some)
            held.append(some)
            if sum(map(len, held)) >= 2048 or span.stop == self.n:
                stacked = torch.cat(held)
                held = []
                if self.device.type == "cpu":
                    # NumPy knows A'A for symmetric and computes half of it.
                    array = stacked.numpy()
                    total += torch.from_numpy(array.T @ array)
                else:
                    total += stacked.T @ stacked
        return total / seen

    def sweep(
        self, weights: Tensor | None, offsets: Tensor | None, stacked: int, visit: Visit
    ) -> tuple[Tensor, Tensor]:
        """One pass: outputs X @ weights.T + offsets are shown to `visit` block by block, its residuals R pulled back.

        Parameters
        ----------
        weights : (stacked, d), or None to show no outputs.
        offsets : (stacked,).
        stacked : number of columns of the residuals.

        Returns
        -------
        R' X (stacked, d) and the sums of R (stacked,), summed over blocks in float64.
        """
        self.passes += 1
        pulled = torch.zeros(stacked, self.d, dtype=torch.float64, device=self.device)
        sums = torch.zeros(stacked, dtype=torch.float64, device=self.device)
        laid_out = LaidOut(weights.contiguous()) if weights is not None and self._lay_out else None
        for rows, block in self.blocks():
            outputs = None
            if laid_out is not None:
                outputs = laid_out(block, offsets)
            elif weights is not None and offsets is not None:
                outputs = torch.addmm(offsets, block, weights.T)
            residuals = visit(rows, outputs)
            pulled += residuals.T @ block
            sums += residuals.sum(dim=0, dtype=torch.float64)
        return pulled, sums

    def _raw_blocks(self) -> Iterator[Any]:
        if hasattr(self.X, "blocks"):
            yield from self.X.blocks(self.rows)
        else:
            for start in range(0, self.n, self.rows):
                yield self.X[start : start + self.rows]


def _explain_not_finite(block: Tensor, first_row: int) -> None:
    bad = torch.nonzero(~torch.isfinite(block))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        value = "NaN" if bool(torch.isnan(block[row, column])) else "inf"
        raise OptionError(f"X holds {value} in row {first_row + row}, column {column}; all values must be finite")
    raise OptionError("X holds values too large for sums of squares in this precision; scale it down or use float64")
