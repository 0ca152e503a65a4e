"""Probeless: neurons ranked by how far apart the means of the classes lie. Trains nothing; reads the vectors once.

Antverg & Belinkov, ICLR 2022, "On the Pitfalls of Analyzing Individual Neurons in Language Models". Only the means
count, so neurons of a larger scale come first: standardise where scales differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from isogloss.errors import OptionError
from isogloss.probing.rankings.inputs import as_labels, at_least_two, row_blocks_of, rows_per_block, width
from isogloss.probing.rankings.ranking import Ranking


@dataclass(frozen=True)
class ClassMeans:
    """Means of the vectors of every class.

    Attributes
    ----------
    classes : labels, sorted.
    means : (n_classes, d) float64.
    counts : (n_classes,) words.
    scale : (d,) standard deviation over all words that take part.
    """

    classes: tuple[Any, ...]
    means: np.ndarray
    counts: np.ndarray
    scale: np.ndarray


def class_means(X: Any, y: Any) -> ClassMeans:
    """Class means in one pass.

    Parameters
    ----------
    X : (n, d) array, or anything with `.shape` and `.blocks(rows)`.
    y : (n,) labels; None and "" take no part.

    Raises
    ------
    OptionError : lengths differ, there are fewer than two classes, or a vector is not finite.
    """
    labels = at_least_two(as_labels(y))
    d = width(X, labels)
    sums, squares, origin = np.zeros((len(labels.classes), d)), np.zeros(d), None
    start = 0
    for block in row_blocks_of(X, rows_per_block(d)):
        codes = labels.codes[start : start + len(block)]
        rows = np.flatnonzero(codes >= 0)
        start += len(block)
        if not len(rows):
            continue
        part = np.asarray(block, dtype=np.float64)[rows]
        # Around the first word: squares of large offsets would drown the spread.
        origin = part[0].copy() if origin is None else origin
        part -= origin
        hot = sparse.csr_array((np.ones(len(rows)), (codes[rows], np.arange(len(rows)))), shape=(len(sums), len(rows)))
        sums += hot @ part
        squares += np.einsum("ij,ij->j", part, part)
    if origin is None or not np.isfinite(squares).all():
        raise OptionError("X should be finite numbers. Got NaN or infinity in a labelled word.")
    counts = labels.counts
    n = counts.sum()
    variance = squares / n - (sums.sum(axis=0) / n) ** 2
    return ClassMeans(labels.classes, sums / counts[:, None] + origin, counts, np.sqrt(np.maximum(variance, 0.0)))


def rank_by_probeless(means: ClassMeans, *, standardize: bool = False) -> Ranking:
    """Order neurons by r(n), the sum over pairs of classes of |mean_a(n) - mean_b(n)|.

    The order of class a is by the sum over the other classes b of |mean_a(n) - mean_b(n)|. Equal neurons are in
    order of their number.

    Parameters
    ----------
    means : of `class_means`.
    standardize : divide by each neuron's standard deviation; the paper does not.
    """
    m = means.means / np.where(means.scale > 0, means.scale, 1.0) if standardize else means.means
    k = len(m)
    # Sorted, the i-th of k means is above i and below k - 1 - i others: no loop over pairs.
    scores = (np.sort(m, axis=0) * (2 * np.arange(k) - k + 1)[:, None]).sum(axis=0)
    per_label = {name: np.argsort(-np.abs(m - m[i]).sum(axis=0), kind="stable") for i, name in enumerate(means.classes)}
    return Ranking("probeless", np.argsort(-scores, kind="stable"), scores, per_label)
