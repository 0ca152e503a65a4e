"""How much the vector of a word depends on its context: three measures, each beside what random words give.

After Ethayarajh, EMNLP 2019 (doi:10.18653/v1/D19-1006), section 3. Every number is exact over all words, from sums of
unit vectors: no pair is looked at. Intervals are over sentences and first-order: each sentence enters through
its influence, the derivative of the measure with respect to the sentence's weight.
Knows no spelling: a word is the number of its type.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from scipy.linalg import eigh

from isogloss.analysis import Vectors
from isogloss.errors import OptionError
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.sampling import check_rows, starts_of, taken, whole_groups
from isogloss.numerics import poisson_sums
from isogloss.numerics.room import by_rows


@dataclass(frozen=True, eq=False)
class Contextuality:
    """The measures of one layer of one model.

    Attributes
    ----------
    measures : `self_similarity`, `intra_sentence_similarity`, `max_explainable_variance`; the baselines
        `random_similarity`, `random_variance`, `random_variance_matched`; and the differences `..._adjusted` (minus the
        layer's baseline) and `max_explainable_variance_matched` (minus that of random words, as many as each type has).
        What cannot be had is absent, and a note says why.
    types : a row per type that took part: `type`, `count`, `sentences`, `self_similarity`, `max_explainable_variance`.
    zero_vectors : words left out because their vector is zero.
    notes : what is absent or left out.
    """

    measures: dict[str, Estimate]
    types: pl.DataFrame
    zero_vectors: int
    notes: tuple[str, ...]


def contextuality(
    vectors: Vectors,
    types: np.ndarray,
    groups: np.ndarray,
    n_groups: int,
    *,
    min_count: int = 5,
    bootstrap: int = 200,
    seed: int = 0,
) -> Contextuality:
    """Self-similarity, intra-sentence similarity and maximum explainable variance; the two similarities in O(n d).

    Self-similarity of a type: mean cosine of its occurrences in different sentences. Intra-sentence similarity of a
    sentence of two words or more: mean cosine of its words with their mean. Maximum explainable variance of a type:
    share of the largest squared singular value of its (occurrences, d) matrix, not centred. Types, and sentences,
    count equally. The baseline of the two similarities is the mean cosine of all pairs of words of the layer; that of
    the variance is the share of the largest squared singular value of all words. Few vectors have a larger share
    than many, whatever they mean, so the difference from as many random words is given too (a control of this project,
    not of the paper).

    Parameters
    ----------
    vectors : (n_words, d). Memory is O(d^2), a block, and the occurrences of the most frequent type.
    types : (n_words,) integers: the type of each word.
    groups : (n_words,) integers in [0, n_groups): the sentence of each word.
    n_groups : number of sentences.
    min_count : different sentences in which a type must occur, at least 2 (the paper's choice is 5, U).
    bootstrap, seed : resamples of sentences, 0 for none; seed of these and of the random words.

    Raises
    ------
    OptionError : lengths differ, `min_count` < 2, or a value is NaN or infinite (the row is named).
    """
    check_rows(vectors, types=types, groups=groups)
    if min_count < 2:
        raise OptionError(f"min_count should be at least 2: one occurrence has no pair. Got {min_count} instead.")
    layer = _Layer(vectors, groups, n_groups)
    found: dict[str, _Found] = dict(layer.sentences())
    frame = pl.DataFrame(schema={"type": pl.Int64, "count": pl.Int64, "sentences": pl.Int64, **_VALUES})
    notes = [f"{layer.zeros:,} words left out: their vectors are zero"] if layer.zeros else []
    rows = _eligible(types, groups, layer.norms > 0, min_count)
    if len(rows):
        of_types, frame = _of_types(vectors, types, groups, n_groups, rows)
        found |= of_types
        random = np.random.default_rng(seed).choice(np.flatnonzero(layer.norms > 0), len(rows), replace=False)
        found["random_variance_matched"] = _variance(vectors, random, types[rows], groups, n_groups)[0]
    else:
        notes.append(f"no word occurs in {min_count} sentences or more: no self-similarity, no explainable variance")
    if "intra_sentence_similarity" not in found:
        notes.append("no sentence has two words or more: no similarity within sentences")
    measures = _estimates(found, bootstrap if n_groups > 1 else 0, seed)
    for name, baseline in _BASELINES.items():
        if name in measures and baseline in measures:
            measures[f"{name}_adjusted"] = measures[name].minus(measures[baseline])
    if "max_explainable_variance" in measures:
        measures["max_explainable_variance_matched"] = measures["max_explainable_variance"].minus(
            measures["random_variance_matched"]
        )
    return Contextuality(measures, frame, layer.zeros, tuple(notes))


_VALUES = {"self_similarity": pl.Float64, "max_explainable_variance": pl.Float64}
_BASELINES = {
    "self_similarity": "random_similarity",
    "intra_sentence_similarity": "random_similarity",
    "max_explainable_variance": "random_variance",
}
_Found = tuple[float, np.ndarray]
"""A measure and the influence of each sentence on it, (n_groups,)."""


def _estimates(found: dict[str, _Found], n_boot: int, seed: int) -> dict[str, Estimate]:
    if not found:
        return {}
    slopes = np.stack([influence for _, influence in found.values()], axis=1)
    changes = poisson_sums(slopes, n_boot, seed, centre=True)
    return {name: Estimate(value, value + changes[:, i]) for i, (name, (value, _)) in enumerate(found.items())}


class _Layer:
    """What is asked of all words, sentence by sentence, in two passes."""

    def __init__(self, vectors: Vectors, groups: np.ndarray, n_groups: int) -> None:
        self.vectors, self.groups, self.n_groups = vectors, groups, n_groups
        n, d = vectors.shape
        self.order = np.argsort(groups, kind="stable")
        self.norms = np.zeros(n)
        self.units, self.second = np.zeros(d), np.zeros((d, d))
        self.intra = np.full(n_groups, np.nan)
        of_row = groups[self.order]
        for part in whole_groups(of_row):
            rows = self.order[part]
            X = taken(vectors, rows)
            self.second += X.T @ X
            X = X.astype(np.float64)
            self.norms[rows] = norms = np.linalg.norm(X, axis=1)
            starts = starts_of(of_row[part])
            of_sentence = np.add.reduceat(_units(X, norms), starts)
            self.units += of_sentence.sum(axis=0)
            means = np.add.reduceat(X, starts)
            counts = np.add.reduceat((norms > 0).astype(np.float64), starts)
            size = counts * np.linalg.norm(means, axis=1)
            inside = (counts > 1) & (size > 0)
            near = np.einsum("gd,gd->g", of_sentence, means)
            self.intra[of_row[part][starts[inside]]] = near[inside] / size[inside]
        self.zeros = int((self.norms == 0).sum())

    def sentences(self) -> list[tuple[str, _Found]]:
        """The baselines of the layer, and the similarity within sentences."""
        found: list[tuple[str, _Found]] = []
        held = ~np.isnan(self.intra)
        if held.any():
            mean = float(self.intra[held].mean())
            found.append(("intra_sentence_similarity", (mean, np.where(held, self.intra - mean, 0.0) / held.sum())))
        n = len(self.norms) - self.zeros
        if n < 2:
            return found
        similarity = float((self.units @ self.units - n) / (n * (n - 1)))
        value, vector = _largest(self.second)
        trace = float(np.square(self.norms).sum())
        share = value / trace
        slopes = np.zeros((len(self.norms), 2))
        for start in range(0, len(self.order), 4096):
            rows = self.order[start : start + 4096]
            X = self.vectors.take(rows).astype(np.float64)
            slopes[rows, 0] = _units(X, self.norms[rows]) @ self.units
            slopes[rows, 1] = np.square(X @ vector)
        there = self.norms > 0
        slopes[:, 0] = np.where(there, 2 * (slopes[:, 0] - 1) / (n * (n - 1)) - 2 * similarity / n, 0.0)
        slopes[:, 1] = (slopes[:, 1] - share * np.square(self.norms)) / trace
        by_sentence = [np.bincount(self.groups, weights=column, minlength=self.n_groups) for column in slopes.T]
        found.append(("random_similarity", (similarity, by_sentence[0])))
        found.append(("random_variance", (share, by_sentence[1])))
        return found


def _exact(vectors: Vectors, rows: np.ndarray) -> np.ndarray:
    """The given rows in float64; one frequent type may be many, so they are where there is room for them."""
    return by_rows(lambda block: block.astype(np.float64), taken(vectors, rows))


def _units(X: np.ndarray, norms: np.ndarray) -> np.ndarray:
    return X / np.where(norms > 0, norms, 1.0)[:, None]


def _largest(symmetric: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest eigenvalue and its vector."""
    last = len(symmetric) - 1
    values, found = eigh(symmetric, subset_by_index=[last, last], check_finite=False)
    return float(values[0]), found[:, 0]


def _eligible(types: np.ndarray, groups: np.ndarray, there: np.ndarray, min_count: int) -> np.ndarray:
    """Rows of the types that occur in enough sentences, by type and then by sentence."""
    rows = np.flatnonzero(there)
    rows = rows[np.lexsort((groups[rows], types[rows]))]
    if not len(rows):
        return rows
    of_row, sentence = types[rows], groups[rows]
    starts = starts_of(of_row)
    new = np.r_[True, (of_row[1:] != of_row[:-1]) | (sentence[1:] != sentence[:-1])]
    enough = np.add.reduceat(new.astype(np.int64), starts) >= min_count
    return rows[np.repeat(enough, np.diff(np.r_[starts, len(rows)]))]


def _of_types(
    vectors: Vectors, types: np.ndarray, groups: np.ndarray, n_groups: int, rows: np.ndarray
) -> tuple[dict[str, _Found], pl.DataFrame]:
    """Self-similarity and explainable variance of the types whose rows these are, and a row for each."""
    of_row = types[rows]
    similarity, sentences, influence = [], [], np.zeros(n_groups)
    for part in whole_groups(of_row):
        X = _exact(vectors, rows[part])
        starts = starts_of(of_row[part])
        # A cell: the occurrences of one type in one sentence. Pairs within it are the same context.
        cell_of = np.cumsum(np.r_[0, (np.diff(of_row[part]) != 0) | (np.diff(groups[rows[part]]) != 0)])
        cells = starts_of(cell_of)
        units = by_rows(lambda block: block / np.linalg.norm(block, axis=1, keepdims=True), X)
        sums = np.add.reduceat(units, cells)
        sizes = np.diff(np.r_[cells, len(cell_of)])
        first = cell_of[starts]
        of_cell = np.repeat(np.arange(len(starts)), np.diff(np.r_[first, len(cells)]))
        total = np.add.reduceat(sums, first)
        own = np.einsum("cd,cd->c", sums, sums)
        count = np.add.reduceat(sizes, first)
        pairs = count**2 - np.add.reduceat(sizes**2, first)
        value = (np.einsum("td,td->t", total, total) - np.add.reduceat(own, first)) / pairs
        slope = np.einsum("cd,cd->c", sums, total[of_cell]) - own
        slope -= value[of_cell] * sizes * (count[of_cell] - sizes)
        influence += np.bincount(groups[rows[part]][cells], weights=2 * slope / pairs[of_cell], minlength=n_groups)
        similarity.append(value)
        sentences.append(np.diff(np.r_[first, len(cells)]))
    per_type = np.concatenate(similarity)
    variance, shares = _variance(vectors, rows, of_row, groups, n_groups)
    names, counts = np.unique(of_row, return_counts=True)
    frame = pl.DataFrame(
        {
            "type": names,
            "count": counts,
            "sentences": np.concatenate(sentences),
            "self_similarity": per_type,
            "max_explainable_variance": shares,
        }
    )
    found = {
        "self_similarity": (float(per_type.mean()), influence / len(per_type)),
        "max_explainable_variance": variance,
    }
    return found, frame


def _variance(
    vectors: Vectors, rows: np.ndarray, of_row: np.ndarray, groups: np.ndarray, n_groups: int
) -> tuple[_Found, np.ndarray]:
    """Mean over sets of rows of the share of the largest squared singular value, and the share of each set."""
    shares, slopes = [], np.empty(len(rows))
    for part in whole_groups(of_row):
        X = _exact(vectors, rows[part])
        bounds = np.r_[starts_of(of_row[part]), len(X)]
        for begin, end in pairwise(bounds.tolist()):
            W = X[begin:end]
            if len(W) <= W.shape[1]:
                value, vector = _largest(W @ W.T)
                along = value * np.square(vector)
            else:
                value, vector = _largest(W.T @ W)
                along = np.square(W @ vector)
            squares = np.einsum("id,id->i", W, W)
            trace = squares.sum()
            shares.append(value / trace)
            slopes[part.start + begin : part.start + end] = (along - value / trace * squares) / trace
    influence = np.bincount(groups[rows], weights=slopes, minlength=n_groups) / len(shares)
    return (float(np.mean(shares)), influence), np.array(shares)
