"""Layers in which the values of a label were moved, and a slow, plain geometry by non-negative least squares."""

import numpy as np
import polars as pl
from scipy.optimize import nnls

from isogloss.separability.analysis import SeparabilityAnalysis
from isogloss.separability.geometry import Clusters
from isogloss.separability.options import SeparabilityOptions
from tests.vectors import layer_pair

SENTENCES, LENGTH, HIDDEN = 60, 5, 5
VALUES = ("A", "B", "C", "D")
QUICK = SeparabilityOptions(bootstrap=60, halves=4, permutations=50)


def hull_distance(A, B):
    """Least |A'u - B'v| over convex weights; sums of 1 are weighed heavily."""
    shift = A.mean(axis=0)
    P, Q = (np.asarray(Z, dtype=float) - shift for Z in (A, B))
    scale = max(np.abs(P).max(), np.abs(Q).max(), 1e-12)
    heavy = 1e3
    rows = np.zeros((2, len(P) + len(Q)))
    rows[0, : len(P)] = rows[1, len(P) :] = heavy
    system = np.vstack([np.hstack([P.T, -Q.T]) / scale, rows])
    weights, _ = nnls(system, np.concatenate([np.zeros(P.shape[1]), [heavy, heavy]]), maxiter=50 * system.shape[1])
    u, v = weights[: len(P)], weights[len(P) :]
    return float(np.linalg.norm(u / u.sum() @ P - v / v.sum() @ Q))


class PlainGeometry:
    """One cluster per label where hulls are disjoint, else points join the first cluster that stays disjoint."""

    def __init__(self):
        self.fits = 0

    def clusters(self, X, y, progress):
        self.fits += 1
        labels = np.unique(y)
        rows = [np.flatnonzero(y == label) for label in labels]
        if self._disjoint(X, rows, labels):
            return Clusters(tuple(rows), labels, linear=True)
        rows, classes = [], []
        for i, label in enumerate(y):
            for k, own in enumerate(rows):
                tried = [*rows[:k], np.append(own, i), *rows[k + 1 :]]
                if classes[k] == label and self._free(X, tried, classes, k):
                    rows = tried
                    break
            else:
                rows, classes = [*rows, np.array([i])], [*classes, label]
        return Clusters(tuple(rows), np.array(classes), linear=False)

    def _free(self, X, rows, classes, k):
        return all(
            hull_distance(X[rows[k]], X[rows[j]]) > 1e-4
            for j in range(len(rows))
            if classes[j] != classes[k] and len(rows[j])
        )

    def _disjoint(self, X, rows, labels):
        return all(self._free(X, rows, labels, k) for k in range(len(rows)))

    def distances(self, X, rows, classes):
        found = np.full((len(rows), len(rows)), np.nan)
        np.fill_diagonal(found, 0.0)
        for i in range(len(rows)):
            for j in range(i):
                if classes[i] != classes[j]:
                    found[i, j] = found[j, i] = hull_distance(X[rows[i]], X[rows[j]])
        return found

    def nearest(self, X, hulls):
        return np.array([np.argmin([hull_distance(x[None], hull) for hull in hulls]) for x in X])


def corpus():
    n = SENTENCES * LENGTH
    rng = np.random.default_rng(0)
    kinds = rng.choice(VALUES, n)
    words = pl.DataFrame(
        {
            "sentence": np.arange(n) // LENGTH,
            "part": np.zeros(n, dtype=np.uint8),
            "position": np.arange(n) % LENGTH,
            "word": [f"{kind}{i}" for i, kind in enumerate(kinds)],
            "kind": kinds,
        }
    )
    split = np.where(np.arange(SENTENCES) % 3 == 0, "test", "train")
    split[1] = "dev"
    texts = [f"sentence {i}" for i in range(SENTENCES)]
    sentences = pl.DataFrame({"sentence": np.arange(SENTENCES), "text": texts, "split": split})
    return words, sentences


CENTRES = 3 * np.array([[1.0, 0, 0, 0, 0], [0, 1.2, 0, 0, 0], [0, 0, 1.5, 0, 0], [-1.3, -1, -1, 0, 0]])


def placed(words, centres, seed=1, spread=0.5):
    """Every word about the centre of its value, never farther than `spread` in any direction."""
    rng = np.random.default_rng(seed)
    codes = np.searchsorted(VALUES, words["kind"].to_numpy())
    return centres[codes] + rng.uniform(-spread, spread, (len(words), HIDDEN))


def planted():
    """Two layers: the first is what it was; in the second, D was moved away from all others, and A next to B."""
    words, sentences = corpus()
    base = [placed(words, CENTRES), placed(words, CENTRES)]
    centres = CENTRES.copy()
    centres[3] *= 3
    centres[0] = centres[1] + [1.4, 0, 0, 0, 0]
    return words, sentences, base, [base[0].copy(), placed(words, centres)]


def run(base, tuned, words, sentences, options=QUICK, analysis=None, **more):
    analysis = SeparabilityAnalysis(PlainGeometry()) if analysis is None else analysis
    given = {"words": words, "sentences": sentences, "token_labels": ("kind",)} | more
    parts = [analysis.run(layer_pair(i, base, tuned, **given), options) for i in range(max(len(base), len(tuned)))]
    names = dict.fromkeys(name for part in parts for name in part)
    return analysis.combine({n: pl.concat([p[n] for p in parts if n in p]) for n in names}, options)


def cell(tables, measure, model="tuned", layer=1, subset="kind"):
    return tables["separability"].row(
        by_predicate=(pl.col("measure") == measure)
        & (pl.col("model") == model)
        & (pl.col("layer") == layer)
        & (pl.col("subset") == subset),
        named=True,
    )
