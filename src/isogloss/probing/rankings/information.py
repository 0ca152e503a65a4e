"""Dev mutual information of neurons with the label under class Gaussians: of each by itself, and added to a set.

Nothing is inverted: the density of a set with one more neuron is that of the set times that of the neuron's residual,
which a growing Cholesky factor gives for all neurons at once. One step costs one product (dev x step) (step x d) per
class and one exponential per dev word, class and neuron.
"""

from __future__ import annotations

import numpy as np
import torch

from isogloss.probing.rankings.class_gaussians import ClassGaussians, class_counts, common_scale, map_variance

_VALUES = 1 << 17
"""Numbers worked on at a time, so that they stay in the processor's cache; on a graphics card 128 times as many."""
_EXACT = 8
"""Best candidates that are scored again in double precision, so that rounding does not choose."""


def entropy_bits(codes: np.ndarray) -> float:
    """Entropy of the labels' shares, in bits."""
    p = np.bincount(codes) / len(codes)
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


def alone(
    X: np.ndarray, codes: np.ndarray, X_dev: np.ndarray, dev_codes: np.ndarray, n_classes: int, d: int
) -> np.ndarray:
    """(n_features,) bits that each feature tells by itself, under the Gaussians of `class_gaussians` over d features.

    Needs the features' variances only, so any number of them.
    """
    counts = class_counts(codes, n_classes)
    bits = np.empty(X.shape[1])
    step = max(1, (1 << 24) // max(len(X), len(X_dev)))
    for first in range(0, X.shape[1], step):
        part = np.asarray(X[:, first : first + step], dtype=np.float64)
        origin, scale = common_scale(part)
        part = (part - origin) / scale
        means, variances = np.empty((n_classes, part.shape[1])), np.empty((n_classes, part.shape[1]))
        for c in range(n_classes):
            of_class = part[codes == c]
            means[c] = of_class.mean(axis=0)
            scatter = ((of_class - means[c]) ** 2).sum(axis=0)
            variances[c] = map_variance(scatter, counts[c], d)
        dev = (np.asarray(X_dev[:, first : first + step], dtype=np.float64) - origin) / scale
        scorer = _Scorer(dev, dev_codes, np.log(counts / counts.sum()), means, "cpu")
        bits[first : first + step] = scorer.bits(variances)
    return bits


class Selection:
    """Features chosen one at a time.

    Parameters
    ----------
    gaussians : of the training words.
    X_dev : (n_dev, d) vectors, not scaled.
    dev_codes : (n_dev,) classes.
    device : where candidates are scored.

    Attributes
    ----------
    chosen : list of features.
    bits : list of the mutual information of the first 1, 2, ... of them.
    """

    def __init__(self, gaussians: ClassGaussians, X_dev: np.ndarray, dev_codes: np.ndarray, device: str) -> None:
        self.chosen: list[int] = []
        self.bits: list[float] = []
        self._covariances = gaussians.covariances
        self._variances = np.diagonal(gaussians.covariances, axis1=1, axis2=2).copy()
        self._least = 1e-9 * self._variances
        self._factor = np.zeros((len(gaussians.means), 0, self._variances.shape[1]))
        dev = gaussians.scaled(X_dev)
        self._scorer = _Scorer(dev, dev_codes, gaussians.log_prior, gaussians.means, device)

    def step(self) -> None:
        """Choose the feature with which the chosen ones tell most."""
        bits = self._scorer.bits(self._variances, self._factor)
        bits[self.chosen] = -np.inf
        best = np.sort(np.argsort(-bits, kind="stable")[:_EXACT])
        best = best[np.isfinite(bits[best])]
        exact = self._scorer.exact_bits(best, self._variances, self._factor)
        # Rounding of sums in another order is no difference.
        winner = int(best[np.flatnonzero(exact >= exact.max() - 1e-12)[0]])
        self.chosen.append(winner)
        self.bits.append(float(exact.max()))
        self._condition_on(winner)

    def _condition_on(self, j: int) -> None:
        deviation = np.sqrt(self._variances[:, j])
        explained = np.einsum("kt,ktd->kd", self._factor[:, :, j], self._factor)
        row = (self._covariances[:, j] - explained) / deviation[:, None]
        self._scorer.condition_on(j, self._variances, self._factor)
        self._factor = np.concatenate([self._factor, row[:, None]], axis=1)
        self._variances = np.maximum(self._variances - row**2, self._least)


class _Scorer:
    """Dev words, their class log-densities given the chosen features, and their whitened chosen features."""

    def __init__(
        self, dev: np.ndarray, codes: np.ndarray, log_prior: np.ndarray, means: np.ndarray, device: str
    ) -> None:
        self._dev, self._codes, self._means = dev, codes, means
        self._given = np.repeat(log_prior[:, None], len(dev), axis=1)
        self._white = np.zeros((len(means), len(dev), 0))
        self._entropy = entropy_bits(codes)
        self._device = torch.device(device)
        self._single = torch.as_tensor(dev, dtype=torch.float32, device=self._device)
        self._targets = torch.as_tensor(codes, device=self._device)

    def bits(self, variances: np.ndarray, factor: np.ndarray | None = None) -> np.ndarray:
        """(d,) mutual information of the chosen features and each other one, in single precision."""
        n, d = self._dev.shape
        k = len(self._means)
        inverse = 1 / np.sqrt(2 * variances)
        loadings = -self._means[:, None] * inverse[:, None]
        if factor is not None:
            loadings = np.concatenate([loadings, -factor * inverse[:, None]], axis=1)
        shift = self._tensor(-0.5 * np.log(variances))[:, None]
        slope, offset = self._tensor(inverse)[:, None], self._tensor(loadings)
        basis = self._tensor(np.concatenate([np.ones((k, n, 1)), self._white], axis=2))
        given = self._tensor(self._given)[:, :, None]
        loss = torch.zeros(d, dtype=torch.float64, device=self._device)
        rows = max(1, (_VALUES if self._device.type == "cpu" else 128 * _VALUES) // (k * d))
        for start in range(0, n, rows):
            part = slice(start, start + rows)
            residual = torch.addcmul(torch.bmm(basis[:, part], offset), self._single[part], slope)
            density = torch.addcmul(given[:, part] + shift, residual, residual, value=-1)
            own = density.gather(0, self._targets[part][None, :, None].expand(1, -1, d))[0]
            loss += (torch.logsumexp(density, 0) - own).sum(0, dtype=torch.float64)
        return self._entropy - loss.cpu().numpy() / n / np.log(2)

    def exact_bits(self, features: np.ndarray, variances: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """(len(features),) the same in double precision."""
        found = []
        for j in features:
            density = self._with(j, variances, factor)[0]
            most = density.max(axis=0)
            total = most + np.log(np.exp(density - most).sum(axis=0))
            own = density[self._codes, np.arange(len(self._codes))]
            found.append(self._entropy - float((total - own).mean()) / np.log(2))
        return np.array(found)

    def condition_on(self, j: int, variances: np.ndarray, factor: np.ndarray) -> None:
        """Take feature j among the chosen ones."""
        self._given, white = self._with(j, variances, factor)
        self._white = np.concatenate([self._white, white[:, :, None]], axis=2)

    def _with(self, j: int, variances: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(K, n) log density of the chosen features and j, and j's whitened residual."""
        explained = np.matmul(self._white, factor[:, :, j][:, :, None])[:, :, 0]
        white = (self._dev[:, j] - self._means[:, j][:, None] - explained) / np.sqrt(variances[:, j])[:, None]
        return self._given - 0.5 * np.log(variances[:, j])[:, None] - 0.5 * white**2, white

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32, device=self._device)
