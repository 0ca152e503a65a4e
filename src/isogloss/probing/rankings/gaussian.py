"""Intrinsic probing: a Gaussian per class, neurons chosen greedily by how many bits of the label they tell on dev.

Torroba Hennigen, Williams & Cotterell, EMNLP 2020, "Intrinsic Probing through Dimension Selection". One Gaussian over
all candidates is estimated; that of a subset of neurons is its marginal, so nothing is refitted while neurons are
chosen. Discriminates all classes at once: there is no order per class.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from isogloss.errors import OptionError
from isogloss.probing.rankings.class_gaussians import ClassGaussians, class_gaussians
from isogloss.probing.rankings.information import Selection, alone
from isogloss.probing.rankings.inputs import as_labels, at_least_two, matrix, width
from isogloss.probing.rankings.ranking import Ranking
from isogloss.progress import SILENT, Progress

CANDIDATES = 1024
"""Neurons among which there is a choice; more are first cut to those that tell most by themselves."""


def rank_by_gaussian(
    X: np.ndarray,
    y: Any,
    X_dev: np.ndarray | None = None,
    y_dev: Any = None,
    *,
    n_select: int = 50,
    candidates: int | None = CANDIDATES,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> Ranking:
    """Choose neurons one at a time, each the one that raises the dev mutual information with the label most.

    Mutual information in bits is H(label) on dev minus the mean of -log2 p(label | neurons) on dev, with the
    posterior of the Gaussians and the classes' shares of the training words. Being an estimate on words that were not
    trained on it may fall, and fall below 0; the choice goes on to `n_select`. Equal ones: the lower number.

    The Gaussians (paper, section 4, as in its published code): prior normal-inverse-Wishart with mu0 = the
    class's mean, kappa0 = 0.01, Lambda0 = the diagonal of the class's covariance, nu0 = d + 2; the MAP estimate is
    the class's mean and (Lambda0 + S) / (nu0 + n + d + 2), S the scatter, n the class's words, d the candidates.

    Parameters
    ----------
    X, y : (n, d) training vectors and (n,) labels; None and "" take no part.
    X_dev, y_dev : those that the choice is made on; None = the training ones, which flatters large sets. A label that
        training lacks takes no part.
    n_select : neurons to choose, at most; the others follow by what they tell by themselves.
    candidates : of more neurons than this only those that tell most by themselves are candidates - an approximation;
        a neuron that tells only together with others is lost. None: all are candidates.
    device : where the candidates are scored. A step costs dev words x candidates x classes exponentials; the
        covariances take 8 x classes x candidates^2 bytes, the chosen neurons 8 x dev words x classes x n_select.

    Raises
    ------
    OptionError : lengths or widths differ, fewer than two classes, a class of one word in training, vectors that are
        not finite, only one of X_dev and y_dev, or an option has no such value.
    """
    if (X_dev is None) != (y_dev is None):
        raise OptionError("X_dev and y_dev should be given together. Got one of them.")
    for name, value in (("n_select", n_select), ("candidates", candidates)):
        if value is not None and value < 1:
            raise OptionError(f"{name} should be at least 1. Got {value} instead.")
    labels = at_least_two(as_labels(y))
    d = width(X, labels)
    train = matrix(X)[labels.rows]
    if X_dev is None:
        dev, dev_codes = train, labels.codes[labels.rows]
    else:
        dev_labels = as_labels(y_dev, "y_dev", labels.classes)
        if width(X_dev, dev_labels, "X_dev") != d:
            raise OptionError(f"X and X_dev should be of the same neurons. Got {d} and {X_dev.shape[1]}.")
        dev, dev_codes = matrix(X_dev, "X_dev")[dev_labels.rows], dev_labels.codes[dev_labels.rows]
    codes = labels.codes[labels.rows]
    bits = alone(train, codes, dev, dev_codes, len(labels.classes), min(d, candidates or d))
    if not np.isfinite(bits).all():
        raise OptionError("X and X_dev should be finite numbers. Got NaN or infinity in a labelled word.")
    by_itself = np.argsort(-bits, kind="stable")
    pool = np.sort(by_itself[:candidates])
    gaussians: ClassGaussians = class_gaussians(train[:, pool], codes, len(labels.classes))
    selection = Selection(gaussians, dev[:, pool], dev_codes, device)
    steps = min(n_select, len(pool))
    with progress.task("Gaussian selection", steps, "neurons") as advance:
        for _ in range(steps):
            selection.step()
            advance(1)
    chosen = pool[selection.chosen]
    order = np.concatenate([chosen, by_itself[~np.isin(by_itself, chosen)]])
    return Ranking("gaussian", order, bits, n_selected=steps, bits=np.array(selection.bits))
