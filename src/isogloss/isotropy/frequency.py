"""Do words lie beside words about as frequent as they are? One occurrence per type, so that no word finds itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.analysis import Vectors
from isogloss.analysis.codes import Values, label_codes
from isogloss.errors import OptionError
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.labellings import frequency_bands
from isogloss.isotropy.sampling import check_rows, taken
from isogloss.numerics import nearest_neighbours, poisson_sums


@dataclass(frozen=True, eq=False)
class FrequencyAgreement:
    """How often nearest neighbours are in the same frequency band.

    Attributes
    ----------
    agreement : share of the neighbours, over all sampled types.
    null : (permutations,) the same with the bands shuffled over types.
    bands : (b,) names of the bands, by the least frequent word in them.
    by_band, chance, counts : (b,) share of the neighbours of that band's types that are in it; of all other types that
        are; and its number of types.
    rows : (m,) the sampled occurrences, increasing.
    """

    agreement: Estimate
    null: np.ndarray
    bands: tuple[str, ...]
    by_band: np.ndarray
    chance: np.ndarray
    counts: np.ndarray
    rows: np.ndarray


def frequency_agreement(
    vectors: Vectors,
    types: np.ndarray,
    groups: np.ndarray,
    n_groups: int,
    *,
    bands: Values | None = None,
    neighbours: int = 10,
    max_words: int | None = 5000,
    permutations: int = 200,
    bootstrap: int = 200,
    seed: int = 0,
) -> FrequencyAgreement:
    """Share of the nearest neighbours (cosine) of each type that are in its frequency band.

    Occurrences of a word lie beside each other and are equally frequent, so a seeded draw takes one occurrence per
    type. Types then count equally, and most of them are rare: see `by_band`.

    Parameters
    ----------
    vectors : (n_words, d).
    types : (n_words,) integers >= 0: the type of each word.
    groups, n_groups : (n_words,) integers in [0, n_groups): the sentence of each word, and their number.
    bands : (n_words,) one per word, the same for all words of a type; None takes `frequency_bands(types)`.
    neighbours : per word, fewer than there are types in the sample.
    max_words : types in the sample; None takes all.
    permutations, bootstrap, seed : shuffles; resamples of sentences, neighbours as they are, 0 for none; seed of all.

    Raises
    ------
    OptionError : too few types for the neighbours, words without a band, lengths differ, or NaN (the row is named).
    """
    codes, names = label_codes(frequency_bands(types) if bands is None else bands)
    check_rows(vectors, types=types, groups=groups, bands=codes)
    if (codes < 0).any():
        raise OptionError(f"every word should have a frequency band. Got none in row {int(np.argmax(codes < 0))}.")
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(types))
    rows = shuffled[np.unique(types[shuffled], return_index=True)[1]]
    if max_words is not None and len(rows) > max_words:
        rows = rng.choice(rows, max_words, replace=False)
    rows = np.sort(rows)
    if not 1 <= neighbours < len(rows):
        raise OptionError(
            f"neighbours should be at least 1 and fewer than the {len(rows):,} sampled types. Got {neighbours}."
        )
    nearest = nearest_neighbours(taken(vectors, rows), neighbours)
    # Bands by the frequency of their words, not by spelling.
    least = np.full(len(names), np.iinfo(np.int64).max)
    np.minimum.at(least, codes, np.bincount(types)[types])
    place = np.argsort(np.argsort(least, kind="stable"), kind="stable")
    band = place[codes[rows]]
    same = (band[nearest] == band[:, None]).mean(axis=1)
    m, n_bands = len(rows), len(names)
    null = np.empty(permutations)
    for i in range(permutations):
        dealt = rng.permutation(band)
        null[i] = (dealt[nearest] == dealt[:, None]).mean()
    replicates = np.empty(0)
    if n_groups > 1 and bootstrap:
        sums = np.stack([np.bincount(groups[rows], w, n_groups) for w in (same, np.ones(m))], axis=1)
        totals = poisson_sums(sums, bootstrap, seed)
        replicates = np.divide(totals[:, 0], totals[:, 1], np.full(bootstrap, np.nan), where=totals[:, 1] > 0)
    counts = np.bincount(band, minlength=n_bands)
    by_band = np.divide(np.bincount(band, same, n_bands), counts, np.full(n_bands, np.nan), where=counts > 0)
    ordered = tuple(str(names[i]) for i in np.argsort(place))
    estimate = Estimate(float(same.mean()), replicates)
    return FrequencyAgreement(estimate, null, ordered, by_band, (counts - 1) / (m - 1), counts, rows)
