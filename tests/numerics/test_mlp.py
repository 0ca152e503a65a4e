import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from isogloss.errors import OptionError
from isogloss.numerics.mlp import MLPProbe
from isogloss.numerics.mlp_search import search_mlp


def parity(n=1200, d=6, seed=0):
    """Classes that no hyperplane tells apart: the product of two signs."""
    X = np.random.default_rng(seed).standard_normal((n, d))
    return X.astype(np.float32), np.where(X[:, 0] * X[:, 1] > 0, "same", "other")


@parametrize_with_checks([MLPProbe(hidden=(16, 16), max_epochs=100)])
def test_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_it_reads_what_no_linear_probe_reads():
    X, y = parity()
    probe = MLPProbe((32, 32), learning_rate=5e-3).fit(X[:900], y[:900])
    assert LogisticRegression().fit(X[:900], y[:900]).score(X[900:], y[900:]) < 0.6
    assert probe.score(X[900:], y[900:]) > 0.9
    # About as well as scikit-learn's own.
    peer = MLPClassifier((32, 32), alpha=1e-4, learning_rate_init=5e-3, early_stopping=True, random_state=0)
    assert probe.score(X[900:], y[900:]) > peer.fit(X[:900], y[:900]).score(X[900:], y[900:]) - 0.05


def test_one_seed_is_one_probe():
    X, y = parity(300)
    first, second = (MLPProbe((8, 8), max_epochs=5, random_state=7).fit(X, y) for _ in range(2))
    other = MLPProbe((8, 8), max_epochs=5, random_state=8).fit(X, y)
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


def test_training_stops_when_dev_gets_worse_and_the_best_epoch_is_kept():
    X, y = parity(80)
    X_dev, y_dev = parity(300, seed=1)
    probe = MLPProbe((64, 64), learning_rate=1e-2, patience=4, max_epochs=200).fit(X, y, X_dev, y_dev)
    assert probe.n_iter_ == probe.best_epoch_ + 4 < 200
    truth = np.searchsorted(probe.classes_, y_dev)
    loss = -np.log(probe.predict_proba(X_dev)[np.arange(300), truth]).mean()
    assert loss == pytest.approx(probe.dev_loss_, rel=1e-3)
    assert probe.score(X_dev, y_dev) == probe.dev_accuracy_
    # The same epochs without dev rows end at the weights that were left behind.
    longer = MLPProbe((64, 64), learning_rate=1e-2, max_epochs=probe.n_iter_, dev_fraction=0).fit(X, y)
    assert not np.allclose(longer.coefs_[0], probe.coefs_[0])
    assert np.isnan(longer.dev_loss_)


def test_a_large_penalty_leaves_nothing_but_the_prior():
    X, y = parity(400)
    probe = MLPProbe((8, 8), l2=10.0, learning_rate=1e-2, max_epochs=150, dev_fraction=0).fit(X, y)
    assert max(np.abs(w).max() for w in probe.coefs_) < 1e-2
    assert np.ptp(probe.predict_proba(X), axis=0).max() < 1e-2


def test_units_of_the_features_do_not_matter_when_standardised():
    X, y = parity(400)
    scaled = X * np.array([1e3, 1e-3, 1, 1, 1, 1], dtype=np.float32) + 5.0
    first = MLPProbe((16, 16), max_epochs=20).fit(X, y).predict_proba(X)
    second = MLPProbe((16, 16), max_epochs=20).fit(scaled, y).predict_proba(scaled)
    assert np.abs(first - second).max() < 0.2
    raw = MLPProbe((16, 16), max_epochs=20, standardize=False).fit(scaled, y)
    assert (raw.scale_ == 1).all()


def test_dev_classes_that_are_not_trained_are_wrong():
    X, y = parity(200)
    probe = MLPProbe((8, 8), max_epochs=3).fit(X, y, X[:50], np.full(50, "new"))
    assert probe.dev_accuracy_ == 0.0
    assert probe.dev_loss_ == np.inf


def test_the_grid_is_searched_on_dev_and_the_best_is_repeated():
    X, y = parity(500)
    X_dev, y_dev = parity(200, seed=1)
    found = search_mlp(X, y, X_dev, y_dev, sizes=(2, 32), l2=(1e-4, 10.0), repeats=3, learning_rate=1e-2, max_epochs=30)
    assert found.table.height == 8
    assert found.l2 == 1e-4
    best = found.table.sort("dev_accuracy", descending=True).row(0, named=True)
    assert found.probes[0].dev_accuracy_ == best["dev_accuracy"]
    assert [p.random_state for p in found.probes] == [0, 1, 2]
    mean, std = found.score(X_dev, y_dev)
    assert mean == pytest.approx(np.mean([p.score(X_dev, y_dev) for p in found.probes]))
    assert 0 <= std < 0.2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda X, y: MLPProbe((8,)).fit(X, y), r"two whole numbers >= 1. Got \(8,\)"),
        (lambda X, y: MLPProbe((8, 0)).fit(X, y), "two whole numbers"),
        (lambda X, y: MLPProbe(batch_size=0).fit(X, y), "batch_size"),
        (lambda X, y: MLPProbe(l2=-1.0).fit(X, y), "l2 should be >= 0"),
        (lambda X, y: MLPProbe().fit(X, y, X), "given together"),
        (lambda X, y: MLPProbe().fit(X, np.full(len(y), "a")), "one class: "),
        (lambda X, y: MLPProbe().fit(X, y, X[:, :2], y), "2 features"),
        (lambda X, y: search_mlp(X, y, X, y, repeats=0), "repeats >= 1"),
    ],
)
def test_what_cannot_be_trained_is_said(make, message):
    with pytest.raises(OptionError, match=message):
        make(*parity(60))
