"""One door to all rankings of neurons. Each method is in the file of its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.errors import OptionError
from isogloss.probing.rankings.gaussian import rank_by_gaussian
from isogloss.probing.rankings.inputs import as_labels, at_least_two, width
from isogloss.probing.rankings.lca import rank_by_lca
from isogloss.probing.rankings.probeless import class_means, rank_by_probeless
from isogloss.probing.rankings.ranking import Ranking
from isogloss.probing.rankings.weights import rank_at_random, rank_by_weights
from isogloss.progress import SILENT, Progress

METHODS = ("lca", "probeless", "gaussian", "weights", "random")


def rank_neurons(
    X: Any,
    y: Any,
    method: str = "lca",
    *,
    X_dev: Any = None,
    y_dev: Any = None,
    probe: Any = None,
    n_select: int = 50,
    random_state: int = 0,
    progress: Progress = SILENT,
) -> Ranking:
    """Order neurons by what they tell of a label.

    Parameters
    ----------
    X : (n, d) vectors; for probeless, random, and for lca and weights with a `probe`, also anything with `.shape` and
        `.blocks(rows)`.
    y : (n,) labels; None and "" take no part.
    method : lca, probeless, gaussian, weights or random.
    X_dev, y_dev : the words that the Gaussian chooses on; other methods look at the training words only.
    probe : a fitted linear probe with `coef_`, and `scale_` where it standardised, for lca and weights; None fits a
        `LinearProbe` of its defaults.
    n_select : neurons that the Gaussian chooses.
    random_state : of the random order, and of the probe that is fitted here.

    Raises
    ------
    OptionError : there is no such method, X and y do not fit together, or what the method needs is missing.
    """
    if method not in METHODS:
        raise OptionError(f"method should be one of {', '.join(METHODS)}. Got {method!r} instead.")
    if method == "gaussian":
        return rank_by_gaussian(X, y, X_dev, y_dev, n_select=n_select, progress=progress)
    labels = at_least_two(as_labels(y))
    d = width(X, labels)
    if method == "random":
        return rank_at_random(d, random_state)
    if method == "probeless":
        return rank_by_probeless(class_means(X, y))
    if probe is None:
        probe = _fitted(X, np.array([labels.classes[c] for c in labels.codes[labels.rows]]), labels.rows, random_state)
    W, names = probe_weights(probe)
    if W.shape[1] != d:
        raise OptionError(f"probe and X should be of the same neurons. Got {W.shape[1]} and {d}.")
    return rank_by_lca(W, names) if method == "lca" else rank_by_weights(W, names)


def probe_weights(probe: Any) -> tuple[np.ndarray, Sequence[Any]]:
    """Weights of a fitted linear probe and the names of its classes.

    Weights of a probe that standardised its features are taken on that scale, coef_ * scale_: there they are
    comparable across neurons. A probe with one row for two classes has the same sizes for both.

    Returns
    -------
    (n_classes, d) weights and n_classes names.

    Raises
    ------
    OptionError : the probe has no `coef_` and `classes_`.
    """
    if not hasattr(probe, "coef_") or not hasattr(probe, "classes_"):
        raise OptionError(f"probe should be a fitted linear probe. Got {type(probe).__name__} without coef_.")
    W = np.atleast_2d(np.asarray(probe.coef_, dtype=np.float64)) * np.asarray(getattr(probe, "scale_", 1.0))
    names = np.asarray(probe.classes_).tolist()
    if len(W) == 1 and len(names) == 2:
        W = np.concatenate([-W, W])
    return W, names


def _fitted(X: Any, y: np.ndarray, rows: np.ndarray, random_state: int) -> Any:
    if hasattr(X, "blocks"):
        raise OptionError(
            "X should be an array in memory where a probe is fitted here. Got vectors that are read in blocks; "
            "fit_probes takes them: give what it returns as probe="
        )
    # Here, because ranking by means or Gaussians should not wait for a solver to be imported.
    from isogloss.probing.probe import LinearProbe

    return LinearProbe(tol=1e-3, random_state=random_state).fit(np.asarray(X)[rows], y)
