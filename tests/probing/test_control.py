import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from isogloss.errors import OptionError
from isogloss.probing import ControlTask, accuracy, control_codes, control_labels, selectivity
from tests.probing.planted import sentences_of, zipfian_words

GOLDEN = [[919, 258, 511, 603], [413, 385, 494, 86]]
WORDS = ["the", "cat", "The", "cat", "naïve", "the"]
LABELS = ["DET", "NOUN", "DET", None, "ADJ", ""]


def test_a_type_has_one_label_and_case_makes_another_type():
    labels = control_labels(WORDS, LABELS, range(64))
    assert labels.shape == (64, 6)
    assert (labels[:, 0] == labels[:, 5]).all()
    assert (labels[:, 1] == labels[:, 3]).all()
    assert (labels[:, 0] != labels[:, 2]).any()
    assert set(labels.ravel()) == {"DET", "NOUN", "ADJ"}


@given(st.permutations(range(6)), st.integers(-(2**70), 2**70))
@settings(max_examples=20)
def test_labels_depend_on_type_and_seed_only(order, seed):
    task = ControlTask(random_state=seed).fit(WORDS, LABELS)
    whole = task.transform(WORDS)
    assert task.transform([WORDS[i] for i in order]).tolist() == [whole[i] for i in order]
    assert task.transform(["unheard", "cat"])[1] == whole[1]
    assert (control_labels(WORDS, LABELS, [3, seed])[1] == whole).all()
    refitted = clone(task).fit([WORDS[i] for i in order], [LABELS[i] for i in order])
    assert (refitted.transform(WORDS) == whole).all()


def test_labels_are_these_on_every_machine():
    assert control_codes(["the", "cat", "naïve", "Ж"], np.ones(1000), [0, -1]).tolist() == GOLDEN


def test_types_are_distributed_as_the_tokens_labels_are():
    types = [f"t{i}" for i in range(20_000)]
    y = ["a"] * 70 + ["b"] * 20 + ["c"] * 10
    for distribution, expected in (("empirical", [0.7, 0.2, 0.1]), ("uniform", [1 / 3] * 3)):
        drawn = control_labels(types, y, [0, 1], distribution=distribution)
        shares = np.array([[(row == c).mean() for c in "abc"] for row in drawn])
        # Five standard errors of a share among 20,000.
        assert np.abs(shares - expected).max() < 5 * 0.5 / np.sqrt(20_000)
        agreement = (drawn[0] == drawn[1]).mean()
        assert agreement == pytest.approx(np.square(expected).sum(), abs=0.02)


def test_a_class_of_no_weight_is_never_drawn():
    codes = control_codes([f"t{i}" for i in range(500)], np.array([0.0, 1.0, 0.0, 1.0, 0.0]), range(3))
    assert set(codes.ravel()) == {1, 3}


def test_number_labels_stay_numbers():
    assert control_labels(["a", "b"], np.array([5, 9]), [0]).dtype.kind == "i"
    floats = control_labels(["a", "b", "c"], np.array([0.5, np.nan, 2.0]), range(20))
    assert set(floats.ravel()) == {0.5, 2.0}


def test_a_corpus_of_150_000_words_takes_well_under_a_second():
    words = pl.Series(zipfian_words(150_000, 20_000))
    y = pl.Series([["A", "B", "C"][i % 3] for i in range(150_000)])
    start = time.process_time()
    control_labels(words, y, range(5))
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: control_labels(["a"], [None], [0]), "at least one word"),
        (lambda: control_labels(["a", None], ["x", "y"], [0]), "Got none in row 1"),
        (lambda: control_labels(["a"], ["x"], [0], distribution="flat"), "empirical, uniform"),
        (lambda: control_labels(["a", "b"], ["x", 3], [0]), "all strings or all numbers"),
        (lambda: ControlTask().fit(["a"], ["x", "y"]), "Got 1 and 2"),
        (lambda: control_codes(["a"], np.array([0.0, -1.0]), [0]), "weights"),
    ],
)
def test_what_cannot_be_drawn_is_said(make, message):
    with pytest.raises(OptionError, match=message):
        make()


def test_selectivity_of_vectors_that_only_name_the_type_is_zero():
    # Every type has a random vector and a random true label: the probe can but memorise, for both tasks alike.
    rng = np.random.default_rng(0)
    words = zipfian_words(4000, 40, seed=1)
    names, types = np.unique(words, return_inverse=True)
    X = rng.standard_normal((len(names), 60))[types] + 0.05 * rng.standard_normal((4000, 60))
    y = rng.integers(0, 4, len(names))[types]
    controls = control_codes(words, np.bincount(y), range(3))
    sentences = sentences_of(4000)
    train, test = slice(0, 3000), slice(3000, 4000)
    predictions = np.stack(
        [LogisticRegression(C=100, max_iter=500).fit(X[train], t[train]).predict(X[test]) for t in (y, *controls)]
    )
    real = accuracy(y[test], predictions[0], sentences[test])
    control = accuracy(controls[:, test], predictions[1:], sentences[test])
    gap = selectivity(real, control).estimate()
    assert float(real.value) > 0.95
    assert abs(gap.value) < 0.03
    assert gap.low - 0.01 <= 0 <= gap.high + 0.01


def test_selectivity_of_vectors_that_know_the_class_only_is_large():
    words = zipfian_words(3000, 300, seed=2)
    _, types = np.unique(words, return_inverse=True)
    y = types % 3
    X = np.eye(3)[y] + 0.1 * np.random.default_rng(3).standard_normal((3000, 3))
    controls = control_codes(words, np.bincount(y), range(2))
    predictions = np.stack([LogisticRegression().fit(X, t).predict(X) for t in (y, *controls)])
    sentences = sentences_of(3000)
    gap = selectivity(accuracy(y, predictions[0], sentences), accuracy(controls, predictions[1:], sentences)).estimate()
    assert gap.low > 0.3
