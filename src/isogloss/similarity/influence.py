"""What each word adds to CKA and to the Procrustes similarity: exact derivatives, in one pass.

If word i counted w_i times, a measure T would be a smooth function of w; its influence is dT/dw_i at w = 1.
The means move too, but the scatter matrices do not feel that to first order, because centred rows sum to
zero. So d Cxy / dw_i = x_i y_i' with centred rows, and the chain rule gives the rest:

    log CKA            2 x_i'Cxy y_i / |Cxy|^2  -  x_i'Cxx x_i / |Cxx|^2  -  y_i'Cyy y_i / |Cyy|^2
    log(|Cxy|_* / ..)  x_i' U V' y_i / |Cxy|_*  -  |x_i|^2 / (2 tr Cxx)  -  |y_i|^2 / (2 tr Cyy)

with Cxy = U S V'. The debiased numerators are U-statistics, so a word's product with itself is left out of
its share.
Summed over the words of a sentence these feed the linearised bootstrap. Nothing is resampled here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch

from isogloss.numerics import PairMoments
from isogloss.similarity.cka import DEBIASED_ROWS, hsic_terms
from isogloss.similarity.procrustes import polar_factor


@dataclass(frozen=True)
class Influences:
    """Influence of each word on each measure, (n,) float64 each.

    They sum to about 0 and are exactly 0 for equal spaces. `procrustes` is that on r = |X'Y|_* / (|X|_F
    |Y|_F), of which the distance is 2 - 2 r.
    `debiased` is zero where debiased CKA is not defined.
    """

    cka: np.ndarray
    debiased: np.ndarray
    procrustes: np.ndarray
    r: float


def influences(
    moments: PairMoments, blocks: Iterable[tuple[np.ndarray, np.ndarray]], *, device: str = "cpu"
) -> Influences:
    """Differentiate CKA, debiased CKA and the Procrustes similarity by the weight of each word.

    Parameters
    ----------
    moments : of all the rows of `blocks`; neither side constant.
    blocks : the same rows again, pairs of (rows, dx) and (rows, dy). Memory is O(d^2 + n).
    device : torch device of the products.
    """
    n = moments.n
    if moments.identical:
        return Influences(np.zeros(n), np.zeros(n), np.zeros(n), 1.0)
    rotation, nuclear = polar_factor(moments.cxy, drop_null_space=True)
    trace_x, trace_y = float(np.trace(moments.cxx)), float(np.trace(moments.cyy))
    dx = moments.cxx.shape[0]
    # One product per side: [Cxx, Cxy, UV'] for X, Cyy for Y, in units that keep float32 in range.
    unit_xy, unit_xx, unit_yy = sqrt(trace_x * trace_y), trace_x, trace_y
    maps = np.concatenate([moments.cxx / unit_xx, moments.cxy / unit_xy, rotation], axis=1)
    x_maps = torch.from_numpy(maps.astype(np.float32)).to(device)
    y_map = torch.from_numpy((moments.cyy / unit_yy).astype(np.float32)).to(device)
    mean_x, mean_y = moments.mean_x.astype(np.float32), moments.mean_y.astype(np.float32)
    columns: list[np.ndarray] = []
    for x_block, y_block in blocks:
        x = torch.from_numpy(np.subtract(x_block, mean_x, dtype=np.float32)).to(device)
        y = torch.from_numpy(np.subtract(y_block, mean_y, dtype=np.float32)).to(device)
        mapped = torch.mm(x, x_maps)
        to_y = mapped[:, dx:].reshape(len(x), 2, -1)
        forms = torch.stack(
            [
                (mapped[:, :dx] * x).sum(dim=1),
                (torch.mm(y, y_map) * y).sum(dim=1),
                (to_y[:, 0] * y).sum(dim=1),
                (to_y[:, 1] * y).sum(dim=1),
                (x * x).sum(dim=1),
                (y * y).sum(dim=1),
            ],
            dim=1,
        )
        columns.append(forms.cpu().numpy().astype(np.float64))
    q_xx, q_yy, q_xy, q_rotation, a, b = np.concatenate(columns).T
    q_xx, q_yy, q_xy = q_xx * unit_xx, q_yy * unit_yy, q_xy * unit_xy

    cross, own_x, own_y = hsic_terms(moments)
    cka = cross / sqrt(own_x * own_y) * (2 * q_xy / cross - q_xx / own_x - q_yy / own_y)
    r = nuclear / sqrt(trace_x) / sqrt(trace_y)
    procrustes = r * (q_rotation / nuclear - a / (2 * trace_x) - b / (2 * trace_y))
    return Influences(cka, _debiased(moments, (q_xy, q_xx, q_yy), a, b), procrustes, min(r, 1.0))


def _debiased(
    moments: PairMoments, forms: tuple[np.ndarray, np.ndarray, np.ndarray], a: np.ndarray, b: np.ndarray
) -> np.ndarray:
    """Influence on debiased CKA: shares of the U-statistics of `hsic_terms`, through the ratio."""
    n = moments.n
    if n < DEBIASED_ROWS:
        return np.zeros(n)
    terms = hsic_terms(moments, debiased=True)
    if min(terms[1], terms[2]) <= 0:
        return np.zeros(n)
    shares = []
    for form, p, q in zip(forms, (a, a, b), (b, a, b), strict=True):
        mean_product = (p * q.sum() + q * p.sum()) / ((n - 1) * (n - 2))
        shares.append(2 * form - 2 * n / (n - 2) * p * q + mean_product)
    cross, own_x, own_y = terms
    scale = sqrt(own_x * own_y)
    return shares[0] / scale - cross / scale / 2 * (shares[1] / own_x + shares[2] / own_y)
