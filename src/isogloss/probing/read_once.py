"""Probes of the base model, kept for the next tuned model of the same run: its vectors are the same again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from isogloss.analysis import ModelPair
from isogloss.analysis.kept import Kept, digest
from isogloss.numerics.elastic_net import Solution
from isogloss.probing.options import ProbingOptions
from isogloss.probing.reading import Readable, Reading, read_all
from isogloss.probing.targets import Target

Parts = tuple[Solution, np.ndarray, np.ndarray, float]


class ReadOnce:
    """Reads the base model; trains nothing where an earlier tuned model came with the same words, labels and options.

    Parameters
    ----------
    most : matrices whose probes are kept: the layers of a run, each with its words and its sentences.
    """

    def __init__(self, most: int = 128) -> None:
        self._kept: Kept[dict[str, Parts]] = Kept(most)

    def __call__(self, readable: Readable, options: ProbingOptions, pair: ModelPair) -> dict[str, Reading]:
        """The probes of every label, as `read_all` gives them; always trained for the first tuned model of a run."""
        key = digest(options, pair.seed, *_depends_on(readable))
        if pair.tuned_index and (known := self._kept.get(key)) is not None:
            by_name = {target.name: target for target in readable.targets}
            return {name: Reading(by_name[name], *parts) for name, parts in known.items()}
        found = read_all(readable, options, pair.seed, pair.progress)
        self._kept.put(key, {name: (r.solution, r.predictions, r.controls, r.strength) for name, r in found.items()})
        return found


def _depends_on(readable: Readable) -> Iterator[Any]:
    yield from (readable.train_rows, readable.held_rows, readable.train, readable.held)
    for target in readable.targets:
        yield from _of_target(target)


def _of_target(target: Target) -> Iterator[Any]:
    rows = target.rows
    yield target.name, target.of, target.classes, len(target.spelled)
    yield from (rows.train, rows.dev, rows.test, rows.sentences, rows.codes)
    if rows.targets is not None:
        yield rows.targets
    if target.has_controls:
        yield target.spelled.hash(0).to_numpy()
