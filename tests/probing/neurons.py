"""Words whose label is written into known neurons."""

import numpy as np

from isogloss.probing.rankings.ranking import Ranking

LCA_WEIGHTS = np.array(
    [
        [0, 0.3, -0.27, -0.89, -0.45, -0.99, 0.06, 1.34],
        [-0.49, -0.62, 0.49, 0.36, 0.11, -0.93, -0.03, 0.7],
        [-1.34, -0.46, -1.9, -1.29, -1.84, -0.24, -1.27, 0.27],
    ]
)


def planted(n=600, d=30, written=(3, 11, 20), classes="abc", seed=0, strength=4.0):
    """(n, d) noise, where the i-th of the written neurons is raised for words of the i-th class, and (n,) labels."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, len(classes), n)
    X = rng.normal(size=(n, d)).astype(np.float32)
    for i, neuron in enumerate(written):
        X[codes == i, neuron] += strength
    return X, np.array(list(classes))[codes]


class StandInProbe:
    """Logistic regression by least squares on indicator targets, with the attributes of a linear probe."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        hot = (np.asarray(y)[:, None] == self.classes_).astype(float)
        design = np.column_stack([np.ones(len(X)), X])
        solution = np.linalg.solve(design.T @ design + 1e-3 * np.eye(design.shape[1]), design.T @ hot)
        self.intercept_, self.coef_ = solution[0], solution[1:].T
        self.scale_ = np.ones(X.shape[1])
        return self

    def predict(self, X):
        return self.classes_[(X @ self.coef_.T + self.intercept_).argmax(axis=1)]


def stand_in_probes(X, y, subsets):
    return [StandInProbe().fit(X[:, s], y) for s in subsets]


def as_ranking(order):
    return Ranking("given", np.asarray(order), np.zeros(len(order)))
