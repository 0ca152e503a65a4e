"""Intervals of proportions."""

from __future__ import annotations

import numpy as np

NORMAL_95 = 1.959963984540054


def wilson_interval(
    count: np.ndarray | float, n: np.ndarray | float, z: float = NORMAL_95
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a proportion (Wilson 1927, doi:10.1080/01621459.1927.10502953), without continuity correction.

    Parameters
    ----------
    count, n : successes and trials, of shapes that broadcast; counts may be fractions.
    z : normal quantile; 1.96 gives 95%.

    Returns
    -------
    lower and upper end; NaN where n is 0, exactly 0 or 1 where nothing or everything succeeded.
    """
    trials = np.where(np.asarray(n) > 0, n, np.nan).astype(np.float64)
    share = count / trials
    middle = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * np.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    # At 0 and 1 rounding would leave a trace; NaN stays what it is.
    return np.where(share <= 0, 0.0, middle - half), np.where(share >= 1, 1.0, middle + half)
