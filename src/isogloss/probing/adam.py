"""The reference recipe for a probe: Adam for a fixed number of epochs, as NeuroX trains it. Reaches no optimum."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import Linear
from torch.nn.functional import cross_entropy

from isogloss.numerics.elastic_net import PenaltyName


def train_by_adam(
    X: Any,
    codes: np.ndarray,
    weights: np.ndarray,
    classes: int,
    *,
    l1: float,
    l2: float,
    penalty: PenaltyName,
    lr: float,
    epochs: int,
    batch_size: int,
    shuffle: bool,
    seed: int,
    device: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (classes, d) and intercepts (classes,) after so many epochs; float64.

    Per batch: mean cross-entropy + l1 * sum |W| + l2 * ||W||_F ("neurox") or l2 / 2 * sum W^2 ("elastic"), torch's
    own initial weights, rows in order unless `shuffle`. Dalvi et al. 2019 (arXiv 1812.09355); NeuroX 1.0.9.

    Parameters
    ----------
    X : (n, d) array.
    codes : (n,) classes.
    weights : (n,) weights of the rows.
    seed : of the initial weights and of the order of rows.
    """
    random = torch.Generator().manual_seed(seed)
    layer = Linear(X.shape[1], classes)
    bound = 1 / X.shape[1] ** 0.5
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-bound, bound, generator=random)
    layer.to(device)
    optimizer = torch.optim.Adam(layer.parameters(), lr=lr)
    weights = weights / weights[weights > 0].mean()
    rows = np.flatnonzero(weights)
    even = bool((weights[rows] == 1).all())
    for _ in range(epochs):
        order = rows[torch.randperm(len(rows), generator=random).numpy()] if shuffle else rows
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            x = torch.from_numpy(np.asarray(X[batch], dtype=np.float32)).to(device)
            y = torch.from_numpy(codes[batch]).to(device)
            optimizer.zero_grad()
            if even:
                loss = cross_entropy(layer(x), y)
            else:
                a = torch.from_numpy(weights[batch].astype(np.float32)).to(device)
                loss = (cross_entropy(layer(x), y, reduction="none") * a).mean()
            w = layer.weight
            ridge = w.square().sum()
            loss = loss + l1 * w.abs().sum() + l2 * (ridge.sqrt() if penalty == "neurox" else ridge / 2)
            loss.backward()
            optimizer.step()
    return layer.weight.detach().double().cpu().numpy(), layer.bias.detach().double().cpu().numpy()
