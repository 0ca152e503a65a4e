"""The face of two hulls that the nearest points lie on, kept as one QR factorisation that grows and shrinks.

A face is a set of points of either side whose augmented columns are linearly independent: a point x of the first
side is the column (x, 1, 0), a point of the second (-x, 0, 1). So it has at most d + 2 points, and the two points
of its affine spans nearest to one another are a projection in the basis Q: no normal equations, hence no squared
condition number. Choosing which points belong on the face is not done here.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr, qr_delete
from scipy.linalg.lapack import dtrtrs

INDEPENDENT = 1e-13
"""A column nearer than this to the span of the others (points have a radius of at most 1) adds nothing to it."""


class Face:
    """QR of the augmented columns of the points on the face; points are known by number.

    Parameters
    ----------
    d : width of the points, which should lie within a ball of radius 1 about the origin.
    """

    def __init__(self, d: int) -> None:
        self.points = np.zeros(0, dtype=np.int64)
        self._Q = np.zeros((d + 2, 0), order="F")
        self._R = np.zeros((0, 0), order="F")

    @property
    def room(self) -> int:
        """How many more points the face can take."""
        return len(self._Q) - len(self.points)

    def add(self, points: np.ndarray, columns: np.ndarray) -> None:
        """Add those of the points, (p,), whose augmented columns, (d + 2, p), are independent of the face's."""
        Q, m = self._Q, len(self.points)
        first = Q.T @ columns
        rest = columns - Q @ first
        # Orthogonal to working precision only after the second pass.
        second = Q.T @ rest
        rest -= Q @ second
        q, r, order = qr(rest, mode="economic", pivoting=True, overwrite_a=True, check_finite=False)
        rank = min(int(np.count_nonzero(np.abs(np.diag(r)) > INDEPENDENT)), self.room)
        order = order[:rank]
        R = np.zeros((m + rank, m + rank), order="F")
        R[:m, :m] = self._R
        R[:m, m:] = (first + second)[:, order]
        R[m:, m:] = r[:rank, :rank]
        grown = np.empty((len(Q), m + rank), order="F")
        grown[:, :m] = Q
        grown[:, m:] = q[:, :rank]
        self._Q, self._R = grown, R
        self.points = np.concatenate([self.points, points[order]])

    def remove(self, places: np.ndarray) -> None:
        """Take the points at these places, (r,) ascending, off the face."""
        for place in places[::-1]:
            left = self._Q.shape[1] - 1
            Q, R = qr_delete(self._Q, self._R, int(place), which="col", overwrite_qr=True, check_finite=False)
            # A square Q is taken for a full basis and would keep its last column.
            self._Q, self._R = Q[:, :left], R[:left]
        self.points = np.delete(self.points, places)

    def nearest(self) -> np.ndarray:
        """Affine weights, (m,), of the nearest points of the two affine spans; they sum to 1 on either side."""
        sides = self._Q[-2:]
        weights, _ = dtrtrs(self._R, _solve(sides @ sides.T, 1.0, 1.0) @ sides)
        return weights

    def normal(self, difference: np.ndarray) -> np.ndarray:
        """The part of a vector, (d,), at right angles to the face, as a unit vector; zeros where nothing is left."""
        sides = self._Q[-2:]
        normal = difference
        for _ in range(2):
            size = np.linalg.norm(normal)
            if not size > 0:
                return np.zeros_like(difference)
            normal = normal / size
            within = self._Q[:-2].T @ normal
            # Only directions that keep both sums of weights lie in the face.
            within -= _solve(sides @ sides.T, *(sides @ within)) @ sides
            normal = normal - self._Q[:-2] @ within
        size = np.linalg.norm(normal)
        return normal / size if size > 0 else np.zeros_like(difference)


def _solve(matrix: np.ndarray, first: float, second: float) -> np.ndarray:
    """Solution (2,) of a positive definite system of two equations, by Cholesky's elimination."""
    (a, b), (_, c) = matrix.tolist()
    share = b / a
    y = (second - share * first) / (c - share * b)
    return np.array([(first - b * y) / a, y])
