"""A linear probe for numbers, with scikit-learn's contract: least squares with an elastic net."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from isogloss.errors import OptionError
from isogloss.numerics.elastic_net import PenaltyName, Problem, solve
from isogloss.probing.inputs import checked, scores


class RegressionProbe(RegressorMixin, BaseEstimator):
    """Least squares, minimising sum (y - W x - b)^2 / (2 n) + l1 * sum |W| + l2 / 2 * sum W^2.

    Intercepts are not penalised. scikit-learn's ElasticNet with alpha = l1 + l2 and l1_ratio = l1 / alpha.

    Parameters
    ----------
    l1, l2, penalty, standardize, tol, max_iter, device : as in `LinearProbe`.

    Attributes
    ----------
    coef_ : (n_features,), or (n_targets, n_features) where y has two dimensions.
    intercept_ : a number, or (n_targets,).
    scale_, mean_, objective_, gap_, n_iter_, stopped_, n_features_in_ : as in `LinearProbe`.

    Examples
    --------
    >>> RegressionProbe(l1=0, l2=1e-9).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).predict([[4.0]]).round(3).tolist()
    [9.0]
    """

    def __init__(
        self,
        l1: float = 1e-5,
        l2: float = 1e-5,
        *,
        penalty: PenaltyName = "elastic",
        standardize: bool = False,
        tol: float = 1e-6,
        max_iter: int = 200,
        device: str = "cpu",
    ) -> None:
        self.l1 = l1
        self.l2 = l2
        self.penalty = penalty
        self.standardize = standardize
        self.tol = tol
        self.max_iter = max_iter
        self.device = device

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> RegressionProbe:
        """Fit to X (n, n_features), an array or a matrix read in blocks, and numbers y (n,) or (n, n_targets).

        Raises
        ------
        OptionError : X or y holds NaN or infinity, they differ in length, or an option has no such value.
        """
        X = checked(self, X, reset=True)
        if y is None:
            raise OptionError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if len(y) != X.shape[0]:
            check_consistent_length(np.empty(X.shape[0]), y)
        weights = None
        if sample_weight is not None:
            weights = np.asarray(sample_weight, dtype=np.float64)
            weights = np.full(len(y), float(weights)) if weights.ndim == 0 else weights
        (solution,) = solve(
            X,
            [Problem(targets=y, weights=weights, l1=self.l1, l2=self.l2)],
            loss="squared",
            penalty=self.penalty,
            standardize=self.standardize,
            tol=self.tol,
            max_iter=self.max_iter,
            device=self.device,
        )
        one = y.ndim == 1
        self.coef_ = solution.coef[0] if one else solution.coef
        self.intercept_ = float(solution.intercept[0]) if one else solution.intercept
        self.scale_, self.mean_ = solution.scale, solution.mean
        self.objective_, self.gap_ = solution.objective, solution.gap
        self.n_iter_, self.stopped_ = solution.n_iter, solution.stopped
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> np.ndarray:
        """Predicted numbers, shaped as y was."""
        check_is_fitted(self)
        z = scores(checked(self, X, reset=False), np.atleast_2d(self.coef_), np.atleast_1d(self.intercept_))
        return z[:, 0] if self.coef_.ndim == 1 else z
