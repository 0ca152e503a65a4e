"""Intrinsic dimension of the space from distances to nearest neighbours, after taking out copies.

Two estimators: maximum likelihood from the nearest neighbours, and from the ratio of the two nearest. Euclidean
distances, not squared ones: squares would halve the dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from isogloss.analysis import ArrayVectors, Vectors
from isogloss.analysis.sampling import sampled_rows
from isogloss.errors import OptionError
from isogloss.isotropy.estimate import Estimate
from isogloss.isotropy.sampling import check_rows, taken
from isogloss.numerics import nearest_neighbours, poisson_sums

Method = Literal["mle", "twonn"]
MAX_WORDS = 5000
_COPY = 3e-6
"""Two points nearer than this share of the root mean squared norm differ by rounding only: float32 vectors of the same
token in batches of other lengths do."""
_ENTRIES = 4_000_000


@dataclass(frozen=True, eq=False)
class Dimension:
    """The intrinsic dimension of a sample of words.

    Attributes
    ----------
    estimate : the dimension; its replicates are over sentences, the neighbourhoods as they are.
    method, neighbours : how it was estimated.
    n : points that took part.
    copies : words of the sample left out because their vector repeats another's.
    """

    estimate: Estimate
    method: Method
    neighbours: int
    n: int
    copies: int


def intrinsic_dimension(
    X: np.ndarray,
    neighbours: int = 100,
    method: Method = "mle",
    seed: int = 0,
    max_words: int | None = MAX_WORDS,
) -> float:
    """Estimate the dimension of the manifold that the rows of X lie near.

    `mle`: the maximum likelihood of Levina & Bickel (NeurIPS 2004, eq. 8) pooled over points as MacKay & Ghahramani
    (2005, a comment on it) propose: with T_j(x) the distance to the j-th of k neighbours, the inverse of the mean
    over points and over j < k of log(T_k / T_j).
    `twonn`: (n - 1) / sum log(r_2 / r_1), r_1 and r_2 the distances to the two nearest (Facco et al. 2017,
    doi:10.1038/s41598-017-11873-y; the maximum likelihood of their law instead of their fit of a line).
    Points in many dimensions are few for their neighbourhoods, and both then say too little.

    Parameters
    ----------
    X : (n, d), any float dtype; taken as float32.
    neighbours : k of `mle`.
    method : "mle" or "twonn".
    seed, max_words : of the sample, where there are more rows than `max_words`; None takes all.

    Returns
    -------
    the dimension; infinite where every point has all its neighbours at one distance.

    Raises
    ------
    OptionError : too few different rows, an unknown method, `neighbours` < 2 for `mle`, or NaN (the row is named).
    """
    vectors = ArrayVectors(np.asarray(X))
    rows = sampled_rows(len(X), max_words, seed)
    return _estimate(_local_terms(taken(vectors, rows), neighbours, method)[1], method)


def measure_dimension(
    vectors: Vectors,
    groups: np.ndarray,
    n_groups: int,
    *,
    neighbours: int = 100,
    method: Method = "mle",
    max_words: int | None = MAX_WORDS,
    bootstrap: int = 200,
    seed: int = 0,
) -> Dimension:
    """`intrinsic_dimension` of a layer with replicates over sentences.

    Parameters
    ----------
    vectors : (n_words, d).
    groups : (n_words,) integers in [0, n_groups): the sentence of each word.
    n_groups, neighbours, method, max_words, seed : number of sentences, and as in `intrinsic_dimension`.
    bootstrap : resamples, 0 for none. Points are weighted, their neighbours stay: copies drawn by a resample would be
        neighbours at distance 0.

    Raises
    ------
    OptionError : as in `intrinsic_dimension`, or the lengths differ.
    """
    check_rows(vectors, groups=groups)
    rows = sampled_rows(vectors.shape[0], max_words, seed)
    kept, terms = _local_terms(taken(vectors, rows), neighbours, method)
    value = _estimate(terms, method)
    replicates = np.empty(0)
    if n_groups > 1 and bootstrap and np.isfinite(value):
        of_point = groups[rows[kept]]
        sums = np.stack([np.bincount(of_point, w, n_groups) for w in (terms, np.ones(len(terms)))], axis=1)
        totals = poisson_sums(sums, bootstrap, seed)
        defined = totals[:, 0] > 0
        replicates = np.divide(totals[:, 1], totals[:, 0], out=np.full(bootstrap, np.nan), where=defined)
        # The small-sample factor of the estimate, so that value and replicates are of one kind.
        replicates *= value * terms.mean()
    used = neighbours if method == "mle" else 2
    return Dimension(Estimate(value, replicates), method, used, len(kept), len(rows) - len(kept))


def _estimate(terms: np.ndarray, method: Method) -> float:
    mean = float(terms.mean())
    if mean == 0:
        return float("inf")
    return (1 - 1 / len(terms) if method == "twonn" else 1.0) / mean


def _local_terms(X: np.ndarray, neighbours: int, method: Method) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the points that are no copies, and the inverse dimension that each of them sees."""
    if method not in ("mle", "twonn"):
        raise OptionError(f"method should be 'mle' or 'twonn'. Got {method!r} instead.")
    if method == "mle" and neighbours < 2:
        raise OptionError(f"neighbours should be at least 2. Got {neighbours} instead.")
    k = neighbours if method == "mle" else 2
    points = X.astype(np.float64)
    scale = np.sqrt(np.mean(np.square(points).sum(axis=1)))
    points = (points - points.mean(axis=0)) / (scale if scale > 0 else 1.0)
    kept = np.arange(len(points))
    while True:
        if len(kept) <= k:
            raise OptionError(
                f"the intrinsic dimension by {k} neighbours needs more than {k} different vectors. "
                f"Got {len(kept)} among {len(X)}.",
                "give fewer neighbours or more words",
            )
        nearest = nearest_neighbours(points[kept], k, "euclidean")
        distances = _distances(points[kept], nearest)
        # Of points that are copies of each other the first stays.
        copies = ((distances <= _COPY) & (nearest < np.arange(len(kept))[:, None])).any(axis=1)
        if not copies.any():
            break
        kept = kept[~copies]
    distances.sort(axis=1)
    return kept, np.log(distances[:, -1:] / distances[:, :-1]).mean(axis=1)


def _distances(points: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """(m, k) distances to the given neighbours, from differences: an expansion into products loses small ones."""
    found = np.empty(nearest.shape)
    step = max(1, _ENTRIES // (nearest.shape[1] * points.shape[1]))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        differences = points[nearest[part]] - points[part, None, :]
        found[part] = np.sqrt(np.einsum("mkd,mkd->mk", differences, differences))
    return found
