import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from isogloss.errors import NotFiniteError, OptionError
from isogloss.progress import Progress
from isogloss.separability.directprobe import DirectProbe
from tests.conftest import shared
from tests.separability.plain import brute_force, hull_distance


@parametrize_with_checks([DirectProbe()])
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


def oracle(name):
    home = shared("directprobe-oracle", name)
    read = {}
    for part in ("train", "test"):
        lines = (home / f"{part}.txt").read_text().splitlines()
        read[part] = np.loadtxt(home / f"{part}_emb.txt"), np.array([line.split("\t")[1].strip() for line in lines])
    clusters = np.loadtxt(home / "expected_clusters.txt", dtype=int)
    pattern = re.compile(r"\((\d+)-.*, (\d+)-.*\): (.*)")
    found = [pattern.match(line).groups() for line in (home / "expected_distances.txt").read_text().splitlines()]
    return read["train"], read["test"], clusters, {(int(i), int(j)): float(d) for i, j, d in found}


@pytest.mark.parametrize(
    ("name", "n_clusters", "accuracy"),
    [("blobs2d", 4, 1.0), ("moons", 5, 1.0), ("iris", 5, 1.0), ("rand5d", 27, 0.3), ("digits600", 10, 0.98667)],
)
def test_clusters_accuracy_and_distances_are_the_references(name, n_clusters, accuracy):
    (X, y), (X_test, y_test), clusters, distances = oracle(name)
    probe = DirectProbe().fit(X, y)
    assert probe.n_clusters_ == n_clusters
    assert adjusted_rand_score(clusters, probe.labels_) == 1.0
    assert probe.score(X_test, y_test) == pytest.approx(accuracy, abs=1e-5)
    ours = {there: probe.labels_[np.argmax(clusters == there)] for there in range(n_clusters)}
    assert len(distances) == (probe.cluster_classes_[:, None] != probe.cluster_classes_).sum() / 2
    early = []
    for (i, j), expected in distances.items():
        found = probe.distances_[ours[i], ours[j]]
        # Four decimals were kept.
        if found != pytest.approx(expected, abs=5e-5 + 1e-3 * expected, rel=0):
            early.append(expected)
            assert found == pytest.approx(hull_distance(X[clusters == i], X[clusters == j]), rel=1e-4)
    # The reference measures by a support vector machine with a limit of steps, inexact where hulls all but touch.
    assert early == {"rand5d": [0.0062, 0.0070, 0.0221]}.get(name, [])


@pytest.mark.parametrize("name", ["blobs2d", "moons", "iris", "rand5d", "digits600"])
def test_all_distances_are_the_references_as_it_measures_them(name):
    (X, y), _, clusters, distances = oracle(name)
    probe = DirectProbe(measure="svm").fit(X, y)
    for (i, j), expected in distances.items():
        there = probe.labels_[np.argmax(clusters == i)], probe.labels_[np.argmax(clusters == j)]
        assert probe.distances_[there] == pytest.approx(expected, abs=5e-5 + 1e-3 * expected, rel=0)
        assert probe.distances_[there] == probe.distances_[there[::-1]]


def test_clusters_know_in_which_order_they_were_made():
    (X, y), _, clusters, _ = oracle("rand5d")
    probe = DirectProbe().fit(X, y)
    # The reference numbers clusters as they are made.
    theirs = [clusters[rows[0]] for rows in probe.clusters_]
    assert np.array_equal(np.argsort(np.argsort(theirs)), probe._order)


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(4))
def test_partition_is_that_of_brute_force(d, seed):
    random = np.random.default_rng(seed)
    X = random.normal(size=(random.integers(10, 28), d))
    y = random.integers(0, 2 + seed % 3, len(X))
    assert adjusted_rand_score(brute_force(X, y), DirectProbe().fit(X, y).labels_) == 1.0


@pytest.mark.parametrize("seed", range(6))
def test_ties_and_shared_vectors_are_decided_as_stated(seed):
    random = np.random.default_rng(seed)
    X, y = random.integers(0, 4, size=(24, 2)), random.integers(0, 3, 24)
    assert adjusted_rand_score(brute_force(X, y), DirectProbe().fit(X, y).labels_) == 1.0


def blobs(centres, n=15, spread=0.2, seed=0):
    random = np.random.default_rng(seed)
    return np.concatenate([spread * random.normal(size=(n, len(c))) + c for c in np.array(centres, dtype=float)])


def test_labels_far_apart_are_one_cluster_each():
    X, y = blobs(4 * np.eye(5)), np.repeat(list("edcba"), 15)
    probe = DirectProbe().fit(X, y)
    assert probe.linear_
    assert probe.n_merges_ is None
    assert probe.cluster_classes_.tolist() == probe.classes_.tolist() == list("abcde")
    assert np.array_equal(probe.labels_, np.repeat([4, 3, 2, 1, 0], 15))
    assert np.allclose(probe.centroids_[4], X[:15].mean(0))


def crossed(extra=()):
    """Squares so wide that those of one label cannot be joined between the two others; 9 points each."""
    square = np.stack(np.meshgrid([0, 0.5, 1.01], [0, 0.52, 1.0]), axis=-1).reshape(-1, 2)
    return np.concatenate([square + c for c in [(0, 0), (1.9, 1.9), (0, 1.9), (1.9, 0), *extra]])


def test_crossed_labels_are_two_clusters_each():
    X, y = crossed(), np.repeat(["a", "a", "b", "b"], 9)
    probe = DirectProbe().fit(X, y)
    assert not probe.linear_
    assert np.array_equal(probe.labels_, np.repeat([0, 1, 2, 3], 9))
    assert probe.predict([[1.8, 2.5], [2.5, -0.1]]).tolist() == ["a", "b"]
    for i in range(2):
        for j in range(2, 4):
            expected = hull_distance(X[probe.clusters_[i]], X[probe.clusters_[j]])
            assert probe.distances_[i, j] == pytest.approx(expected, rel=1e-4)
    assert np.isnan(probe.distances_[0, 1])
    assert np.array_equal(np.diag(probe.distances_), np.zeros(4))
    assert probe.min_distances_ == pytest.approx([np.nanmin(probe.distances_[:2, 2:])] * 2)


def test_of_thin_crossed_blobs_one_pair_is_joined_between_the_others():
    y = np.repeat(["a", "a", "b", "b"], 15)
    probe = DirectProbe().fit(blobs([[0, 0], [3, 3], [0, 3.1], [3.1, 0]], spread=0.03), y)
    assert np.array_equal(probe.labels_, np.repeat([0, 0, 1, 2], 15))


def test_a_ring_is_cut_up_and_what_it_encloses_is_not():
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.001 * np.random.default_rng(0).normal(size=(40, 2))
    X = np.concatenate([ring, 0.1 * ring])
    probe = DirectProbe().fit(X, np.repeat(["ring", "core"], 40))
    classes, sizes = np.unique(probe.cluster_classes_, return_counts=True)
    assert classes.tolist() == ["core", "ring"]
    assert sizes[0] == 1
    assert sizes[1] >= 3


def test_every_cluster_has_one_label_and_overlaps_none_of_another():
    random = np.random.default_rng(3)
    X, y = random.normal(size=(60, 3)), random.integers(0, 3, 60)
    probe = DirectProbe().fit(X, y)
    assert sorted(np.concatenate(probe.clusters_).tolist()) == list(range(60))
    for rows, label in zip(probe.clusters_, probe.cluster_classes_, strict=True):
        assert (y[rows] == label).all()
    rivals = probe.cluster_classes_[:, None] != probe.cluster_classes_
    assert (probe.distances_[rivals] > 0).all()
    assert (probe.predict(X) == y).all()


@settings(max_examples=6)
@given(st.integers(0, 1000), st.sampled_from([2.0**-80, 1e-3, 1e6, -1.0, 2.0**90]))
def test_scale_shift_rotation_and_order_change_nothing(seed, scale):
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(30, 3)), random.integers(0, 2, 30)
    expected = DirectProbe().fit(X, y).labels_
    rotation = np.linalg.qr(random.normal(size=(3, 3)))[0]
    order = random.permutation(30)
    changed = DirectProbe().fit(scale * (X @ rotation + 5)[order], y[order]).labels_
    assert adjusted_rand_score(expected[order], changed) == 1.0


def test_a_vector_under_two_labels_is_never_separated_and_counted():
    near, far = np.array([[0, 0], [1, 0], [0, 1]]), np.array([[5, 5], [6, 5], [5, 6]])
    X, y = np.concatenate([near, far, near[[0, 0]], far[[1]]]), list("aaabbbbba")
    probe = DirectProbe().fit(X, y)
    assert probe.n_conflicts_ == 5
    clusters = [rows.tolist() for rows in probe.clusters_]
    assert clusters == [[0], [1, 2], [8], [3, 5], [4], [6, 7]]
    assert not probe.linear_
    assert probe.distances_[0, 5] == probe.distances_[2, 4] == 0
    assert probe.distances_[1, 3] > 0
    assert probe.min_distances_.tolist() == [0, 0]


def test_a_vector_under_two_labels_is_told_apart_by_no_plane():
    probe = DirectProbe().fit(np.array([[0.0], [0.0], [-2.0], [0.0]]), [1, 0, 2, 1])
    assert probe.n_conflicts_ == 3
    assert probe.n_clusters_ == 3
    assert not probe.linear_


def test_nothing_but_conflicts_ends():
    probe = DirectProbe().fit([[1.0, 2.0]] * 6, list("aabbcc"))
    assert probe.labels_.tolist() == [0, 0, 1, 1, 2, 2]
    assert probe.n_conflicts_ == 6
    assert np.array_equal(probe.min_distances_, np.zeros(3))


def test_repeated_vectors_weigh_in_the_centroid():
    # 0 and 2 merge first. Counted once their mean is 1, nearer to -1.9 than to 5; counted thrice 1.5, and nearer to 5.
    # Either merger closes the way of the other.
    X, y = np.array([[0.0, 0], [2, 0], [-1.9, 0], [5.0, 0], [-1.5, 0.1], [-1.5, -0.1]]), np.array(list("aaaabb"))
    rows = [0, 1, 1, 1, 2, 3, 4, 5]
    once, thrice = DirectProbe().fit(X, y), DirectProbe().fit(X[rows], y[rows])
    assert thrice.n_conflicts_ == 0
    assert thrice.centroids_[thrice.labels_[0]] == pytest.approx([11 / 5, 0])
    for probe, data, labels in ((once, X, y), (thrice, X[rows], y[rows])):
        assert adjusted_rand_score(brute_force(data, labels), probe.labels_) == 1.0


def test_one_label_is_one_cluster_without_distances():
    probe = DirectProbe().fit([[0.0, 1.0], [2.0, 3.0], [9.0, 9.0]], ["a"] * 3)
    assert (probe.n_clusters_, probe.linear_) == (1, True)
    assert probe.distances_.tolist() == [[0.0]]
    assert np.isnan(probe.min_distances_).all()
    assert probe.predict([[5.0, 5.0]]).tolist() == ["a"]


def test_a_label_of_each_point_is_a_cluster_of_each_point():
    X = np.random.default_rng(0).normal(size=(7, 3))
    probe = DirectProbe().fit(X, np.arange(7))
    assert probe.labels_.tolist() == list(range(7))
    assert probe.linear_
    assert probe.distances_ == pytest.approx(np.linalg.norm(X[:, None] - X, axis=2), rel=1e-5)
    assert np.array_equal(probe.predict(X + 1e-3), np.arange(7))


def test_small_clusters_are_dropped_or_zeroed_as_asked():
    X, y = blobs([[0, 0], [5, 0], [0, 5]], n=8), np.repeat(["a", "b", "c"], 8)
    X, y = X[:20], y[:20]
    kept, dropped, zeroed = (DirectProbe(small=small).fit(X, y) for small in ("keep", "drop", "zero"))
    assert (kept.distances_[2, :2] > 0).all()
    assert np.isnan(dropped.distances_[2, :2]).all()
    assert np.array_equal(zeroed.distances_[2, :2], [0, 0])
    assert dropped.distances_[0, 1] == zeroed.distances_[0, 1] == kept.distances_[0, 1]
    assert np.isnan(dropped.min_distances_[2])
    assert np.isnan(zeroed.min_distances_[2])
    assert not np.isnan(kept.min_distances_).any()
    assert np.array_equal(dropped.predict(X), y)
    assert np.array_equal(DirectProbe(small="drop", small_size=3).fit(X, y).distances_, kept.distances_, equal_nan=True)


def test_distances_to_clusters_decide():
    X, y = crossed([(9, 9)]), np.repeat(["a", "a", "b", "b", "c"], 9)
    probe = DirectProbe().fit(X, y)
    points = np.random.default_rng(1).uniform(-2, 11, size=(30, 2))
    distances = probe.transform(points)
    assert distances.shape == (30, 5)
    expected = [[hull_distance(point[None], X[rows]) for rows in probe.clusters_] for point in points]
    assert distances == pytest.approx(np.array(expected), rel=1e-4, abs=1e-4)
    assert np.array_equal(probe.predict(points), probe.cluster_classes_[distances.argmin(1)])
    assert np.array_equal(probe.classes_[probe.decision_function(points).argmax(1)], probe.predict(points))


def test_progress_is_told():
    told = []

    class Listener(Progress):
        def task(self, name, total, unit):
            told.append(name)
            return super().task(name, total, unit)

    X, y = crossed(), np.repeat(["a", "a", "b", "b"], 9)
    DirectProbe(progress=Listener()).fit(X, y)
    assert {"labels against labels", "merging without a test", "merging with care"} <= set(told)


@pytest.mark.parametrize(
    ("X", "y", "options", "message"),
    [
        ([[0.0], [np.nan]], ["a", "b"], {}, "NaN"),
        ([[0.0], [np.inf]], ["a", "b"], {}, "infinity"),
        ([[0.0], [1.0]], ["a"], {}, "inconsistent numbers of samples"),
        ([[0.0], [1.0]], [0.5, 1.25], {}, "continuous"),
        ([[0.0], [1e200]], ["a", "b"], {}, "row 1, too long to be squared"),
        ([[0.0], [1.0], [2.0]], ["a", "b", None], {}, "None in row 2"),
        ([[0.0], [1.0]], np.array(["a", 1], dtype=object), {}, "all text or all numbers"),
        ([[0.0], [1.0]], None, {}, "requires y"),
        ([[0.0], [1.0]], ["a", "b"], {"small": "most"}, "small is 'most'; it may be 'keep', 'drop', 'zero'"),
        ([[0.0], [1.0]], ["a", "b"], {"small_size": -1}, "small_size is -1"),
        ([[0.0], [1.0]], ["a", "b"], {"rtol": 0.0}, r"rtol is 0\.0"),
    ],
)
def test_what_cannot_be_probed_is_named(X, y, options, message):
    with pytest.raises(OptionError, match=message):
        DirectProbe(**options).fit(X, y)


def test_vectors_too_long_are_not_finite_enough():
    with pytest.raises(NotFiniteError):
        DirectProbe().fit([[1e300], [0.0]], ["a", "b"])
