"""How far one layer moved: its five measures with intervals, noise floor and halves, in two passes.

The first pass gives the moments of two disjoint halves of the sentences (whose sum is the whole) and each
word's cosine; the second each word's influence, from which come intervals and noise floor. Words and labels
that moved are elsewhere.

The noise floor of a measure answers: how far from "no change" could sampling sentences alone put it? Two
disjoint random halves A and B of the sentences are measured; |A - B| / 2 has the spread of the full sample's
own error. The floor is the 95% quantile of that over random halves (to first order, from the influences), or
the value for the halves actually measured if that is larger. `null_low`..`null_high` is the band of that
width next to "no change": 1 - floor to 1, or 0 to floor for the Procrustes distance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.analysis import LayerPair, Vectors
from isogloss.errors import OptionError
from isogloss.numerics import (
    MomentStream,
    PairMoments,
    group_sums,
    linearised_interval,
    ratio_intervals,
    split_floor,
    split_halves,
)
from isogloss.similarity.cka import cka_from_moments
from isogloss.similarity.cosine import word_cosine
from isogloss.similarity.influence import Influences, influences
from isogloss.similarity.neighbour_lists import Lists, overlap_by_word, paired_lists
from isogloss.similarity.options import SimilarityOptions
from isogloss.similarity.procrustes import procrustes_from_moments
from isogloss.similarity.sampling import pair_blocks

Row = dict[str, Any]


@dataclass(frozen=True)
class Movement:
    """What the word and label tables need of a layer.

    Attributes
    ----------
    measure : "cosine", or "neighbours" where the widths differ.
    values : (n_words,) similarity of each word's two vectors; NaN where not defined or not sampled.
    groups, n_groups : (n_words,) sentence of each word, 0 .. n_groups - 1.
    """

    measure: str
    values: np.ndarray
    groups: np.ndarray
    n_groups: int


@dataclass(frozen=True)
class Measured:
    """What was found about one layer that both models have.

    Attributes
    ----------
    rows : of the tidy table.
    movement : of the words.
    moments : of all words.
    lists : neighbours of the sampled words in base and tuned, (m, k) each; None for too few words.
    """

    rows: list[Row]
    movement: Movement
    moments: PairMoments
    lists: Lists | None

    def of_all(self) -> dict[str, float | None]:
        """Return the value of each measure over all words."""
        return {row["measure"]: row["value"] for row in self.rows if row["subset"] == "all"}


def measure_layer(pair: LayerPair, base: Vectors, tuned: Vectors, options: SimilarityOptions) -> Measured:
    """Measure one layer that both models have.

    Raises
    ------
    OptionError : vectors hold NaN or infinity, or base, tuned and words have different numbers of rows.
    """
    n = pair.words.height
    if not base.shape[0] == tuned.shape[0] == n:
        raise OptionError(
            f"layer {pair.layer}: base has {base.shape[0]} vectors, tuned {tuned.shape[0]}, and there are {n} words"
        )
    _, groups = np.unique(pair.words["sentence"].to_numpy(), return_inverse=True)
    n_groups = int(groups.max()) + 1 if n else 0
    in_a = split_halves(n_groups, pair.seed)[groups] if n else np.zeros(0, dtype=bool)
    same_width = base.shape[1] == tuned.shape[1]
    try:
        halves, cosine = _first_pass(base, tuned, in_a, same_width)
    except ValueError as error:
        raise OptionError(f"layer {pair.layer} (X = base, Y = tuned): {error}") from error
    whole = halves[0] + halves[1] if halves[0] and halves[1] else halves[0] or halves[1]
    if whole is None:
        raise OptionError(f"layer {pair.layer}: there are no words to compare")
    context = _Context(pair, options, groups, n_groups, in_a)
    rows = _geometry_rows(context, base, tuned, whole, halves)
    rows += context.mean_rows("cosine", cosine) if same_width else context.empty_rows("cosine")
    lists = paired_lists(base, tuned, options, pair.seed)
    overlap = overlap_by_word(lists, n, options, pair.seed)
    rows += context.mean_rows("neighbours", overlap)
    movement = Movement("cosine" if same_width else "neighbours", cosine if same_width else overlap, groups, n_groups)
    return Measured(rows, movement, whole, lists)


def _first_pass(
    base: Vectors, tuned: Vectors, in_a: np.ndarray, same_width: bool
) -> tuple[list[PairMoments | None], np.ndarray]:
    streams = MomentStream(), MomentStream()
    cosine = np.full(len(in_a), np.nan)
    start = 0
    for x, y in pair_blocks(base, tuned):
        rows = slice(start, start + len(x))
        for stream, mask in zip(streams, (in_a[rows], ~in_a[rows]), strict=True):
            if mask.any():
                stream.add(x[mask], y[mask])
        if same_width:
            cosine[rows] = word_cosine(x, y)
        start += len(x)
    return [stream.result() if stream.n else None for stream in streams], cosine


def _geometry_rows(
    context: _Context, base: Vectors, tuned: Vectors, whole: PairMoments, halves: list[PairMoments | None]
) -> list[Row]:
    """CKA, debiased CKA and Procrustes: one number of all words together."""
    measures: list[tuple[str, Callable[[PairMoments], float]]] = [
        ("cka", cka_from_moments),
        ("cka_debiased", lambda moments: cka_from_moments(moments, debiased=True)),
        ("procrustes", procrustes_from_moments),
    ]
    values = [defined(measure, whole) for _, measure in measures]
    derived: Influences | None = None
    if context.options.bootstrap and values[0] is not None and context.n_groups > 1:
        derived = influences(whole, pair_blocks(base, tuned))
    rows: list[Row] = []
    for (name, measure), value in zip(measures, values, strict=True):
        parts = [defined(measure, half) for half in halves]
        row = context.row(name, value, whole.n)
        if derived is not None and value is not None:
            by_word = {
                "cka": derived.cka,
                "cka_debiased": derived.debiased,
                "procrustes": derived.procrustes,
            }[name]
            by_sentence = group_sums(by_word, context.groups, context.n_groups)
            row |= context.geometry_noise(name, value, derived.r, by_sentence, parts)
        rows.append(row)
        for subset, part, half in zip(("half A", "half B"), parts, halves, strict=True):
            rows.append(context.row(name, part, half.n if half else 0, subset))
    return rows


def defined(measure: Callable[[PairMoments], float], moments: PairMoments | None) -> float | None:
    """Return the measure, or None where too few words or no variance leave it undefined."""
    try:
        return None if moments is None else measure(moments)
    except ValueError:
        return None


@dataclass(frozen=True)
class _Context:
    """What every row of one layer shares."""

    pair: LayerPair
    options: SimilarityOptions
    groups: np.ndarray
    n_groups: int
    in_a: np.ndarray

    def row(self, measure: str, value: float | None, n: int, subset: str = "all") -> Row:
        return {
            "analysis": "similarity",
            "measure": measure,
            "model": "tuned",
            "layer": self.pair.layer,
            "subset": subset,
            "value": value,
            "n": n,
            "seed": self.pair.tuned_index,
        }

    def empty_rows(self, measure: str) -> list[Row]:
        return [self.row(measure, None, 0, subset) for subset in ("all", "half A", "half B")]

    def geometry_noise(
        self, name: str, value: float, r: float, influence: np.ndarray, parts: list[float | None]
    ) -> Row:
        boots, seed = self.options.bootstrap, self.pair.seed
        distance = name == "procrustes"
        estimate = r if distance else value
        low, high = linearised_interval(estimate, influence, boots, seed, fisher=True)
        floor = split_floor(influence, boots, seed)
        if distance:
            low, high, floor = max(0.0, 2 - 2 * high), 2 - 2 * low, 2 * floor
        floor = _with_halves(floor, parts)
        null = (0.0, floor) if distance else (1 - floor, 1.0)
        return {"ci_low": low, "ci_high": high, "null_low": null[0], "null_high": null[1]}

    def mean_rows(self, name: str, by_word: np.ndarray) -> list[Row]:
        """Rows of a measure that is a mean over words; NaN words are left out of the mean and of `n`."""
        defined = ~np.isnan(by_word)
        if not defined.any():
            return self.empty_rows(name)
        sums = group_sums(np.where(defined, by_word, 0.0), self.groups, self.n_groups)
        counts = group_sums(defined.astype(np.float64), self.groups, self.n_groups)
        boots, seed = self.options.bootstrap, self.pair.seed
        mean, low, high = (float(v[0]) for v in ratio_intervals(sums[:, None], counts[:, None], boots, seed))
        halves = [defined & self.in_a, defined & ~self.in_a]
        parts = [float(by_word[half].mean()) if half.any() else None for half in halves]
        row = self.row(name, mean, int(defined.sum()))
        if boots and self.n_groups > 1:
            floor = _with_halves(split_floor((sums - mean * counts) / defined.sum(), boots, seed), parts)
            row |= {"ci_low": low, "ci_high": high, "null_low": 1 - floor, "null_high": 1.0}
        return [
            row,
            *(
                self.row(name, part, int(half.sum()), subset)
                for subset, part, half in zip(("half A", "half B"), parts, halves, strict=True)
            ),
        ]


def _with_halves(floor: float, parts: list[float | None]) -> float:
    """Return the noise floor, not below what the two measured halves show."""
    a, b = parts
    return floor if a is None or b is None else max(floor, abs(a - b) / 2)
