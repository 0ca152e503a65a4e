"""The order of merges against a search of all pairs in float64 after every merge."""

import numpy as np
import pytest

from isogloss.separability.merging import NearestPairs


def in_order(X):
    """Pairs as they are merged, every pair looked at again each time."""
    sums, sizes = {i: x.astype(np.float64) for i, x in enumerate(X)}, dict.fromkeys(range(len(X)), 1)
    merges = []
    while len(sums) > 1:
        names = sorted(sums)
        centroids = np.array([sums[name] / sizes[name] for name in names])
        distances = np.square(centroids[:, None] - centroids).sum(axis=2)
        distances[np.tril_indices(len(names))] = np.inf
        i, j = (names[place] for place in np.unravel_index(distances.argmin(), distances.shape))
        merges.append((i, j))
        sums[i], sizes[i] = sums[i] + sums.pop(j), sizes[i] + sizes.pop(j)
    return merges


def found(X):
    pairs = NearestPairs(X.astype(np.float64), np.ones(len(X)), np.arange(len(X)))
    merges = []
    while (pair := pairs.nearest()) is not None:
        pairs.merge(pair.first, pair.second)
        merges.append((pair.first, pair.second))
    return merges


def outlier(rng, far):
    X = rng.normal(size=(40, 3))
    X[7] = far
    return X


def far_group(rng, far):
    """As the vectors of first tokens in many decoders: few, alike, and far longer than all others."""
    X = rng.normal(size=(60, 24))
    X[::4] += far
    return X


@pytest.mark.parametrize("far", [1e2, 1e4, 1e6, 1e9])
@pytest.mark.parametrize("made", [outlier, far_group])
def test_what_lies_far_away_is_merged_in_order_too(made, far):
    for seed in range(3):
        X = made(np.random.default_rng(seed), far)
        assert found(X) == in_order(X)


@pytest.mark.parametrize("sides", [2, 3])
def test_of_equal_distances_the_earliest_pair_is_merged_first(sides):
    rng = np.random.default_rng(0)
    for _ in range(20):
        X = rng.integers(sides, size=(40, 4)).astype(float)
        X = np.unique(X, axis=0)
        assert found(X) == in_order(X)
        assert found(X + 1e5) == in_order(X + 1e5)


def test_a_refused_pair_is_not_offered_again_where_distances_hardly_differ():
    X = far_group(np.random.default_rng(1), 1e7)
    pairs = NearestPairs(X.copy(), np.ones(len(X)), np.arange(len(X)))
    seen = set()
    while (pair := pairs.nearest()) is not None:
        assert (pair.first, pair.second) not in seen
        seen.add((pair.first, pair.second))
        pairs.refuse(pair.first, pair.second)
    assert len(seen) == len(X) * (len(X) - 1) // 2
