"""What a fitted probe loses when neurons are taken from it, or keeps with few of them. Nothing is retrained.

A linear probe's logits are sums over neurons, so the words are read once: for each order of the neurons the parts of
the logits that groups of neurons give are added up, and every size reads its logits off the sums. Ablation in the
model itself, with what follows from it in later layers, is not done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from isogloss.errors import OptionError
from isogloss.probing.rankings.inputs import as_labels, as_order, row_blocks_of, rows_per_block, width

SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9)
SCHEMA: dict[str, Any] = {
    "keep": pl.Boolean(),
    "which": pl.String(),
    "n": pl.Int64(),
    "share": pl.Float64(),
    "seed": pl.Int64(),
    "accuracy": pl.Float64(),
}


def ablation_curves(
    probe: Any,
    X: Any,
    y: Any,
    ranking: Any,
    *,
    sizes: Sequence[int] | None = None,
    replace: Literal["zero", "mean"] = "zero",
    means: np.ndarray | None = None,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
) -> pl.DataFrame:
    """Accuracy of a probe that keeps only, or has lost, the top, bottom or random N neurons.

    Parameters
    ----------
    probe : fitted, with `coef_` (n_classes, d) - or one row for two classes -, `intercept_` and `classes_`.
    X : (n, d) array, or anything with `.shape` and `.blocks(rows)`; read once.
    y : (n,) labels; None and "" take no part. A label the probe does not know counts as a mistake.
    ranking : a `Ranking` or an order of the d neurons.
    sizes : numbers of neurons; None takes `SHARES` of d. 0 and d are always among them.
    replace : what an ablated neuron is set to: zero, or its mean.
    means : (d,) the means, best those of the training words; None takes those of the words in X that take part, in
        a pass of their own.
    seeds : one random order for each, the same for keeping and losing.

    Returns
    -------
    the columns of `SCHEMA`: `keep` (only these N, or all but these N), `which` (top, bottom, random), `n`, `share`
    of the neurons, `seed` (null but for random) and `accuracy`.

    Raises
    ------
    OptionError : the arrays and the probe do not fit together, or an option has no such value.
    """
    if replace not in ("zero", "mean"):
        raise OptionError(f"replace should be zero or mean. Got {replace!r} instead.")
    labels = as_labels(y)
    d = width(X, labels)
    W, b = _logit_weights(probe, d)
    order = as_order(ranking, d)
    numbers = {c: i for i, c in enumerate(np.asarray(probe.classes_).tolist())}
    known = np.array([numbers.get(c, -1) for c in labels.classes])
    targets = np.where(labels.codes >= 0, known[labels.codes], -2)
    counts = _sizes(sizes, d)
    baseline = np.zeros(d) if replace == "zero" else _means(means, X, targets, d)
    # From the end of the order, the bottom N are what is behind d - N: one order serves both.
    cuts = sorted({*counts, *(d - n for n in counts)})
    orders = [(order, cuts), *((np.random.default_rng(s).permutation(d), counts) for s in seeds)]
    right = _right(X, targets, W, b, baseline, orders)
    n_words = int((targets > -2).sum())
    rows: list[tuple[bool, str, int, float, int | None, float]] = []
    for keep in (True, False):
        side = 0 if keep else 1
        for n in counts:
            rows.append((keep, "top", n, n / d, None, right[0][n][side] / n_words))
            # To keep the bottom N is to lose the top d - N.
            rows.append((keep, "bottom", n, n / d, None, right[0][d - n][1 - side] / n_words))
            rows += [
                (keep, "random", n, n / d, seed, found[n][side] / n_words)
                for seed, found in zip(seeds, right[1:], strict=True)
            ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort(
        "keep", "which", "seed", "n", descending=[True, True, False, False]
    )


def _right(
    X: Any,
    targets: np.ndarray,
    W: np.ndarray,
    b: np.ndarray,
    baseline: np.ndarray,
    orders: Sequence[tuple[np.ndarray, Sequence[int]]],
) -> list[dict[int, tuple[int, int]]]:
    """Right answers of each order at each cut: with the neurons before the cut only, and with those after it only."""
    right = [dict.fromkeys(cuts, (0, 0)) for _, cuts in orders]
    # An ablated neuron is at its baseline: what is summed is by how much each neuron moves the logits from there.
    rest = b + baseline @ W.T
    start, d = 0, len(baseline)
    # The logits at all cuts of an order are held at once.
    held = max(len(cuts) for _, cuts in orders) * len(W)
    for block in row_blocks_of(X, rows_per_block(d + held)):
        target = targets[start : start + len(block)]
        start += len(block)
        used = np.flatnonzero(target > -2)
        moved = np.asarray(block, dtype=np.float64)[used] - baseline
        target = target[used]
        for found, (order, cuts) in zip(right, orders, strict=True):
            sums = _running_sums(moved, W, order, cuts)
            for n, before in zip(cuts, sums, strict=True):
                kept, lost = rest + before, rest + (sums[-1] - before)
                now = found[n]
                found[n] = (
                    now[0] + int((kept.argmax(axis=1) == target).sum()),
                    now[1] + int((lost.argmax(axis=1) == target).sum()),
                )
    return right


def _running_sums(moved: np.ndarray, W: np.ndarray, order: np.ndarray, cuts: Sequence[int]) -> list[np.ndarray]:
    """(n, n_classes) at each cut: what the neurons before it give; the last cut is d."""
    sums, total, last = [], np.zeros((len(moved), len(W))), 0
    for n in cuts:
        group = order[last:n]
        total = total + moved[:, group] @ W[:, group].T
        sums.append(total)
        last = n
    return sums


def _logit_weights(probe: Any, d: int) -> tuple[np.ndarray, np.ndarray]:
    W = np.atleast_2d(np.asarray(probe.coef_, dtype=np.float64))
    b = np.atleast_1d(np.asarray(probe.intercept_, dtype=np.float64))
    if len(W) == 1 and len(probe.classes_) == 2:
        # One row is the second class's logit against the first's.
        W, b = np.concatenate([np.zeros_like(W), W]), np.concatenate([[0.0], b])
    if W.shape[1] != d:
        raise OptionError(f"probe and X should be of the same neurons. Got {W.shape[1]} and {d}.")
    return W, b


def _sizes(sizes: Sequence[int] | None, d: int) -> list[int]:
    if sizes is None:
        sizes = [max(1, int(share * d + 1e-9)) for share in SHARES]
    elif any(n != int(n) or not 0 <= n <= d for n in sizes):
        raise OptionError(f"sizes should be whole numbers from 0 to {d}. Got {list(sizes)}.")
    return sorted({0, d, *(int(n) for n in sizes)})


def _means(means: np.ndarray | None, X: Any, targets: np.ndarray, d: int) -> np.ndarray:
    if means is not None:
        array = np.asarray(means, dtype=np.float64)
        if array.shape != (d,) or not np.isfinite(array).all():
            raise OptionError(f"means should be {d} finite numbers, one per neuron. Got shape {array.shape}.")
        return array
    total, start = np.zeros(d), 0
    for block in row_blocks_of(X, rows_per_block(d)):
        used = targets[start : start + len(block)] > -2
        total += np.asarray(block, dtype=np.float64)[used].sum(axis=0)
        start += len(block)
    return total / (targets > -2).sum()
