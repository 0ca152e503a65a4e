import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from isogloss.errors import OptionError
from isogloss.isotropy.directions import KINDS, Cut, Directions, cuts_of, remove_directions
from tests.isotropy.test_treatments import cloud
from tests.vectors import SteppedVectors

seeds = st.integers(0, 10_000)


def test_directions_are_scikit_learns_components_whatever_the_blocks():
    X = cloud().astype(np.float32)
    rows = np.arange(0, 300, 2)
    pca = PCA().fit(X[rows].astype(np.float64))
    for vectors, some in ((SteppedVectors(X), rows), (X, rows), (SteppedVectors(X[rows]), None), (X[rows], None)):
        found = Directions.of(vectors, some)
        np.testing.assert_allclose(found.mean, pca.mean_)
        np.testing.assert_allclose(found.variances, pca.explained_variance_ * 149 / 150, rtol=1e-9)
        np.testing.assert_allclose(np.abs((found.basis * pca.components_).sum(axis=1)), 1, atol=1e-9)


@pytest.mark.parametrize("k", [1, 4, 11])
def test_what_is_left_is_what_the_name_says(k):
    X = cloud()
    own = PCA().fit(X)
    Z = X - X.mean(axis=0)
    top, bottom = own.components_[:k], own.components_[12 - k :]
    for which, expected in [
        ("top", Z - Z @ top.T @ top),
        ("bottom", Z - Z @ bottom.T @ bottom),
        ("only_top", Z @ top.T @ top),
    ]:
        np.testing.assert_allclose(remove_directions(X, k, which), expected, atol=1e-9)
    for which in ("random", "random_any"):
        random = remove_directions(X, k, which, seed=3)
        assert np.linalg.matrix_rank(random) == 12 - k
        assert not np.allclose(random, remove_directions(X, k, which, seed=4))
    found = Directions.of(X)
    one_of_them = np.abs(found.removed(Cut("random", k)) @ own.components_.T)
    np.testing.assert_allclose(np.sort(one_of_them, axis=1)[:, -2:], [[0, 1]] * k, atol=1e-7)


def test_vectors_may_keep_their_mean_and_be_cut_along_the_directions_of_others():
    train, other = cloud(seed=1), cloud(n=40, seed=2)
    top = PCA(2).fit(train).components_
    found = remove_directions(other, 2, directions=Directions.of(train), centred=False)
    np.testing.assert_allclose(found, other - other @ top.T @ top, atol=1e-9)
    assert remove_directions(other.astype(np.float32), 0, centred=False).dtype == np.float32


@given(seeds, st.sampled_from(["top", "bottom", "only_top"]))
@settings(max_examples=10)
def test_removal_turns_and_grows_with_the_space(seed, which):
    X = cloud(seed=seed)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((12, 12)))[0]
    straight = remove_directions(X, 3, which)
    np.testing.assert_allclose(remove_directions(7 * X @ turn, 3, which), 7 * straight @ turn, atol=1e-6)


def test_removed_directions_say_how_much_variance_goes_with_them():
    X = cloud()
    found = Directions.of(X)
    whole = X.var(axis=0).sum()
    for cut in cuts_of((1, 5), KINDS, 2, 12):
        along = X @ found.removed(cut, seed=1).T
        assert found.variance_removed(cut, seed=1) == pytest.approx(along.var(axis=0).sum() / whole)
    assert found.variance_removed(Cut("top", 0)) == 0


@pytest.mark.parametrize("kind", ["random", "random_any"])
def test_random_directions_are_nested_orthonormal_and_of_their_draw(kind):
    found = Directions.of(cloud())
    one, two = found.removed(Cut(kind, 3, 0)), found.removed(Cut(kind, 5, 0))
    left = one - one @ two.T @ two
    np.testing.assert_allclose(left, 0, atol=1e-12)
    np.testing.assert_allclose(two @ two.T, np.eye(5), atol=1e-12)
    assert not np.allclose(one, found.removed(Cut(kind, 3, 1)))
    assert not np.allclose(one, found.removed(Cut(kind, 3, 0), seed=1))


def test_every_principal_direction_is_as_likely():
    found = Directions.of(cloud(d=6))
    shares = np.diag(np.arange(6.0))
    firsts = [found.ordered(shares, Cut("random", 1, draw)).max(axis=0)[0] for draw in range(1200)]
    assert np.bincount(np.array(firsts, dtype=int), minlength=6).min() > 150


def test_any_directions_are_uniform():
    # Of a uniform direction in d dimensions each squared coordinate has mean 1/d and variance 2(d-1)/(d^2(d+2)).
    found = Directions.of(cloud(d=6))
    squares = np.square(np.concatenate([found.removed(Cut("random_any", 2, draw)) for draw in range(1500)]))
    np.testing.assert_allclose(squares.mean(axis=0), 1 / 6, atol=0.012)
    np.testing.assert_allclose(squares.var(axis=0), 10 / (36 * 8), rtol=0.12)


def test_cuts_that_do_nothing_or_leave_nothing_are_passed_over():
    cuts = cuts_of((0, 1, 4, 5, 9), ("top", "random", "only_top"), 2, 5)
    assert [c.k for c in cuts] == [1, 4] * 4
    assert [c.draw for c in cuts if c.kind == "random"] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("k", "which", "message"),
    [
        (12, "top", "less than the 12 dimensions. Got 12"),
        (-1, "random", "Got -1"),
        (13, "only_top", "Got 13"),
        (0, "only_top", "between 1"),
        (1, "middle", "Got 'middle'"),
    ],
)
def test_a_cut_that_leaves_nothing_is_refused(k, which, message):
    with pytest.raises(OptionError, match=message):
        remove_directions(cloud(), k, which)


def test_a_missing_value_is_refused_and_its_row_told():
    X = cloud()
    X[9, 0] = np.inf
    for call in (lambda: remove_directions(X, 1), lambda: Directions.of(X), lambda: Directions.of(X, np.array([3, 9]))):
        with pytest.raises(OptionError, match="row 9"):
            call()
    with pytest.raises(OptionError, match="12 dimensions"):
        remove_directions(X[:5, :4], 1, directions=Directions.of(cloud()))
    with pytest.raises(OptionError, match="no row"):
        Directions.of(X[:0])
