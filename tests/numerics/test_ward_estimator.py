import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from isogloss.errors import OptionError
from isogloss.numerics.ward import WardClustering, ward_linkage


@parametrize_with_checks([WardClustering()])
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_clusters_are_scikit_learns():
    X = np.random.default_rng(0).standard_normal((200, 6))
    model = WardClustering(n_clusters=7)
    labels = model.fit_predict(X)
    assert adjusted_rand_score(AgglomerativeClustering(7).fit_predict(X), labels) == 1.0
    assert np.allclose(model.linkage_, linkage(X, "ward"))
    assert model.n_features_in_ == 6


def test_several_numbers_are_cut_from_one_tree():
    X = np.random.default_rng(1).standard_normal((80, 3)).astype(np.float32)
    several = WardClustering(n_clusters=[3, 12, 80]).fit(X)
    assert several.labels_.shape == (80, 3)
    for column, k in enumerate([3, 12, 80]):
        assert np.array_equal(several.labels_[:, column], WardClustering(k).fit(X).labels_)
    assert clone(several).get_params() == {"n_clusters": [3, 12, 80], "compute": "float32", "device": None}


@pytest.mark.parametrize(
    ("n_clusters", "message"),
    [(8, "n_clusters should be <= n_samples=5. Got 8."), (0, "Got 0"), ([2, 9], "Got 9"), (2.5, "Got 2.5")],
)
def test_more_clusters_than_points_are_refused(n_clusters, message):
    with pytest.raises(OptionError, match=message):
        WardClustering(n_clusters=n_clusters).fit(np.eye(5))


NUMBERS = np.arange(12.0).reshape(6, 2)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (NUMBERS + 1j, "real numbers"),
        (NUMBERS.astype(str), r"Got strings \(dtype <U"),
        (NUMBERS.astype("datetime64[D]"), "Got dates"),
        (np.where(NUMBERS == 5, "six", NUMBERS.astype(object)), "Got in row 2, column 1: 'six', a string"),
        (np.where(NUMBERS == 5, "5", NUMBERS.astype(object)), "row 2, column 1: '5', a string"),
        (np.where(NUMBERS == 5, None, NUMBERS.astype(object)), "row 2, column 1: .*'NoneType'"),
        (np.where(NUMBERS == 5, 1j, NUMBERS.astype(object)), "row 2, column 1: .*complex"),
    ],
)
def test_what_is_no_real_number_is_refused(X, message):
    for refuses in (WardClustering().fit, ward_linkage):
        with pytest.raises(OptionError, match=message):
            refuses(X)


def test_python_numbers_are_numbers():
    assert np.array_equal(ward_linkage(NUMBERS.astype(object)), ward_linkage(NUMBERS))
    assert np.array_equal(WardClustering().fit(NUMBERS.astype(object)).linkage_, ward_linkage(NUMBERS))


def test_nothing_to_cut_or_to_cluster_is_said():
    with pytest.raises(OptionError, match="Got an empty sequence"):
        WardClustering([]).fit(NUMBERS)
    with pytest.raises(OptionError, match="2D array"):
        WardClustering().fit([])
    with pytest.raises(OptionError, match="n_clusters"):
        WardClustering("many").fit(NUMBERS)
