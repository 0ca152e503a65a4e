import numpy as np
import pytest

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.isotropy.dimension import intrinsic_dimension, measure_dimension


def rotated(points, d=50, seed=0):
    """Points in a random subspace of d dimensions, away from the origin."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((d, points.shape[1])))[0]
    return points @ basis.T + 1


def plane(n=1500, k=2, seed=0):
    return rotated(np.random.default_rng(seed).uniform(size=(n, k)))


def sphere(n=1500, k=3, seed=0):
    points = np.random.default_rng(seed).standard_normal((n, k + 1))
    return rotated(points / np.linalg.norm(points, axis=1, keepdims=True))


@pytest.mark.parametrize(("method", "neighbours"), [("mle", 10), ("mle", 30), ("twonn", 2)])
@pytest.mark.parametrize(("points", "dimension"), [(plane(), 2), (plane(k=5), 5), (sphere(), 3), (plane(400, 1), 1)])
def test_planted_manifolds_have_their_dimension(method, neighbours, points, dimension):
    assert intrinsic_dimension(points, neighbours, method) == pytest.approx(dimension, rel=0.15)


def test_a_hundred_neighbours_of_a_sphere():
    assert intrinsic_dimension(sphere(3000, 2), 100) == pytest.approx(2, rel=0.1)


def test_noise_in_many_dimensions_has_more_dimensions_than_a_plane_but_fewer_than_it_fills():
    noise = np.random.default_rng(0).standard_normal((1500, 50))
    assert 10 < intrinsic_dimension(noise, 20) < 50


@pytest.mark.parametrize("method", ["mle", "twonn"])
def test_turning_and_scaling_the_space_changes_nothing(method):
    X = sphere(600)
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((50, 50)))[0]
    assert intrinsic_dimension(X, 20, method) == pytest.approx(
        intrinsic_dimension(X @ rotation * 1000, 20, method), rel=1e-6
    )


def test_the_maximum_likelihood_by_its_formula():
    X = sphere(200)
    D = np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)[:, 1:11]
    expected = 1 / np.mean([np.log(row[9] / row[j]) for row in D for j in range(9)])
    assert intrinsic_dimension(X, 10) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("method", ["mle", "twonn"])
@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_copies_count_once_even_when_rounding_makes_them_differ(method, noise):
    X = sphere(700)
    rng = np.random.default_rng(3)
    copies = X[rng.integers(0, 40, 400)] * (1 + noise * rng.standard_normal((400, 1)))
    found = measure_dimension(
        ArrayVectors(np.concatenate([X, copies])), np.arange(1100), 1100, neighbours=20, method=method, bootstrap=0
    )
    assert (found.n, found.copies) == (700, 400)
    assert found.estimate.value == pytest.approx(intrinsic_dimension(X, 20, method), rel=1e-3)


def test_too_few_different_vectors_are_refused():
    with pytest.raises(OptionError, match=r"more than 100 different vectors\. Got 50 among 50"):
        intrinsic_dimension(sphere(50))
    with pytest.raises(OptionError, match="Got 1 among 300"):
        intrinsic_dimension(np.ones((300, 4)))


def test_bad_options_are_refused():
    X = sphere(200)
    with pytest.raises(OptionError, match="'mle' or 'twonn'"):
        intrinsic_dimension(X, 10, "pca")
    with pytest.raises(OptionError, match="at least 2"):
        intrinsic_dimension(X, 1)
    X[11, 0] = np.inf
    with pytest.raises(OptionError, match="row 11"):
        intrinsic_dimension(X, 10)


def test_vectors_all_equally_far_apart_have_no_finite_dimension():
    assert intrinsic_dimension(np.eye(30), 5) == float("inf")


@pytest.mark.parametrize("method", ["mle", "twonn"])
def test_the_replicates_lie_about_the_estimate_and_are_wider_for_fewer_sentences(method):
    X = sphere(800)
    many = measure_dimension(ArrayVectors(X), np.arange(800), 800, neighbours=15, method=method).estimate
    few = measure_dimension(ArrayVectors(X), np.arange(800) // 40, 20, neighbours=15, method=method).estimate
    assert many.value == few.value == intrinsic_dimension(X, 15, method)
    low, high = many.interval()
    assert low < many.value < high
    assert many.replicates.mean() == pytest.approx(many.value, rel=0.01)


def test_equal_layers_differ_by_exactly_nothing():
    X, groups = sphere(400), np.arange(400) // 4
    a, b = (measure_dimension(ArrayVectors(X.copy()), groups, 100, neighbours=15, max_words=300) for _ in range(2))
    assert a.n == 300
    assert not a.estimate.minus(b.estimate).replicates.any()
