"""All global measures of one layer of one model in two passes, each with what other sentences would have made of it.

Pass one: mean, covariance, unit vectors. Pass two: projections on the two sets of principal directions, for the
partition function and for resampled variances. Memory O(d^2), a block, and a byte per sentence and resample.
Per-word measures, clusters and neighbours are not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.analysis import Vectors
from isogloss.analysis.sampling import sampled_rows
from isogloss.errors import OptionError
from isogloss.isotropy.cosine import RogueDimensions, rogue_of
from isogloss.isotropy.cosine_resamples import CosineStream
from isogloss.isotropy.covariance import Scatter, ScatterStream
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.informativity import informativity_of
from isogloss.isotropy.partition import log_isotropy
from isogloss.isotropy.partition_resamples import PartitionStream
from isogloss.isotropy.resamples import Resamples
from isogloss.isotropy.rows import ROWS, check_shape, finite_blocks
from isogloss.isotropy.spectrum import (
    check_share,
    check_times,
    directions_of,
    effective_rank_of,
    elongated_of,
    isoscore_of,
)
from isogloss.isotropy.variance_resamples import VarianceStream, effective_rank_resamples, participation_resamples

ELONGATED = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
SHARES = (0.5, 0.9, 0.95)
ROGUE = (1, 3, 5)
ROGUE_TABLE = 10
PAIRED_WORDS = 1000
"""Words whose pairs tell what the cosines lose without the rogue dimensions."""


@dataclass(frozen=True, eq=False)
class Shape:
    """The global measures of one layer.

    Attributes
    ----------
    measures : by name; what is not defined for these words is absent, and `notes` says why.
        partition, partition_log10 : I(W) over both signs of each eigenvector, and its decimal logarithm;
        partition_reference : over the signs that eigh gives, as usual implementations;
        mean_cosine : over all pairs of words;
        isoscore, participation, effective_rank : of the covariance;
        top_share : share of the variance along the first direction;
        directions_50, ... : directions that hold this per cent of the variance;
        elongated_10, ... : directions with more than so many times the mean variance;
        rogue_1, ... : share of the mean cosine that the dimensions with the largest contributions add;
        informativity_1, ... : r^2 of cosines with and without these, on a sample of words.
    spectrum : (d,) eigenvalues of the covariance, descending; empty where there are fewer words than dimensions.
    rogue : the dimensions that add most to the mean cosine; None where it is not defined.
    n : words.
    zero_vectors : how many of them are zero; left out of cosines, and of nothing else.
    notes : what was left out, and why.
    """

    measures: dict[str, Estimate]
    spectrum: np.ndarray
    rogue: RogueDimensions | None
    n: int
    zero_vectors: int
    notes: tuple[str, ...]


def measure_shape(
    vectors: Vectors,
    groups: np.ndarray,
    n_groups: int,
    *,
    bootstrap: int = 200,
    seed: int = 0,
    elongated: Sequence[float] = ELONGATED,
    shares: Sequence[float] = SHARES,
) -> Shape:
    """Measure how the words of one layer lie.

    Parameters
    ----------
    vectors : (n, d) words, read twice.
    groups : (n,) integers in [0, n_groups), the sentence of each word.
    n_groups : number of sentences; two models under one seed and number have the same resamples.
    bootstrap : resamples of the sentences; 0 gives no intervals, as does a single sentence.
    seed : of the resamples and of the words of `informativity_...`.
    elongated : how many times the mean variance an elongated direction has.
    shares : of the variance, in (0, 1].

    Returns
    -------
    Shape. Replicates of cosine and rogue shares are exact, those of the partition function exact given the
    eigenvectors of all words, those of the spectrum first-order (see `variance_resamples`); rogue dimensions
    are held. Partition values come from float32 projections: relative error about 1e-7 times the words' length.
    The same vectors in the same blocks give the same numbers.

    Raises
    ------
    OptionError : no words; a vector with NaN or infinity, named by its row; groups that do not fit; an option out of
        range.
    """
    check_shape(vectors.shape, few=True, least=1)
    for c in elongated:
        check_times(c)
    for share in shares:
        check_share(share)
    if len(groups) != vectors.shape[0]:
        raise OptionError(f"groups should have one entry per word: {len(groups)} for {vectors.shape[0]} words")
    one_sentence = bool((groups == groups[0]).all())
    resamples = Resamples(groups, n_groups, 0 if one_sentence else bootstrap, seed)
    first = _first_pass(vectors, resamples, seed)
    n, d = vectors.shape
    measures: dict[str, np.ndarray] = {}
    notes = ["all words are of one sentence: no intervals"] if one_sentence and bootstrap else []
    if first.zero_vectors:
        said = "1 zero vector has" if first.zero_vectors == 1 else f"{first.zero_vectors:,} zero vectors have"
        notes.append(f"{said} no cosine and no part in what is made of cosines")
    rogue, values = None, np.empty(0)
    if n - first.zero_vectors < 2:
        notes.append(f"cosines need two words that are not zero vectors; there are {n - first.zero_vectors}")
    else:
        measures["mean_cosine"] = first.contributions.sum(axis=1)
        rogue = rogue_of(first.contributions[0], min(ROGUE_TABLE, d))
        _rogue_measures(first, rogue, measures, notes)
    if n < max(2, d):
        needed = "at least as many words as dimensions, and two"
        notes.append(f"{n:,} words of {d:,} dimensions: measures of directions need {needed}")
    else:
        values = _direction_measures(vectors, first, resamples, (elongated, shares), measures, notes)
    estimates = {name: Estimate(float(found[0]), found[1:].astype(np.float64)) for name, found in measures.items()}
    return Shape(estimates, values, rogue, n, first.zero_vectors, tuple(notes))


@dataclass(frozen=True, eq=False)
class _FirstPass:
    scatter: Scatter
    contributions: np.ndarray
    zero_vectors: int
    sample: np.ndarray
    weights: np.ndarray


def _first_pass(vectors: Vectors, resamples: Resamples, seed: int) -> _FirstPass:
    n, d = vectors.shape
    scatter, cosine = ScatterStream(), CosineStream(resamples, d)
    wanted, sample, start = sampled_rows(n, PAIRED_WORDS, seed), [], 0
    for block in finite_blocks(vectors.blocks(ROWS)):
        scatter.add(block)
        low, high = np.searchsorted(wanted, (start, start + len(block)))
        sample.append(block[wanted[low:high] - start])
        cosine.add(block)
        start += len(block)
    weights = resamples.of(resamples.groups[wanted])[1:]
    return _FirstPass(scatter.result(), cosine.contributions(), cosine.zeros, np.concatenate(sample), weights)


def _rogue_measures(
    first: _FirstPass, rogue: RogueDimensions, measures: dict[str, np.ndarray], notes: list[str]
) -> None:
    tops = [k for k in ROGUE if k <= len(rogue.dimensions)]
    if rogue.mean_cosine > 0:
        for k in tops:
            part = first.contributions[:, rogue.dimensions[:k]].sum(axis=1)
            whole = measures["mean_cosine"]
            # A resample without a positive mean cosine has no shares of it.
            measures[f"rogue_{k}"] = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    else:
        notes.append("the mean cosine is not above 0: dimensions have no share of it")
    found = informativity_of(first.sample, [rogue.dimensions[:k] for k in tops], first.weights)
    for k, (values, left_out) in zip(tops, found, strict=True):
        if np.isnan(values[0]):
            notes.append(f"informativity_{k}: cosines without these dimensions are all equal, or of too few words")
            continue
        measures[f"informativity_{k}"] = values
        if left_out > 0:
            notes.append(f"informativity_{k}: {left_out} of {len(first.sample)} words drawn have no direction left")


def _direction_measures(
    vectors: Vectors,
    first: _FirstPass,
    resamples: Resamples,
    thresholds: tuple[Sequence[float], Sequence[float]],
    measures: dict[str, np.ndarray],
    notes: list[str],
) -> np.ndarray:
    """Pass two; the eigenvalues of the covariance."""
    n, d = vectors.shape
    scatter = first.scatter
    values, variance, partition = np.zeros(d), None, None
    if 0 < (constant := scatter.constant_dimensions) < d:
        notes.append(f"{constant} of {d} dimensions are constant: they count as directions without variance")
    if scatter.is_constant:
        notes.append("all words are the same vector: there is no variance to spread over directions")
    else:
        found, eigenvectors = np.linalg.eigh(scatter.centred)
        values = np.clip(found[::-1], 0.0, None) / (n - 1)
        if resamples.rows > 1:
            variance = VarianceStream(resamples, eigenvectors[:, ::-1])
    if first.zero_vectors == n:
        notes.append("every vector is zero: the partition function has no directions")
    else:
        eigenvectors = np.linalg.eigh(scatter.uncentred)[1]
        partition = PartitionStream(resamples, eigenvectors, scatter.mean)
    start = 0
    for block in vectors.blocks(ROWS):
        groups, adder = resamples.adder(start, len(block))
        start += len(block)
        weights = resamples.of(groups)
        centred = np.subtract(block, scatter.mean, dtype=np.float64).astype(np.float32)
        if partition is not None:
            partition.add(centred, groups, adder, weights)
        if variance is not None:
            variance.add(centred, adder.astype(np.float32), weights)
    if partition is not None:
        above, below = partition.logs()
        both, reference = log_isotropy(above, below, "both"), log_isotropy(above, below, "reference")
        measures |= {"partition": np.exp(both), "partition_log10": both / np.log(10)}
        measures["partition_reference"] = np.exp(reference)
    if not scatter.is_constant:
        changes = variance.changes()[1:] * (n / (n - 1)) if variance is not None else np.empty((0, d))
        _variance_measures(values, changes, *thresholds, measures)
        if d == 1:
            notes.append("IsoScore is not defined for vectors of one dimension")
    return values


def _variance_measures(
    values: np.ndarray,
    changes: np.ndarray,
    elongated: Sequence[float],
    shares: Sequence[float],
    measures: dict[str, np.ndarray],
) -> None:
    d = len(values)
    ratio = values.sum() ** 2 / (values @ values)
    participation = np.concatenate([[ratio], participation_resamples(values, changes)])
    measures["participation"] = participation
    if d > 1:
        measures["isoscore"] = np.asarray(isoscore_of(participation, d))
    ranks = effective_rank_resamples(values, changes)
    measures["effective_rank"] = np.concatenate([[effective_rank_of(values)], ranks])
    resampled = np.sort(np.clip(values + changes, 0.0, None), axis=1)[:, ::-1]
    spectra = np.concatenate([values[None], resampled])
    undefined = np.isnan(spectra).any(axis=1)
    total = spectra.sum(axis=1)
    measures["top_share"] = np.divide(spectra[:, 0], total, out=np.full_like(total, np.nan), where=total > 0)
    for share in shares:
        measures[f"directions_{100 * share:g}"] = np.where(undefined, np.nan, directions_of(spectra, share))
    for c in elongated:
        measures[f"elongated_{c:g}"] = np.where(undefined, np.nan, elongated_of(spectra, c))
