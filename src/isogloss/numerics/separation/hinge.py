"""Newton's method on the squared hinge without a regulariser: a plane or a common point, from one solver.

f(w, b) = 1/2 sum_i max(0, 1 - m_i)^2 with margins m_i = y_i (w.x_i + b) is convex and piecewise quadratic, so its
infimum is attained. It is 0 where the hulls are strictly separable. Elsewhere it is at least 1, and at a stationary
point the residuals a_i = max(0, 1 - m_i) satisfy sum a_i y_i = 0 and sum a_i y_i x_i = 0: normalised on each side they
are convex weights that meet in one point (Gordan's alternative). A step solves the least-squares problem of the active
rows and goes to the exact minimum along that line, so that the method ends after finitely many active sets
(Mangasarian 2002, "A finite Newton method for classification"; Keerthi and DeCoste 2005, JMLR 6).

Knows nothing of tolerances: a judge that is handed in decides what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs, spotrf, spotrs

from isogloss.numerics.blocks import ROWS_IN_CACHE, row_blocks
from isogloss.numerics.points import scale_about

Judge = Callable[[np.ndarray], bool]

_ROWS_SINGLE = 128
_FAR = 8
"""Times the scale: points whose middle is farther from the origin lose digits that matter when float32 comes first."""
_TINY = 1e-24
"""Squares of distances from here to its inverse are safe in float32."""

_PLAIN = 1e-3
"""Scales from here to its inverse are: fourth powers and sums over the points are taken of such numbers."""

_STALLED = 0.98
"""A step in float32 that keeps more of the loss than this has come to its precision, or to a common point."""

_RIDGE = {"f": 1e-6, "d": 1e-13}

OFFSET = 0.3
"""What stands in the offset's column, beside rows of length 1 at most: their usual length, for the condition's sake."""


def hinge_rows(points: np.ndarray, middle: np.ndarray, scale: float) -> np.ndarray:
    """(points - middle) / scale of points (n, r), and the offset's column: (n, r + 1) float64."""
    n, r = points.shape
    rows = np.empty((n, r + 1))
    for into, block in zip(row_blocks(rows, ROWS_IN_CACHE), row_blocks(points, ROWS_IN_CACHE), strict=True):
        np.multiply(block - middle, 1.0 / scale, out=into[:, :r])
    rows[:, r] = OFFSET
    return rows


def single_rows(sets: Sequence[np.ndarray], middle: np.ndarray) -> tuple[np.ndarray, float] | None:
    """As `hinge_rows`, in float32 and of the rows of all sets, with the scale found on the way.

    Rows stay in the points' own unit where that is safe, and the offset's column is OFFSET times the scale in it: a
    plane of such rows, times that scale, is one of `hinge_rows`.

    Far from the origin the difference is taken in float64: what is lost there is only what was not there.

    Returns
    -------
    rows (n, r + 1); the scale, the largest distance of a point from the middle. None where its square is out of
    float32's reach, and where a value is NaN or infinite.
    """
    rows = np.empty((sum(map(len, sets)), len(middle) + 1), dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = _differences(sets, middle, rows, first=np.float32)
        if not float(middle @ middle) <= _FAR**2 * float(squares.max()):
            squares = _differences(sets, middle, rows, first=np.float64)
        most = float(squares.max())
    if not _TINY < most < 1.0 / _TINY:
        return None
    # What float32 rounds of a square of so many numbers does not hide the farthest point among these.
    far = squares >= most * (1.0 - 2.0 * (len(middle) + 4 + 2 * _FAR) * float(np.finfo(np.float32).eps))
    ends = np.cumsum([len(points) for points in sets])[:-1]
    scale = scale_about([points[some] for points, some in zip(sets, np.split(far, ends), strict=True)], middle)
    unit = 1.0 if _PLAIN < scale < 1.0 / _PLAIN else scale
    rows[:, -1] = OFFSET * scale
    if unit != 1.0:
        rows *= np.float32(1.0 / unit)
    return rows, scale


def _differences(sets: Sequence[np.ndarray], middle: np.ndarray, rows: np.ndarray, first: type) -> np.ndarray:
    """Write points less the middle into rows (n, r + 1) and 0 into the last column; their squared lengths (n,).

    Points are turned into `first` before the difference is taken; float32 costs half of float64.
    """
    squares = np.empty(len(rows), dtype=np.float32)
    away: np.ndarray = np.append(middle, 0.0).astype(first)
    done = 0
    for block in (block for points in sets for block in row_blocks(points, _ROWS_SINGLE)):
        part = rows[done : done + len(block)]
        part[:, -1] = 0.0
        if first is np.float32:
            part[:, :-1] = block
            np.subtract(part, away, out=part)
        else:
            np.subtract(block, middle, out=part[:, :-1], casting="same_kind")
        np.vecdot(part, part, out=squares[done : done + len(block)])
        done += len(block)
    return squares


class HingeNewton:
    """Squared hinge of points with sides +1 and -1; `run` walks towards its minimum.

    Parameters
    ----------
    rows : (n, r + 1) points and offset column as `hinge_rows` makes them; their dtype is what it computes in.
    n_a : the first n_a rows are on side +1, the others on side -1.
    """

    def __init__(self, rows: np.ndarray, n_a: int) -> None:
        n, width = rows.shape
        dtype = rows.dtype
        self._rows = rows
        self._sides = np.ones(n, dtype=dtype)
        self._sides[n_a:] = -1.0
        self._n_a = n_a
        self._active = np.zeros(n, dtype=bool)
        self._hessian = np.zeros((width, width), dtype=dtype)
        self.plane = np.zeros(width, dtype=dtype)
        self.steps = 0

    def run(self, plane_found: Judge, weights_found: Judge | None, steps: int, start: np.ndarray | None = None) -> bool:
        """Take Newton steps until a certificate counts; planes are in units of the scale.

        Parameters
        ----------
        plane_found : told a plane (r + 1,), offset last, whose projections leave a gap; True ends the walk.
        weights_found : told residuals (n,) that balance but for rounding; True ends the walk. None: never asked.
        steps : how many steps at most.
        start : (r + 1,) plane to start from.

        Returns
        -------
        True where a judge was content, False where the steps are used up or the walk stands still.
        """
        n_a, rows, sides = self._n_a, self._rows, self._sides
        if start is not None:
            self.plane = start.astype(rows.dtype)
        margins = sides * (rows @ self.plane)
        still = 0
        single = rows.dtype == np.float32
        loss = np.inf
        for _ in range(steps):
            self.steps += 1
            active = margins < 1.0
            if not active.any():
                return False
            residuals = np.where(active, 1.0 - margins, 0.0).astype(rows.dtype, copy=False)
            previous, loss = loss, float(residuals @ residuals)
            if single and loss > _STALLED * previous:
                return False
            direction = self._direction(active, (sides * residuals) @ rows)
            slopes = sides * (rows @ direction)
            if weights_found is not None:
                balanced = np.where(active, residuals - slopes, 0.0)
                lowest = balanced.min()
                if lowest >= -1e-12 * balanced.max() and weights_found(np.maximum(balanced, 0.0)):
                    return True
            length = exact_step(residuals, 1.0 - margins, slopes)
            if not np.isfinite(length) or length <= 0.0:
                return False
            self.plane += length * direction
            margins += length * slopes
            if margins[:n_a].min() > -margins[n_a:].min() and plane_found(self.plane):
                return True
            moved = length * np.abs(slopes).max()
            still = still + 1 if moved < 1e-13 * max(1.0, float(np.abs(margins).max())) else 0
            if still > 2:
                return False
        return False

    def _direction(self, active: np.ndarray, downhill: np.ndarray) -> np.ndarray:
        """Newton direction of the active rows; the Hessian follows the few rows that came or went."""
        rows = self._rows
        came, went = active & ~self._active, self._active & ~active
        if np.count_nonzero(came) + np.count_nonzero(went) < 0.5 * np.count_nonzero(active):
            for mask, sign in ((came, 1.0), (went, -1.0)):
                if mask.any():
                    part = rows[mask]
                    self._hessian += sign * (part.T @ part)
        else:
            part = rows if active.all() else rows[active]
            self._hessian = part.T @ part
        self._active = active
        single = rows.dtype == np.float32
        factorise, solve = (spotrf, spotrs) if single else (dpotrf, dpotrs)
        diagonal = np.einsum("ii->i", self._hessian)
        ridge = float(diagonal.max()) * _RIDGE[rows.dtype.char]
        while True:
            ridged = self._hessian.copy()
            np.einsum("ii->i", ridged)[:] += ridge
            factor, failed = factorise(ridged.T, lower=1, overwrite_a=1, clean=0)
            if not failed:
                return solve(factor, downhill, lower=1)[0]
            ridge *= 100.0


def exact_step(residuals: np.ndarray, slacks: np.ndarray, slopes: np.ndarray) -> float:
    """Minimum over t > 0 of sum max(0, slack - t slope)^2, which is piecewise quadratic: breakpoints are sorted.

    Parameters
    ----------
    residuals : (n,) max(0, slacks).
    slacks : (n,) 1 - margin now.
    slopes : (n,) change of the margin for t = 1.

    Returns
    -------
    the step; infinity where the sum falls for ever, NaN where no step goes down.
    """
    on = residuals > 0.0
    pull = float(slopes[on] @ residuals[on])
    stiffness = float(slopes[on] @ slopes[on])
    crossing = np.flatnonzero((slopes != 0.0) & ((slacks > 0.0) == (slopes > 0.0)))
    with np.errstate(over="ignore"):
        # A slope that is all but 0 crosses nowhere.
        times = slacks[crossing] / slopes[crossing]
    first = pull / stiffness if stiffness > 0.0 else np.inf
    if not len(times) or first <= times.min():
        return first
    order = np.argsort(times)
    crossing, times = crossing[order], times[order]
    # A row with positive slope leaves the sum at its time, one with negative slope joins it.
    sign = np.where(slopes[crossing] > 0.0, -1.0, 1.0)
    part = slopes[crossing].astype(np.float64)
    pulls = pull + np.cumsum(sign * part * slacks[crossing])
    stiffnesses = stiffness + np.cumsum(sign * part * part)
    # Downhill until pull - t stiffness changes sign; evaluated at the end of every piece.
    ends = np.append(times[1:], np.inf)
    with np.errstate(invalid="ignore"):
        turned = np.flatnonzero(~(pulls - ends * np.maximum(stiffnesses, 0.0) > 0.0))
    if not len(turned):
        return float(times[-1])
    piece = int(turned[0])
    if stiffnesses[piece] <= 0.0:
        return float(times[piece])
    return float(np.clip(pulls[piece] / stiffnesses[piece], times[piece], ends[piece]))


def near_step(slacks: np.ndarray, slopes: np.ndarray) -> float:
    """Near the minimum over t of sum max(0, slack - t slope)^2: a few Newton steps on its derivative."""
    at = 0.0
    for _ in range(4):
        there = slopes * (slacks - np.float32(at) * slopes > 0.0)
        stiffness = float(there @ slopes)
        if not stiffness > 0.0:
            break
        last, at = at, float(there @ slacks) / stiffness
        if abs(at - last) <= 1e-3 * abs(at):
            break
    return at
