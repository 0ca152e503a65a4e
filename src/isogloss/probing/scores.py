"""How well classes are predicted: accuracy, precision, recall and F1, each with its interval over sentences.

Everything is a ratio of sums per sentence, so many predictions (models, control tasks) are resampled in one go and
all on the same sentences. Trains nothing; makes no predictions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from isogloss.errors import OptionError
from isogloss.numerics import group_sums, poisson_sums, poisson_weights
from isogloss.probing.resampling import Resampled

N_BOOT = 1000


@dataclass(frozen=True, eq=False)
class LabelScores:
    """Scores of each label.

    Attributes
    ----------
    precision, recall, f1 : (*s, K), `*s` the leading axes of the predictions. A recall is NaN where no word has the
        label, a precision where none is predicted to; an F1 where neither.
    macro_f1 : (*s,) mean F1 of the labels that words have.
    support : (K,) words of each label.
    """

    precision: Resampled
    recall: Resampled
    f1: Resampled
    macro_f1: Resampled
    support: np.ndarray


def resampled_mean(values: np.ndarray, sentences: np.ndarray, *, n_boot: int = N_BOOT, seed: int = 0) -> Resampled:
    """Means over words, sentences resampled.

    Parameters
    ----------
    values : (*s, n).
    sentences : (n,) the sentence of each word, any values.
    n_boot, seed : resamples (0 gives no interval) and their seed.

    Returns
    -------
    (*s,).

    Raises
    ------
    OptionError : there are no words, or lengths differ.
    """
    shape, rows = _flat(values, sentences)
    groups, n_groups = _groups(sentences)
    sums = np.column_stack([group_sums(rows.T.astype(np.float64), groups, n_groups), np.bincount(groups)])
    value = rows.mean(axis=1, dtype=np.float64).reshape(shape)
    totals = poisson_sums(sums, n_boot, seed)
    replicates = _ratio(totals[:, :-1], totals[:, -1:]).reshape(n_boot, *shape)
    return Resampled(value, replicates, (seed, n_boot, n_groups))


def accuracy(
    y: np.ndarray, predictions: np.ndarray, sentences: np.ndarray, *, n_boot: int = N_BOOT, seed: int = 0
) -> Resampled:
    """Share of the words whose class is predicted.

    Parameters
    ----------
    y : (n,) classes, or (*s, n) where each prediction has its own truth, as control tasks do.
    predictions : (*s, n) classes; what is no class, such as -1, is wrong.
    sentences, n_boot, seed : as `resampled_mean`.

    Returns
    -------
    (*s,); the difference of two, or of two of its entries, is paired.
    """
    correct = np.asarray(predictions) == np.asarray(y)
    return resampled_mean(correct, sentences, n_boot=n_boot, seed=seed)


def selectivity(real: Resampled, control: Resampled) -> Resampled:
    """Accuracy minus mean control accuracy of the same probe (Hewitt & Liang, EMNLP 2019), paired.

    Parameters
    ----------
    real : (*s,) accuracies on the labels.
    control : (n_seeds, *s) accuracies on control tasks of the same words; `OptionError` if of others.

    Returns
    -------
    (*s,). The interval is of the sentences; that there are only so many control tasks is not in it.
    """
    return real - control.mean(0)


def label_scores(
    y: np.ndarray,
    predictions: np.ndarray,
    sentences: np.ndarray,
    n_classes: int,
    *,
    n_boot: int = N_BOOT,
    seed: int = 0,
) -> LabelScores:
    """Precision, recall and F1 of each label, and their macro mean.

    F1 is 2 TP / (predicted + true). The macro mean is over the labels that occur among the words at hand - in each
    resample those that occur in it -, so a label that is only ever predicted lowers the precision of nothing but
    the labels it is taken from (scikit-learn's `labels=np.unique(y)`).

    Parameters
    ----------
    y : (n,) classes in [0, n_classes).
    predictions : (*s, n) classes; -1 is none.
    sentences, n_boot, seed : as `resampled_mean`.

    Raises
    ------
    OptionError : a true class is outside the range, there are no words, or lengths differ.
    """
    y = np.asarray(y)
    shape, rows = _flat(predictions, sentences)
    if len(y) != rows.shape[1]:
        raise OptionError(f"y and predictions should be of the same words. Got {len(y)} and {rows.shape[1]}.")
    if y.min() < 0 or y.max() >= n_classes:
        bad = int(np.flatnonzero((y < 0) | (y >= n_classes))[0])
        raise OptionError(f"y should be in [0, {n_classes}). Got {y[bad]} in row {bad}.")
    groups, n_groups = _groups(sentences)
    counts = _counts(y, rows, groups, (n_groups, n_classes))
    totals = np.empty((n_boot, counts.shape[1]))
    for start, weights in poisson_weights(n_groups, n_boot, seed):
        totals[start : start + len(weights)] = weights @ counts
    whole = np.asarray(counts.sum(axis=0), dtype=np.float64).reshape(1, -1)
    origin = (seed, n_boot, n_groups)
    exact = _rates(whole, len(rows), n_classes)
    drawn = _rates(totals, len(rows), n_classes)
    label_shapes = [(*shape, n_classes)] * 3 + [shape]
    precision, recall, f1, macro_f1 = (
        Resampled(value.reshape(s), replicates.reshape(n_boot, *s), origin)
        for value, replicates, s in zip(exact, drawn, label_shapes, strict=True)
    )
    return LabelScores(precision, recall, f1, macro_f1, np.bincount(y, minlength=n_classes))


def _counts(y: np.ndarray, rows: np.ndarray, groups: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """(n_groups, K + 2 m K) words per sentence: true, then per prediction predicted and right, by class."""
    n_classes = shape[1]
    at, column = [groups], [y]
    for i, predicted in enumerate(rows):
        known = (predicted >= 0) & (predicted < n_classes)
        right = known & (predicted == y)
        at += [groups[known], groups[right]]
        column += [predicted[known] + (1 + 2 * i) * n_classes, predicted[right] + (2 + 2 * i) * n_classes]
    places = (np.concatenate(at), np.concatenate(column))
    width = n_classes * (1 + 2 * len(rows))
    return sparse.coo_array((np.ones(len(places[0])), places), shape=(shape[0], width)).tocsr()


def _rates(totals: np.ndarray, m: int, n_classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall, F1 (b, m, K) and macro F1 (b, m) from (b, (1 + 2m) K) totals."""
    by_kind = totals.reshape(len(totals), 1 + 2 * m, n_classes)
    true = np.broadcast_to(by_kind[:, :1], (len(totals), m, n_classes))
    predicted, right = by_kind[:, 1::2], by_kind[:, 2::2]
    f1 = _ratio(2 * right, predicted + true)
    occurs = true > 0
    macro = _ratio(np.where(occurs, f1, 0.0).sum(axis=2), occurs.sum(axis=2, dtype=np.float64))
    return _ratio(right, predicted), _ratio(right, true), f1, macro


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.full(shape, np.nan), where=denominator != 0)


def _groups(sentences: np.ndarray) -> tuple[np.ndarray, int]:
    names, groups = np.unique(np.asarray(sentences), return_inverse=True)
    return groups, len(names)


def _flat(values: np.ndarray, sentences: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    values = np.asarray(values)
    if values.ndim == 0 or values.shape[-1] != len(sentences):
        raise OptionError(f"there should be a value for each of {len(sentences)} words. Got shape {values.shape}.")
    if not len(sentences):
        raise OptionError("there are no words to score")
    return values.shape[:-1], values.reshape(-1, len(sentences))
