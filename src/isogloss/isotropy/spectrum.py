"""How the variance of the words is spread over directions: what the eigenvalues of their covariance say.

The functions of arrays read once, by blocks, and refuse fewer words than dimensions unless told `few=True`: the
covariance of few words has directions without variance, and a transposed matrix looks just so. The functions of
eigenvalues (`..._of`) take any (..., d), so that they serve resamples as well.
"""

from __future__ import annotations

import numpy as np

from isogloss.errors import OptionError
from isogloss.isotropy.covariance import Scatter, scatter_of
from isogloss.isotropy.rows import checked_blocks


def spectrum(X: np.ndarray, *, few: bool = False) -> np.ndarray:
    """Eigenvalues of the covariance of the words (divided by n - 1), descending.

    Parameters
    ----------
    X : (n, d) words in rows, any real dtype; read once by blocks, memory O(d^2) + a block.
    few : fewer words than dimensions are meant.

    Returns
    -------
    (d,) float64, not below 0, in squared units of X.

    Raises
    ------
    OptionError : no matrix; fewer than two words; fewer words than dimensions where not `few`; NaN or infinity.
    """
    return eigenvalues(scatter_of(checked_blocks(X, few=few)))


def eigenvalues(scatter: Scatter) -> np.ndarray:
    """Eigenvalues of the covariance of at least two words, (d,), descending, not below 0."""
    if scatter.is_constant:
        return np.zeros(len(scatter.mean))
    return np.clip(np.linalg.eigvalsh(scatter.centred)[::-1], 0.0, None) / (scatter.n - 1)


def participation_ratio(X: np.ndarray, *, few: bool = False) -> float:
    """(tr C)^2 / tr(C^2) of the covariance C: the number of directions, were the variance spread evenly over them.

    Parameters
    ----------
    X, few : as in `spectrum`. No eigenvalues are needed.

    Returns
    -------
    float in [1, d].

    Raises
    ------
    OptionError : as in `spectrum`; all words are the same vector.
    """
    scatter = scatter_of(checked_blocks(X, few=few))
    _check_varies(scatter.is_constant)
    # In units of the trace, so that the square of a very small or large variance is a number.
    shares = scatter.centred / np.trace(scatter.centred)
    return float(1.0 / np.einsum("ij,ij->", shares, shares))


def isoscore(X: np.ndarray, *, few: bool = False) -> float:
    """IsoScore (Rudman et al. 2022, arXiv 2108.07344), here as (PR - 1) / (d - 1) of the participation ratio PR.

    That is the published definition solved: the distance of the normalised eigenvalues from (1, ..., 1) enters only
    by the participation ratio. 1 is isotropic, 0 is a line. Invariant to rotation, shift and scale.

    The authors' package IsoScore: 1.0 (which takes words in columns) agrees to 1e-12, 2.0.1 (words in rows) to 2e-8,
    because it takes the square root of d in float32.

    Parameters
    ----------
    X, few : as in `spectrum`.

    Returns
    -------
    float in [0, 1].

    Raises
    ------
    OptionError : as in `participation_ratio`; vectors of one dimension.
    """
    if np.ndim(X) == 2 and np.shape(X)[1] == 1:
        raise OptionError("IsoScore is not defined for vectors of one dimension.")
    return float(isoscore_of(participation_ratio(X, few=few), np.shape(X)[1]))


def isoscore_of(participation: float | np.ndarray, d: int) -> float | np.ndarray:
    """IsoScore from the participation ratio in d > 1 dimensions."""
    return np.clip((participation - 1.0) / (d - 1.0), 0.0, 1.0)


def effective_rank(X: np.ndarray, *, few: bool = False) -> float:
    """Effective rank of the covariance: exp of the entropy of its eigenvalues' shares (Roy & Vetterli 2007).

    Parameters
    ----------
    X, few : as in `spectrum`.

    Returns
    -------
    float in [1, d].

    Raises
    ------
    OptionError : as in `participation_ratio`.
    """
    values = spectrum(X, few=few)
    _check_varies(not values.any())
    return float(effective_rank_of(values))


def effective_rank_of(values: np.ndarray) -> np.ndarray:
    """Effective rank from eigenvalues (..., d), not all zero; (...)."""
    shares = values / values.sum(axis=-1, keepdims=True)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.exp(-(shares * logs).sum(axis=-1))


def directions_for(X: np.ndarray, share: float, *, few: bool = False) -> int:
    """How many principal directions hold at least this share of the variance.

    Parameters
    ----------
    X, few : as in `spectrum`.
    share : in (0, 1].

    Raises
    ------
    OptionError : as in `participation_ratio`; a share outside (0, 1].
    """
    check_share(share)
    values = spectrum(X, few=few)
    _check_varies(not values.any())
    return int(directions_of(values, share))


def directions_of(values: np.ndarray, share: float) -> np.ndarray:
    """Fewest of the descending eigenvalues (..., d) that sum to the share of them all; (...) integers."""
    held = np.cumsum(values, axis=-1)
    # A sum of eigenvalues may miss its share by rounding.
    return (held < share * (1 - 1e-12) * held[..., -1:]).sum(axis=-1) + 1


def check_share(share: float) -> None:
    """Refuse what is no share of the variance.

    Raises
    ------
    OptionError : outside (0, 1].
    """
    if not 0 < share <= 1:
        raise OptionError(f"share should be above 0 and at most 1. Got {share} instead.")


def elongated_directions(X: np.ndarray, c: float, *, few: bool = False) -> int:
    """How many principal directions have more than c times the mean variance of a direction.

    Parameters
    ----------
    X, few : as in `spectrum`.
    c : how many times the mean; above 0. There is no agreed value: compare several.

    Raises
    ------
    OptionError : as in `participation_ratio`; c not above 0.
    """
    check_times(c)
    values = spectrum(X, few=few)
    _check_varies(not values.any())
    return int(elongated_of(values, c))


def elongated_of(values: np.ndarray, c: float) -> np.ndarray:
    """How many of the eigenvalues (..., d) are above c times their mean; (...) integers."""
    return (values > c * values.mean(axis=-1, keepdims=True)).sum(axis=-1)


def check_times(c: float) -> None:
    """Refuse what no variance can be a multiple by.

    Raises
    ------
    OptionError : not above 0.
    """
    if not c > 0:
        raise OptionError(f"c should be above 0. Got {c} instead.")


def _check_varies(constant: bool) -> None:
    if constant:
        raise OptionError("all words are the same vector: there is no variance to spread over directions")
