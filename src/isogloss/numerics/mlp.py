"""A probe that may bend: two hidden layers, scikit-learn's contract, plain torch.

What a linear probe misses and this one finds is in the vectors, but not laid out along directions. Holds all vectors
in memory; the grid search over it is `mlp_search`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from isogloss.errors import OptionError
from isogloss.numerics.classes import checked_labels
from isogloss.numerics.devices import choose_device

_PREDICTED_ROWS = 8192
_LEAST_FOR_DEV = 50


class MLPProbe(ClassifierMixin, BaseEstimator):
    """Multi-layer perceptron with two hidden layers of rectified units, trained by Adam, stopped on dev.

    Minimises mean cross-entropy + l2/2 * sum W^2, intercepts unpenalised. After each epoch the mean cross-entropy on
    dev is taken; the weights of the best epoch are kept.

    Parameters
    ----------
    hidden : units of the two layers.
    l2 : weight of the squared penalty.
    learning_rate, batch_size : of Adam (Kingma & Ba 2015); a last, smaller batch is used too.
    max_epochs : at most so many passes.
    patience : stop after so many epochs without a better dev loss.
    dev_fraction : part of the training rows held out where `fit` is given no dev rows, if there are 50 or more of
        them; 0 trains `max_epochs` on all.
    standardize : move and scale every feature by its training mean and deviation.
    device : where to train.
    random_state : of first weights, order of rows and held-out rows. With a whole number the same machine gives the
        same probe.

    Attributes
    ----------
    classes_ : (K,) sorted classes.
    coefs_, intercepts_ : three (inputs, outputs) and three (outputs,) float64 arrays, of standardised features.
    mean_, scale_ : (n_features,) what features are standardised by; 0 and 1 where they are not.
    n_iter_, best_epoch_ : epochs trained, and the one whose weights are kept, from 1.
    dev_accuracy_, dev_loss_ : of the kept weights; NaN without dev rows.
    n_features_in_ : number of columns seen in `fit`.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (64, 64),
        l2: float = 1e-4,
        *,
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        max_epochs: int = 200,
        patience: int = 10,
        dev_fraction: float = 0.1,
        standardize: bool = True,
        device: str = "cpu",
        random_state: Any = 0,
    ) -> None:
        self.hidden = hidden
        self.l2 = l2
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.dev_fraction = dev_fraction
        self.standardize = standardize
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any, X_dev: Any = None, y_dev: Any = None) -> MLPProbe:
        """Train on X (n_samples, n_features) with classes y (n_samples,).

        Parameters
        ----------
        X, y : training rows.
        X_dev, y_dev : rows to stop on, both or neither. Those of a class that is not in y count as wrong, and not in
            the loss.

        Raises
        ------
        OptionError : options or arrays are not as above, or y has one class only.
        """
        self._check_options()
        if (X_dev is None) != (y_dev is None):
            raise OptionError("X_dev and y_dev should be given together. Got one of them.")
        y = None if y is None else checked_labels(y)
        try:
            X, y = validate_data(self, X, y, dtype=(np.float32, np.float64))
            dev = (
                None
                if X_dev is None
                else validate_data(self, X_dev, y_dev, dtype=(np.float32, np.float64), reset=False)
            )
        except ValueError as error:
            raise OptionError(str(error)) from error
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise OptionError(f"y should have at least two classes. Got one class: {self.classes_[0]!r}.")
        self.mean_, self.scale_ = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if self.standardize:
            self.mean_, deviation = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
            # A constant feature deviates by rounding only; it must not be blown up.
            floor = 1e-6 * np.maximum(np.abs(self.mean_), 1e-30)
            self.scale_ = np.where(deviation > floor, deviation, 1.0)
        random = check_random_state(self.random_state)
        generator = torch.Generator().manual_seed(int(random.randint(2**31 - 1)))
        features = self._standardised(X)
        targets = torch.as_tensor(codes, device=self._device)
        if dev is not None:
            held = self._standardised(dev[0]), torch.as_tensor(self._codes(dev[1]), device=self._device)
        elif self.dev_fraction and len(codes) >= _LEAST_FOR_DEV:
            order = torch.randperm(len(codes), generator=generator).to(self._device)
            n_held = min(max(1, round(self.dev_fraction * len(codes))), len(codes) - 1)
            held = features[order[:n_held]], targets[order[:n_held]]
            features, targets = features[order[n_held:]], targets[order[n_held:]]
        else:
            held = None
        self._train(features, targets, held, generator)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """(n_samples, K) logits; with two classes (n_samples,) the second's minus the first's."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n_samples, K) class probabilities, rows summing to 1."""
        logits = self._logits(X)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """(n_samples,) the most probable class."""
        logits = self._logits(X)
        return self.classes_[logits.argmax(axis=1)]

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        try:
            X = validate_data(self, X, dtype=(np.float32, np.float64), reset=False)
        except ValueError as error:
            raise OptionError(str(error)) from error
        made = []
        for start in range(0, len(X), _PREDICTED_ROWS):
            # Double precision, so that a row's prediction does not depend on the rows beside it.
            values = (X[start : start + _PREDICTED_ROWS].astype(np.float64) - self.mean_) / self.scale_
            for depth, (weights, intercept) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
                values = values @ weights + intercept
                if depth < 2:
                    np.maximum(values, 0.0, out=values)
            made.append(values)
        return np.concatenate(made)

    def _standardised(self, X: np.ndarray) -> Tensor:
        return torch.from_numpy(((X - self.mean_) / self.scale_).astype(np.float32)).to(self._device)

    def _codes(self, y: np.ndarray) -> np.ndarray:
        at = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        return np.where(self.classes_[at] == y, at, -1)

    def _check_options(self) -> None:
        self._device = choose_device(self.device)
        sizes = tuple(self.hidden) if isinstance(self.hidden, Sequence) else (self.hidden,)
        if len(sizes) != 2 or not all(isinstance(h, Integral) and h > 0 for h in sizes):
            raise OptionError(f"hidden should be two whole numbers >= 1. Got {self.hidden!r} instead.")
        for name in ("batch_size", "max_epochs", "patience"):
            if not isinstance(getattr(self, name), Integral) or getattr(self, name) < 1:
                raise OptionError(f"{name} should be a whole number >= 1. Got {getattr(self, name)!r} instead.")
        if not self.l2 >= 0 or not self.learning_rate > 0 or not 0 <= self.dev_fraction < 1:
            raise OptionError(
                "l2 should be >= 0, learning_rate > 0, dev_fraction in [0, 1). "
                f"Got {self.l2}, {self.learning_rate}, {self.dev_fraction}."
            )

    def _train(
        self, features: Tensor, targets: Tensor, held: tuple[Tensor, Tensor] | None, generator: torch.Generator
    ) -> None:
        sizes = (features.shape[1], *self.hidden, len(self.classes_))
        weights, intercepts = _first_weights(sizes, generator, self._device)
        adam = torch.optim.Adam([*weights, *intercepts], lr=self.learning_rate)
        best_loss, best_accuracy, best_epoch = np.inf, np.nan, 0
        kept: list[np.ndarray] = []
        for epoch in range(1, self.max_epochs + 1):
            order = torch.randperm(len(targets), generator=generator).to(self._device)
            for batch in order.split(self.batch_size):
                adam.zero_grad()
                fit = torch.nn.functional.cross_entropy(_forward(features[batch], weights, intercepts), targets[batch])
                penalty = torch.stack([w.square().sum() for w in weights]).sum()
                (fit + 0.5 * self.l2 * penalty).backward()
                adam.step()
            if held is None:
                continue
            loss, accuracy = _dev_scores(_forward_all(held[0], weights, intercepts), held[1])
            if loss < best_loss or not kept:
                best_loss, best_accuracy, best_epoch = loss, accuracy, epoch
                kept = _exported([*weights, *intercepts])
            elif epoch - best_epoch >= self.patience:
                break
        self.n_iter_ = epoch
        self.best_epoch_ = best_epoch or epoch
        self.dev_loss_, self.dev_accuracy_ = (float(best_loss), best_accuracy) if held else (np.nan, np.nan)
        kept = kept or _exported([*weights, *intercepts])
        self.coefs_, self.intercepts_ = kept[:3], kept[3:]


def _first_weights(
    sizes: Sequence[int], generator: torch.Generator, device: torch.device
) -> tuple[list[Tensor], list[Tensor]]:
    """Uniform with variance 2 / inputs before rectified units (He et al. 2015), 1 / inputs at the end; intercepts 0."""
    weights = []
    for depth, (before, after) in enumerate(pairwise(sizes)):
        bound = float(np.sqrt((6.0 if depth < 2 else 3.0) / before))
        drawn = (2 * torch.rand(before, after, generator=generator) - 1) * bound
        weights.append(drawn.to(device).requires_grad_())
    return weights, [torch.zeros(after, device=device, requires_grad=True) for after in sizes[1:]]


def _forward(values: Tensor, weights: list[Tensor], intercepts: list[Tensor]) -> Tensor:
    first = torch.relu(torch.addmm(intercepts[0], values, weights[0]))
    second = torch.relu(torch.addmm(intercepts[1], first, weights[1]))
    return torch.addmm(intercepts[2], second, weights[2])


@torch.no_grad()
def _forward_all(values: Tensor, weights: list[Tensor], intercepts: list[Tensor]) -> Tensor:
    return torch.cat([_forward(part, weights, intercepts) for part in values.split(_PREDICTED_ROWS)])


def _dev_scores(logits: Tensor, targets: Tensor) -> tuple[float, float]:
    """Mean cross-entropy of the rows whose class is known, and accuracy of all."""
    accuracy = float((logits.argmax(dim=1) == targets).double().mean())
    known = targets >= 0
    if not known.any():
        return np.inf, accuracy
    return float(torch.nn.functional.cross_entropy(logits[known].double(), targets[known])), accuracy


def _exported(parameters: list[Tensor]) -> list[np.ndarray]:
    return [p.detach().cpu().numpy().astype(np.float64) for p in parameters]
