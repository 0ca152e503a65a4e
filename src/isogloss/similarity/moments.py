"""From two arrays of word vectors to their pair moments: checks and precision, once for all measures."""

from __future__ import annotations

import numpy as np

from isogloss.numerics import PairMoments, pair_moments, row_blocks


def array_moments(X: np.ndarray, Y: np.ndarray, *, least: int = 2) -> PairMoments:
    """Stream two arrays into moments, by blocks, so that memory maps are never read whole.

    Parameters
    ----------
    X, Y : (n, dx) and (n, dy); any float dtype (float16, bfloat16, float32 run in float32, float64 in
        float64).
    least : fewest rows for which the measure is defined.

    Raises
    ------
    ValueError : not two-dimensional, different numbers of rows, fewer than `least`, NaN or infinity.
    """
    X, Y = np.asanyarray(X), np.asanyarray(Y)
    if X.ndim != 2 or Y.ndim != 2:
        raise ValueError(f"X and Y must be two-dimensional, (n, d); got shapes {X.shape} and {Y.shape}")
    if len(X) != len(Y):
        raise ValueError(f"the rows must be the same words: X has {len(X)} rows, Y has {len(Y)} rows")
    if len(X) < least:
        raise ValueError(f"at least {least} rows are needed; got {len(X)}")
    wide = any(a.dtype.kind in "iub" or a.dtype.itemsize >= 8 for a in (X, Y))
    moments = pair_moments(zip(row_blocks(X), row_blocks(Y), strict=True), dtype=np.float64 if wide else np.float32)[0]
    assert moments is not None  # there is at least one row
    return moments


def refuse_constant(moments: PairMoments, what: str) -> None:
    """Refuse moments of which one side has no variance.

    Raises
    ------
    ValueError : all rows of X or of Y are equal; `what` names the measure that is then undefined.
    """
    for side in "xy":
        if moments.is_constant(side):
            raise ValueError(
                f"{what} is undefined: all {moments.n} rows of {side.upper()} are the same vector (zero variance)"
            )
