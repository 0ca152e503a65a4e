"""How much of the base model's concepts the tuned model has, with what chance alone would change.

The intervals resample sentences with the clusters as they are. The noise floor clusters the base model's vectors of
each half of the sentences by themselves: what then happens to concepts of the same words happened without fine-tuning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isogloss.concepts.alignment import matched_share, overlaps
from isogloss.concepts.clustering import ConceptTree, TreesOnce
from isogloss.concepts.fates import BASE_FATES, TUNED_FATES, fate_numbers
from isogloss.concepts.joint import calign_share
from isogloss.concepts.noise import adjusted_rand, half_alignment
from isogloss.concepts.nulls import NullBand
from isogloss.concepts.options import FEWEST_WORDS, ConceptsOptions
from isogloss.concepts.selection import ChosenWords
from isogloss.concepts.shuffled import shuffled_shares
from isogloss.numerics import wilson_interval
from isogloss.numerics.room import rows_of

Row = dict[str, Any]
NORMAL_95 = 1.959963984540054
UNCHANGED = {"kept": 1.0, "inherited": 1.0, "adjusted_rand": 1.0}
"""What a model compared with itself gives; 0 for the other fates."""


def compared_rows(
    trees: Mapping[str, ConceptTree],
    halves: HalfTrees | None,
    chosen: ChosenWords,
    options: ConceptsOptions,
    seed: int,
) -> list[Row]:
    """Rows of the tidy table: shares of fates, adjusted Rand index, concepts found again, all base against tuned.

    `halves`: the same number of concepts of each half of the sentences, for the noise floor.
    """
    base, tuned = trees["base"].clusters, trees["tuned"].clusters
    measured = _fate_values(base, tuned, options.fate_threshold)
    spread = _resampled(base, tuned, chosen, options, seed)
    floor = halves.floor(base, options) if halves else {}
    unchanged = np.array_equal(base, tuned)
    rows: list[Row] = []
    for (model, measure), value in measured.items():
        row: Row = {"measure": measure, "model": model, "value": value, "n": chosen.n_clusters}
        if (deviation := spread.get((model, measure))) is not None:
            half = NORMAL_95 * deviation
            low, high = max(0.0, value - half), min(1.0, value + half)
            if measure != "adjusted_rand" and not unchanged:
                # A share of few concepts is not surer than that, however steady the sentences.
                few_low, few_high = wilson_interval(value * chosen.n_clusters, chosen.n_clusters)
                low, high = min(low, float(few_low)), max(high, float(few_high))
            row |= {"ci_low": low, "ci_high": high}
        if (model, measure) in floor:
            same = UNCHANGED.get(measure, 0.0)
            seen = floor[model, measure]
            row |= {"null_low": min(same, *seen), "null_high": max(same, *seen)}
        rows.append(row)
    chance = shuffled_shares(
        base,
        tuned,
        chosen.words,
        fate_threshold=options.fate_threshold,
        match_threshold=options.match_threshold,
        permutations=options.permutations,
        seed=seed,
    )
    by_type = overlaps(base, tuned, chosen.words)
    for model, o in (("base", by_type), ("tuned", by_type.turned)):
        found = {"matched": matched_share(o, options.match_threshold), "calign": calign_share(o)}
        for measure, value in found.items():
            row = {"measure": measure, "model": model, "value": value, "n": len(o.ids_a)}
            rows.append(row | null_of(chance.get((measure, model))))
    for measure, model in (("kept", "base"), ("inherited", "tuned")):
        if band := chance.get((measure, model)):
            n = len((by_type if model == "base" else by_type.turned).ids_a)
            row = {"measure": f"{measure}_by_chance", "model": model, "value": band.mean, "n": n}
            rows.append(row | null_of(band))
    return rows + (halves.matched_rows(chosen, options) if halves else [])


def null_of(band: NullBand | None) -> Row:
    """The columns of a band; none without one."""
    return {} if band is None else {"null_low": band.low, "null_high": band.high}


def _fate_values(base: np.ndarray, tuned: np.ndarray, threshold: float) -> dict[tuple[str, str], float]:
    """Shares of all fates and the adjusted Rand index; every word is in a concept of both."""
    numbers = fate_numbers(overlaps(base, tuned, on="tokens"), threshold)
    values = {
        (model, fate): float(np.mean(found == i))
        for model, found, names in zip(("base", "tuned"), numbers, (BASE_FATES, TUNED_FATES), strict=True)
        for i, fate in enumerate(names)
    }
    return values | {("tuned", "adjusted_rand"): adjusted_rand(base, tuned)}


def _resampled(
    base: np.ndarray, tuned: np.ndarray, chosen: ChosenWords, options: ConceptsOptions, seed: int
) -> dict[tuple[str, str], float]:
    """Standard deviation of every value over resampled sentences (Poisson weights, as everywhere here)."""
    if not options.bootstrap:
        return {}
    _, sentence = np.unique(chosen.words["sentence"].to_numpy(), return_inverse=True)
    rng = np.random.default_rng([seed, 1])
    drawn: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.bootstrap):
        rows = np.repeat(np.arange(len(base)), rng.poisson(1.0, sentence.max() + 1)[sentence])
        if not len(rows):
            continue
        for key, value in _fate_values(base[rows], tuned[rows], options.fate_threshold).items():
            drawn.setdefault(key, []).append(value)
    return {key: float(np.std(values, ddof=1)) for key, values in drawn.items() if len(values) > 1}


@dataclass(frozen=True)
class HalfTrees:
    """Both models' concepts of each half of the sentences, as many as of all of them."""

    rows: tuple[np.ndarray, np.ndarray]
    clusters: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def floor(self, base: np.ndarray, options: ConceptsOptions) -> dict[tuple[str, str], list[float]]:
        """What the base model's concepts of a half differ by from its concepts of all words, over both halves."""
        seen: dict[tuple[str, str], list[float]] = {}
        for rows, half in zip(self.rows, self.clusters["base"], strict=True):
            for key, value in _fate_values(base[rows], half, options.fate_threshold).items():
                seen.setdefault(key, []).append(value)
        return seen

    def matched_rows(self, chosen: ChosenWords, options: ConceptsOptions) -> list[Row]:
        """Concepts of one half found in the tuned model's other half; its floor is the base model's other half."""
        words = [chosen.words["word"].gather(rows) for rows in self.rows]

        def shares(first: str, second: str) -> tuple[list[float], list[float]]:
            forth, back = [], []
            for i, j in ((0, 1), (1, 0)):
                found = half_alignment(
                    self.clusters[first][i],
                    self.clusters[second][j],
                    words[i],
                    words[j],
                    threshold=options.match_threshold,
                )
                forth.append(found.share_a)
                back.append(found.share_b)
            return forth, back

        between, same = shares("base", "tuned"), shares("base", "base")
        return [
            {
                "measure": "matched_across_halves",
                "model": model,
                "value": float(np.mean(between[i])),
                "null_low": min(same[0]),
                "null_high": max(same[0]),
                "n": chosen.n_clusters,
            }
            for i, model in enumerate(("base", "tuned"))
        ]


def half_trees(
    vectors: Mapping[str, np.ndarray],
    chosen: ChosenWords,
    numbers: Sequence[int],
    options: ConceptsOptions,
    seed: int,
    clustered: TreesOnce,
) -> dict[int, HalfTrees]:
    """By number of concepts, as many of each half; empty where they are not asked for or have too few words."""
    rows = chosen.halves()
    if not options.halves or min(len(half) for half in rows) < FEWEST_WORDS:
        return {}

    def clusters(name: str, half: np.ndarray) -> dict[int, np.ndarray]:
        some = dict.fromkeys(min(k, len(half)) for k in numbers)
        trees = clustered.of(rows_of(vectors[name], half), some, options, seed, keep=name == "base")
        return {k: trees[min(k, len(half))].clusters for k in numbers}

    found = {name: (clusters(name, rows[0]), clusters(name, rows[1])) for name in vectors}
    return {k: HalfTrees(rows, {name: (one[k], two[k]) for name, (one, two) in found.items()}) for k in numbers}
