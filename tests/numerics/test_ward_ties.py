"""Where equal distances decide, many trees come from merging the nearest pair: ours is SciPy's."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import is_valid_linkage, linkage
from scipy.spatial.distance import pdist

from isogloss.numerics import within_cluster_sum_of_squares
from isogloss.numerics.copies import distinct_rows
from isogloss.numerics.ward import cut, ward_linkage
from isogloss.numerics.ward import linkage as linkage_module
from isogloss.numerics.ward.chain import Chain, places_needed
from isogloss.numerics.ward.dendrogram import scipy_order
from tests.numerics.conftest import SMALL

RNG = np.random.default_rng(0)
TIED = {
    "points on a line": np.arange(2500.0)[:, None],
    "steps that are not exact in binary": (0.1 * np.arange(2300)).astype(np.float32)[:, None],
    "a line in ten dimensions": np.outer(np.arange(2200.0), RNG.standard_normal(10)),
    "whole numbers": RNG.integers(0, 12, (2500, 3)),
    "few whole numbers": RNG.integers(0, 3, (2600, 6)).astype(np.float32),
    "a large offset": 1e6 + RNG.integers(0, 3, (2300, 5)),
    "copies of few corners": np.repeat(np.eye(40), 60, axis=0),
    "copies of a grid in any order": RNG.permutation(np.arange(2400) % 16)[:, None] // 2 ** np.arange(4) % 2 * 0.1,
}
"""All above the number of points up to which SciPy itself is asked."""


def chained(X):
    distinct = distinct_rows(X)
    return scipy_order(*Chain(X, distinct, 1.0).merges(), len(X))


@pytest.mark.parametrize("name", TIED)
def test_equal_distances_give_scipys_tree_and_sums_of_squares(name, monkeypatch):
    monkeypatch.setattr(linkage_module, "SMALL", SMALL)
    X = TIED[name]
    assert len(X) > SMALL
    Z, oracle = ward_linkage(X), linkage(X.astype(np.float64), "ward")
    for k in (2, 10, 50, 600):
        ours, theirs = (within_cluster_sum_of_squares(X, cut(tree, k)) for tree in (Z, oracle))
        assert np.isclose(ours, theirs, rtol=1e-9, atol=1e-9)
    assert np.array_equal(Z, oracle)


@settings(max_examples=60)
@given(st.integers(2, 40), st.integers(1, 3), st.integers(2, 4), st.integers(0, 10_000))
def test_chains_are_scipys_to_the_last_bit(n, d, values, seed):
    X = np.random.default_rng(seed).integers(0, values, size=(n, d)).astype(np.float64)
    assert np.array_equal(chained(X), linkage(pdist(X), "ward"))


def test_chains_are_scipys_without_ties_too():
    X = RNG.standard_normal((300, 4))
    assert np.array_equal(chained(X), linkage(pdist(X), "ward"))


def test_points_too_close_for_a_distance_are_chained():
    X = np.r_[RNG.integers(0, 3, (60, 1)) * 1e-200, [[1.0]]]
    assert np.array_equal(chained(X), linkage(pdist(X), "ward"))


def test_copies_take_no_places():
    few = distinct_rows(np.repeat(np.eye(5), 100, axis=0))
    assert places_needed(few) == 10
    assert len(Chain(np.repeat(np.eye(5), 100, axis=0), few, 1.0)._distance) == 10


def test_no_chain_where_no_tie_decides(monkeypatch):
    def never(*_):
        raise AssertionError("no distances are equal")

    monkeypatch.setattr(linkage_module, "Chain", never)
    vectors = RNG.standard_normal((9, 20))
    near = np.repeat(vectors, 60, axis=0) + 1e-6 * RNG.standard_normal((540, 20))
    for X in (RNG.standard_normal((600, 20)), vectors[RNG.integers(0, 9, 2000)], near, near.astype(np.float32)):
        ward_linkage(X)
        ward_linkage(X, compute="bfloat16")


def test_a_tie_that_decides_nothing_is_none(monkeypatch):
    """2 is as far from 1 as from 3; but 3 goes with 3.5 before."""
    kept = []
    init = linkage_module.Agglomeration.__init__
    monkeypatch.setattr(
        linkage_module.Agglomeration, "__init__", lambda self, *a, **k: kept.append(self) or init(self, *a, **k)
    )
    ward_linkage(np.array([[0.25], [1], [2], [3], [3.5], [40]]))
    assert not kept[0].tie_decided
    assert kept[0].clusters.count == 1


def test_one_tie_among_many_points_is_seen(monkeypatch):
    X = RNG.standard_normal((700, 8))
    X[:, 0] += 100
    X[:3, :] = 0
    X[:3, 0] = [1, 2, 3]
    for compute in ("float32", "bfloat16"):
        assert np.array_equal(ward_linkage(X, compute=compute), linkage(X, "ward"))
    monkeypatch.setattr(linkage_module, "TIED", 0)
    assert not np.array_equal(ward_linkage(X), linkage(X, "ward"))


@pytest.mark.parametrize("own", [False, True])
def test_corners_of_a_simplex_all_tie(own, monkeypatch):
    if own:
        monkeypatch.setattr(linkage_module, "TIED", 0)
    Z = ward_linkage(np.eye(40))
    assert is_valid_linkage(Z)
    # Any two sets of corners are at the same Ward distance: 2 ab / (a + b) (1 / a + 1 / b) = 2.
    assert np.allclose(Z[:, 2], np.sqrt(2))


def test_corners_are_told_from_a_few(monkeypatch):
    def never(*_):
        raise AssertionError("every distance ties: no search can tell the nearest")

    monkeypatch.setattr(linkage_module, "Agglomeration", never)
    assert np.array_equal(ward_linkage(np.eye(300)), linkage(np.eye(300), "ward"))


@settings(max_examples=40)
@given(st.integers(2, 30), st.integers(1, 3), st.integers(0, 10_000))
def test_ties_of_too_many_points_give_a_tree_of_nearest_pairs(n, d, seed):
    X = np.random.default_rng(seed).integers(0, 3, size=(n, d)).astype(np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linkage_module, "TIED", 0)
        Z = ward_linkage(X)
    oracle = linkage(pdist(X), "ward")
    assert is_valid_linkage(Z)
    # Each merge adds half its squared height to the within-cluster sum of squares.
    total = within_cluster_sum_of_squares(X, np.zeros(n, dtype=np.int64))
    for tree in (Z, oracle):
        assert np.isclose(0.5 * np.square(tree[:, 2]).sum(), total)
    for k in range(1, n + 1):
        labels = cut(Z, k)
        assert np.isclose(within_cluster_sum_of_squares(X, labels), 0.5 * np.square(Z[: n - k, 2]).sum())
    # Every merge joins a pair that is nearest for both: the first can be no higher than the oracle's first.
    assert np.isclose(Z[0, 2], oracle[0, 2])


@pytest.mark.slow
def test_copies_of_tied_vectors_take_at_most_twice_the_time():
    rng = np.random.default_rng(5)
    seconds = []
    for X in (rng.standard_normal((6000, 64)), np.eye(64)[rng.integers(0, 64, 6000)]):
        start = time.process_time()
        ward_linkage(X)
        seconds.append(time.process_time() - start)
    assert seconds[1] < 2 * seconds[0]
