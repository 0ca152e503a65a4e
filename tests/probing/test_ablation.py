import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.probing.ablation import ablation_curves
from tests.probing.neurons import StandInProbe, planted

seeds = st.integers(0, 10_000)


def by_hand(probe, X, y, order, baseline, keep, which, n, seed):
    order = np.random.default_rng(seed).permutation(len(order)) if which == "random" else order
    named = order[len(order) - n :] if which == "bottom" else order[:n]
    gone = np.setdiff1d(order, named) if keep else named
    changed = X.astype(float)
    changed[:, gone] = baseline[gone]
    return (probe.predict(changed) == y).mean()


@settings(deadline=None, max_examples=10)
@given(seeds, st.sampled_from(["zero", "mean"]))
def test_curves_are_those_of_ablating_and_predicting_again(seed, replace):
    X, y = planted(n=120, d=9, written=(1, 4, 7), seed=seed, strength=1.5)
    X = X + 2
    probe = StandInProbe().fit(X, y)
    order = np.random.default_rng(seed).permutation(9)
    curves = ablation_curves(probe, X, y, order, sizes=[1, 4, 7], replace=replace, seeds=(0, 5))
    baseline = np.zeros(9) if replace == "zero" else X.astype(float).mean(axis=0)
    for keep, which, n, _, random, accuracy in curves.iter_rows():
        if (n, keep) not in ((0, True), (9, False)):  # constant logits may tie
            assert accuracy == by_hand(probe, X, y, order, baseline, keep, which, n, random)
    assert curves.height == 2 * 5 * (2 + 2)


def test_blocks_and_unlabelled_words_change_nothing():
    X, y = planted(n=9000, d=9, written=(1, 4, 7), strength=1.5)
    probe, order = StandInProbe().fit(X, y), np.arange(9)
    labels = [label if i % 3 else None for i, label in enumerate(y)]
    used = np.arange(9000) % 3 > 0
    for replace in ("zero", "mean"):
        streamed = ablation_curves(probe, ArrayVectors(X), labels, order, replace=replace)
        assert streamed.equals(ablation_curves(probe, X[used], y[used], order, replace=replace))


def test_losing_the_neurons_that_hold_the_label_hurts_more_than_losing_others():
    X, y = planted()
    order = np.array([3, 11, 20, *(i for i in range(30) if i not in (3, 11, 20))])
    curves = ablation_curves(StandInProbe().fit(X, y), X, y, order, sizes=[3])

    def accuracy(keep, which):
        return curves.filter((curves["n"] == 3) & (curves["keep"] == keep) & (curves["which"] == which))["accuracy"]

    assert accuracy(True, "top").item() > 0.95 > accuracy(False, "bottom").item() - 0.05
    assert accuracy(False, "top").item() < 0.5
    assert accuracy(True, "bottom").item() < 0.5
    assert accuracy(False, "random").min() > accuracy(False, "top").item()
    assert len(accuracy(True, "random")) == 5


def test_given_means_are_used():
    X, y = planted(n=60, d=3, written=(0, 1, 2))
    probe = StandInProbe().fit(X, y)
    pull = np.array([50.0, 0, 0])
    curves = ablation_curves(probe, X, y, [0, 1, 2], sizes=[1], replace="mean", means=pull)
    lost = curves.filter((~curves["keep"]) & (curves["which"] == "top") & (curves["n"] == 1))["accuracy"].item()
    assert lost == (y == "a").mean()


def test_one_row_of_weights_is_the_second_class_against_the_first():
    X, y = planted(n=200, d=5, classes="ab", written=(1, 2))
    probe = StandInProbe().fit(X, y)
    two = ablation_curves(probe, X, y, np.arange(5))
    probe.coef_, probe.intercept_ = (v[1:] - v[:1] for v in (probe.coef_, probe.intercept_))
    one = ablation_curves(probe, X, y, np.arange(5))
    several = two["n"].is_between(1, 4)
    assert one.filter(several).equals(two.filter(several))


def test_mistakes_are_told():
    X, y = planted(n=60)
    probe = StandInProbe().fit(X, y)
    for change, message in [
        ({"replace": "noise"}, "replace"),
        ({"sizes": [31]}, "sizes"),
        ({"ranking": np.arange(29)}, "each of the 30 neurons once"),
        ({"X": X[:, :9], "ranking": np.arange(9)}, "same neurons"),
        ({"replace": "mean", "means": [0.0]}, "means"),
    ]:
        with pytest.raises(OptionError, match=message):
            ablation_curves(**{"probe": probe, "X": X, "y": y, "ranking": np.arange(30)} | change)
