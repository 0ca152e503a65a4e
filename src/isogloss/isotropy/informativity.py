"""How well cosines without a few dimensions follow those with all, on the pairs of a sample of words.

Which dimensions to leave out is the caller's business.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from isogloss.analysis.sampling import sampled_rows
from isogloss.errors import OptionError
from isogloss.isotropy.rows import check_shape, finite_blocks


def informativity(X: np.ndarray, removed: Iterable[int], *, words: int = 1000, seed: int = 0) -> float:
    """How well cosines without some dimensions follow those with all: r^2 over pairs (Timkey & van Schijndel 2021).

    A few dimensions that decide cosines alone leave a small r^2: the others' similarities could not be seen.

    Parameters
    ----------
    X : (n, d) words in rows.
    removed : numbers of the dimensions to leave out.
    words : so many words are drawn, and all their pairs taken; at most n.
    seed : of the draw.

    Returns
    -------
    float in [0, 1]; the squared correlation of the two cosines over the pairs.

    Raises
    ------
    OptionError : no matrix; a number that is no dimension; fewer than three words with a length in both spaces; NaN
        or infinity; all cosines equal, so that there is nothing to follow.

    Warns
    -----
    UserWarning : words drawn have no length with or without these dimensions; they are left out.
    """
    X = np.asanyarray(X)
    check_shape(X.shape, few=True, least=3)
    out = np.unique(np.asarray(list(removed), dtype=np.int64))
    d = np.shape(X)[1]
    if len(out) and (out[0] < 0 or out[-1] >= d):
        raise OptionError(f"removed should be dimensions in 0 .. {d - 1}. Got {out.tolist()} instead.")
    rows = sampled_rows(len(X), words, seed)
    sample = next(finite_blocks([X[rows]], rows))
    (value,), left_out = informativity_of(sample, [out])[0]
    if left_out:
        warnings.warn(f"{left_out} of {len(rows)} words drawn have no direction and are left out", stacklevel=2)
    if np.isnan(value):
        raise OptionError("the cosines of these words are all equal, or fewer than three words have one")
    return value


def informativity_of(
    sample: np.ndarray, removed: Iterable[np.ndarray], weights: np.ndarray | None = None
) -> list[tuple[np.ndarray, int]]:
    """Informativity of (m, d) float64 words without each of several sets of dimensions.

    Parameters
    ----------
    weights : (n_boot, m) how often each word is drawn in resamples; a pair counts by the product of its words' weights.

    Returns
    -------
    for each set: (1 + n_boot,) r^2, of the words themselves first, NaN where undefined; and how many words were left
    out because they have no direction.
    """
    gram, results = sample @ sample.T, []
    weights = np.empty((0, len(sample))) if weights is None else weights
    for dimensions in removed:
        part = sample[:, dimensions]
        rest = gram - part @ part.T
        # What is left of a vector that lies in the removed dimensions is the rounding of a difference.
        usable = (np.diag(gram) > 0) & (np.diag(rest) > 1e-12 * np.diag(gram))
        left_out = int((~usable).sum())
        found = np.full(1 + len(weights), np.nan)
        results.append((found, left_out))
        if len(usable) - left_out < 3:
            continue
        a, b = (_centred_cosines(products[np.ix_(usable, usable)]) for products in (gram, rest))
        spread_a, spread_b = np.vdot(a, a), np.vdot(b, b)
        if min(spread_a, spread_b) > (1e-12 * len(a)) ** 2:
            found[0] = np.vdot(a, b) ** 2 / (spread_a * spread_b)
            found[1:] = _weighted(a / np.sqrt(spread_a), b / np.sqrt(spread_b), weights[:, usable])
    return results


def _weighted(a: np.ndarray, b: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Squared correlation over the pairs of two centred, symmetric matrices (m, m) of zero diagonal, for each weight.

    Products in float32: they are of numbers about zero, so that little cancels.
    """
    if not len(weights):
        return np.empty(0)
    m = len(a)
    a, b, weights = ((np.asarray(x, dtype=np.float32)) for x in (a * m, b * m, weights))
    pairs = weights.sum(axis=1, dtype=np.float64) ** 2 - np.square(weights).sum(axis=1, dtype=np.float64)

    def mean(of: np.ndarray) -> np.ndarray:
        total = np.einsum("bi,bi->b", weights @ of, weights, dtype=np.float64)
        return np.divide(total, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)

    mean_a, mean_b = mean(a), mean(b)
    covariance = mean(a * b) - mean_a * mean_b
    spread = (mean(a * a) - mean_a**2) * (mean(b * b) - mean_b**2)
    # What is left of a resample of very few different words is rounding.
    defined = spread > 1e-10
    return np.divide(covariance**2, spread, out=np.full(len(spread), np.nan), where=defined).clip(max=1.0)


def _centred_cosines(products: np.ndarray) -> np.ndarray:
    """Cosines (m, m) less their mean over pairs of different words, and 0 for a word with itself."""
    inverse = 1.0 / np.sqrt(np.diag(products))
    cosines = products * inverse[:, None]
    cosines *= inverse
    np.fill_diagonal(cosines, 0.0)
    m = len(cosines)
    cosines -= cosines.sum() / (m * (m - 1))
    np.fill_diagonal(cosines, 0.0)
    return cosines
