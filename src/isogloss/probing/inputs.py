"""What probes accept as X: checked arrays, or matrices read in blocks. Predictions go block by block either way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from isogloss.errors import OptionError

ROWS = 8192


def checked(estimator: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """X as the solver takes it, its width noted or compared.

    Arrays are checked as scikit-learn checks them, float32 and float64 without a copy. Matrices read in blocks
    (`.blocks(rows)`) and half-precision arrays pass as they are.

    Raises
    ------
    OptionError : X is no matrix of real numbers, or of another width than in `fit`.
    """
    if hasattr(X, "blocks") or (isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.itemsize == 2):
        width = int(X.shape[1])
        if reset:
            estimator.n_features_in_ = width
        elif width != estimator.n_features_in_:
            raise OptionError(f"X has {width} features; the probe was fitted with {estimator.n_features_in_}")
        return X
    try:
        # In fit the solver names the row and the column of a NaN.
        return validate_data(
            estimator, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan" if reset else True
        )
    except ValueError as error:
        raise OptionError(str(error)) from error


def scores(X: Any, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """X @ coef.T + intercept, (n, outputs) float64, computed in the precision of X."""
    out = np.empty((int(X.shape[0]), len(coef)))
    start = 0
    for block in _blocks(X):
        if block.dtype not in (np.float32, np.float64):
            block = block.astype(np.float32)
        out[start : start + len(block)] = block @ coef.T.astype(block.dtype, copy=False)
        start += len(block)
    return out + intercept


def _blocks(X: Any) -> Iterator[np.ndarray]:
    if hasattr(X, "blocks"):
        yield from X.blocks(ROWS)
    else:
        yield from (X[start : start + ROWS] for start in range(0, len(X), ROWS))
