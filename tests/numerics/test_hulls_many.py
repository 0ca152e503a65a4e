import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import NotFiniteError, OptionError
from isogloss.numerics.hulls import hull_distance, nearest_hulls, pairwise_hull_distances, point_hull_distances
from isogloss.progress import Progress
from tests.conftest import shared

SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def square_at(x, y):
    return SQUARE + np.array([x, y])


class Count:
    def __init__(self, monkeypatch, place):
        self.calls = 0
        module, name = place.rsplit(".", 1)
        original = getattr(__import__(module, fromlist=[name]), name)

        def counted(*args, **kwargs):
            self.calls += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(place, counted)


def clustered(seed, k=12, d=6, largest=25, spread=2.0):
    """Clusters of 1 to `largest` points around centres of four classes."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, k)
    centres = spread * rng.normal(size=(k, d))
    X = np.concatenate([c + 0.5 * rng.normal(size=(n, d)) for c, n in zip(centres, sizes, strict=True)])
    order = rng.permutation(len(X))
    ends = np.cumsum(sizes)
    place = np.argsort(order)
    clusters = [place[end - n : end] for end, n in zip(ends, sizes, strict=True)]
    return X[order], clusters, rng.integers(0, 4, k)


@settings(max_examples=15)
@given(
    st.integers(0, 10**6), st.sampled_from([1, 2, 5, 40]), st.sampled_from([1e-6, 1, 1e6]), st.sampled_from([0, 100])
)
def test_all_pairs_are_as_one_by_one(seed, d, scale, offset):
    X, clusters, classes = clustered(seed, d=d)
    X = scale * (X + offset)
    found = pairwise_hull_distances(X, clusters, classes)
    for i, a in enumerate(clusters):
        for j, b in enumerate(clusters):
            if i == j:
                assert found[i, j] == 0
            elif classes[i] == classes[j]:
                assert np.isnan(found[i, j])
            else:
                assert found[i, j] == pytest.approx(hull_distance(X[a], X[b]), rel=2e-6)
                assert found[i, j] == found[j, i]


def test_small_clusters_are_solved_in_step(monkeypatch):
    X, clusters, classes = clustered(0, k=60, d=30, largest=10)
    single = Count(monkeypatch, "isogloss.numerics.hulls.pairwise.gap_of")
    found = pairwise_hull_distances(X, clusters, classes)
    assert single.calls == 0
    assert np.isnan(found).sum() == np.sum(classes[:, None] == classes) - 60


def test_clusters_that_touch_are_at_distance_0():
    X = np.concatenate([SQUARE, square_at(1, 0), square_at(1.5, 0.5), square_at(9, 0)])
    found = pairwise_hull_distances(X, np.arange(16).reshape(4, 4), list("abcd"))
    assert found[0, 2] == pytest.approx(0.5)
    assert (found[[0, 1], [1, 2]] == 0).all()
    assert found[3] == pytest.approx([8, 7, 6.5, 0])


def test_classes_of_any_kind_and_no_clusters_are_allowed():
    found = pairwise_hull_distances(SQUARE, [[0], [1, 2], [3]], ["x", None, "x"])
    assert found[1] == pytest.approx([1, 0, 1])
    assert np.isnan(found[0, 2])
    assert pairwise_hull_distances(SQUARE, [], []).shape == (0, 0)


def test_progress_hears_of_every_pair():
    class Heard(Progress):
        total = told = 0

        def task(self, name, total, unit):
            from contextlib import nullcontext

            self.total = total
            return nullcontext(self.hear)

        def hear(self, amount):
            self.told += amount

    X, clusters, classes = clustered(3, largest=30)
    heard = Heard()
    found = pairwise_hull_distances(X, clusters, classes, progress=heard)
    assert heard.total == heard.told == (np.isfinite(found).sum() - len(clusters)) / 2


@pytest.mark.parametrize(
    ("clusters", "classes", "message"),
    [
        ([[0], []], [0, 1], "cluster 1 should be a list of row numbers, at least one"),
        ([[0], [4]], [0, 1], "cluster 1 names row 4, where X has rows 0 to 3"),
        ([[0], [-1]], [0, 1], "names row -1"),
        ([[0], [0.5]], [0, 1], "row numbers"),
        ([[0], [1]], [0], "2 clusters and 1 classes"),
    ],
)
def test_clusters_that_do_not_fit_are_refused(clusters, classes, message):
    with pytest.raises(OptionError, match=message):
        pairwise_hull_distances(SQUARE, clusters, classes)


@settings(max_examples=15)
@given(
    st.integers(0, 10**6), st.sampled_from([1, 2, 5, 40]), st.sampled_from([1e-6, 1, 1e6]), st.sampled_from([0, 100])
)
def test_points_to_a_hull_are_as_one_by_one(seed, d, scale, offset):
    rng = np.random.default_rng(seed)
    hull = scale * (rng.normal(size=(int(rng.integers(1, 90)), d)) + offset)
    X = np.concatenate([scale * (3 * rng.normal(size=(20, d)) + offset), hull[:3], hull.mean(axis=0)[None]])
    found = point_hull_distances(X, hull)
    single = [hull_distance(x[None], hull) for x in X]
    assert found == pytest.approx(single, rel=2e-6, abs=1e-8 * scale)
    assert (found[20:] == 0).all()


def test_points_are_solved_in_step_and_the_rest_one_by_one(monkeypatch):
    rng = np.random.default_rng(2)
    hull, X = rng.normal(size=(200, 30)), 2 * rng.normal(size=(40, 30))
    single = Count(monkeypatch, "isogloss.numerics.hulls.nearest.nearest_points")
    found = point_hull_distances(X, hull)
    assert single.calls == 0
    monkeypatch.setattr("isogloss.numerics.hulls.nearest.KEPT", 14)
    assert point_hull_distances(X, hull) == pytest.approx(found, rel=2e-6)
    assert single.calls > 0


def test_points_taken_in_several_parts_are_as_all_at_once(monkeypatch):
    X, clusters, _ = clustered(7, k=30)
    classes, points = np.arange(30), np.random.default_rng(0).normal(size=(50, 6))
    whole = pairwise_hull_distances(X, clusters, classes), point_hull_distances(points, X[clusters[0]])
    monkeypatch.setattr("isogloss.numerics.hulls.pairwise._NUMBERS", 3000)
    monkeypatch.setattr("isogloss.numerics.hulls.nearest._NUMBERS", 3000)
    parts = pairwise_hull_distances(X, clusters, classes), point_hull_distances(points, X[clusters[0]])
    assert parts[0] == pytest.approx(whole[0], rel=1e-9)
    assert parts[1] == pytest.approx(whole[1], rel=1e-9)


def test_points_about_a_square():
    X = np.array([[0.5, 0.5], [0, 0], [1, 0.5], [2, 0.5], [4, 5], [0.5, -3]])
    assert point_hull_distances(X, SQUARE) == pytest.approx([0, 0, 0, 1, 5, 3])


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 8, 40]))
def test_the_nearest_hull_is_the_least_of_all_distances(seed, d):
    X, clusters, _ = clustered(seed, d=d, spread=1.0)
    hulls = [X[rows] for rows in clusters]
    points = 1.5 * np.random.default_rng(seed + 1).normal(size=(25, d))
    index, distance = nearest_hulls(points, hulls)
    every = np.stack([point_hull_distances(points, hull) for hull in hulls], axis=1)
    assert distance == pytest.approx(every.min(axis=1), rel=2e-6, abs=1e-8)
    assert every[np.arange(25), index] == pytest.approx(every.min(axis=1), rel=2e-6, abs=1e-8)


def test_every_point_of_a_hull_is_its_own():
    X, clusters, _ = clustered(5, d=20, spread=3.0)
    for i, rows in enumerate(clusters):
        index, distance = nearest_hulls(X[rows], [X[others] for others in clusters])
        assert (index == i).all()
        assert (distance == 0).all()


def test_far_hulls_cost_no_solution(monkeypatch):
    rng = np.random.default_rng(0)
    hulls = [rng.normal(size=(30, 5)) + 20 * shift for shift in np.eye(5)]
    points = np.concatenate([hull.mean(axis=0) + 4 * rng.normal(size=(6, 5)) for hull in hulls])
    work = Count(monkeypatch, "isogloss.numerics.hulls.nearest._distances")
    index, _ = nearest_hulls(points, hulls)
    assert index.tolist() == np.repeat(np.arange(5), 6).tolist()
    assert work.calls == 5


@pytest.mark.parametrize(
    ("X", "hulls", "message"),
    [
        (SQUARE, [], "at least one point set. Got none"),
        (SQUARE, [SQUARE, SQUARE[:, :1]], "X and hull 1 should have one number of dimensions. Got 2 and 1"),
        (SQUARE, [SQUARE, SQUARE[:0]], "hull 1 should hold at least one point"),
        (SQUARE[:0], [SQUARE], "X should hold at least one point"),
    ],
)
def test_hulls_that_do_not_fit_are_refused(X, hulls, message):
    with pytest.raises(OptionError, match=message):
        nearest_hulls(X, hulls)


def test_not_finite_points_are_refused_everywhere():
    bad = SQUARE.copy()
    bad[1, 0] = np.nan
    for call in (
        lambda: pairwise_hull_distances(bad, [[0], [2]], [0, 1]),
        lambda: point_hull_distances(bad, SQUARE),
        lambda: nearest_hulls(SQUARE, [SQUARE, bad]),
    ):
        with pytest.raises(NotFiniteError, match="row 1"):
            call()


@pytest.mark.parametrize("name", ["blobs2d", "moons", "iris", "rand5d", "digits600"])
def test_distances_of_the_reference_implementation(name):
    home = shared("directprobe-oracle", name)
    X = np.loadtxt(home / "train_emb.txt")
    number = np.loadtxt(home / "expected_clusters.txt", dtype=int)
    want, classes = {}, {}
    for line in (home / "expected_distances.txt").read_text().splitlines():
        pair, distance = line.rsplit(":", 1)
        ends = [end.strip().split("-", 1) for end in pair.strip("()").split(",")]
        classes |= {int(i): label for i, label in ends}
        want[int(ends[0][0]), int(ends[1][0])] = float(distance)
    clusters = [np.flatnonzero(number == i) for i in range(number.max() + 1)]
    found = pairwise_hull_distances(X, clusters, [classes[i] for i in range(len(clusters))])
    assert len(want) == np.isfinite(np.triu(found, 1)).sum() - np.tri(len(clusters)).sum()
    for (i, j), distance in want.items():
        # The reference's margins are those of a support vector machine stopped early: up to 3e-4 off where narrow.
        assert found[i, j] == pytest.approx(distance, rel=1e-3, abs=3e-4)


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e9])
def test_a_hull_of_one_point_is_as_far_as_that_point(scale):
    X = scale * np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1e-3]])
    assert point_hull_distances(X, np.zeros((1, 2))) == pytest.approx(scale * np.array([0, 5, 1e-3]), rel=1e-9)
    index, distance = nearest_hulls(X, [np.zeros((2, 2)), np.zeros((1, 2))])
    assert index.tolist() == [0, 0, 0]
    assert distance == pytest.approx(scale * np.array([0, 5, 1e-3]), rel=1e-9)


def test_a_point_far_away_changes_nothing_for_others():
    rng = np.random.default_rng(5)
    hulls = [rng.normal(size=(40, 6)) + 4 * np.eye(6)[i] for i in range(3)]
    X = rng.normal(size=(30, 6)) * 3
    alone, nearest = point_hull_distances(X, hulls[0]), nearest_hulls(X, hulls)
    for far in (1e3, 1e9, 1e12, 1e100):
        with_it = np.concatenate([X, np.full((1, 6), far)])
        assert np.array_equal(point_hull_distances(with_it, hulls[0])[:-1], alone)
        assert point_hull_distances(with_it, hulls[0])[-1] == pytest.approx(far * 6**0.5, rel=20 / far + 1e-6)
        index, distance = nearest_hulls(with_it, hulls)
        assert np.array_equal(index[:-1], nearest[0])
        assert np.array_equal(distance[:-1], nearest[1])
