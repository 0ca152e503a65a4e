import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr

from isogloss.errors import OptionError
from isogloss.separability.spatial import compare_spaces, correlation_of, label_distances

NAN = np.nan


def symmetric(k, seed):
    half = np.triu(np.random.default_rng(seed).uniform(1, 9, (k, k)), 1)
    return half + half.T


def test_one_cluster_each_leaves_distances_as_they_are():
    D = symmetric(4, 0)
    assert np.array_equal(label_distances(D, np.arange(4), 4), D)


def test_several_clusters_of_a_label_count_by_the_mean_over_pairs():
    D = symmetric(4, 0)
    D[0, 1] = D[1, 0] = NAN
    found = label_distances(D, np.array([0, 0, 1, 2]), 3)
    assert found[0, 1] == pytest.approx((D[0, 2] + D[1, 2]) / 2)
    assert found[0, 2] == pytest.approx((D[0, 3] + D[1, 3]) / 2)
    assert found[1, 2] == D[2, 3]
    assert np.array_equal(found, found.T)


def test_small_clusters_are_kept_dropped_or_count_as_zero():
    D, classes, sizes = symmetric(4, 1), np.array([0, 0, 1, 2]), np.array([9, 2, 9, 5])
    assert label_distances(D, classes, 3, sizes)[0, 1] == pytest.approx((D[0, 2] + D[1, 2]) / 2)
    dropped = label_distances(D, classes, 3, sizes, small="drop")
    assert dropped[0, 1] == D[0, 2]
    assert np.isnan(dropped[2]).all()
    zero = label_distances(D, classes, 3, sizes, small="zero")
    assert zero[0, 1] == pytest.approx((D[0, 2] + 0) / 2)
    assert zero[2, :2].tolist() == [0, 0]
    assert label_distances(D, classes, 3, sizes, small="drop", small_size=1)[0, 2] == pytest.approx(
        (D[0, 3] + D[1, 3]) / 2
    )


@given(st.integers(3, 9), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_spaces_are_compared_by_their_pairs(k, seed):
    a, b = symmetric(k, seed), symmetric(k, seed + 1)
    upper = np.triu_indices(k, 1)
    found = compare_spaces(a, b, n_permutations=9)
    assert found.pearson == pytest.approx(pearsonr(a[upper], b[upper]).statistic)
    assert found.spearman == pytest.approx(spearmanr(a[upper], b[upper]).statistic)
    assert (found.n_labels, found.excluded) == (k, 0)
    order = np.random.default_rng(seed).permutation(k)
    assert compare_spaces(3 * a[np.ix_(order, order)], b[np.ix_(order, order)], n_permutations=9).pearson == (
        pytest.approx(found.pearson)
    )


def test_labels_that_one_space_lacks_are_excluded_and_counted():
    a, b = symmetric(6, 0), symmetric(6, 1)
    b[2] = b[:, 2] = NAN
    a[4, 5] = a[5, 4] = NAN
    found = compare_spaces(a, b)
    left = np.array([0, 1, 3, 5])
    upper = np.triu_indices(4, 1)
    assert (found.n_labels, found.excluded) == (4, 2)
    assert found.pearson == pytest.approx(np.corrcoef(a[np.ix_(left, left)][upper], b[np.ix_(left, left)][upper])[0, 1])


def test_a_space_compared_with_itself_is_exactly_alike():
    a = symmetric(7, 3)
    found = compare_spaces(a, a.copy())
    assert found.pearson == found.spearman == 1.0
    assert found.p <= 0.01
    assert correlation_of(a, a.copy()) == 1.0


@pytest.mark.parametrize("a", [symmetric(2, 0), np.full((4, 4), NAN), np.ones((4, 4)) - np.eye(4)])
def test_where_nothing_can_be_compared_nothing_is_said(a):
    found = compare_spaces(a, a)
    assert np.isnan([found.pearson, found.spearman, found.p, found.null_low]).all()


def test_what_does_not_fit_is_refused():
    D = symmetric(3, 0)
    with pytest.raises(OptionError, match=r"keep, drop or zero\. Got 'none'"):
        label_distances(D, np.arange(3), 3, small="none")
    with pytest.raises(OptionError, match="sizes of all 3"):
        label_distances(D, np.arange(3), 3, small="drop")
    with pytest.raises(OptionError, match=r"\(4, 4\) distances. Got \(3, 3\)"):
        label_distances(D, np.arange(4), 4)
    with pytest.raises(OptionError, match="first should be as far from a to b"):
        compare_spaces(np.triu(np.ones((4, 4)), 1), np.ones((4, 4)))
    with pytest.raises(OptionError, match="distances should be numbers"):
        compare_spaces([["near"]], [["far"]])
    with pytest.raises(OptionError, match="n_permutations should be 0 or more"):
        compare_spaces(np.ones((4, 4)), np.ones((4, 4)), n_permutations=-3)
    with pytest.raises(OptionError, match="one size"):
        compare_spaces(D, symmetric(4, 0))
