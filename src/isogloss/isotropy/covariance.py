"""The mean and the scatter of the words in one pass, float64, memory O(d^2).

Sums are taken about the mean of the first block, so that a large common offset costs no precision; the exact mean is
put in at the end. Nothing is inverted or decomposed here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Scatter:
    """Second moments of n words.

    Attributes
    ----------
    n : number of words.
    mean : (d,).
    centred : (d, d), sum_i (x_i - mean)(x_i - mean)'.
    """

    n: int
    mean: np.ndarray
    centred: np.ndarray

    @property
    def uncentred(self) -> np.ndarray:
        """W'W = sum_i x_i x_i', (d, d)."""
        return self.centred + self.n * np.outer(self.mean, self.mean)

    @property
    def constant_dimensions(self) -> int:
        """Dimensions in which all words are the same number, up to the rounding of float64."""
        rounding = (8 * np.finfo(np.float64).eps) ** 2 * self.n * np.square(self.mean)
        return int((np.diag(self.centred) <= rounding).sum())

    @property
    def is_constant(self) -> bool:
        """Whether all words are the same vector, up to the rounding of float64."""
        rounding = (8 * np.finfo(np.float64).eps) ** 2 * self.n * float(self.mean @ self.mean)
        return bool(np.trace(self.centred) <= rounding)


class ScatterStream:
    """Accumulates a `Scatter` block by block."""

    def __init__(self) -> None:
        self.n = 0
        self._origin = np.zeros(0)
        self._sum = np.zeros(0)
        self._products = np.zeros((0, 0))

    def add(self, block: np.ndarray) -> None:
        """Add (rows, d) float64 rows."""
        if not self.n:
            self._origin = block.mean(axis=0)
            self._sum, self._products = np.zeros_like(self._origin), np.zeros((block.shape[1], block.shape[1]))
        shifted = block - self._origin
        self._sum += shifted.sum(axis=0)
        # NumPy sees that both factors are one array and computes half of the symmetric product.
        self._products += shifted.T @ shifted
        self.n += len(block)

    def result(self) -> Scatter:
        """The moments of all rows so far; at least one."""
        return Scatter(
            n=self.n,
            mean=self._origin + self._sum / self.n,
            centred=self._products - np.outer(self._sum, self._sum) / self.n,
        )


def scatter_of(blocks: Iterable[np.ndarray]) -> Scatter:
    """Second moments of float64 row blocks."""
    stream = ScatterStream()
    for block in blocks:
        stream.add(block)
    return stream.result()
