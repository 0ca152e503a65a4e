"""Few points in many dimensions: a plane from one Gram matrix, and coordinates in the space they span.

Up to d + 1 points in general position can be split in any way: the plane that meets targets +1 and -1 exactly is one
linear system of the size of the number of points.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr
from scipy.linalg.lapack import dposv


def interpolating_normal(Z: np.ndarray, n_a: int) -> np.ndarray | None:
    """Normal (d,) of the shortest plane with value +1 on the first n_a rows of Z (n, d) and -1 on the others.

    None where the points are affinely dependent. Z should be centred; the plane's gap is for the caller to check.
    """
    n = len(Z)
    gram = Z @ Z.T
    level = float(np.einsum("ii->", gram)) / n
    if not level > 0.0:
        return None
    # The offset is one more column; as large as the points, so that it does not spoil the condition.
    gram += level
    targets = np.ones(n)
    targets[n_a:] = -1.0
    _, solution, failed = dposv(gram.T, targets, lower=1, overwrite_a=1)
    return None if failed else solution @ Z


def span_coordinates(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, r) of the rows of Z (n, d) in an orthonormal basis (r, d) of their span, r <= min(n, d)."""
    basis, coordinates = qr(Z.T, mode="economic", check_finite=False)
    return np.ascontiguousarray(coordinates.T), np.ascontiguousarray(basis.T)
