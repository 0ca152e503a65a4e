"""What is right without any vectors: the commonest label, and each word's commonest label.

A probe tells something of the vectors by how much it beats these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.analysis.codes import Values, word_types
from isogloss.errors import OptionError


@dataclass(frozen=True, eq=False)
class PerType:
    """Predictions from spelling alone.

    Attributes
    ----------
    predictions : (*s, m) classes of the asked words.
    seen : (m,) whether the word's type is among the labelled training words. Of a control task, the others can be
        right by chance only.
    """

    predictions: np.ndarray
    seen: np.ndarray


def majority_predictions(y_train: np.ndarray, n: int) -> np.ndarray:
    """The commonest class of the training words for every word; the first of equals.

    Parameters
    ----------
    y_train : (*s, n_train) classes, -1 for none.
    n : number of words.

    Returns
    -------
    (*s, n) int64.

    Raises
    ------
    OptionError : no training word has a class.
    """
    y = np.asarray(y_train)
    best = np.array([_majority(row) for row in y.reshape(-1, y.shape[-1])])
    return np.repeat(best.reshape(y.shape[:-1])[..., None], n, axis=-1)


def per_type_predictions(words: Values, y: np.ndarray, train: np.ndarray, rows: np.ndarray) -> PerType:
    """The class that each word most often has in training; the commonest class of all where it was not seen.

    Of equally common classes of a word, the first.

    Parameters
    ----------
    words : (n,) strings.
    y : (*s, n) classes, -1 for none.
    train, rows : row numbers of the training words, and of the m words asked for.

    Raises
    ------
    OptionError : no training word has a class.
    """
    y = np.asarray(y)
    types, names = word_types(words)
    truths = y.reshape(-1, y.shape[-1])
    predictions = np.empty((len(truths), len(rows)), dtype=np.int64)
    seen = np.zeros(len(names), dtype=bool)
    for row, truth in enumerate(truths):
        labelled = np.asarray(train)[truth[train] >= 0]
        best = np.full(len(names), _majority(truth[labelled]))
        n_classes = int(truth.max()) + 1
        cells, counts = np.unique(types[labelled] * n_classes + truth[labelled], return_counts=True)
        # The last written wins: rarest first, and of equals the last class first.
        order = np.lexsort((-(cells % n_classes), counts))
        best[cells[order] // n_classes] = cells[order] % n_classes
        predictions[row] = best[types[rows]]
        seen[types[labelled]] = True
    return PerType(predictions.reshape(*y.shape[:-1], len(rows)), seen[types[rows]])


def _majority(y: np.ndarray) -> int:
    labelled = y[y >= 0]
    if not len(labelled):
        raise OptionError(f"at least one training word should have a class. Got none of {len(y)}.")
    return int(np.bincount(labelled).argmax())
