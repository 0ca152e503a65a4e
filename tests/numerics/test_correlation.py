from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr

from isogloss.errors import OptionError
from isogloss.numerics.correlation import mantel, pearson, spearman


def matrices(k, seed, alike=0.0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((k, 4))
    return squareform(pdist(X)), squareform(pdist(alike * X + (1 - alike) * rng.standard_normal((k, 4))))


@given(st.integers(2, 40), st.integers(0, 10**6), st.sampled_from([1e-200, 1.0, 1e200]))
@settings(max_examples=30, deadline=None)
def test_correlations_are_scipys_at_any_scale(n, seed, scale):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 9, n) + rng.random(n).round(1), rng.integers(0, 9, n).astype(float)
    a[0], a[1], b[0], b[1] = 9, 10, 0, 1
    assert pearson(scale * a, b) == pytest.approx(pearsonr(a, b).statistic, abs=1e-12)
    assert spearman(scale * a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_equal_vectors_correlate_exactly():
    a = np.random.default_rng(0).random(50)
    assert pearson(a, a.copy()) == 1.0


@pytest.mark.parametrize("a", [[1.0], [2.0, 2.0, 2.0]])
def test_correlations_of_what_does_not_vary_are_not_defined(a):
    assert np.isnan(pearson(np.array(a), np.arange(len(a))))
    assert np.isnan(mantel(np.ones((3, 3)), matrices(3, 0)[0]).p)


def test_few_labels_are_arranged_in_every_way():
    a, b = matrices(5, 3, alike=0.5)
    upper = np.triu_indices(5, 1)
    every = [np.corrcoef(a[upper], b[np.ix_(order, order)][upper])[0, 1] for order in permutations(range(5))]
    found = mantel(a, b, 999)
    assert found.arrangements == 120
    assert found.r == pytest.approx(every[0])
    assert found.p == pytest.approx(np.mean(np.array(every) >= every[0] - 1e-12))
    assert (found.null_low, found.null_high) == pytest.approx(tuple(np.quantile(every, [0.025, 0.975])))


def test_many_labels_are_arranged_at_random_as_brute_force_would():
    a, b = matrices(9, 5, alike=0.35)
    upper = np.triu_indices(9, 1)
    rng = np.random.default_rng(8)
    orders = [rng.permutation(9) for _ in range(4000)]
    every = np.array([np.corrcoef(a[upper], b[np.ix_(order, order)][upper])[0, 1] for order in orders])
    found = mantel(a, b, 3999, seed=1)
    assert found.arrangements == 4000
    assert found.p == pytest.approx((every >= found.r).mean(), abs=0.02)
    assert 0.001 < found.p < 0.6
    assert found.null_high == pytest.approx(np.quantile(every, 0.975), abs=0.04)


def test_matrices_that_agree_are_told_from_those_that_do_not():
    assert mantel(*matrices(12, 0, alike=0.9), 199).p == 1 / 200
    p = [mantel(*matrices(8, seed), 99, seed).p for seed in range(40)]
    assert np.mean(np.array(p) <= 0.05) < 0.15
    assert 0.35 < np.mean(p) < 0.65


def test_the_test_does_not_depend_on_names():
    a, b = matrices(6, 2, alike=0.5)
    order = np.random.default_rng(0).permutation(6)
    moved = mantel(a[np.ix_(order, order)], b[np.ix_(order, order)], 999)
    assert moved.r == pytest.approx(mantel(a, b, 999).r)
    assert moved.p == mantel(a, b, 999).p


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((3, 3)), np.ones((2, 2)), r"\(3, 3\) and \(2, 2\)"),
        (np.full((3, 3), np.nan), np.ones((3, 3)), "NaN"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(a, b, message):
    with pytest.raises(OptionError, match=message):
        mantel(a, b)
