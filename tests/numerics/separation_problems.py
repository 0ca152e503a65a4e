"""Random pairs of point sets, half of them separable, many of them barely so or barely not, and HiGHS as oracle."""

import numpy as np
from scipy.optimize import linprog

KINDS = 8


def problem(
    rng: np.random.Generator, dimensions: tuple[int, int] = (2, 30), points: tuple[int, int] = (1, 60)
) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of so many points in so many dimensions at a scale from 1e-6 to 1e6."""
    d, kind = int(rng.integers(*dimensions, endpoint=True)), int(rng.integers(KINDS))
    n_a, n_b = rng.integers(*points, 2, endpoint=True)
    A, B = rng.normal(size=(n_a, d)), rng.normal(size=(n_b, d))
    if kind == 0:  # two balls, near or far
        B[:, 0] += rng.uniform(0, 6)
    elif kind == 1:  # half spaces that touch in one shared vertex
        A[:, 0], B[:, 0] = np.abs(A[:, 0]) + 0.1, -np.abs(B[:, 0]) - 0.1
        A[0, 0] = 0.0
        B[0] = A[0]
    elif kind == 2:  # duplicated points
        A, B = A[rng.integers(0, n_a, n_a)], B[rng.integers(0, n_b, n_b)]
        B[:, 0] += rng.uniform(0, 6)
    elif kind == 3:  # a grid, where ties and touching are common
        A, B = rng.integers(-2, 3, (n_a, d)).astype(float), rng.integers(-2, 3, (n_b, d)).astype(float)
        B[:, 0] += rng.integers(0, 5)
    elif kind == 4:  # a narrow gap
        A[:, 0], B[:, 0] = np.abs(A[:, 0]), -np.abs(B[:, 0]) - 10.0 ** rng.uniform(-3, 0)
    elif kind == 5:  # a vertex in the middle of a face
        face = max(1, n_a // 2)
        A[:, 0], B[:, 0] = np.abs(A[:, 0]), -np.abs(B[:, 0])
        A[:face, 0] = 0.0
        B[0] = rng.dirichlet(np.ones(face)) @ A[:face]
    elif kind == 6:  # sets that lie in a subspace
        r = max(1, d // 2)
        basis = rng.normal(size=(r, d))
        A, B = A[:, :r] @ basis, B[:, :r] @ basis + rng.uniform(0, 3) * basis[0]
    else:  # a planted plane
        w = rng.normal(size=d)
        w /= np.linalg.norm(w)
        gap = rng.uniform(0.01, 0.5)
        A += np.outer(np.abs(A @ w) - A @ w + gap, w)
        B -= np.outer(np.abs(B @ w) + B @ w + gap, w)
    scale = 10.0 ** rng.uniform(-6, 6)
    return A * scale, B * scale


def near_duplicates(rng: np.random.Generator, n: int, d: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Two half spaces of n points a side, a third of B being points of A's border moved away by `apart` of the scale.

    The moves point away from the border, by a tenth of their length at least, so that a plane remains between them.
    """
    A, B = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    w = rng.normal(size=d)
    w /= np.linalg.norm(w)
    A += np.outer(np.abs(A @ w) - A @ w, w)
    B -= np.outer(np.abs(B @ w) + B @ w + 0.1, w)
    few = min(n, d) // 3
    A[:few] -= np.outer(A[:few] @ w, w)
    moves = rng.normal(size=(few, d))
    moves -= np.outer(moves @ w + np.linalg.norm(moves, axis=1) * rng.uniform(0.1, 1.0, few), w)
    scale = np.linalg.norm(np.vstack([A, B]), axis=1).max()
    B[:few] = A[:few] + apart * scale * moves / np.linalg.norm(moves, axis=1, keepdims=True)
    return A, B


def separable_by_highs(A: np.ndarray, B: np.ndarray) -> bool:
    """Feasibility of w.x + b >= 1 on A and <= -1 on B, after centring and scaling."""
    both = np.vstack([A, B])
    both -= both.mean(axis=0)
    both /= np.abs(both).max() or 1.0
    both[: len(A)] *= -1.0
    signs = np.r_[-np.ones(len(A)), np.ones(len(B))]
    rows = np.column_stack([both, signs])
    found = linprog(np.zeros(rows.shape[1]), A_ub=rows, b_ub=-np.ones(len(rows)), bounds=(None, None), method="highs")
    assert found.status in (0, 2)
    return found.status == 0
