import subprocess
import sys

import numpy as np
import pytest
from benchmarks.concepts import approximations
from sklearn.metrics import adjusted_rand_score

from isogloss import concepts, numerics
from isogloss.errors import OptionError
from isogloss.numerics.approximate_clustering import (
    kmeans_clusters,
    leaders_ward,
    ward_above,
    within_cluster_sum_of_squares,
)
from isogloss.numerics.ward import cut, ward_linkage


def planted(n=400, k=6, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, size=n)
    return truth, (20 * np.eye(k)[truth] + rng.standard_normal((n, k)) + offset).astype(np.float32)


METHODS = {
    "k-means": lambda X, k, seed: kmeans_clusters(X, k, seed),
    "leaders": lambda X, k, seed: leaders_ward(X, k, len(X) // 4, seed),
}


@pytest.mark.parametrize("method", METHODS)
def test_far_groups_are_found(method):
    truth, X = planted()
    labels = METHODS[method](X, 6, 3)
    assert adjusted_rand_score(truth, labels) == 1.0
    assert np.array_equal(labels[np.sort(np.unique(labels, return_index=True)[1])], np.arange(6))
    assert np.array_equal(labels, METHODS[method](X, 6, 3))


def test_all_points_as_leaders_is_ward_itself():
    X = np.random.default_rng(1).standard_normal((150, 5))
    X[100:] = X[:50]
    assert np.array_equal(leaders_ward(X, 9, 100), cut(ward_linkage(X), 9))


def test_leaders_are_weighted_by_their_points():
    # Without sizes the two lone points would be merged last; with them the two large groups are.
    X = np.r_[np.zeros((50, 1)), np.full((50, 1), 1.0), [[4.0], [5.0]]]
    assert leaders_ward(X, 2, 4).tolist() == cut(ward_linkage(X), 2).tolist()
    assert leaders_ward(X, 3, 4).tolist() == cut(ward_linkage(X), 3).tolist() == [0] * 50 + [1] * 50 + [2] * 2


def test_an_offset_changes_no_group():
    truth, X = planted(offset=1e4)
    assert adjusted_rand_score(truth, leaders_ward(X, 6, 100)) == 1.0


def test_sum_of_squares_is_what_merges_add():
    X = np.random.default_rng(2).standard_normal((120, 4))
    Z = ward_linkage(X)
    for k in (1, 5, 119, 120):
        expected = 0.5 * np.square(Z[: 120 - k, 2]).sum()
        assert np.isclose(within_cluster_sum_of_squares(X, cut(Z, k)), expected)
    assert within_cluster_sum_of_squares(X, np.arange(120) * 7) == 0


def test_loss_against_ward_can_be_told():
    X = np.random.default_rng(3).standard_normal((500, 8))
    exact = within_cluster_sum_of_squares(X, cut(ward_linkage(X), 20))
    few = within_cluster_sum_of_squares(X, leaders_ward(X, 20, 40))
    assert few > exact


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: kmeans_clusters(X, 9), "k should be between 1 and the number of distinct rows = 4. Got 9"),
        (lambda X: leaders_ward(X, 2, 9), "n_leaders should be between 1 and .* = 4. Got 9"),
        (lambda X: leaders_ward(X, 3, 2), "k should be between 1 and n_leaders = 2. Got 3"),
        (lambda X: leaders_ward(X * np.nan, 1, 2), "NaN or infinity in row 0"),
        (lambda X: within_cluster_sum_of_squares(X, [0, 1]), r"\(5,\). Got shape \(2,\)"),
    ],
)
def test_impossible_requests_are_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call(np.eye(4)[[0, 1, 2, 3, 0]])


def test_it_is_reached_from_numerics_and_concepts_but_imported_only_then():
    for function in (kmeans_clusters, leaders_ward, within_cluster_sum_of_squares):
        assert getattr(numerics, function.__name__) is getattr(concepts, function.__name__) is function
        assert function.__name__ in numerics.__all__
        assert function.__name__ in concepts.__all__
    code = "import sys, isogloss.numerics; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'k_means'"):
        numerics.k_means  # noqa: B018


def test_the_benchmark_says_what_each_approximation_loses():
    truth, X = planted(n=200, k=8)
    rows = approximations(3, X, cut(ward_linkage(X), 8))
    assert [(row["layer"], row["method"], row.get("n_leaders")) for row in rows] == [
        (3, "kmeans", None),
        (3, "leaders", 20),
    ]
    for row, labels in zip(rows, (kmeans_clusters(X, 8), leaders_ward(X, 8, 20)), strict=True):
        assert row["loss_against_ward"] == pytest.approx(
            within_cluster_sum_of_squares(X, labels) / within_cluster_sum_of_squares(X, truth)
        )
        assert row["adjusted_rand_with_ward"] == pytest.approx(adjusted_rand_score(truth, labels))
        assert row["seconds"] > 0


def test_the_tree_above_wards_own_clusters_is_the_top_of_wards_tree():
    _, X = planted()
    exact = ward_linkage(X)
    above = ward_above(X, cut(exact, 12))
    assert above.shape == (11, 4)
    assert above[:, 2] == pytest.approx(exact[-11:, 2], rel=1e-5)
    assert adjusted_rand_score(cut(above, 6)[cut(exact, 12)], cut(exact, 6)) == 1.0
