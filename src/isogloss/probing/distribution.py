"""Where the salient neurons sit, layer by layer, and what became of the base's after tuning. Finds none by itself.

Neurons are those of concatenated layers, the embeddings first: neuron // hidden is the layer. Chance is always told by
relabelling neurons at random. That takes the neurons as they are and asks whether their places are arbitrary; it knows
nothing of how another fine-tuning run would come out, for which several tuned models are needed, and it takes the
neurons of a layer as independent, which correlated ones are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import hypergeom

from isogloss.errors import OptionError

Salient = Mapping[Any, np.ndarray]
"""Per label its salient neurons, as `salient` gives them."""
_LEVEL = 0.95


def layer_distribution(neurons: Salient, hidden: int, n_layers: int) -> pl.DataFrame:
    """Salient neurons per layer, of every label and of all labels together.

    Returns
    -------
    `label` (null: salient for any label, each neuron once), `layer`, `count`, and `share` of that label's neurons
    (null where it has none).

    Raises
    ------
    OptionError : a neuron lies beyond the layers, or a label has one twice.
    """
    sets = _as_sets(neurons, hidden * n_layers)
    parts = []
    for label, members in [*((str(name), s) for name, s in sets.items()), (None, _union(sets))]:
        counts = np.bincount(members // hidden, minlength=n_layers)
        shares = (counts / len(members)).tolist() if len(members) else [None] * n_layers
        parts.append(
            pl.DataFrame(
                {"label": [label] * n_layers, "layer": range(n_layers), "count": counts, "share": shares},
                schema={"label": pl.String(), "layer": pl.Int32(), "count": pl.Int64(), "share": pl.Float64()},
            )
        )
    return pl.concat(parts)


@dataclass(frozen=True)
class LayerShift:
    """How the layers of the salient neurons differ between base and tuned.

    Attributes
    ----------
    layers : `layer`, `base`, `tuned` (salient neurons), `gained` and `lost` (salient in one only), and of `gained`
        under the null `null_mean`, `null_low`, `null_high` (95%, each layer by itself).
    base_mean, tuned_mean : mean layer; NaN without neurons.
    shift : tuned_mean - base_mean.
    null_mean, null_low, null_high : shift under the null, 95%.
    p : share of relabellings whose shift is as far from the null's mean as this one, both ends; 1 where no neuron
        changed.
    """

    layers: pl.DataFrame
    base_mean: float
    tuned_mean: float
    shift: float
    null_mean: float
    null_low: float
    null_high: float
    p: float


def layer_shift(
    base: np.ndarray, tuned: np.ndarray, hidden: int, n_layers: int, *, permutations: int = 2000, seed: int = 0
) -> LayerShift:
    """Ask whether the neurons that became salient lie in other layers than those that ceased to be.

    Null: among the neurons that are salient in one of the models only, which of them are the tuned model's does not
    depend on the layer; their numbers stay as they are. The count gained in a layer is then hypergeometric. Neurons
    salient in both say nothing about a change and do not enter.

    Parameters
    ----------
    base, tuned : salient neurons.
    hidden, n_layers : neurons of a layer, layers.
    permutations, seed : of the null of the shift; the layers' bands are exact.

    Raises
    ------
    OptionError : a neuron lies beyond the layers, a set has one twice, or an option has no such value.
    """
    if permutations < 1:
        raise OptionError(f"permutations should be at least 1. Got {permutations} instead.")
    sets = _as_sets({"base": base, "tuned": tuned}, hidden * n_layers)
    before, after = sets["base"], sets["tuned"]
    at = {
        "base": before,
        "tuned": after,
        "gained": np.setdiff1d(after, before),
        "lost": np.setdiff1d(before, after),
    }
    count = {name: np.bincount(s // hidden, minlength=n_layers) for name, s in at.items()}
    changed, n_gained = count["gained"] + count["lost"], len(at["gained"])
    total = int(changed.sum())
    level = np.arange(n_layers)
    low, high = (
        hypergeom.ppf(q, total, changed, n_gained) if total else np.zeros(n_layers)
        for q in ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)
    )
    layers = pl.DataFrame(
        {
            "layer": level.astype(np.int32),
            **count,
            "null_mean": changed * n_gained / max(total, 1),
            "null_low": low,
            "null_high": high,
        }
    )
    if not len(before) or not len(after):
        nan = float("nan")
        first, second = (float((s // hidden).mean()) if len(s) else nan for s in (before, after))
        return LayerShift(layers, first, second, nan, nan, nan, nan, 1.0)
    both = count["base"] - count["lost"]
    draws = np.random.default_rng(seed).multivariate_hypergeometric(changed, n_gained, size=permutations)

    def shift_of(gained: np.ndarray) -> np.ndarray:
        return (both + gained) @ level / len(after) - (both + changed - gained) @ level / len(before)

    shift, null = float(shift_of(count["gained"])), shift_of(draws)
    centre = float(shift_of(changed * n_gained / max(total, 1)))
    further = np.abs(null - centre) >= abs(shift - centre) - 1e-12
    null_low, null_high = np.quantile(null, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return LayerShift(
        layers,
        float((before // hidden).mean()),
        float((after // hidden).mean()),
        shift,
        centre,
        float(null_low),
        float(null_high),
        float((1 + further.sum()) / (1 + permutations)),
    )


def neuron_fates(base: Salient, tuned: Salient, n_neurons: int, *, hidden: int | None = None) -> pl.DataFrame:
    """What became of the base's salient neurons: still salient for the same label, for another only, or no longer.

    Chance relabels the tuned model's neurons at random, all labels' sets together, so that labels that share neurons
    go on sharing them: the counts are then hypergeometric. With `hidden`, neurons are relabelled within their layer:
    the harder null, by which two models whose salient neurons lie in the same layers do not agree for that.

    Parameters
    ----------
    base, tuned : per label its salient neurons; a label that a model lacks has none there.
    n_neurons : in all, d.
    hidden : neurons of a layer; None relabels over all layers.

    Returns
    -------
    per label of the base three rows: `label`, `fate` (same, other, none), `count`, `share` of its neurons,
    `expected` count by chance, `null_low`, `null_high` (95%).

    Raises
    ------
    OptionError : a neuron is not below d, a set has one twice, or d is no multiple of `hidden`.
    """
    size = n_neurons if hidden is None else hidden
    if size < 1 or n_neurons % size:
        raise OptionError(f"n_neurons should be a multiple of hidden. Got {n_neurons} and {hidden}.")
    before, after = _as_sets(base, n_neurons), _as_sets(tuned, n_neurons)
    empty = np.zeros(0, dtype=np.int64)
    anywhere, n_layers, rows = _union(after), n_neurons // size, []
    for label, members in before.items():
        same = after.get(label, empty)
        targets = {
            "same": same,
            "other": np.setdiff1d(anywhere, same),
            "none": np.setdiff1d(np.arange(n_neurons), anywhere),
        }
        own = np.bincount(members // size, minlength=n_layers)
        for fate, target in targets.items():
            count = len(np.intersect1d(members, target))
            there = np.bincount(target // size, minlength=n_layers)
            low, high = _band(size, own, there)
            rows.append(
                {
                    "label": str(label),
                    "fate": fate,
                    "count": count,
                    "share": count / len(members) if len(members) else None,
                    "expected": float((own * there).sum() / size),
                    "null_low": low,
                    "null_high": high,
                }
            )
    schema: dict[str, Any] = dict.fromkeys(("label", "fate"), pl.String()) | {"count": pl.Int64()}
    schema |= dict.fromkeys(("share", "expected"), pl.Float64()) | dict.fromkeys(("null_low", "null_high"), pl.Int64())
    return pl.DataFrame(rows, schema=schema)


def _band(size: int, own: np.ndarray, there: np.ndarray) -> tuple[int, int]:
    """95% of the sum over layers of how many of `own` and `there` random neurons out of `size` coincide."""
    chance = np.ones(1)
    for a, b in zip(own, there, strict=True):
        chance = np.convolve(chance, hypergeom.pmf(np.arange(min(a, b) + 1), size, a, b))
    total = np.cumsum(chance)
    low, high = np.searchsorted(total, [(1 - _LEVEL) / 2 - 1e-12, (1 + _LEVEL) / 2 - 1e-12])
    return int(low), int(min(high, len(chance) - 1))


def _union(sets: Mapping[Any, np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *sets.values()]))


def _as_sets(neurons: Salient, n_neurons: int) -> dict[Any, np.ndarray]:
    sets = {}
    for label, given in neurons.items():
        members = np.asarray(given, dtype=np.int64)
        if len(members) and not 0 <= members.min() <= members.max() < n_neurons:
            raise OptionError(
                f"neurons should be from 0 to {n_neurons - 1}. Got {members.min()} to {members.max()} for {label!r}."
            )
        if len(np.unique(members)) < len(members):
            raise OptionError(f"neurons should each be there once. Got one twice for {label!r}.")
        sets[label] = members
    return sets
