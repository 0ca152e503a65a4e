"""MAP Gaussians of the classes, on features brought to a common scale. Chooses nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from isogloss.errors import OptionError

KAPPA_0 = 0.01
"""Has no effect while the prior's mean is the class's own; stated because the source states it."""
_FLOOR = 1e-6
"""Least variance of a neuron within a class, as a share of its variance over all words: a class in which it is constant
would otherwise have no density."""


@dataclass(frozen=True)
class ClassGaussians:
    """One Gaussian per class over d features.

    Attributes
    ----------
    origin, scale : (d,) features were shifted and divided by these; mutual information does not depend on it.
    log_prior : (K,) log of the classes' shares.
    means : (K, d) of the scaled features.
    covariances : (K, d, d).
    """

    origin: np.ndarray
    scale: np.ndarray
    log_prior: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def scaled(self, X: np.ndarray) -> np.ndarray:
        """(n, d) float64, vectors on the scale of the Gaussians."""
        return (np.asarray(X, dtype=np.float64) - self.origin) / self.scale


def common_scale(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(d,) mean and standard deviation; 1 where a feature is constant."""
    origin = X.mean(axis=0, dtype=np.float64)
    scale = X.std(axis=0, dtype=np.float64)
    return origin, np.where(scale > 1e-12 * np.maximum(np.abs(origin), 1e-300), scale, 1.0)


def class_counts(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """(K,) words of each class.

    Raises
    ------
    OptionError : a class has fewer than two, so that it has no covariance.
    """
    counts = np.bincount(codes, minlength=n_classes)
    if (counts < 2).any():
        raise OptionError(
            f"every class should have at least 2 training words for a Gaussian. Got {int((counts < 2).sum())} "
            "classes with fewer; leave them out of y."
        )
    return counts


def class_gaussians(X: np.ndarray, codes: np.ndarray, n_classes: int) -> ClassGaussians:
    """MAP estimates, see `rank_by_gaussian`.

    Parameters
    ----------
    X : (n, d) finite vectors.
    codes : (n,) class of each, 0 <= code < n_classes.

    Raises
    ------
    OptionError : a class with fewer than two words.
    """
    counts = class_counts(codes, n_classes)
    d = X.shape[1]
    origin, scale = common_scale(X)
    means, covariances = np.empty((n_classes, d)), np.empty((n_classes, d, d))
    for c in range(n_classes):
        part = (X[codes == c].astype(np.float64) - origin) / scale
        means[c] = part.mean(axis=0)
        part -= means[c]
        scatter = part.T @ part
        covariances[c] = scatter / map_divisor(counts[c], d)
        covariances[c][np.diag_indices(d)] = map_variance(np.diagonal(scatter), counts[c], d)
    return ClassGaussians(origin, scale, np.log(counts / counts.sum()), means, covariances)


def map_variance(scatter: np.ndarray, count: int, d: int) -> np.ndarray:
    """MAP variances of features with these sums of squares, at least the floor."""
    return np.maximum((scatter + scatter / (count - 1)) / map_divisor(count, d), _FLOOR)


def map_divisor(count: int, d: int) -> float:
    """What the posterior's scale matrix is divided by: nu0 + n + d + 2, with nu0 = d + 2."""
    return float((d + 2) + count + d + 2)
