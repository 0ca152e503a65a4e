"""How well numbers are predicted: R2, Pearson and Spearman, each with its interval over sentences.

For labels that are scores, such as similarity from 0 to 5. Trains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from isogloss.errors import OptionError
from isogloss.numerics import group_sums, poisson_sums
from isogloss.probing.resampling import Resampled
from isogloss.probing.scores import N_BOOT


@dataclass(frozen=True, eq=False)
class RegressionScores:
    """Scores of numeric predictions, each (*s,).

    Attributes
    ----------
    r2 : 1 - squared error / squared deviation from the mean; NaN where the truth does not vary.
    pearson, spearman : correlations; NaN where truth or prediction does not vary. In a resample Spearman's is the
        correlation of the ranks among all words: nothing is ranked again.
    """

    r2: Resampled
    pearson: Resampled
    spearman: Resampled


def regression_scores(
    y: np.ndarray, predictions: np.ndarray, sentences: np.ndarray, *, n_boot: int = N_BOOT, seed: int = 0
) -> RegressionScores:
    """R2, Pearson's and Spearman's correlation.

    Parameters
    ----------
    y : (n,) numbers.
    predictions : (*s, n) numbers.
    sentences : (n,) the sentence of each row.
    n_boot, seed : resamples (0 gives no interval) and their seed.

    Raises
    ------
    OptionError : lengths differ, there are no rows, or a number is not finite.
    """
    y, predictions = np.asarray(y, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    if not len(y) or predictions.shape[-1] != len(y) or len(sentences) != len(y):
        raise OptionError(
            "y, predictions and sentences should be of the same rows. "
            f"Got {len(y)}, {predictions.shape} and {len(sentences)}."
        )
    if not np.isfinite(y).all() or not np.isfinite(predictions).all():
        raise OptionError("y and predictions should be finite numbers. Got NaN or infinity.")
    shape, rows = predictions.shape[:-1], predictions.reshape(-1, len(y))
    names, groups = np.unique(np.asarray(sentences), return_inverse=True)
    made = []
    for truth, guesses in ((y, rows), (rankdata(y), rankdata(rows, axis=1))):
        truth, guesses = _scaled(truth, truth), _scaled(guesses, truth)
        sums = np.empty((len(guesses), len(names), 6))
        for own, guess in zip(sums, guesses, strict=True):
            own[:] = group_sums(_products(truth, guess), groups, len(names))
        exact = _statistics(sums.sum(axis=1)[:, None])
        drawn = _statistics(poisson_sums(sums, n_boot, seed))
        origin = (seed, n_boot, len(names))
        made += [
            Resampled(e.reshape(shape), d.reshape(n_boot, *shape), origin) for e, d in zip(exact, drawn, strict=True)
        ]
    return RegressionScores(made[0], made[1], made[3])


def _scaled(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Both moved and scaled alike, by the truth's: R2 stays, and sums of squares lose nothing to a large mean."""
    spread = truth.std()
    return (values - truth.mean()) / (spread if spread > 0 else 1.0)


def _products(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """(n, 6): 1, y, y^2, p, p^2, p y."""
    return np.column_stack([np.ones_like(truth), truth, truth**2, guess, guess**2, guess * truth])


def _statistics(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R2 and Pearson, each (b, m), from (m, b, 6) totals."""
    n, y, yy, p, pp, py = totals.transpose(2, 1, 0)
    out = np.full((2, *p.shape), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        var_y, var_p, cov = yy / n - (y / n) ** 2, pp / n - (p / n) ** 2, py / n - (p / n) * (y / n)
        error = (yy - 2 * py + pp) / n
        varies = var_y > 1e-12
        out[0] = np.where(varies, 1 - error / var_y, np.nan)
        # Rounding leaves a little where a prediction is constant.
        flat = var_p <= 1e-12 * np.maximum(pp / n, 1e-300)
        out[1] = np.where(varies & ~flat, cov / np.sqrt(var_y * var_p), np.nan)
    return out[0], np.clip(out[1], -1.0, 1.0)
