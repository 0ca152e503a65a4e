"""How much of each layer a probe takes that mixes them, in both models: the table of `ScalarMix`. Trains only that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from isogloss.analysis import ModelPair
from isogloss.probing.options import ProbingOptions
from isogloss.probing.reading import Readable
from isogloss.probing.scalar_mix import ScalarMix
from isogloss.probing.targets import Target

MIX: dict[str, Any] = {
    "model": pl.String(),
    "label": pl.String(),
    "layer": pl.Int32(),
    "weight": pl.Float64(),
    "expected_layer": pl.Float64(),
    "accuracy": pl.Float64(),
    "converged": pl.Boolean(),
    "seed": pl.Int32(),
}
"""One row per layer; its weight (those of a probe sum to 1), and of the whole probe the mean layer by weight, accuracy
on test words, and whether training ended before its last iteration."""


def mix_table(
    sources: Mapping[str, Readable],
    layers: Mapping[str, Sequence[int]],
    targets: Sequence[Target],
    options: ProbingOptions,
    pair: ModelPair,
) -> pl.DataFrame:
    """The mixes of every label that is classes.

    Parameters
    ----------
    sources : by model, all its layers side by side; one object where the models are the same.
    layers : by model, the numbers of these layers.
    targets : labels; one whose training words are of one class only is left out.
    """
    rows: list[dict[str, Any]] = []
    for target in targets:
        y, truth = target.rows.codes[target.rows.train], target.rows.codes[target.rows.test]
        if len(np.unique(y)) < 2:
            continue
        made: dict[int, tuple[ScalarMix, float]] = {}
        for model, source in sources.items():
            if id(source) not in made:
                mix = ScalarMix(layers=layers[model], device=options.device)
                mix.fit(_apart(source.train_of(target), len(layers[model])), y)
                guesses = mix.predict(_apart(source.held_out(target.rows.test), len(layers[model])))
                made[id(source)] = mix, float((guesses == truth).mean())
            mix, right = made[id(source)]
            rows += [
                {
                    "model": model,
                    "label": target.name,
                    "layer": layer,
                    "weight": float(weight),
                    "expected_layer": mix.expected_layer_,
                    "accuracy": right,
                    "converged": mix.converged_,
                    "seed": pair.tuned_index,
                }
                for layer, weight in zip(layers[model], mix.layer_weights_, strict=True)
            ]
    return pl.DataFrame(rows, schema=MIX, orient="row")


def _apart(X: np.ndarray, n_layers: int) -> np.ndarray:
    """(n, n_layers, hidden) of layers side by side."""
    return X.reshape(len(X), n_layers, -1)
