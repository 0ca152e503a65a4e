"""Linguistic Correlation Analysis: neurons ranked by the weights that a regularised linear probe gives them.

Dalvi et al., AAAI 2019, "What Is One Grain of Sand in the Desert?"; Durrani et al., EMNLP 2020 (arXiv 2010.02695). The
weights are given; nothing is trained here. The published code grows a share of the mass step by step and takes unions;
the order has a closed form, which is what is computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.errors import OptionError
from isogloss.probing.rankings.ranking import Ranking

_ROUNDING = 1e-12


def rank_by_lca(W: np.ndarray, labels: Sequence[Any] | None = None, *, step: float | None = None) -> Ranking:
    """Order neurons by the share of a class's weight mass at which they join the salient ones.

    Per class the neurons are sorted by |w| (equal ones by number); the salient set of a share p is the shortest
    prefix that holds p of the class's sum of |w|, and at least one neuron. A neuron is in it when the mass before it
    is below p. Its key is the least mass before it over all classes; growing p adds neurons by increasing key.

    Neurons with equal keys - the strongest of each class all have 0 - are one group. Inside a group comes first
    the neuron with the larger share of a class's mass, then the lower number.

    Parameters
    ----------
    W : (n_classes, n_neurons) weights; comparable across neurons, so of standardised features where scales differ.
    labels : names of the classes; 0, 1, ... if not given.
    step : grow p in steps of this size, as the published code does (0.01): keys are rounded down to it, so that
        groups are larger. None is the limit of small steps.

    Returns
    -------
    scores are 1 - key; a class whose weights are all zero has no say, and neurons without weight come last.

    Raises
    ------
    OptionError : W is no matrix of finite numbers, all of it is zero, or the step is not in (0, 1].
    """
    size, names = _magnitudes(W, labels)
    if step is not None and not 0 < step <= 1:
        raise OptionError(f"step should be above 0 and at most 1. Got {step} instead.")
    orders, before, share = _mass(size)
    key = before.min(axis=0)
    if step is not None:
        key = np.floor(key / step + 1e-9) * step
    # Sums of the same weights in another order differ in the last digits; they are the same key.
    rounded = np.round(key, 12)
    order = np.lexsort((np.arange(len(key)), -share.max(axis=0), rounded))
    ends = np.flatnonzero(np.append(np.diff(rounded[order]) > 0, True)) + 1
    return Ranking("lca", order, 1 - key, dict(zip(names, orders, strict=True)), group_ends=ends)


def salient(W: np.ndarray, share: float = 0.25, labels: Sequence[Any] | None = None) -> dict[Any, np.ndarray]:
    """Salient neurons of every class: the strongest that together hold a share of the class's weight mass.

    Parameters
    ----------
    W : (n_classes, n_neurons) weights.
    share : of the class's sum of |w|, in (0, 1].
    labels : names of the classes; 0, 1, ... if not given.

    Returns
    -------
    per class its neurons, the strongest first; none for a class whose weights are all zero.

    Raises
    ------
    OptionError : W is no matrix of finite numbers, all of it is zero, or the share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise OptionError(f"share should be above 0 and at most 1. Got {share} instead.")
    size, names = _magnitudes(W, labels)
    orders, before, _ = _mass(size)
    return {
        name: order[before[c, order] < share - _ROUNDING]
        for c, (name, order) in enumerate(zip(names, orders, strict=True))
    }


def _magnitudes(W: Any, labels: Sequence[Any] | None) -> tuple[np.ndarray, list[Any]]:
    size = np.abs(np.asarray(W, dtype=np.float64))
    if size.ndim != 2 or not size.size or not np.isfinite(size).all():
        raise OptionError(f"W should be finite weights (n_classes, n_neurons). Got shape {size.shape}.")
    if not size.any():
        raise OptionError("W should have a weight that is not zero: a probe without weights ranks nothing")
    names = list(range(len(size)) if labels is None else labels)
    if len(names) != len(size):
        raise OptionError(f"labels should name the {len(size)} classes of W. Got {len(names)} names.")
    return size, names


def _mass(size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(K, d) each: neurons of a class from the strongest, mass before each neuron, and its own share of the mass."""
    orders = np.argsort(-size, axis=1, kind="stable")
    ranked = np.take_along_axis(size, orders, axis=1)
    total = ranked.sum(axis=1, keepdims=True)
    known = np.where(total > 0, total, 1.0)
    mass = np.cumsum(ranked, axis=1)
    before = np.zeros_like(size)
    ahead = np.concatenate([np.zeros_like(total), mass[:, :-1]], axis=1) / known
    # A weight of zero adds no mass: it is behind everything, whatever rounding left of the sum.
    np.put_along_axis(before, orders, np.where(ranked > 0, ahead, 1.0), axis=1)
    return orders, before, size / known
