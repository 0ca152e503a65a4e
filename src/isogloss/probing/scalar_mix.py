"""One probe that reads all layers at once, and how much of each: scalar mixing (Tenney et al. 2019).

Where the weights of the layers lie says where a label is read best. The weights are learnt with the probe, on whole
passes over the vectors, which may be memory-mapped; nothing is drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from isogloss.errors import OptionError

Scale = Literal["rms", "none"]
Layers = np.ndarray | Sequence[np.ndarray]
"""(n_samples, n_layers, hidden), or one (n_samples, hidden) array per layer."""

_TOLERANCE_CHANGE = 1e-10
_HELD = 1 << 30
"""Bytes of vectors that are kept, moved and scaled, between passes; more are read again in every pass."""


class ScalarMix(ClassifierMixin, BaseEstimator):
    """A linear probe on gamma * sum over layers of s_l h_l, with s the softmax of learnt weights a.

    Minimises mean cross-entropy + l2/2 (sum W^2 + gamma^2) + mix_l2/2 sum a^2 by full-batch L-BFGS (torch, strong
    Wolfe line search), from equal layers, W = 0 and gamma = 1. With gamma free and only W penalised, there would be no
    best W; and with a free, a layer that is better by anything would get all the weight in the end: so both are
    penalised, and `mix_l2` says how much better it has to be. The problem is not convex, and neighbouring layers can
    trade weight at almost no cost where the probe has more features than it needs: with a small `mix_l2` trust the
    expected layer rather than single weights.

    Parameters
    ----------
    l2, mix_l2 : weights of the penalties.
    scale : "rms" divides each layer by the root mean square of its deviations from its mean, so that weights compare
        layers of different norms; "none" takes vectors as they are, and a layer of large norm needs little weight.
    layers : numbers of the layers; None = 0, 1, ...
    max_iter, tol : iterations of L-BFGS, and the largest entry of the gradient to stop at.
    block_rows : rows in memory at a time, where all together take more than a gigabyte.
    device : where to compute; float32 products, float64 sums.

    Attributes
    ----------
    classes_ : (K,) sorted classes.
    layer_weights_ : (n_layers,) s, summing to 1.
    expected_layer_ : sum of l s_l, in layer numbers (the "center of gravity" of Tenney et al. 2019).
    gamma_, coef_, intercept_ : of the mixed vectors (see `mix`): a number, (K, hidden), (K,).
    mean_, scale_ : (n_layers, hidden) and (n_layers,) what each layer is moved and divided by.
    objective_, n_iter_, converged_ : the minimum, iterations used, whether it stopped before `max_iter`.

    References
    ----------
    Tenney, Das & Pavlick, "BERT Rediscovers the Classical NLP Pipeline", ACL 2019, arXiv 1905.05950; the mix is of
    Peters et al., "Deep contextualized word representations", NAACL 2018, equation 1, arXiv 1802.05365.
    """

    def __init__(
        self,
        l2: float = 1e-3,
        mix_l2: float = 1e-3,
        *,
        scale: Scale = "rms",
        layers: Sequence[int] | None = None,
        max_iter: int = 500,
        tol: float = 1e-4,
        block_rows: int = 4096,
        device: str = "cpu",
    ) -> None:
        self.l2 = l2
        self.mix_l2 = mix_l2
        self.scale = scale
        self.layers = layers
        self.max_iter = max_iter
        self.tol = tol
        self.block_rows = block_rows
        self.device = device

    def fit(self, X: Layers, y: Any, sample_weight: np.ndarray | None = None) -> ScalarMix:
        """Learn the mix and the probe.

        Parameters
        ----------
        X : (n_samples, n_layers, hidden), or one (n_samples, hidden) array per layer.
        y : (n_samples,) classes.
        sample_weight : (n_samples,) weights >= 0, such as how often a resample draws each.

        Raises
        ------
        OptionError : shapes do not fit, vectors are not finite, y has one class, or an option has no such value.
        """
        stack = _stacked(X)
        n, n_layers, hidden = len(stack[0]), len(stack), stack[0].shape[1]
        y = np.asarray(y)
        if y.shape != (n,):
            raise OptionError(f"y should be ({n},). Got shape {y.shape} instead.")
        if self.scale not in ("rms", "none"):
            raise OptionError(f"scale should be one of rms, none. Got {self.scale!r} instead.")
        if not self.l2 > 0 or not self.mix_l2 > 0:
            raise OptionError(f"l2 and mix_l2 should be > 0. Got {self.l2} and {self.mix_l2}.")
        numbers = np.arange(n_layers) if self.layers is None else np.asarray(self.layers)
        if numbers.shape != (n_layers,):
            raise OptionError(f"layers should name {n_layers} layers. Got {len(numbers)}.")
        weights = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if weights.shape != (n,) or not (weights >= 0).all() or not weights.any():
            raise OptionError(f"sample_weight should be ({n},) numbers >= 0, not all 0")
        self.classes_, codes = np.unique(y[weights > 0], return_inverse=True)
        if len(self.classes_) < 2:
            raise OptionError(f"y should have at least two classes. Got one class: {self.classes_[0]!r}.")
        # Rows without weight may be of classes that nothing is learnt of.
        rows = np.flatnonzero(weights > 0)
        shares = torch.from_numpy(weights[rows] / weights.sum()).to(self.device)
        self._measure(stack, rows, weights[rows] / weights.sum())
        self._minimise(stack, rows, torch.from_numpy(codes).to(self.device), shares, hidden)
        self.expected_layer_ = float(numbers @ self.layer_weights_)
        return self

    def mix(self, X: Layers) -> np.ndarray:
        """(n_samples, hidden) float32: gamma * sum of s_l (h_l - mean_l) / scale_l."""
        check_is_fitted(self)
        stack = _stacked(X)
        if (len(stack), stack[0].shape[1]) != self.mean_.shape:
            raise OptionError(
                f"X should have {self.mean_.shape[0]} layers of {self.mean_.shape[1]}. "
                f"Got {len(stack)} of {stack[0].shape[1]}."
            )
        out = np.empty(stack[0].shape, dtype=np.float32)
        s = torch.from_numpy(self.gamma_ * self.layer_weights_).float().to(self.device)
        for at, block in self._blocks(stack, np.arange(len(out))):
            out[at : at + block.shape[1]] = _mixed(s, block).cpu().numpy()
        return out

    def decision_function(self, X: Layers) -> np.ndarray:
        """(n_samples, K) logits, of two classes too."""
        return self.mix(X).astype(np.float64) @ self.coef_.T + self.intercept_

    def predict_proba(self, X: Layers) -> np.ndarray:
        """(n_samples, K) class probabilities, rows summing to 1."""
        logits = self.decision_function(X)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X: Layers) -> np.ndarray:
        """(n_samples,) the most probable class."""
        return self.classes_[self.decision_function(X).argmax(axis=1)]

    def _measure(self, stack: Sequence[np.ndarray], rows: np.ndarray, shares: np.ndarray) -> None:
        """Weighted mean and scale of each layer."""
        self.mean_, self.scale_ = np.empty((len(stack), stack[0].shape[1])), np.ones(len(stack))
        for i, layer in enumerate(stack):
            parts = [(rows[a : a + self.block_rows], shares[a : a + self.block_rows]) for a in self._starts(rows)]
            self.mean_[i] = sum(share @ layer[part].astype(np.float64) for part, share in parts)
            if not np.isfinite(self.mean_[i]).all():
                raise OptionError(f"vectors should be finite. Got NaN or infinity in layer number {i} of X.")
            # Around the mean, not by subtracting its square: a large common mean would leave nothing but rounding.
            squares = sum(float(share @ np.square(layer[part] - self.mean_[i]).mean(axis=1)) for part, share in parts)
            if self.scale == "rms" and squares > 0:
                self.scale_[i] = np.sqrt(squares)

    def _starts(self, rows: np.ndarray) -> range:
        return range(0, len(rows), self.block_rows)

    def _blocks(self, stack: Sequence[np.ndarray], rows: np.ndarray) -> Iterator[tuple[int, Tensor]]:
        """Place and (n_layers, <= block_rows, hidden) float32 of consecutive rows, moved and scaled."""
        for start in self._starts(rows):
            part = rows[start : start + self.block_rows]
            block = np.empty((len(stack), len(part), stack[0].shape[1]), dtype=np.float32)
            for i, layer in enumerate(stack):
                np.subtract(layer[part], self.mean_[i], out=block[i], casting="same_kind")
                block[i] /= self.scale_[i]
            yield start, torch.from_numpy(block).to(self.device)

    def _minimise(
        self, stack: Sequence[np.ndarray], rows: np.ndarray, codes: Tensor, shares: Tensor, hidden: int
    ) -> None:
        a, gamma = torch.zeros(len(stack)), torch.ones(())
        W, b = torch.zeros(len(self.classes_), hidden), torch.zeros(len(self.classes_))
        a, gamma, W, b = (p.to(self.device, torch.float64).requires_grad_() for p in (a, gamma, W, b))
        fits = len(stack) * len(rows) * hidden * 4 <= _HELD
        held = list(self._blocks(stack, rows)) if fits else None
        lbfgs = torch.optim.LBFGS(
            [a, gamma, W, b],
            max_iter=self.max_iter,
            max_eval=4 * self.max_iter,
            tolerance_grad=self.tol,
            tolerance_change=_TOLERANCE_CHANGE,
            history_size=20,
            line_search_fn="strong_wolfe",
        )

        def objective() -> Tensor:
            lbfgs.zero_grad()
            penalty = 0.5 * self.l2 * (W.square().sum() + gamma.square()) + 0.5 * self.mix_l2 * a.square().sum()
            penalty.backward()
            total = penalty.detach()
            for start, block in held or self._blocks(stack, rows):
                mixed = _mixed(torch.softmax(a, 0).float(), block)
                logits = gamma * (mixed @ W.float().T).double() + b
                stop = start + block.shape[1]
                losses = torch.nn.functional.cross_entropy(logits, codes[start:stop], reduction="none")
                fit = shares[start:stop] @ losses
                fit.backward()
                total = total + fit.detach()
            return total

        lbfgs.step(objective)
        self.n_iter_ = int(lbfgs.state[a]["n_iter"])
        self.converged_ = self.n_iter_ < self.max_iter
        self.objective_ = float(objective())
        self.layer_weights_ = torch.softmax(a, 0).detach().cpu().numpy()
        self.gamma_ = float(gamma.detach())
        self.coef_, self.intercept_ = W.detach().cpu().numpy(), b.detach().cpu().numpy()


def _mixed(s: Tensor, block: Tensor) -> Tensor:
    """(n, hidden) sum of s (n_layers,) times a block (n_layers, n, hidden), as one product."""
    return (s @ block.flatten(1)).view(block.shape[1:])


def _stacked(X: Layers) -> list[np.ndarray]:
    layers = [X[:, i] for i in range(X.shape[1])] if isinstance(X, np.ndarray) and X.ndim == 3 else list(X)
    if not layers or any(np.ndim(layer) != 2 for layer in layers) or len({layer.shape for layer in layers}) > 1:
        shapes = sorted({np.shape(layer) for layer in layers})
        raise OptionError(f"X should be layers of one shape (n_samples, hidden). Got {shapes or 'none'} instead.")
    return layers
