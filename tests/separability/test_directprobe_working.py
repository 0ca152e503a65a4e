import numpy as np
import pytest

from isogloss.numerics.separation import separable
from isogloss.separability.search_planes import Sides
from isogloss.separability.search_working import WorkingSets


def asked(gap, seed=0, n=1500, d=4):
    """Two clouds whose hulls are so far apart along the first axis, and the sizes of the verdicts on them."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(2 * n, d))
    X[:n, 0] += gap / 2 - X[:n, 0].min()
    X[n:, 0] -= gap / 2 + X[n:, 0].max()
    sizes = []

    def verdict(A, B):
        sizes.append(len(A) + len(B))
        return separable(A, B)

    working = WorkingSets(Sides(X), np.repeat([0, 1], n), verdict)
    return X, working, sizes


@pytest.mark.parametrize("gap", [1.0, 1e-3, -0.5, -3.0])
@pytest.mark.parametrize("seed", range(3))
def test_few_points_decide_as_all_do(gap, seed):
    X, working, sizes = asked(gap, seed)
    points, target = np.arange(1500), np.arange(1500, 3000)
    answer = working.ask(points, target)
    assert (answer.normal is not None) == bool(separable(X[points], X[target])) == (gap > 0)
    assert max(sizes) < 2000
    if gap > 0:
        assert (X[points] @ answer.normal).min() > answer.offset > (X[target] @ answer.normal).max()
    else:
        weights_a, weights_b = answer.weights[:1500], answer.weights[1500:]
        assert weights_a.sum() == pytest.approx(1)
        assert weights_a @ X[points] == pytest.approx(weights_b @ X[target], abs=1e-6)


def test_what_decided_once_is_asked_first():
    _, working, sizes = asked(-0.5)
    points, target = np.arange(1500), np.arange(1500, 3000)
    assert working.ask(points, target).normal is None
    before = len(sizes)
    assert working.ask(points, target).normal is None
    assert len(sizes) == before + 1
