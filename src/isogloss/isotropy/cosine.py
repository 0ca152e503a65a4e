"""The mean cosine of all pairs of words, exactly and without pairs; which dimensions make it; what they hide.

Sums of unit vectors give the mean over all pairs: (|sum u|^2 - n) / (n (n - 1)), and the same sum dimension by
dimension gives what each adds to it. Zero vectors have no cosine: they are left out, with a warning.
Nothing is centred here.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from isogloss.errors import OptionError
from isogloss.isotropy.rows import check_shape, checked_blocks, finite_blocks


@dataclass(frozen=True, eq=False)
class RogueDimensions:
    """The dimensions that add most to the mean cosine, the largest first.

    Attributes
    ----------
    dimensions : (top,) numbers of the dimensions, from 0.
    contributions : (top,) what each adds to the mean cosine; over all dimensions they sum to it.
    shares : (top,) contributions / mean cosine; NaN where the mean cosine is not above 0.
    mean_cosine : of all pairs.
    """

    dimensions: np.ndarray
    contributions: np.ndarray
    shares: np.ndarray
    mean_cosine: float


def mean_cosine(X: np.ndarray, pairs: int | None = None, seed: int = 0) -> float:
    """Mean cosine of two different words (anisotropy of Ethayarajh 2019, arXiv 1909.00512).

    Parameters
    ----------
    X : (n, d) words in rows, any real dtype; read once by blocks. Fewer words than dimensions are welcome.
    pairs : None for the exact mean over all pairs in O(n d); a number to draw that many pairs of different words at
        random, as papers do.
    seed : of the draw.

    Returns
    -------
    float in [-1, 1].

    Raises
    ------
    OptionError : no matrix; fewer than two vectors that are not zero; NaN or infinity; `pairs` not above 0.

    Warns
    -----
    UserWarning : there are zero vectors; they, or the pairs with them, are left out.
    """
    check_shape(np.shape(X), few=True, least=2)
    if pairs is not None:
        return _sampled_cosine(X, pairs, seed)
    return float(cosine_contributions(checked_blocks(X, few=True)).sum())


def rogue_dimensions(X: np.ndarray, top: int) -> RogueDimensions:
    """Find the dimensions that add most to the mean cosine (Timkey & van Schijndel 2021, arXiv 2109.04404).

    The paper estimates a dimension's contribution from sampled pairs; here it is the mean over all pairs. Not
    invariant to rotation: it asks about the model's own axes.

    Parameters
    ----------
    X : (n, d) words in rows, as in `mean_cosine`.
    top : how many dimensions; at most d.

    Raises
    ------
    OptionError : as in `mean_cosine`; `top` outside 1 .. d.
    """
    check_shape(np.shape(X), few=True, least=2)
    if not 1 <= top <= np.shape(X)[1]:
        raise OptionError(f"top should be in 1 .. {np.shape(X)[1]}. Got {top} instead.")
    return rogue_of(cosine_contributions(checked_blocks(X, few=True)), top)


def rogue_of(contributions: np.ndarray, top: int) -> RogueDimensions:
    """The dimensions with the largest of the (d,) contributions to the mean cosine."""
    mean = float(contributions.sum())
    order = np.argsort(-contributions, kind="stable")[:top]
    shares = contributions[order] / mean if mean > 0 else np.full(len(order), np.nan)
    return RogueDimensions(order, contributions[order], shares, mean)


def cosine_contributions(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """What each dimension adds to the mean cosine of all pairs, (d,); warns and refuses as `mean_cosine` does."""
    total, squares, count, zeros = np.zeros(1), np.zeros(1), 0, 0
    for block in blocks:
        units, nonzero = unit_rows(block)
        total = total + units.sum(axis=0)
        squares = squares + np.einsum("ij,ij->j", units, units)
        count += int(nonzero.sum())
        zeros += len(block) - int(nonzero.sum())
    _warn_of_zeros(zeros)
    if count < 2:
        raise OptionError(f"the mean cosine needs at least two vectors that are not zero. Got {count} instead.")
    return (total**2 - squares) / (count * (count - 1))


def unit_rows(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows divided by their lengths, and which of them have one; zero rows (shorter than 1e-154) become zero."""
    lengths = np.sqrt(np.einsum("ij,ij->i", block, block))
    nonzero = lengths > 0
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=nonzero)
    return block * inverse[:, None], nonzero


def _sampled_cosine(X: np.ndarray, pairs: int, seed: int) -> float:
    if pairs < 1:
        raise OptionError(f"pairs should be at least 1. Got {pairs} instead.")
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(X), pairs)
    second = rng.integers(0, len(X) - 1, pairs)
    second += second >= first
    rows, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    units, nonzero = unit_rows(next(finite_blocks([X[rows]], rows)))
    a, b = place[:pairs], place[pairs:]
    usable = nonzero[a] & nonzero[b]
    _warn_of_zeros(int((~nonzero).sum()))
    if not usable.any():
        raise OptionError("no drawn pair has two vectors that are not zero")
    return float(np.einsum("ij,ij->i", units[a[usable]], units[b[usable]]).mean())


def _warn_of_zeros(zeros: int) -> None:
    if zeros:
        said = "a zero vector has no cosine and is" if zeros == 1 else f"{zeros:,} zero vectors have no cosine and are"
        warnings.warn(f"{said} left out", stacklevel=4)
