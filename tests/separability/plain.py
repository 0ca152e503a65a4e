"""DirectProbe and its geometry by linear programmes and brute force, for tiny data: an oracle that shares no code."""

from types import SimpleNamespace

import numpy as np
from scipy.optimize import linprog, nnls


class Verdict(SimpleNamespace):
    def __bool__(self):
        return self.separable


def separable(A, B):
    """The plane with the widest slab under |normal| <= 1 in every coordinate, by HiGHS."""
    d, scale = A.shape[1], max(np.abs(A).max(), np.abs(B).max(), 1e-300)
    rows = np.block([[-A / scale, np.ones((len(A), 2))], [B / scale, -np.ones((len(B), 1)), np.ones((len(B), 1))]])
    bounds = [(-1, 1)] * d + [(None, None), (0, None)]
    found = linprog(np.r_[np.zeros(d + 1), -1], A_ub=rows, b_ub=np.zeros(len(rows)), bounds=bounds, method="highs")
    if found.status or found.x[-1] < 1e-8:
        return Verdict(separable=False)
    return Verdict(separable=True, normal=found.x[:d], offset=found.x[d] * scale)


def hull_distance(A, B):
    """Least squares over convex weights, the sums held by heavy rows."""
    middle = (A.mean(0) + B.mean(0)) / 2
    A, B = A - middle, B - middle
    scale = max(np.abs(A).max(), np.abs(B).max(), 1e-300)
    heavy = 1e4
    sums = np.r_[np.ones(len(A)), np.zeros(len(B))], np.r_[np.zeros(len(A)), np.ones(len(B))]
    system = np.vstack([np.hstack([A.T, -B.T]) / scale, heavy * np.array(sums)])
    weights, _ = nnls(system, np.r_[np.zeros(A.shape[1]), heavy, heavy])
    a, b = weights[: len(A)], weights[len(A) :]
    gap = float(np.linalg.norm(a @ A / a.sum() - b @ B / b.sum()))
    return gap if gap > 1e-7 * scale else 0.0


def brute_force(X, y):
    """Owner of each row: careful merging from the start, every pair looked at again after every merge."""
    X = np.asarray(X, dtype=float)
    clusters = {}
    for row, (x, label) in enumerate(zip(X.tolist(), y, strict=True)):
        clusters.setdefault((tuple(x), label), []).append(row)
    living = {rows[0]: rows for rows in clusters.values()}
    refused = set()
    known = {}

    def apart(one, other):
        key = frozenset(one), frozenset(other)
        if key not in known:
            known[key] = bool(separable(X[one], X[other]))
        return known[key]

    def distance(i, j):
        gap = X[living[i]].sum(0) / len(living[i]) - X[living[j]].sum(0) / len(living[j])
        return float(np.square(gap).sum())

    while True:
        names = sorted(living)
        pairs = [(distance(i, j), i, j) for i in names for j in names if i < j and y[i] == y[j]]
        pairs = sorted(p for p in pairs if (tuple(living[p[1]]), tuple(living[p[2]])) not in refused)
        if not pairs:
            break
        _, i, j = pairs[0]
        new = living[i] + living[j]
        rivals = [rows for name, rows in living.items() if y[name] != y[i]]
        if all(apart(new, rows) for rows in rivals):
            living[i] = new
            del living[j]
        else:
            refused.add((tuple(living[i]), tuple(living[j])))
    owner = np.empty(len(X), dtype=int)
    for name, rows in living.items():
        owner[rows] = name
    return owner
