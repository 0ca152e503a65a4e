import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from isogloss.errors import OptionError
from isogloss.isotropy.treatments import AllButTheTop, ClusterEnhancement, ClusterZeroMean, ZeroMean

seeds = st.integers(0, 10_000)


def cloud(n=300, d=12, seed=0):
    """Correlated vectors far from the origin, their directions no coordinate axes."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 5 * rng.standard_normal(d)


def groups(seed=0):
    """Three far groups of 100 vectors, each with one direction of its own along which it varies most."""
    rng = np.random.default_rng(seed)
    own = np.linalg.qr(rng.standard_normal((10, 10)))[0][:3]
    centres = 40 * rng.standard_normal((3, 10))
    label = np.repeat([0, 1, 2], 100)
    X = centres[label] + 8 * rng.standard_normal(300)[:, None] * own[label] + rng.standard_normal((300, 10))
    return X, label, own


@parametrize_with_checks([ZeroMean(), AllButTheTop(), ClusterZeroMean(2), ClusterEnhancement(2, 1)])
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_zero_mean_subtracts_the_mean_of_the_training_vectors_only():
    train, other = cloud(seed=1), cloud(seed=2)
    np.testing.assert_allclose(ZeroMean().fit(train).transform(other), other - train.mean(axis=0))


@pytest.mark.parametrize("centred", [True, False])
def test_all_but_the_top_is_what_scikit_learns_components_say(centred):
    train, other = cloud(seed=1), cloud(n=50, seed=2)
    pca = PCA(3).fit(train)
    start = other - pca.mean_ if centred else other
    expected = start - start @ pca.components_.T @ pca.components_
    found = AllButTheTop(3, centred=centred).fit(train).transform(other)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(("d", "removed"), [(384, 4), (768, 8), (20, 1), (1, 0)])
def test_automatic_number_of_directions_is_a_hundredth_of_the_width(d, removed):
    X = np.random.default_rng(0).standard_normal((30, d)).astype(np.float32)
    fitted = AllButTheTop().fit(X)
    assert fitted.components_.shape == (removed, d)
    assert fitted.transform(X).dtype == np.float32


def test_each_cluster_loses_its_own_mean_and_its_own_direction():
    X, label, own = groups()
    plain = ClusterZeroMean(3).fit(X)
    assert len(set(zip(label, plain.labels_, strict=True))) == 3
    centred, enhanced = plain.transform(X), ClusterEnhancement(3, 1).fit(X).transform(X)
    for i in range(3):
        np.testing.assert_allclose(centred[label == i].mean(axis=0), 0, atol=1e-9)
        before, after = centred[label == i] @ own[i], enhanced[label == i] @ own[i]
        assert before.std() > 7
        assert after.std() < 0.3
        # The directions of the other groups stay.
        for j in set(range(3)) - {i}:
            assert (enhanced[label == i] @ own[j]).std() > 0.7


def test_new_vectors_go_to_the_nearest_cluster_and_change_nothing_that_was_fitted():
    X, _, _ = groups()
    fitted = ClusterEnhancement(3, 2).fit(X)
    alone = np.concatenate([fitted.transform(X[i : i + 1]) for i in (0, 150, 299)])
    np.testing.assert_allclose(alone, fitted.transform(X[[0, 150, 299]]), atol=1e-12)
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)


def test_fewer_directions_of_the_same_clusters_are_those_of_a_fit_of_their_own():
    X = cloud(seed=3)
    wide = ClusterEnhancement(4, 5).fit(X)
    narrow = ClusterEnhancement(4, 2).fit(X)
    np.testing.assert_array_equal(wide.with_components(2).transform(X), narrow.transform(X))
    np.testing.assert_array_equal(wide.with_components(0).transform(X), ClusterZeroMean(4).fit(X).transform(X))
    assert wide.with_components(2).get_params() == narrow.get_params()
    with pytest.raises(OptionError, match="fitted 5"):
        wide.with_components(6)


def test_small_clusters_keep_a_direction_and_it_is_told():
    rng = np.random.default_rng(0)
    big, few, one = rng.standard_normal((50, 8)), rng.standard_normal((4, 8)) + 100, np.full((1, 8), -100.0)
    X = np.concatenate([big, few, one])
    fitted = ClusterEnhancement(3, 5).fit(X)
    assert sorted(fitted.n_removed_.tolist()) == [0, 2, 5]
    after = fitted.transform(X)
    assert (np.linalg.norm(after[:54], axis=1) > 1e-6).all()
    assert not after[54].any()
    told = " ".join(fitted.notes_)
    assert "2 of 3 clusters (5 vectors)" in told
    assert "1 of 3 clusters is of one vector" in told
    assert ClusterEnhancement(1, 5).fit(big).notes_ == ()


def test_copies_span_no_directions_to_remove():
    X = np.concatenate([np.tile([1.0, 2.0, 3.0], (20, 1)), np.tile([50.0, 0.0, 0.0], (20, 1))])
    fitted = ClusterEnhancement(2, 2).fit(X)
    assert fitted.n_removed_.tolist() == [0, 0]
    np.testing.assert_allclose(fitted.transform(X), 0)


@given(seeds)
@settings(max_examples=5)
def test_treatments_turn_with_the_space(seed):
    rng = np.random.default_rng(seed)
    X, _, _ = groups(seed)
    turn = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    for treatment in (ZeroMean(), AllButTheTop(2), AllButTheTop(2, centred=False), ClusterEnhancement(3, 1)):
        straight = clone(treatment).fit(X).transform(X)
        turned = clone(treatment).fit(X @ turn).transform(X @ turn)
        np.testing.assert_allclose(turned, straight @ turn, atol=1e-6)


@pytest.mark.parametrize(
    ("treatment", "message"),
    [
        (AllButTheTop(12), "less than n_features=12. Got 12"),
        (AllButTheTop(-1), "Got -1"),
        (AllButTheTop("most"), "Got 'most'"),
        (ClusterEnhancement(3, 12), "n_features=12. Got 12"),
        (ClusterEnhancement(0, 1), "n_samples=300. Got 0"),
        (ClusterEnhancement(301, 1), "n_samples=300. Got 301"),
    ],
)
def test_what_leaves_nothing_is_refused(treatment, message):
    with pytest.raises(OptionError, match=message):
        treatment.fit(cloud())


@pytest.mark.parametrize("treatment", [ZeroMean(), AllButTheTop(1), ClusterEnhancement(2, 1)])
def test_a_missing_value_is_refused_and_its_place_told(treatment):
    X = cloud()
    fitted = clone(treatment).fit(X)
    X[7, 3] = np.nan
    for call in (clone(treatment).fit, fitted.transform):
        with pytest.raises(OptionError, match="NaN in row 7, column 3"):
            call(X)
