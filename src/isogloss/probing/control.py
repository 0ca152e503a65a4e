"""Control tasks: labels that only memory can predict, because each word type has a random one.

A probe that does as well on them as on the real labels says more of itself than of the vectors. Makes the labels;
scores and selectivity are in `scores`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from isogloss.analysis.codes import Values, label_codes, word_types
from isogloss.analysis.seeded import seeded_uniforms, string_keys
from isogloss.errors import OptionError

Distribution = Literal["empirical", "uniform"]


def control_codes(words: Values, weights: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
    """Draw a random class for each word type, under several seeds at once.

    Parameters
    ----------
    words : (n,) strings.
    weights : (K,) >= 0: how often each class is drawn, such as the numbers of training words of each.
    seeds : one control task each.

    Returns
    -------
    (n_seeds, n) int64 in [0, K). It depends on the seed, the spelling and the weights, not on the other words.

    Raises
    ------
    OptionError : the weights are not >= 0, or all of them are 0.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if weights.ndim != 1 or not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise OptionError(f"weights should be (K,) numbers >= 0, not all 0. Got {weights.tolist()} instead.")
    types, names = word_types(words)
    draws = seeded_uniforms(string_keys(names.to_list()), seeds)
    possible = np.flatnonzero(weights)
    upper = np.cumsum(weights[possible]) / weights.sum()
    # The last bound may round to less than 1; no draw may fall beyond it.
    codes = possible[np.minimum(np.searchsorted(upper, draws, side="right"), len(possible) - 1)]
    return codes[:, types]


def control_labels(
    words: Values, y: Values, seeds: Sequence[int], *, distribution: Distribution = "empirical"
) -> np.ndarray:
    """Draw random labels of word types, distributed as the labels of the words are (Hewitt & Liang 2019).

    Parameters
    ----------
    words : (n,) strings.
    y : (m,) labels whose distribution over tokens is copied, those of the same words or of the training words only;
        None, NaN and "" are no label.
    seeds : one control task each.
    distribution : "uniform" draws each class as often.

    Returns
    -------
    (n_seeds, n) labels of the type of `y`.

    Raises
    ------
    OptionError : nothing is labelled, or there is no such distribution.

    References
    ----------
    Hewitt & Liang, "Designing and Interpreting Probes with Control Tasks", EMNLP 2019, arXiv 1909.03368.
    """
    classes, weights = _distribution(y, distribution)
    return classes[control_codes(words, weights, seeds)]


class ControlTask(BaseEstimator):
    """One random label per word type, the same one wherever the type occurs (Hewitt & Liang 2019).

    Parameters
    ----------
    distribution : "empirical" draws labels as often as `fit` saw them on tokens; "uniform" each as often.
    random_state : the seed; a whole number, so that the task can be named again.

    Attributes
    ----------
    classes_ : (K,) the labels seen.
    weights_ : (K,) how often each is drawn, summing to 1.

    Examples
    --------
    >>> task = ControlTask(random_state=0).fit(["a", "cat", "a"], ["DET", "NOUN", "DET"])
    >>> task.transform(["cat", "dog", "cat"]).tolist()[0] == task.transform(["cat"]).tolist()[0]
    True
    """

    def __init__(self, distribution: Distribution = "empirical", random_state: int = 0) -> None:
        self.distribution = distribution
        self.random_state = random_state

    def fit(self, words: Values, y: Values) -> ControlTask:
        """Learn how often the labels (n,) of the words (n,) occur.

        Raises
        ------
        OptionError : as `control_labels`, or the lengths differ.
        """
        if len(words) != len(y):
            raise OptionError(f"words and y should be of the same length. Got {len(words)} and {len(y)}.")
        self.classes_, weights = _distribution(y, self.distribution)
        self.weights_ = weights / weights.sum()
        return self

    def transform(self, words: Values) -> np.ndarray:
        """(n,) control labels of words (n,), seen in `fit` or not."""
        return self.classes_[control_codes(words, self.weights_, [self.random_state])[0]]

    def fit_transform(self, words: Values, y: Values) -> np.ndarray:
        """(n,) control labels of the words that it is fitted to."""
        return self.fit(words, y).transform(words)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _distribution(y: Values, distribution: str) -> tuple[np.ndarray, np.ndarray]:
    if distribution not in ("empirical", "uniform"):
        raise OptionError(f"distribution should be one of empirical, uniform. Got {distribution!r} instead.")
    codes, classes = label_codes(y)
    if not len(classes):
        raise OptionError(f"y should label at least one word. Got {len(codes)} words without a label.")
    counts = np.bincount(codes[codes >= 0], minlength=len(classes))
    return classes, counts.astype(np.float64) if distribution == "empirical" else np.ones(len(classes))
