import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from isogloss.errors import OptionError
from isogloss.probing import NestedSubsets, learning_curve
from tests.probing.planted import readable, sentences_of


def test_subsets_are_nested_whole_sentences_and_seeded():
    sentences = np.repeat(np.arange(200), np.random.default_rng(0).integers(1, 20, 200))
    subsets = NestedSubsets.of(sentences, fractions=(0.05, 0.2, 1.0), seeds=(3, 4))
    for seed in range(2):
        masks = subsets.masks(seed)
        assert not (masks[0] & ~masks[1]).any()
        assert masks[2].all()
        assert masks[0].sum() >= 0.05 * len(sentences)
        assert set(sentences[masks[1]]).isdisjoint(sentences[~masks[1]])
    assert (subsets.stage[0] != subsets.stage[1]).any()
    assert (NestedSubsets.of(sentences, fractions=(0.05, 0.2, 1.0), seeds=(4,)).stage[0] == subsets.stage[1]).all()
    assert len(subsets.weights) == 5
    assert subsets.index == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]


def test_fractions_that_add_nothing_are_left_out():
    subsets = NestedSubsets.of(np.arange(10), seeds=(0, 1, 2))
    assert subsets.fractions == (0.01, 0.2, 0.5, 1.0)
    assert subsets.n_words.tolist() == [[1, 2, 5, 10]] * 3


def test_the_table_and_the_area():
    subsets = NestedSubsets.of(np.arange(100), fractions=(0.01, 0.1, 1.0), seeds=(0, 1))
    curve = learning_curve(subsets, [0.2, 0.5, 0.9, 0.4, 0.7])
    assert curve.table["n_words"].to_list() == [1, 10, 100]
    assert curve.table["accuracy"].to_list() == pytest.approx([0.3, 0.6, 0.9])
    assert curve.table["std"].to_list() == pytest.approx([0.1 * np.sqrt(2), 0.1 * np.sqrt(2), 0.0])
    assert curve.area == pytest.approx(0.6)
    flat = NestedSubsets.of(np.arange(100), fractions=(0.03, 0.1, 0.7))
    one = learning_curve(flat, [0.8, 0.8, 0.8])
    assert one.area == pytest.approx(0.8)
    assert one.table["std"].to_list() == [None] * 3


def test_what_is_read_more_easily_has_the_larger_area():
    areas = []
    for noise in (0.3, 1.2):
        X, codes = readable(1200, 4, noise=noise)
        subsets = NestedSubsets.of(sentences_of(1000), fractions=(0.05, 0.2, 1.0), seeds=(0, 1))
        scores = [
            LogisticRegression().fit(X[:1000], codes[:1000], sample_weight=w).score(X[1000:], codes[1000:])
            for w in subsets.weights
        ]
        curve = learning_curve(subsets, scores)
        assert curve.table["accuracy"][0] <= curve.table["accuracy"][2] + 0.02
        areas.append(curve.area)
    assert areas[0] > areas[1] + 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NestedSubsets.of(np.arange(3), fractions=(0.5, 0.1)), "increase"),
        (lambda: NestedSubsets.of(np.arange(3), fractions=(0.5, 1.1)), "within"),
        (lambda: NestedSubsets.of(np.arange(3), seeds=()), "Got 3 and 0"),
        (lambda: learning_curve(NestedSubsets.of(np.arange(3), fractions=(1.0,)), []), "1 accuracies"),
    ],
)
def test_what_makes_no_curve_is_said(make, message):
    with pytest.raises(OptionError, match=message):
        make()
