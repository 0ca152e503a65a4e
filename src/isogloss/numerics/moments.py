"""Second moments of two streams of paired rows in one pass: memory O(d^2), whatever the number of rows.

Sums are kept about an origin near the mean (the mean of the first block), so that float32 products lose
nothing to a large offset, and are accumulated in float64; the exact mean is put in at the end. What a
debiased HSIC needs besides (sums of products of squared row norms about the exact mean) is carried along by
the same expansion.
Moments of disjoint rows add: `a + b`. What is computed from moments (CKA, Procrustes) is not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch


@dataclass(frozen=True)
class PairMoments:
    """Sums over n paired rows x_i (dx), y_i (dy), taken about (`origin_x`, `origin_y`); float64.

    With a_i = |x_i|^2 and b_i = |y_i|^2 about the same origin:

    Attributes
    ----------
    n : number of rows.
    sum_x, sum_y : sum_i x_i (dx,), sum_i y_i (dy,).
    xx, yy, xy : sum_i x_i x_i' (dx, dx), sum_i y_i y_i' (dy, dy), sum_i x_i y_i' (dx, dy).
    ax, bx, ay, by : sum_i a_i x_i (dx,) and so on.
    aa, ab, bb : sum_i a_i a_i, sum_i a_i b_i, sum_i b_i b_i.
    identical : every row of X equals its row of Y, bit for bit; all sums of X and Y are then equal too.
    epsilon : rounding unit of the products (float32 or float64).
    """

    n: int
    origin_x: np.ndarray
    origin_y: np.ndarray
    sum_x: np.ndarray
    sum_y: np.ndarray
    xx: np.ndarray
    yy: np.ndarray
    xy: np.ndarray
    ax: np.ndarray
    ay: np.ndarray
    bx: np.ndarray
    by: np.ndarray
    aa: float
    ab: float
    bb: float
    identical: bool
    epsilon: float

    def about(self, origin_x: np.ndarray, origin_y: np.ndarray) -> PairMoments:
        """Return the same sums taken about another origin (exact expansion, no data needed)."""
        n, p, q = self.n, origin_x - self.origin_x, origin_y - self.origin_y
        sx, sy = self.sum_x, self.sum_y
        A, B = float(np.trace(self.xx)), float(np.trace(self.yy))
        D, E = float(p @ p), float(q @ q)
        psx, qsy = float(p @ sx), float(q @ sy)
        xxp, xyq = self.xx @ p, self.xy @ q
        moved = replace(
            self,
            origin_x=origin_x,
            sum_x=sx - n * p,
            xx=self.xx - np.outer(sx, p) - np.outer(p, sx) + n * np.outer(p, p),
            ax=self.ax - A * p - 2 * xxp + 2 * psx * p + D * sx - n * D * p,
            aa=self.aa + 4 * float(p @ xxp) + n * D * D - 4 * float(p @ self.ax) + 2 * D * A - 4 * D * psx,
        )
        if self.identical:
            return _mirrored(moved)
        xyp, yyq = self.xy.T @ p, self.yy @ q
        return replace(
            moved,
            origin_y=origin_y,
            sum_y=sy - n * q,
            yy=self.yy - np.outer(sy, q) - np.outer(q, sy) + n * np.outer(q, q),
            xy=self.xy - np.outer(sx, q) - np.outer(p, sy) + n * np.outer(p, q),
            ay=self.ay - A * q - 2 * xyp + 2 * psx * q + D * sy - n * D * q,
            bx=self.bx - B * p - 2 * xyq + 2 * qsy * p + E * sx - n * E * p,
            by=self.by - B * q - 2 * yyq + 2 * qsy * q + E * sy - n * E * q,
            ab=self.ab
            - 2 * float(q @ self.ay)
            - 2 * float(p @ self.bx)
            + 4 * float(p @ xyq)
            + E * A
            + D * B
            - 2 * E * psx
            - 2 * D * qsy
            + n * D * E,
            bb=self.bb + 4 * float(q @ yyq) + n * E * E - 4 * float(q @ self.by) + 2 * E * B - 4 * E * qsy,
        )

    def __add__(self, other: PairMoments) -> PairMoments:
        """Moments of both sets of rows together.

        Raises
        ------
        ValueError : the widths differ.
        """
        if self.xy.shape != other.xy.shape:
            raise ValueError(f"moments of widths {self.xy.shape} cannot be added to {other.xy.shape}")
        rest = other.about(self.origin_x, self.origin_y)
        sums = ("n", "sum_x", "sum_y", "xx", "yy", "xy", "ax", "ay", "bx", "by", "aa", "ab", "bb")
        total = replace(
            self,
            **{name: getattr(self, name) + getattr(rest, name) for name in sums},
            identical=self.identical and other.identical,
            epsilon=max(self.epsilon, other.epsilon),
        )
        return _mirrored(total) if total.identical else total

    @cached_property
    def centred(self) -> PairMoments:
        """The same sums about the exact means; `xx`, `yy`, `xy` are then the centred scatter matrices."""
        return self.about(self.mean_x, self.mean_y)

    @property
    def mean_x(self) -> np.ndarray:
        """Mean row of X, (dx,)."""
        return self.origin_x + self.sum_x / self.n

    @property
    def mean_y(self) -> np.ndarray:
        """Mean row of Y, (dy,)."""
        return self.origin_y + self.sum_y / self.n

    @property
    def cxx(self) -> np.ndarray:
        """Centred scatter of X: sum_i (x_i - mean)(x_i - mean)', (dx, dx); not divided by n."""
        return self.centred.xx

    @property
    def cyy(self) -> np.ndarray:
        """Centred scatter of Y, (dy, dy)."""
        return self.centred.yy

    @property
    def cxy(self) -> np.ndarray:
        """Centred cross-scatter, (dx, dy)."""
        return self.centred.xy

    def is_constant(self, side: str) -> bool:
        """Whether all rows of X (`side` "x") or Y ("y") are the same vector, up to rounding."""
        mean, scatter = (self.mean_x, self.cxx) if side == "x" else (self.mean_y, self.cyy)
        rounding = (8 * np.finfo(np.float64).eps) ** 2 * self.n * float(mean @ mean)
        return bool(np.trace(scatter) <= rounding)


def _mirrored(moments: PairMoments) -> PairMoments:
    """Put the sums of X in the place of those of Y: exactly equal, whatever the order of summation."""
    m = moments
    return replace(m, origin_y=m.origin_x, sum_y=m.sum_x, yy=m.xx, xy=m.xx, ay=m.ax, bx=m.ax, by=m.ax, ab=m.aa, bb=m.aa)


class MomentStream:
    """Accumulates `PairMoments` block by block.

    Parameters
    ----------
    dtype : float32 (products at full speed, relative error about 1e-6) or float64.
    device : torch device of the products; sums are kept on the CPU in float64.
    """

    def __init__(self, dtype: type = np.float32, device: str = "cpu") -> None:
        self.dtype = np.dtype(dtype)
        self.device = device
        self.n = 0
        self._sums: dict[str, np.ndarray] = {}
        self._scalars = np.zeros(3)
        self._origin: tuple[np.ndarray, np.ndarray] | None = None
        self._identical = True

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add rows: x (rows, dx), y (rows, dy), any float dtype.

        Raises
        ------
        ValueError : the numbers of rows differ, a width differs from that of earlier blocks, or a value is
            NaN or infinite (the row is named).
        """
        if x.ndim != 2 or y.ndim != 2:
            raise ValueError(f"X and Y must be two-dimensional, (n, d); got shapes {x.shape} and {y.shape}")
        if len(x) != len(y):
            raise ValueError(f"the rows must be the same words: X has {len(x)} rows, Y has {len(y)} rows")
        if not len(x):
            return
        same = _equal(x, y)
        if self._origin is None:
            self._origin = self._first_origin(x), self._first_origin(y)
        ox, oy = self._origin
        if x.shape[1] != len(ox) or y.shape[1] != len(oy):
            raise ValueError(f"blocks changed width: ({x.shape[1]}, {y.shape[1]}) after ({len(ox)}, {len(oy)}) columns")
        self._identical &= same
        xt = self._shifted(x, ox)
        # Identical rows with identical origins: one set of products serves both, and is exactly equal.
        shared = same and np.array_equal(ox, oy)
        yt = xt if shared else self._shifted(y, oy)
        a = torch.linalg.vector_norm(xt, dim=1).square()
        b = a if shared else torch.linalg.vector_norm(yt, dim=1).square()
        a64, b64 = a.double(), b.double()
        scalars = np.array([float(a64 @ a64), float(a64 @ b64), float(b64 @ b64)])
        if not np.isfinite(scalars).all():
            _explain_not_finite(x, y, self.n)
        columns = torch.stack([torch.ones_like(a), a, b], dim=1)
        sx = torch.mm(xt.T, columns).cpu().numpy()
        sy = sx if shared else torch.mm(yt.T, columns).cpu().numpy()
        xx = torch.mm(xt.T, xt).cpu().numpy()
        yy = xx if shared else torch.mm(yt.T, yt).cpu().numpy()
        xy = xx if shared else torch.mm(xt.T, yt).cpu().numpy()
        for name, value in (("sx", sx), ("sy", sy), ("xx", xx), ("yy", yy), ("xy", xy)):
            if name in self._sums:
                self._sums[name] += value
            else:
                self._sums[name] = value.astype(np.float64)
        self._scalars += scalars
        self.n += len(x)

    def result(self) -> PairMoments:
        """Return the moments of all rows added so far.

        Raises
        ------
        ValueError : nothing was added.
        """
        if self._origin is None:
            raise ValueError("no rows: moments need at least one")
        sx, sy = self._sums["sx"], self._sums["sy"]
        moments = PairMoments(
            n=self.n,
            origin_x=self._origin[0].astype(np.float64),
            origin_y=self._origin[1].astype(np.float64),
            sum_x=sx[:, 0],
            sum_y=sy[:, 0],
            xx=self._sums["xx"],
            yy=self._sums["yy"],
            xy=self._sums["xy"],
            ax=sx[:, 1],
            bx=sx[:, 2],
            ay=sy[:, 1],
            by=sy[:, 2],
            aa=float(self._scalars[0]),
            ab=float(self._scalars[1]),
            bb=float(self._scalars[2]),
            identical=self._identical,
            epsilon=float(np.finfo(self.dtype).eps),
        )
        return _mirrored(moments) if self._identical else moments

    def _first_origin(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(x, dtype=np.float64).mean(axis=0).astype(self.dtype)

    def _shifted(self, x: np.ndarray, origin: np.ndarray) -> torch.Tensor:
        with np.errstate(invalid="ignore", over="ignore"):
            shifted = np.subtract(x, origin).astype(self.dtype, copy=False)
        return torch.from_numpy(np.ascontiguousarray(shifted)).to(self.device)


def _equal(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two blocks are equal, answered from the first row where they are not (the usual case)."""
    return x.shape == y.shape and bool(np.array_equal(x[0], y[0])) and bool(np.array_equal(x, y))


def _explain_not_finite(x: np.ndarray, y: np.ndarray, first_row: int) -> None:
    for name, block in (("X", x), ("Y", y)):
        bad = ~np.isfinite(np.asarray(block, dtype=np.float64)).all(axis=1)
        if bad.any():
            raise ValueError(f"{name} holds NaN or infinity in row {first_row + int(np.argmax(bad))}")
    raise ValueError("values are too large for sums of squares in this precision; scale X and Y down or use float64")


def pair_moments(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    groups: np.ndarray | None = None,
    n_groups: int = 1,
    *,
    dtype: type = np.float32,
    device: str = "cpu",
) -> list[PairMoments | None]:
    """Moments of each group of rows, in one pass; their sum (`+`) is the moments of all rows.

    Parameters
    ----------
    blocks : pairs of (rows, dx) and (rows, dy) blocks.
    groups : (n,) integers in [0, n_groups), the group of each row; None puts all rows in one group.
    n_groups : number of groups; memory is O(n_groups d^2).
    dtype, device : as in `MomentStream`.

    Returns
    -------
    one entry per group; None for a group without rows.
    """
    streams = [MomentStream(dtype, device) for _ in range(n_groups)]
    start = 0
    for x, y in blocks:
        if groups is None:
            streams[0].add(x, y)
        else:
            of_block = groups[start : start + len(x)]
            for group, stream in enumerate(streams):
                rows = np.flatnonzero(of_block == group)
                if len(rows):
                    stream.add(x[rows], y[rows])
        start += len(x)
    return [stream.result() if stream.n else None for stream in streams]
