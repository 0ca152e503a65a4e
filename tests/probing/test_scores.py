import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, precision_recall_fscore_support, r2_score

from isogloss.errors import OptionError
from isogloss.numerics import poisson_weights
from isogloss.probing import (
    accuracy,
    label_scores,
    majority_predictions,
    per_type_predictions,
    regression_scores,
    resampled_mean,
    selectivity,
)


def guesses(n=600, k=5, m=3, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(k, n, p=np.arange(k, 0, -1) / (k * (k + 1) / 2))
    wrong = rng.random((m, n)) < np.linspace(0.1, 0.5, m)[:, None]
    return y, np.where(wrong, rng.integers(-1, k, (m, n)), y), rng.integers(0, n // 8, n)


def repeated(y, predictions, sentences, draw):
    """The words of a resample, each as often as its sentence was drawn."""
    times = draw[np.unique(sentences, return_inverse=True)[1]].astype(int)
    return np.repeat(y, times), np.repeat(predictions, times, axis=-1)


@given(st.integers(0, 10_000), st.integers(2, 7))
@settings(max_examples=15)
def test_scores_and_each_resample_are_scikit_learns(seed, k):
    y, predictions, sentences = guesses(200, k, 2, seed)
    scores = label_scores(y, predictions, sentences, k + 1, n_boot=3, seed=seed)
    right = accuracy(y, predictions, sentences, n_boot=3, seed=seed)
    (_, draws), *_ = poisson_weights(len(np.unique(sentences)), 3, seed)
    cases = [(y, predictions, scores.precision.value, scores.recall.value, scores.f1.value, scores.macro_f1.value)]
    cases[0] += (right.value,)
    for b, draw in enumerate(draws):
        parts = (scores.precision, scores.recall, scores.f1, scores.macro_f1, right)
        cases.append((*repeated(y, predictions, sentences, draw), *(p.replicates[b] for p in parts)))
    for truth, guessed, precision, recall, f1, macro, share in cases:
        for i in range(2):
            labels = np.arange(k + 1)
            p, r, f, s = precision_recall_fscore_support(truth, guessed[i], labels=labels, zero_division=np.nan)
            assert np.allclose(precision[i], p, equal_nan=True)
            assert np.allclose(recall[i], r, equal_nan=True)
            assert np.allclose(f1[i], f, equal_nan=True)
            assert macro[i] == pytest.approx(f[s > 0].mean())
            assert share[i] == pytest.approx(accuracy_score(truth, guessed[i]))
    assert scores.support.tolist() == np.bincount(y, minlength=k + 1).tolist()


def test_intervals_hold_the_truth_and_widen_when_sentences_are_alike():
    rng = np.random.default_rng(0)
    hits = lone = 0
    for trial in range(60):
        sentences = np.repeat(np.arange(80), 5)
        correct = np.repeat(rng.random(80) < 0.7, 5)
        a = resampled_mean(correct, sentences, n_boot=200, seed=trial).estimate()
        b = resampled_mean(correct, np.arange(400), n_boot=200, seed=trial).estimate()
        hits += a.low <= 0.7 <= a.high
        lone += b.low <= 0.7 <= b.high
    assert hits >= 52
    assert lone < 48


def test_a_model_and_itself_differ_by_exactly_nothing():
    y, predictions, sentences = guesses()
    both = np.stack([predictions[0], predictions[0]])
    right = accuracy(y, both, sentences)
    change = (right[1] - right[0]).estimate()
    assert (change.value, change.low, change.high) == (0.0, 0.0, 0.0)
    scores = label_scores(y, both, sentences, 5)
    assert not (scores.f1[1] - scores.f1[0]).high.any()
    assert (scores.macro_f1[1] - scores.macro_f1[0]).estimate().low == 0.0


@pytest.mark.parametrize("models", [2, 3, 7])
def test_equal_predictions_of_numbers_have_equal_scores_to_the_last_bit(models):
    rng = np.random.default_rng(models)
    y, sentences = rng.normal(size=900), np.repeat(np.arange(90), 10)
    guessed = np.stack([y + rng.normal(size=900)] * models)
    scores = regression_scores(y, guessed, sentences)
    for found in (scores.r2, scores.pearson, scores.spearman):
        assert (found.value == found.value[0]).all()
        assert (found.replicates == found.replicates[:, :1]).all()


def test_no_predictions_have_no_scores():
    scores = regression_scores(np.arange(4.0), np.empty((2, 0, 4)), np.arange(4), n_boot=5)
    assert scores.r2.value.shape == scores.spearman.value.shape == (2, 0)
    assert scores.pearson.replicates.shape == (5, 2, 0)


def test_a_paired_difference_is_surer_than_two_intervals():
    y, predictions, sentences = guesses(2000, m=1)
    other = predictions[0].copy()
    other[::50] = -1
    right = accuracy(y, np.stack([predictions[0], other]), sentences)
    change = (right[0] - right[1]).estimate()
    alone = right[0].estimate()
    assert change.low > 0
    assert change.high - change.low < (alone.high - alone.low) / 2


def test_selectivity_is_paired_with_the_mean_of_the_control_tasks():
    y, predictions, sentences = guesses(m=2)
    controls = np.random.default_rng(1).integers(0, 5, (3, 600))
    guessed = np.broadcast_to(controls[:, None], (3, 2, 600)).copy()
    guessed[:, 1, ::3] = -1
    control = accuracy(controls[:, None], guessed, sentences)
    real = accuracy(y, predictions, sentences)
    gap = selectivity(real, control)
    assert control.value.shape == (3, 2)
    assert np.allclose(gap.value, real.value - control.value.mean(axis=0))
    assert np.allclose(gap.replicates, real.replicates - control.replicates.mean(axis=1))
    # A control task is no different from itself: the whole of the interval is gone.
    assert selectivity(control[0], control[:1]).high.tolist() == [0.0, 0.0]


def test_differences_broadcast_like_their_values():
    y, predictions, sentences = guesses(m=3)
    right = accuracy(y, predictions, sentences, n_boot=20)
    against = right - right[0]
    assert against.value[0] == 0
    assert not against.replicates[:, 0].any()
    assert np.allclose(against.replicates[:, 2], right.replicates[:, 2] - right.replicates[:, 0])


def test_order_of_words_and_names_of_sentences_do_not_matter():
    y, predictions, sentences = guesses()
    order = np.random.default_rng(2).permutation(len(y))
    first = accuracy(y, predictions, sentences)
    second = accuracy(y[order], predictions[:, order], np.array([f"s{s:05d}" for s in sentences[order]]))
    assert np.allclose(first.low, second.low)
    assert np.allclose(first.high, second.high)


def test_without_resamples_there_is_no_interval():
    y, predictions, sentences = guesses()
    alone = accuracy(y, predictions[0], sentences, n_boot=0).estimate()
    assert 0 < alone.value < 1
    assert np.isnan([alone.low, alone.high]).all()
    assert np.isnan(label_scores(y, predictions, sentences, 5, n_boot=0).macro_f1.low).all()


def test_the_spelling_decides_where_words_decide():
    words = np.array(["a", "cat", "a", "dog", "cat", "run", "run", "run", "a", "new"])
    y = np.array([0, 1, 0, 1, 1, 2, 1, 2, 0, 2])
    train, rows = np.arange(8), np.array([8, 1, 3, 5, 9])
    per_type = per_type_predictions(words, y, train, rows)
    assert per_type.predictions.tolist() == [0, 1, 1, 2, 1]
    assert per_type.seen.tolist() == [True, True, True, True, False]
    assert majority_predictions(y[train], 3).tolist() == [1, 1, 1]
    several = per_type_predictions(words, np.stack([y, y[::-1]]), train, rows)
    assert several.predictions[0].tolist() == per_type.predictions.tolist()
    assert several.predictions.shape == (2, 5)
    assert majority_predictions(np.stack([y, 0 * y]), 2).tolist() == [[1, 1], [0, 0]]


def test_of_equally_common_labels_the_first_is_taken_and_unlabelled_words_teach_nothing():
    y = np.array([2, 1, -1, -1, -1, 0, 0])
    per_type = per_type_predictions(["x", "x", "x", "z", "z", "q", "q"], y, np.arange(7), np.array([0, 3]))
    assert per_type.predictions.tolist() == [1, 0]
    assert per_type.seen.tolist() == [True, False]
    assert majority_predictions(np.array([1, 0, -1, -1]), 1).tolist() == [0]


def test_regression_scores_and_each_resample_are_scipys():
    rng = np.random.default_rng(0)
    y = 1e4 + rng.standard_normal(300)
    guessed = np.stack([y + 0.5 * rng.standard_normal(300), 3 * y, np.full(300, 1e4)])
    sentences = np.arange(300) // 2
    scores = regression_scores(y, guessed, sentences, n_boot=2, seed=5)
    (_, draws), *_ = poisson_weights(150, 2, 5)
    for truth, guess, r2, r in [
        (y, guessed, scores.r2.value, scores.pearson.value),
        *((*repeated(y, guessed, sentences, d), scores.r2.replicates[b], scores.pearson.replicates[b])
          for b, d in enumerate(draws)),
    ]:  # fmt: skip
        assert np.allclose(r2, [r2_score(truth, g) for g in guess], rtol=1e-6)
        assert np.allclose(r[:2], [pearsonr(truth, g)[0] for g in guess[:2]])
        assert np.isnan(r[2])
    assert np.allclose(scores.spearman.value[:2], [spearmanr(y, g)[0] for g in guessed[:2]])
    assert np.isnan(scores.spearman.value[2])
    assert scores.pearson.estimate(1).low == pytest.approx(1.0)


def test_a_truth_that_does_not_vary_has_no_scores():
    scores = regression_scores(np.ones(4), np.arange(4.0), np.arange(4))
    assert np.isnan([scores.r2.value, scores.pearson.value, scores.spearman.value]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: accuracy(np.zeros(3), np.zeros(3), np.zeros(2)), "2 words"),
        (lambda: accuracy(np.zeros(0), np.zeros(0), np.zeros(0)), "no words"),
        (lambda: label_scores(np.array([0, 3]), np.zeros(2, int), np.zeros(2), 3), "Got 3 in row 1"),
        (lambda: label_scores(np.array([0]), np.zeros(2, int), np.zeros(2), 3), "Got 1 and 2"),
        (
            lambda: accuracy(np.zeros(2), np.zeros(2), np.arange(2)) - accuracy(np.zeros(3), np.zeros(3), np.arange(3)),
            "resampled alike",
        ),
        (lambda: accuracy(np.zeros(2), np.zeros((2, 2)), np.arange(2)).estimate(), "index"),
        (lambda: majority_predictions(np.array([-1]), 2), "none of 1"),
        (lambda: regression_scores(np.zeros(2), np.array([0, np.nan]), np.arange(2)), "finite"),
        (lambda: regression_scores(np.zeros(2), np.zeros(3), np.arange(2)), "same rows"),
    ],
)
def test_what_cannot_be_scored_is_said(make, message):
    with pytest.raises(OptionError, match=message):
        make()
