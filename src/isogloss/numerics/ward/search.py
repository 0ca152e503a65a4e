"""The nearest few of many clusters for each of some, from matrix products, with bounds that hold in every case.

For a cluster q and a column c let x be its mean as it is stored (float64) and x^ what the product sees (float32 or
bfloat16). All vectors of one `SearchMatrix` are differences from one origin, divided by one power of two, none longer
than 1. The product computes

    S = q^.c^ - A_q - A_c,    A_x = 1/2 [ (1 - rho - 2.02 gamma - 2^-21) |x|^2 - (1 + 1/rho) |x - x^|^2 ],

and -2 S, as computed, is at most |q - c|^2. Proof. By Cauchy and Schwarz

    q.c <= q^.c^ + |q - q^| |c| + |q^| |c - c^|.

With s_x = |x - x^|, by 2uv <= u^2 / rho + rho v^2 for any rho > 0

    s_q |c| + (|q| + s_q) s_c <= 1/2 [ s_q^2 / rho + rho |c|^2 + s_c^2 / rho + rho |q|^2 + s_q^2 + s_c^2 ].

The K terms of the product are summed in float32 in an order that is not known, so its error is at most gamma times the
sum of their magnitudes, gamma = K u / (1 - K u), u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed. 2002, sections 3.1 and 4.2: true of any order, and of fused operations), which is at most
|q^| |c^| + A_q + A_c <= 1.01 (|q|^2 + |c|^2). Products of two bfloat16 numbers are exact in float32. Adding up,
S >= q.c - |q|^2 / 2 - |c|^2 / 2. A_x is stored in pieces whose sum is off by at most 2^-22 |x|^2, and what may
underflow is below 1e-30; a bfloat16 result is rounded once more, by 2^-8 of itself at most.

This is a worst case, not a likelihood: at K = 768 in float32 the bound loses 2 gamma = 9e-5 of |q|^2 + |c|^2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from isogloss.numerics.onednn import LaidOut, gains
from isogloss.numerics.room import empty_tensor
from isogloss.numerics.ward.clusters import Clusters

_UNIT = 2.0**-24
_GROUPS = 32
_TILE_BYTES = 8 << 20
"""Of the columns that are multiplied at once."""
_CELLS = {"cpu": 1 << 20, "cuda": 1 << 26}
"""Products held at once; 4 MB of float32, which a processor's cache holds."""
_WORTH_LAYING_OUT = 192
"""Queries from which on laying a tile's columns out pays."""


class SearchMatrix:
    """The means of some clusters, as the product sees them.

    Parameters
    ----------
    clusters : where the means come from.
    slots : (m,) the clusters that are the columns.
    dtype : torch.float32 or torch.bfloat16.
    origin : (d,) float64 in the frame of `clusters`; None for its zero, the mean of the data.
    """

    def __init__(self, clusters: Clusters, slots: Tensor, dtype: torch.dtype, origin: Tensor | None = None) -> None:
        self.clusters, self.dtype, self.origin = clusters, dtype, origin
        self.pieces = 1 if dtype == torch.float32 else 3
        # Where the two parts of the rounding bound balance: the usual |x - x^| / |x|.
        self.rho = 2.0**-25.5 if dtype == torch.float32 else 2.0**-9.2
        self._rounded = 2.0**-20 if dtype == torch.float32 else 2.0**-8
        terms = clusters.width + 2 * self.pieces
        self.gamma = terms * _UNIT / (1 - terms * _UNIT)
        self.products = 0
        """Multiplications of two numbers so far, for measurements."""
        self.scale = 1.0 if origin is None else self._reach(slots, origin)
        self._set(slots, empty_tensor((_padded(len(slots)), terms), dtype, clusters.device))
        self.update(slots)

    def _set(self, slots: Tensor, columns: Tensor) -> None:
        self.slots, self.columns = slots, columns
        device = self.clusters.device
        self.position = torch.full((len(self.clusters.alive),), -1, dtype=torch.int32, device=device)
        self.position[slots] = torch.arange(len(slots), dtype=torch.int32, device=device)
        columns[len(slots) :] = 0
        columns[len(slots) :, -self.pieces] = -torch.inf
        self._inverse = torch.ones(len(columns), dtype=torch.float32, device=device)
        self._inverse[: len(slots)] = (1 / self.clusters.weight[slots]).float()
        self._equal = bool((self.clusters.weight[slots] == 1).all())

    def _vectors(self, slots: Tensor) -> Tensor:
        vectors = self.clusters.means(slots)
        return vectors if self.origin is None else vectors.sub_(self.origin).div_(self.scale)

    def _reach(self, slots: Tensor, origin: Tensor) -> float:
        largest = 0.0
        for part in self.clusters.blocks(len(slots)):
            vectors = self.clusters.means(slots[part]).sub_(origin)
            largest = max(largest, float(torch.linalg.vector_norm(vectors, dim=1).max()))
        return 2.0 ** (torch.frexp(torch.tensor(largest))[1].item() + 1) if largest > 0 else 1.0

    def update(self, slots: Tensor) -> None:
        """Take over the means and weights of columns that have changed."""
        d, pieces = self.clusters.width, self.pieces
        where = self.position[slots].long()
        for part in self.clusters.blocks(len(slots)):
            vectors = self._vectors(slots[part])
            seen = vectors.to(self.dtype)
            lengths = vectors.square().sum(dim=1)
            losses = vectors.sub_(seen).square_().sum(dim=1)
            share = 1 - self.rho - 2.02 * self.gamma - 2.0**-21
            left = -0.5 * (share * lengths - (1 + 1 / self.rho) * losses)
            block = torch.ones((len(vectors), self.columns.shape[1]), dtype=self.dtype, device=vectors.device)
            block[:, :d] = seen
            for i in range(pieces):
                block[:, d + pieces + i] = left.to(self.dtype)
                left = left - block[:, d + pieces + i].double()
            self.columns[where[part]] = block
        self._inverse[where] = (1 / self.clusters.weight[slots]).float()
        self._equal &= not len(slots) or bool((self.clusters.weight[slots] == 1).all())

    def remove(self, slots: Tensor) -> None:
        """Never find these columns again."""
        self.columns[self.position[slots].long(), -self.pieces] = -torch.inf

    def compact(self, slots: Tensor) -> None:
        """Keep only these columns, a subset in increasing position; in place."""
        where = self.position[slots].long()
        for part in self.clusters.blocks(len(slots)):
            # Rows only ever move towards the front, past rows that were moved before them.
            self.columns[part] = self.columns[where[part]]
        self._set(slots, self.columns[: _padded(len(slots))])

    def nearest(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Find k clusters with the smallest bounds for each of some columns, and a bound for all others.

        Parameters
        ----------
        queries : (m,) slots that are columns here.
        k : how many.

        Returns
        -------
        (m, k) int64 slots, -1 where there are fewer; (m, k) float64 lower bounds of the Ward distances in the frame,
        increasing, infinite where there is no slot; (m,) float64 lower bounds for every column not listed.
        """
        m, device = len(queries), self.clusters.device
        best = torch.full((m, k + 1), -torch.inf, device=device)
        found = torch.full((m, k + 1), -1, dtype=torch.int64, device=device)
        self.products += m * len(self.slots) * self.clusters.width
        with _full_precision():
            for start, stop in self._tiles():
                tile = self.columns[start:stop]
                laid_out = None
                if m >= _WORTH_LAYING_OUT and gains(self.dtype, device):
                    laid_out = LaidOut(tile)
                step = max(8, _CELLS.get(device.type, 1 << 20) // (stop - start))
                for begin in range(0, m, step):
                    rows = slice(begin, begin + step)
                    values, columns = self._tile_best(queries[rows], tile, laid_out, start, k + 1)
                    merged = torch.cat([best[rows], values], dim=1)
                    best[rows], order = merged.topk(k + 1, dim=1)
                    found[rows] = torch.cat([found[rows], columns], dim=1).gather(1, order)
        return self._bounds(best, found, k)

    def squares(self, queries: Tensor) -> Tensor:
        """Lower bounds of the squared distances from (m,) columns to all, (m, columns) float32; infinite where none.

        In the frame and not weighted.
        """
        with _full_precision():
            product = torch.mm(self._swapped(queries), self.columns.T).float()
        return product.mul_(-2 * (1 - self._rounded) * self.scale**2).sub_(1e-30 * self.scale**2)

    def _swapped(self, queries: Tensor) -> Tensor:
        vectors = self.columns[self.position[queries].long()]
        d, pieces = self.clusters.width, self.pieces
        vectors[:, d : d + pieces] = vectors[:, d + pieces :]
        vectors[:, d + pieces :] = 1
        return vectors

    def _tile_best(
        self, queries: Tensor, tile: Tensor, laid_out: LaidOut | None, start: int, k: int
    ) -> tuple[Tensor, Tensor]:
        at = self.position[queries].long()
        vectors = self._swapped(queries)
        product = (laid_out(vectors) if laid_out else torch.mm(vectors, tile.T)).float()
        own = ((at >= start) & (at < start + len(tile))).nonzero().view(-1)
        product[own, at[own] - start] = -torch.inf
        if not self._equal:
            product.div_(self._inverse[at][:, None] + self._inverse[start : start + len(tile)])
        values, columns = _largest(product, min(k, len(tile)))
        return (values / 2 if self._equal else values), columns + start

    def _tiles(self) -> Iterator[tuple[int, int]]:
        most = max(_GROUPS, _TILE_BYTES // (self.columns.element_size() * self.columns.shape[1]))
        count = -(-len(self.columns) // most)
        width = _padded(-(-len(self.columns) // count))
        for start in range(0, len(self.columns), width):
            yield start, min(start + width, len(self.columns))

    def _bounds(self, best: Tensor, found: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        # d^2 = -2 S and 2 w w' / (w + w') = 2 / (1 / w + 1 / w'); `best` is S / (1 / w + 1 / w').
        bounds = best.double().mul_(-4 * (1 - self._rounded) * self.scale**2).sub_(1e-30 * self.scale**2).clamp_(min=0)
        none = best == -torch.inf
        bounds[none] = torch.inf
        slots = self.slots[found[:, :k].clamp(0, len(self.slots) - 1)]
        slots[none[:, :k]] = -1
        return slots, bounds[:, :k], bounds[:, k]


def _padded(length: int) -> int:
    return -(-max(length, 1) // _GROUPS) * _GROUPS


def _largest(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row and their columns. Long rows are first searched by the maxima of groups of columns.

    The k largest lie in at most k groups, and the k groups with the largest maxima are such.
    """
    m, width = values.shape
    each = width // _GROUPS
    if each <= 2 * k or width % _GROUPS:
        best, columns = values.topk(k, dim=1)
        return best, columns
    grouped = values.view(m, _GROUPS, each)
    groups = grouped.amax(dim=1).topk(k, dim=1, sorted=False).indices
    members = grouped.gather(2, groups[:, None, :].expand(m, _GROUPS, k)).view(m, -1)
    best, order = members.topk(k, dim=1)
    return best, torch.div(order, k, rounding_mode="floor") * each + groups.gather(1, order % k)


@contextmanager
def _full_precision() -> Iterator[None]:
    """No TensorFloat-32, no bfloat16 inside float32 products, no coarse sums: the bounds count on float32."""
    precision = torch.get_float32_matmul_precision()
    matmul: Any = torch.backends.cuda.matmul
    coarse = matmul.allow_bf16_reduced_precision_reduction
    torch.set_float32_matmul_precision("highest")
    matmul.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        matmul.allow_bf16_reduced_precision_reduction = coarse
