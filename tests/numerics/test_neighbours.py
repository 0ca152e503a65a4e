import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from isogloss.numerics import nearest_neighbours, neighbour_overlap


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("block_bytes", [10_000, 64_000_000])
def test_neighbours_are_those_of_scikit_learn(metric, block_bytes, monkeypatch):
    monkeypatch.setattr("isogloss.numerics.neighbours._BYTES", block_bytes)
    X = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32) + 0.5
    oracle = NearestNeighbors(n_neighbors=6, metric=metric, algorithm="brute").fit(X.astype(np.float64))
    assert np.array_equal(nearest_neighbours(X, 6, metric), oracle.kneighbors(return_distance=False))


def test_equal_points_come_in_order_of_index():
    X = np.random.default_rng(0).normal(size=(5, 7))[[0, 1, 2, 0, 1, 0, 0, 3, 4]]
    assert nearest_neighbours(X, 3)[0].tolist() == [3, 5, 6]
    assert nearest_neighbours(X, 2)[6].tolist() == [0, 3]
    assert nearest_neighbours(np.ones((6, 4)), 3).tolist()[2] == [0, 1, 3]


def test_a_zero_vector_is_allowed():
    X = np.eye(4)
    X[0] = 0
    assert nearest_neighbours(X, 3)[0].tolist() == [1, 2, 3]


def test_overlap_counts_shared_neighbours():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(80, 4)), rng.normal(size=(80, 6))
    a, b = nearest_neighbours(X, 5), nearest_neighbours(Y, 5)
    want = [len(set(p) & set(q)) / 5 for p, q in zip(a.tolist(), b.tolist(), strict=True)]
    assert neighbour_overlap(X, Y, 5).tolist() == want
    assert 0 < np.mean(want) < 1


def test_identical_and_rotated_spaces_share_all_neighbours():
    X = np.random.default_rng(2).normal(size=(100, 5))
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
    assert (neighbour_overlap(X, X.copy(), 10) == 1).all()
    assert (neighbour_overlap(X, X @ rotation, 10) == 1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 10}, "between 1 and the number of points - 1 = 9. Got 10"),
        ({"k": 0}, "Got 0"),
        ({"metric": "manhattan"}, "'manhattan'"),
        ({"X": np.full((10, 2), np.nan)}, "row 0"),
    ],
)
def test_impossible_requests_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(**{"X": np.ones((10, 2)), "k": 2} | change)


def test_overlap_needs_the_same_points():
    with pytest.raises(ValueError, match="X has 5 rows, Y has 6 rows"):
        neighbour_overlap(np.ones((5, 2)), np.ones((6, 2)), 2)
