"""Isotropy by the partition function: how alike the sums of exp(u.w) are in the principal directions of the words.

F(u) = sum_i exp(u.w_i); I(W) = min F / max F over the unit eigenvectors u of W'W, the words as they are, not centred
(Arora et al. 2016; Mu & Viswanath 2018, arXiv 1702.01417). 1 is isotropic. It is not invariant to scale.
An eigenvector has no sign, but F(u) is not F(-u): over both signs I does not depend on the rotation of the space nor
on the library; with one sign, as usual code has it, it does. Sums are kept as logarithms, so that long vectors neither
overflow nor underflow. Nothing is resampled here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from isogloss.errors import OptionError
from isogloss.isotropy.rows import checked_blocks

Sign = Literal["both", "reference"]
SIGNS = ("both", "reference")
SHORT = 300.0
"""Exponents up to here, over and under 0, have sums that neither overflow nor vanish for any number of words."""


def partition_isotropy(X: np.ndarray, sign: Sign = "both", log10: bool = False, *, few: bool = False) -> float:
    """Isotropy I(W) = min F / max F of the partition function over the eigenvectors of W'W.

    Parameters
    ----------
    X : (n, d) words in rows, any real dtype; read twice by blocks, memory O(d^2) + a block.
    sign : "both" takes u and -u of every eigenvector (invariant to rotation); "reference" takes each eigenvector with
        the sign `numpy.linalg.eigh` gives it, as usual implementations do: comparable with theirs, not invariant.
    log10 : return log10 I, which long vectors do not underflow.
    few : fewer words than dimensions are meant. Directions without words then have F = n.

    Returns
    -------
    float in [0, 1], or its log10 in (-inf, 0].

    Raises
    ------
    OptionError : an unknown sign; no matrix; fewer words than dimensions where not `few`; NaN or infinity; every
        vector zero, so that there are no directions.
    """
    check_sign(sign)
    scatter = sum(block.T @ block for block in checked_blocks(X, few=few, least=1))
    if not np.any(scatter):
        raise OptionError("every vector is zero: W'W has no directions")
    above, below = log_partition(checked_blocks(X, few=few, least=1), np.linalg.eigh(scatter)[1])
    log = log_isotropy(above, below, sign)
    return float(log / np.log(10)) if log10 else float(np.exp(log))


def check_sign(sign: str) -> None:
    """Refuse a sign rule there is not.

    Raises
    ------
    OptionError : it is neither "both" nor "reference".
    """
    if sign not in SIGNS:
        raise OptionError(f"sign should be one of {', '.join(SIGNS)}. Got {sign!r} instead.")


def log_partition(blocks: Iterable[np.ndarray], directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of F(u) and of F(-u) for every direction, in one pass.

    Parameters
    ----------
    blocks : (rows, d) float64 row blocks, at least one row.
    directions : (d, k), one direction per column.

    Returns
    -------
    log F(u), log F(-u), each (k,).
    """
    top = np.full((2, directions.shape[1]), -np.inf)
    total, plain = np.zeros_like(top), np.zeros_like(top)
    for block in blocks:
        along = block @ directions
        if max(along.max(), -along.min()) <= SHORT:
            np.exp(along, out=along)
            plain[0] += along.sum(axis=0)
            np.divide(1.0, along, out=along)
            plain[1] += along.sum(axis=0)
            continue
        for side in range(2):
            higher = np.maximum(top[side], along.max(axis=0))
            total[side] *= np.exp(top[side] - higher)
            total[side] += np.exp(along - higher).sum(axis=0)
            top[side] = higher
            np.negative(along, out=along)
    logs = [np.log(sums, out=np.full_like(sums, -np.inf), where=sums > 0) for sums in (plain, total)]
    above, below = np.logaddexp(logs[0], logs[1] + np.where(np.isfinite(top), top, 0.0))
    return above, below


def log_isotropy(above: np.ndarray, below: np.ndarray, sign: Sign) -> np.ndarray:
    """Natural logarithm of I, from log F(u) and log F(-u), each (..., k) over k directions; (...)."""
    if sign == "reference":
        return above.min(axis=-1) - above.max(axis=-1)
    low = np.minimum(above.min(axis=-1), below.min(axis=-1))
    return low - np.maximum(above.max(axis=-1), below.max(axis=-1))
