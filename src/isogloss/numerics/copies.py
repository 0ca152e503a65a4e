"""Which rows of a matrix are exact copies of an earlier row; O(n) memory beside the matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ROWS = 4096


@dataclass(frozen=True)
class Distinct:
    """The distinct rows of an (n, d) matrix, in order of first appearance.

    Attributes
    ----------
    first : (u,) int64, the first row with each distinct vector, increasing.
    of_row : (n,) int64, the distinct vector that each row is a copy of.
    counts : (u,) int64, how many rows have it.
    """

    first: np.ndarray
    of_row: np.ndarray
    counts: np.ndarray

    def under_several(self, labels: np.ndarray) -> np.ndarray:
        """(n,) whether the vector of each row also stands under another of the labels, (n,) integers."""
        pairs = np.unique(np.stack([self.of_row, labels]), axis=1)
        return np.asarray(np.bincount(pairs[0])[self.of_row] > 1)


def distinct_rows(X: np.ndarray) -> Distinct:
    """Find exact copies (0.0 and -0.0 are equal) among the rows of an (n, d) float32 or float64 matrix."""
    n = len(X)
    hashes = _hash(X)
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    leader = np.empty(n, dtype=np.int64)
    leader[order] = np.repeat(order[starts], np.diff(np.r_[starts, n]))
    followers = np.flatnonzero(leader != np.arange(n))
    # Rows that share a hash with another vector (practically never) are told apart by their bytes.
    apart: dict[bytes, int] = {}
    for begin in range(0, len(followers), _ROWS):
        rows = followers[begin : begin + _ROWS]
        for row in rows[(X[rows] != X[leader[rows]]).any(axis=1)]:
            leader[row] = apart.setdefault((X[row] + X.dtype.type(0)).tobytes(), row)
    first, of_row, counts = np.unique(leader, return_inverse=True, return_counts=True)
    return Distinct(first, of_row.reshape(-1), counts)


def _hash(X: np.ndarray) -> np.ndarray:
    """Multilinear hash of the 32-bit words of each row, modulo 2^64."""
    words = X.dtype.itemsize // 4 * X.shape[1]
    factors = np.random.default_rng(0).integers(0, 2**64, size=words, dtype=np.uint64)
    hashes = np.empty(len(X), dtype=np.uint64)
    for start in range(0, len(X), _ROWS):
        # Adding zero turns -0.0 into 0.0.
        block = np.ascontiguousarray(X[start : start + _ROWS] + X.dtype.type(0))
        hashes[start : start + _ROWS] = (block.view(np.uint32) * factors).sum(axis=1, dtype=np.uint64)
    return hashes
