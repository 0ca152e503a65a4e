"""The principal directions of a space and what is left when some are taken out: the top, the bottom or random ones.

Array in, array out. Treatments with scikit-learn's contract are in `treatments`; what is lost with the directions is
asked in `removal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from numbers import Integral
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from isogloss.errors import OptionError
from isogloss.isotropy.covariance import scatter_of
from isogloss.isotropy.rows import finite_blocks
from isogloss.numerics.room import empty
from isogloss.numerics.ward.linkage import as_points

Which = Literal["top", "bottom", "random", "only_top", "random_any"]
KINDS: tuple[Which, ...] = get_args(Which)
DRAWN: tuple[Which, ...] = ("random", "random_any")
"""Kinds that depend on a draw."""
_ROWS = 8192


class Cut(NamedTuple):
    """Some directions taken out.

    Attributes
    ----------
    kind : "top" or "bottom" (principal directions of most and least variance), "random" (any of the principal ones),
        "random_any" (uniform over all directions of the space), or "only_top": all but the top ones.
    k : how many are taken out; of "only_top", how many are left.
    draw : which random draw; 0 for the others.
    """

    kind: Which
    k: int
    draw: int = 0

    def kept(self, d: int) -> slice:
        """The coordinates that are left of d, in the order of `Directions.ordered`.

        Raises
        ------
        OptionError : no direction would be left, or there are not so many.
        """
        if self.kind not in KINDS:
            raise OptionError(f"which should be one of {', '.join(KINDS)}. Got {self.kind!r}.")
        if self.kind == "only_top":
            if not 1 <= self.k <= d:
                raise OptionError(f"k should be between 1 and the {d} dimensions to keep only the top k. Got {self.k}.")
            return slice(0, self.k)
        if not 0 <= self.k < d:
            raise OptionError(f"k should be at least 0 and less than the {d} dimensions. Got {self.k}.")
        return slice(0, d - self.k) if self.kind == "bottom" else slice(self.k, d)


@dataclass(frozen=True, eq=False)
class Directions:
    """The principal directions of some vectors, by the eigenvectors of their covariance.

    Attributes
    ----------
    mean : (d,) float64.
    variances : (d,) float64 along each direction, descending; the covariance is divided by n.
    basis : (d, d) float64, one direction in each row, orthonormal; the entry of largest size is positive.
    n : number of vectors.
    """

    mean: np.ndarray
    variances: np.ndarray
    basis: np.ndarray
    n: int

    @staticmethod
    def of(X: Any, rows: np.ndarray | None = None) -> Directions:
        """Those of an array (n, d), or of anything with `.shape`, `.blocks(rows)` and `.take(rows)`; one pass.

        Parameters
        ----------
        X : the vectors.
        rows : which of them; None for all. To judge what directions carry, these are rows of training sentences.

        Raises
        ------
        OptionError : there is no vector, or one holds NaN or infinity (its row is named).
        """
        if not (X.shape[0] if rows is None else len(rows)):
            raise OptionError("X has no row, so it has no directions.")
        # Float64 throughout: the bottom directions are what is left after millions of times their variance.
        found = scatter_of(finite_blocks(_blocks(X, rows), rows))
        variances, vectors = np.linalg.eigh(found.centred / found.n)
        basis = vectors[:, ::-1].T
        largest = np.take_along_axis(basis, np.abs(basis).argmax(axis=1)[:, None], axis=1)
        return Directions(found.mean, np.maximum(variances[::-1], 0.0), basis * np.sign(largest), found.n)

    @property
    def d(self) -> int:
        """Dimensions."""
        return len(self.mean)

    @cached_property
    def shares(self) -> np.ndarray:
        """(d,) share of the variance along each direction; zeros where nothing varies."""
        total = self.variances.sum()
        return self.variances / total if total > 0 else np.zeros(self.d)

    def coordinates(self, X: np.ndarray, *, centred: bool = True, dtype: type = np.float64) -> np.ndarray:
        """(n, d) coordinates along the directions, about the mean or (not `centred`) about 0."""
        X = np.asarray(X)
        out = empty(X.shape, dtype)
        turn: np.ndarray = self.basis.T.astype(dtype)
        for start in range(0, len(X), _ROWS):
            block = X[start : start + _ROWS].astype(np.float64) - (self.mean if centred else 0.0)
            out[start : start + _ROWS] = block.astype(dtype, copy=False) @ turn
        return out

    def ordered(self, coordinates: np.ndarray, cut: Cut, seed: int = 0) -> np.ndarray:
        """Coordinates (m, d) along the principal directions, brought to those that the cut is made of.

        Principal ones in random order, or along random axes; as they are for the kinds that depend on no draw. Cuts of
        one draw are nested: each takes more of the same order. Weights of a linear probe are brought along likewise.

        Returns
        -------
        (m, d) of the same precision, of which `cut.kept(d)` is left.
        """
        if cut.kind == "random":
            return coordinates[:, _random_order(self.d, cut.draw, seed % 2**63)]
        if cut.kind == "random_any":
            return coordinates @ _random_axes(self.d, cut.draw, seed % 2**63).T.astype(coordinates.dtype, copy=False)
        return coordinates

    def removed(self, cut: Cut, seed: int = 0) -> np.ndarray:
        """(m, d) float64 orthonormal directions that the cut takes out, in the space of the vectors."""
        gone = np.ones(self.d, dtype=bool)
        gone[cut.kept(self.d)] = False
        return self.ordered(self.basis.T, cut, seed).T[gone]

    def variance_removed(self, cut: Cut, seed: int = 0) -> float:
        """Share of the variance that the cut takes out, in [0, 1]."""
        kept = cut.kept(self.d)
        if not cut.k:
            return 0.0
        if cut.kind == "random_any":
            return float((np.square(_random_axes(self.d, cut.draw, seed % 2**63)[: cut.k]) @ self.shares).sum())
        return max(0.0, float(self.shares.sum() - self.ordered(self.shares[None], cut, seed)[0, kept].sum()))


def remove_directions(
    X: Any,
    k: int,
    which: Which = "top",
    *,
    directions: Directions | None = None,
    centred: bool = True,
    seed: int = 0,
) -> np.ndarray:
    """Project vectors onto what is left without some of their principal directions.

    Parameters
    ----------
    X : (n, d), finite.
    k : how many directions, less than d; for `which="only_top"` how many stay, from 1 to d.
    which : "top" (most variance, as all-but-the-top: Mu & Viswanath 2018, arXiv 1702.01417, algorithm 1), "bottom",
        "random" (any of the principal ones), "random_any" (uniform over all directions), or "only_top", which keeps the
        top k alone.
    directions : those of the training vectors; None takes those of X itself.
    centred : subtract the mean first, so that the result is centred too where X is what the directions are of. False
        projects X as it is, along the same directions.
    seed : of random directions.

    Returns
    -------
    (n, d), float32 where X is float32 or float16, else float64.

    Raises
    ------
    OptionError : k is out of range, X holds NaN or infinity, or X and the directions differ in width.
    """
    X = as_points(X)
    if not isinstance(k, Integral) or isinstance(k, bool):
        raise OptionError(f"k should be a whole number of directions. Got {k!r}.")
    if directions is not None and not isinstance(directions, Directions):
        raise OptionError(f"directions should be `Directions.of` some vectors. Got {type(directions).__name__}.")
    of = Directions.of(X) if directions is None else directions
    if X.shape[1] != of.d:
        raise OptionError(f"X should have the {of.d} dimensions of the directions. Got {X.shape[1]}.")
    cut = Cut(which, k)
    few, keep = (of.removed(cut, seed), False) if which != "only_top" else (of.basis[cut.kept(of.d)], True)
    return project(X, few, of.mean if centred else None, keep=keep)


def project(X: np.ndarray, basis: np.ndarray, mean: np.ndarray | None = None, *, keep: bool = False) -> np.ndarray:
    """X less a mean, without (or, `keep`, with nothing but) what lies along the orthonormal rows of a basis.

    Parameters
    ----------
    X : (n, d) float32 or float64. The work is done in float64, block by block.
    basis : (m, d).
    mean : (d,); None subtracts nothing.

    Returns
    -------
    (n, d) of X's precision.
    """
    out = empty(X.shape, X.dtype)
    for start in range(0, len(X), _ROWS):
        block = X[start : start + _ROWS].astype(np.float64)
        if mean is not None:
            block -= mean
        inside = (block @ basis.T) @ basis
        out[start : start + _ROWS] = inside if keep else block - inside
    return out


def cuts_of(ks: Iterable[int], kinds: Iterable[Which], draws: int, d: int) -> list[Cut]:
    """Every cut of the given numbers of directions that leaves something of d dimensions and takes something out."""
    sizes = sorted({int(k) for k in ks if 0 < k < d})
    return [Cut(kind, k, draw) for kind in kinds for draw in range(draws if kind in DRAWN else 1) for k in sizes]


def _random_order(d: int, draw: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, draw]).permutation(d)


@lru_cache(maxsize=8)
def _random_axes(d: int, draw: int, seed: int) -> np.ndarray:
    """(d, d) orthonormal rows, uniform over all rotations.

    By the QR decomposition of a Gaussian matrix, with the signs that make it uniform (Mezzadri 2007, arXiv
    math-ph/0609050).
    """
    turn, upper = np.linalg.qr(np.random.default_rng([seed, draw]).standard_normal((d, d)))
    axes = (turn * np.sign(np.diag(upper))).T
    axes.flags.writeable = False
    return axes


def _blocks(X: Any, rows: np.ndarray | None) -> Iterator[np.ndarray]:
    """Consecutive blocks of the given rows, float64."""
    if rows is not None:
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            yield np.asarray(X.take(some) if hasattr(X, "blocks") else X[some], dtype=np.float64)
    elif hasattr(X, "blocks"):
        for block in X.blocks():
            yield np.asarray(block, dtype=np.float64)
    else:
        for start in range(0, len(X), _ROWS):
            yield np.asarray(X[start : start + _ROWS], dtype=np.float64)
