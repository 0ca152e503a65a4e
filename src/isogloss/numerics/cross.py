"""One stream of rows against several others in one pass: centred cross-scatters, and what a debiased HSIC adds.

For one pair with the scatters of each side as well, see `moments`. What is computed from the sums is not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class CrossMoments:
    """Sums over n paired rows x_i (dx), y_i (dy) about the exact means; float64.

    Attributes
    ----------
    n : number of rows.
    xy : sum_i x_i y_i', (dx, dy).
    trace_x, trace_y : sum_i |x_i|^2 and sum_i |y_i|^2.
    ab : sum_i |x_i|^2 |y_i|^2.
    """

    n: int
    xy: np.ndarray
    trace_x: float
    trace_y: float
    ab: float


class CrossStream:
    """Accumulates `CrossMoments` of X with each of L others, block by block; memory O(L d^2).

    As in `MomentStream`, float32 products are taken about the mean of the first block and summed in float64; the
    exact means are put in at the end.

    Parameters
    ----------
    device : torch device of the products; sums are kept on the CPU.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.n = 0
        self._origins: list[np.ndarray] = []
        self._products: list[np.ndarray] = []
        # Columns: sums of the rows, of the rows times |x|^2, and (for X only) times |y|^2 of each of the others.
        self._weighted: list[np.ndarray] = []
        self._squares: np.ndarray = np.zeros((0, 0))

    def add(self, x: np.ndarray, ys: Sequence[np.ndarray]) -> None:
        """Add the same rows of X (rows, dx) and of every other stream (rows, dy_l).

        Raises
        ------
        ValueError : a stream holds NaN or infinity (or values too large to be squared).
        """
        blocks = [x, *ys]
        if not self._origins:
            with np.errstate(invalid="ignore", over="ignore"):
                self._origins = [block.mean(axis=0, dtype=np.float64).astype(np.float32) for block in blocks]
            dx = x.shape[1]
            self._products = [np.zeros((dx, y.shape[1])) for y in ys]
            self._weighted = [np.zeros((dx, 2 + len(ys))), *(np.zeros((y.shape[1], 2)) for y in ys)]
            self._squares = np.zeros((2, len(blocks)))
        with np.errstate(invalid="ignore", over="ignore"):
            shifted = [
                torch.from_numpy(np.subtract(block, origin, dtype=np.float32)).to(self.device)
                for block, origin in zip(blocks, self._origins, strict=True)
            ]
        squares = torch.stack([torch.linalg.vector_norm(block, dim=1).square() for block in shifted], dim=1)
        _refuse_not_finite(squares)
        columns = torch.cat([torch.ones_like(squares[:, :1]), squares], dim=1)
        for i, (total, block) in enumerate(zip(self._weighted, shifted, strict=True)):
            total += torch.mm(block.T, columns if i == 0 else columns[:, :2]).cpu().numpy()
        for product, block in zip(self._products, shifted[1:], strict=True):
            product += torch.mm(shifted[0].T, block).cpu().numpy()
        wide = squares.double()
        self._squares += torch.stack([wide.sum(dim=0), wide[:, 0] @ wide]).cpu().numpy()
        self.n += len(x)

    def result(self) -> list[CrossMoments]:
        """Return the moments of X with each of the others.

        Raises
        ------
        ValueError : nothing was added.
        """
        if not self.n:
            raise ValueError("no rows: a cross-scatter needs at least one")
        return [self._one(i) for i in range(len(self._products))]

    def _one(self, i: int) -> CrossMoments:
        n, of_x, of_y = self.n, self._weighted[0], self._weighted[i + 1]
        p, q = of_x[:, 0] / n, of_y[:, 0] / n
        D, E = float(p @ p), float(q @ q)
        A, B = float(self._squares[0, 0]), float(self._squares[0, i + 1])
        xy = self._products[i]
        # sum_i (|x|^2 - 2 p'x + D)(|y|^2 - 2 q'y + E), multiplied out.
        ab = float(self._squares[1, i + 1]) - 2 * float(q @ of_y[:, 1]) - 2 * float(p @ of_x[:, 2 + i])
        ab += 4 * float(p @ xy @ q) + E * A + D * B - 3 * n * D * E
        return CrossMoments(n, xy - n * np.outer(p, q), A - n * D, B - n * E, ab)


def _refuse_not_finite(squares: torch.Tensor) -> None:
    finite = torch.isfinite(squares).all(dim=0).tolist()
    if not all(finite):
        bad = finite.index(False)
        raise ValueError(f"NaN or infinity in {f'stream {bad} of the others' if bad else 'X'}")
