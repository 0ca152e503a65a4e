"""A linear probe with scikit-learn's contract: multinomial logistic regression with an elastic net.

Fits and predicts; which neurons matter, and whether the accuracy means anything, is said elsewhere.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from isogloss.errors import OptionError
from isogloss.numerics.classes import checked_labels
from isogloss.numerics.elastic_net import PenaltyName, Problem, Solution, solve
from isogloss.probing.adam import train_by_adam
from isogloss.probing.inputs import checked, scores

_SMALL = 1 << 20
"""Numbers up to which float64 costs nothing worth mentioning."""


class LinearProbe(ClassifierMixin, BaseEstimator):
    """Multinomial logistic regression, minimising mean cross-entropy + l1 * sum |W| + l2 / 2 * sum W^2.

    Intercepts are not penalised. With the default solver there is one optimum, found to a stated gap, and nothing
    random; `solver="adam"` follows the reference recipe instead, which depends on learning rate, epochs and seed.

    Parameters
    ----------
    l1, l2 : strengths of the penalties; the reference has 1e-5 for both.
    penalty : "elastic" as above; "neurox" with l2 * ||W||_F, the norm not squared, as NeuroX codes it.
    solver : "exact" (see `isogloss.numerics.elastic_net.solve`) or "adam".
    standardize : penalise weights as if every feature had standard deviation 1.
    share_power : from 0 to 1; both strengths are multiplied, for class k, by (n_classes * its share of the rows) **
        share_power. Where all classes are penalised alike, a rare one can be too weak ever to be predicted. Of the
        exact solver with the elastic penalty only.
    class_weight : None, "balanced" (as in scikit-learn) or a dict from class to weight.
    tol, max_iter : of the exact solver. The default solves small problems as exactly as scikit-learn's solvers do; of
        many thousand words 1e-3 gives the same predictions in a tenth of the time.
    device : torch device. There, and of more than a few MB, vectors of float32 are solved in float32, else in float64.
    random_state : seed of "adam".
    lr, epochs, batch_size, shuffle : of "adam"; the reference does not shuffle.

    Attributes
    ----------
    classes_ : (n_classes,) labels, sorted.
    coef_ : (n_classes, n_features) weights in units of X, one row for each class also where there are two.
    intercept_ : (n_classes,).
    scale_ : (n_features,) standard deviations where standardised, else ones; coef_ * scale_ compares neurons.
    mean_ : (n_features,) mean of X; zeros for "adam" unless standardised.
    objective_ : value of the penalised objective.
    gap_ : bound on its distance from the optimum; NaN for "adam".
    n_iter_ : iterations of "exact", epochs of "adam".
    stopped_ : why it stopped: "gap", "progress", "rounding", "max_iter", or "epochs" for "adam".
    n_features_in_ : number of features seen in `fit`.

    References
    ----------
    Dalvi et al. 2019, arXiv 1812.09355 (elastic net); Durrani et al. 2021, arXiv 2105.15179.

    Examples
    --------
    >>> probe = LinearProbe(l2=0.1).fit([[0.0], [1.0], [4.0], [5.0]], ["a", "a", "b", "b"])
    >>> probe.predict([[0.5], [6.0]]).tolist()
    ['a', 'b']
    """

    def __init__(
        self,
        l1: float = 1e-5,
        l2: float = 1e-5,
        *,
        penalty: PenaltyName = "elastic",
        solver: Literal["exact", "adam"] = "exact",
        standardize: bool = False,
        share_power: float = 0.0,
        class_weight: str | dict[Any, float] | None = None,
        tol: float = 1e-8,
        max_iter: int = 2000,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = None,
        lr: float = 1e-3,
        epochs: int = 10,
        batch_size: int = 128,
        shuffle: bool = False,
    ) -> None:
        self.l1 = l1
        self.l2 = l2
        self.penalty = penalty
        self.solver = solver
        self.standardize = standardize
        self.share_power = share_power
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.device = device
        self.random_state = random_state
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearProbe:
        """Fit to X (n, n_features), an array or a matrix read in blocks, and labels y (n,).

        Raises
        ------
        OptionError : X holds NaN or infinity, X and y differ in length, y has one class only, or an option has no
            such value.
        """
        X = checked(self, X, reset=True)
        y = checked_labels(y)
        if len(y) != X.shape[0]:
            check_consistent_length(np.empty(X.shape[0]), y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise OptionError(f"y has one class only, {str(classes[0])!r}; a probe needs at least two classes")
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        if weights.ndim == 0:
            weights = np.full(len(y), float(weights))
        if weights.shape != (len(y),):
            raise OptionError(f"sample_weight has shape {weights.shape}, y has {len(y)} labels; give one for each")
        if not weights.any():
            raise OptionError("all weights are zero; give some row a weight above 0")
        if self.class_weight is not None:
            weights = weights * compute_sample_weight(self.class_weight, y)
        if self.solver == "exact":
            problem = Problem(
                codes=codes,
                n_classes=len(classes),
                weights=weights,
                l1=self.l1,
                l2=self.l2,
                share_power=self.share_power,
            )
            small = isinstance(X, np.ndarray) and X.size <= _SMALL and self.device == "cpu"
            (solution,) = solve(
                X.astype(np.float64, copy=False) if small else X,
                [problem],
                penalty=self.penalty,
                standardize=self.standardize,
                tol=self.tol,
                max_iter=self.max_iter,
                device=self.device,
            )
            return self._take(solution, classes)
        if self.solver == "adam":
            if self.share_power:
                raise OptionError(f"share_power is {self.share_power}; with solver 'adam' it must be 0")
            return self._adam(X, codes, weights, classes)
        raise OptionError(f"solver is {self.solver!r}; it may be 'exact' or 'adam'")

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores (n, n_classes); for two classes (n,), the second's less the first's."""
        check_is_fitted(self)
        z = scores(checked(self, X, reset=False), self.coef_, self.intercept_)
        return z[:, 1] - z[:, 0] if z.shape[1] == 2 else z

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, n_classes)."""
        check_is_fitted(self)
        return softmax(scores(checked(self, X, reset=False), self.coef_, self.intercept_), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row, (n,)."""
        check_is_fitted(self)
        z = scores(checked(self, X, reset=False), self.coef_, self.intercept_)
        return self.classes_[z.argmax(axis=1)]

    def _take(self, solution: Solution, classes: np.ndarray) -> LinearProbe:
        self.classes_ = classes
        self.n_features_in_ = solution.coef.shape[1]
        self.coef_, self.intercept_ = solution.coef, solution.intercept
        self.scale_, self.mean_ = solution.scale, solution.mean
        self.objective_, self.gap_ = solution.objective, solution.gap
        self.n_iter_, self.stopped_ = solution.n_iter, solution.stopped
        return self

    def _adam(self, X: Any, codes: np.ndarray, weights: np.ndarray, classes: np.ndarray) -> LinearProbe:
        if not isinstance(X, np.ndarray):
            raise OptionError("solver 'adam' needs X as an array; a matrix read in blocks can be solved by 'exact'")
        if not np.isfinite(X).all():
            row, column = np.argwhere(~np.isfinite(X))[0]
            raise OptionError(f"X holds NaN or inf in row {row}, column {column}; all values must be finite")
        mean, scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
        if self.standardize:
            mean = np.average(X, axis=0, weights=weights)
            deviation = np.average((X - mean) ** 2, axis=0, weights=weights) ** 0.5
            scale = np.where(deviation > 0, deviation, 1.0)
        seed = self.random_state
        coef, intercept = train_by_adam(
            (X - mean) / scale if self.standardize else X,
            codes,
            weights,
            len(classes),
            l1=self.l1,
            l2=self.l2,
            penalty=self.penalty,
            lr=self.lr,
            epochs=self.epochs,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            seed=int(seed) if isinstance(seed, int) else int(check_random_state(seed).randint(2**31)),
            device=self.device,
        )
        self.classes_, self.coef_, self.intercept_ = classes, coef / scale, intercept - (coef / scale) @ mean
        self.scale_, self.mean_ = scale, mean
        logs = log_softmax(scores(X, self.coef_, self.intercept_), axis=1)[np.arange(len(codes)), codes]
        ridge = float(np.square(coef).sum())
        self.objective_ = float(
            -np.average(logs, weights=weights)
            + self.l1 * np.abs(coef).sum()
            + self.l2 * (ridge**0.5 if self.penalty == "neurox" else ridge / 2)
        )
        self.gap_, self.n_iter_, self.stopped_ = float("nan"), self.epochs, "epochs"
        return self
