"""Probes of the base model, kept for the next tuned model of the same run: its vectors are the same again.

Keeps no vectors and decides nothing: what is kept is known by the digest of all that it depends on.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np

from isogloss.analysis import ModelPair
from isogloss.numerics.elastic_net import Solution
from isogloss.probing.options import ProbingOptions
from isogloss.probing.reading import Readable, Reading, read_all
from isogloss.probing.targets import Target

Parts = tuple[Solution, np.ndarray, np.ndarray, float]

KEPT = 128
"""Matrices whose probes are kept: the layers of a run, each with its words and its sentences; the oldest go first."""


class ReadOnce:
    """Reads the base model; trains nothing where an earlier tuned model came with the same words, labels and options.

    Parameters
    ----------
    most : matrices whose probes are kept.
    """

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, dict[str, Parts]] = OrderedDict()

    def __call__(self, readable: Readable, options: ProbingOptions, pair: ModelPair) -> dict[str, Reading]:
        """The probes of every label, as `read_all` gives them; always trained for the first tuned model of a run."""
        key = _digest(readable, options, pair.seed)
        if pair.tuned_index and key in self._kept:
            self._kept.move_to_end(key)
            by_name = {target.name: target for target in readable.targets}
            return {name: Reading(by_name[name], *parts) for name, parts in self._kept[key].items()}
        found = read_all(readable, options, pair.seed, pair.progress)
        self._kept[key] = {name: (r.solution, r.predictions, r.controls, r.strength) for name, r in found.items()}
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return found


def _digest(readable: Readable, options: ProbingOptions, seed: int) -> bytes:
    digest = hashlib.blake2b(repr((options, seed)).encode(), digest_size=32)
    for matrix in (readable.train_rows, readable.held_rows, readable.train, readable.held):
        _add(digest, matrix)
    for target in readable.targets:
        _add_target(digest, target)
    return digest.digest()


def _add_target(digest: hashlib.blake2b, target: Target) -> None:
    rows = target.rows
    digest.update(repr((target.name, target.of, target.classes, len(target.spelled))).encode())
    for array in (rows.train, rows.dev, rows.test, rows.sentences, rows.codes):
        _add(digest, array)
    if rows.targets is not None:
        _add(digest, rows.targets)
    if target.has_controls:
        _add(digest, target.spelled.hash(0).to_numpy())


def _add(digest: hashlib.blake2b, array: np.ndarray) -> None:
    digest.update(repr((array.shape, array.dtype.str)).encode())
    digest.update(np.ascontiguousarray(array).data)
