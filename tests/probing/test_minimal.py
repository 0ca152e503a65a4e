import numpy as np
import pytest

from isogloss.errors import OptionError
from isogloss.probing.minimal import SHARES, minimal_layer, minimal_neurons
from tests.probing.neurons import planted, stand_in_probes


class Says:
    """A probe that is right about the first so many words."""

    def __init__(self, y, right):
        self.answers = np.where(np.arange(len(y)) < right, y, "wrong")

    def predict(self, X):
        return self.answers


def given_accuracies(y_dev, accuracy):
    """A `fit` whose probes have the given dev accuracy by number of neurons, and the list of what it was asked."""
    asked = []

    def fit(X, y, subsets):
        asked.append([len(s) for s in subsets])
        return [Says(y_dev, round(accuracy(len(s)) * len(y_dev))) for s in subsets]

    return fit, asked


def search(accuracy, d=1000, **options):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, d)), np.array(["a", "b"] * 10)
    X_dev, y_dev = rng.normal(size=(1000, d)), np.array(["a", "b"] * 500)
    fit, asked = given_accuracies(y_dev, accuracy)
    return minimal_neurons(X, y, rng.permutation(d), X_dev, y_dev, fit=fit, **options), asked


def rising(n):
    return min(0.9, 0.5 + n / 200)


def test_the_first_size_within_the_tolerance_is_taken():
    found, asked = search(rising)
    # 0.9 x 0.99 = 0.891 is exceeded by 0.5 + 79 / 200.
    assert (found.n, found.accuracy, found.oracle, found.found) == (79, 0.895, 0.9, True)
    assert found.threshold == pytest.approx(0.891)
    assert found.curve.filter("enough")["n"][0] == 79
    assert len(asked) == 2  # the oracle, and all sizes at once


def test_being_exactly_at_the_threshold_is_not_enough():
    found, _ = search(lambda n: 0.5 if n < 20 else 0.75 if n < 40 else 1.0, tolerance=0.25, sizes=[10, 20, 30, 40])
    assert found.n == 40


def test_the_sizes_are_those_of_the_study():
    sizes = search(rising)[0].curve["n"].to_list()
    assert sizes == [*range(1, 101), 150, 200, 250, 300, 350, 400, 450, 500, 600, 700, 800, 900, 1000]
    assert len(SHARES) == 112
    assert 27 in search(rising, d=3000)[0].curve["n"].to_list()  # 0.9%, which is 26.999... in floating point
    few = search(rising, d=100)[0].curve["n"].to_list()
    assert few == [*range(1, 11), 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100]


def bumpy(n):
    return 0.9 if n in (5, 30) or n >= 60 else 0.5


def test_stopping_at_the_first_finds_the_same_with_fewer_fits():
    for accuracy in (rising, bumpy):
        everything, _ = search(accuracy)
        first, asked = search(accuracy, search="first")
        np.testing.assert_array_equal(first.neurons, everything.neurons)
        assert sum(map(len, asked)) < 113


def test_halving_finds_the_first_where_accuracy_rises_and_a_good_one_elsewhere():
    found, asked = search(rising, search="bisect")
    assert found.n == 79
    assert sum(map(len, asked)) <= 9
    other, _ = search(bumpy, search="bisect")
    assert other.accuracy == 0.9
    assert other.n > search(bumpy)[0].n == 5


@pytest.mark.parametrize("how", ["all", "first", "bisect"])
def test_all_neurons_are_taken_where_no_fewer_will_do(how):
    found, _ = search(lambda n: 0.9 if n == 50 else 0.4, d=50, search=how)
    assert (found.n, found.found, found.accuracy) == (50, False, 0.9)


def test_planted_neurons_are_enough_and_the_probe_is_theirs():
    X, y = planted(n=900, strength=6)
    order = np.array([3, 11, 20, *(i for i in range(30) if i not in (3, 11, 20))])
    labels = [None if i % 9 == 0 else label for i, label in enumerate(y)]
    found = minimal_neurons(
        X[:600], labels[:600], order, X[600:], labels[600:], sizes=range(1, 31), fit=stand_in_probes
    )
    assert found.n in (2, 3)
    kept = np.array([i for i in range(600, 900) if labels[i] is not None])
    said = found.probe.predict(X[kept][:, found.neurons])
    assert (said == y[kept]).mean() == pytest.approx(found.accuracy)


def test_minimal_layer_is_the_first_within_each_tolerance():
    accuracies = [0.5, 0.931, 0.92, 0.942, 0.951, 0.96]
    assert minimal_layer(accuracies) == {0.01: 4, 0.02: 3, 0.03: 3}
    assert minimal_layer(accuracies, [0.05, 0.0]) == {0.05: 1, 0.0: 5}
    assert minimal_layer([0.5, 0.99, 1.0], [0.01]) == {0.01: 1}
    assert minimal_layer([0.5, 0.6], [0.01], oracle=0.9) == {0.01: 1}


def test_mistakes_are_told():
    for options, message in [
        ({"tolerance": 1}, "tolerance"),
        ({"sizes": [0]}, "sizes"),
        ({"search": "best"}, "search"),
    ]:
        with pytest.raises(OptionError, match=message):
            search(rising, **options)
    with pytest.raises(OptionError, match="accuracies"):
        minimal_layer([])
    with pytest.raises(OptionError, match="tolerances"):
        minimal_layer([0.5], [1.0])
