from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis.interventions import (
    NEAREST,
    TokenMeans,
    ablate_neurons,
    matched_neurons,
    remove_directions,
    restricted,
    translate,
)
from isogloss.errors import OptionError
from isogloss.probing.task_use import TaskSentences, task_use
from tests.probing.toys import reading_task

INFO = SimpleNamespace(special=np.array([True, False, False, True]), ids=np.array([1, 7, 8, 2]))


@pytest.fixture
def vectors():
    return np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)


def test_zero_ablation_changes_the_chosen_neurons_only(vectors):
    after = ablate_neurons([1, 4])(vectors.copy(), INFO)
    assert not after[:, [1, 4]].any()
    np.testing.assert_array_equal(after[:, [0, 2, 3, 5]], vectors[:, [0, 2, 3, 5]])


def test_means_are_those_of_tokens_of_the_same_kind(vectors):
    means = TokenMeans.of(lambda texts, text_b=None, edit=None: edit[1](vectors, INFO), ["one"], None, 3)
    after = ablate_neurons([0, 5], means)(vectors.copy(), INFO)
    words = vectors[1:3, [0, 5]].mean(axis=0)
    np.testing.assert_allclose(after[:, [0, 5]], [vectors[0, [0, 5]], words, words, vectors[3, [0, 5]]], rtol=1e-6)


def test_removed_directions_are_gone_and_nothing_else(vectors):
    rng = np.random.default_rng(1)
    one, other = rng.standard_normal((2, 6))
    after = remove_directions(np.stack([one, other, one + other]))(vectors.copy(), INFO)
    np.testing.assert_allclose(after @ np.stack([one, other]).T, 0, atol=1e-5)
    kept = np.linalg.svd(np.stack([one, other]))[2][2:]
    np.testing.assert_allclose(after @ kept.T, vectors @ kept.T, atol=1e-5)


def test_directions_are_removed_about_the_means_where_asked(vectors):
    means = TokenMeans({None: np.full(6, 4.0), 1: np.zeros(6), 2: np.zeros(6)}, {None: 2, 1: 1, 2: 1})
    after = remove_directions(np.eye(6)[[0]], means)(vectors.copy(), INFO)
    np.testing.assert_allclose(after[:, 0], [0, 2, 2, 0], atol=1e-6)


def test_translation_moves_the_named_neurons_by_alpha_times_the_shift(vectors):
    moved = translate(np.arange(6.0), alpha=2, neurons=[3])(vectors.copy(), INFO)
    np.testing.assert_allclose(moved - vectors, np.eye(6)[3] * 6 + np.zeros((4, 1)), atol=1e-6)


@pytest.mark.parametrize(("tokens", "rows"), [("all", [0, 1, 2, 3]), ("text", [1, 2]), ("special", [0, 3])])
def test_a_change_can_be_kept_to_some_tokens(vectors, tokens, rows):
    after = restricted(ablate_neurons(range(6)), tokens)(vectors.copy(), INFO)
    assert np.flatnonzero(~after.any(axis=1)).tolist() == rows


def test_an_unknown_kind_of_tokens_is_refused():
    with pytest.raises(OptionError, match="all, text or special"):
        restricted(ablate_neurons([0]), "words")


@given(seed=st.integers(0, 2**16), n=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_matches_are_other_neurons_of_nearly_the_same_spread(seed, n):
    spread = np.random.default_rng(seed).lognormal(size=80)
    chosen = np.random.default_rng(seed + 1).choice(80, n, replace=False)
    matched = matched_neurons(chosen, spread, seed)
    assert len(set(matched)) == n
    assert not set(matched) & set(chosen)
    if n == 1:
        others = np.setdiff1d(np.arange(80), chosen)
        nearest = others[np.argsort(np.abs(spread[others] - spread[chosen]))[:NEAREST]]
        assert matched[0] in nearest


def test_more_than_half_of_the_neurons_cannot_be_matched():
    with pytest.raises(OptionError, match="6 of 10 neurons"):
        matched_neurons(range(6), np.ones(10), 0)


def test_taking_out_what_the_task_reads_costs_more_than_matched_neurons():
    reads = [3, 8, 21]
    classify, texts, gold = reading_task(reads)
    sentences = TaskSentences.of(classify, texts, gold)
    sets = {"read": np.array(reads), "idle": np.array([5, 6, 7]), "none": np.array([], dtype=int)}
    found = task_use(classify, sentences, 1, sets, np.ones(40), replacement="zero", n_random=3)
    assert found["read"].accuracy == 1
    # Without what it reads the toy has no opinion, and the first class wins.
    assert found["read"].loss == pytest.approx((gold == 1).mean())
    assert found["read"].difference_interval[0] > 0.3
    assert found["read"].shift == pytest.approx(sentences.sure().mean() - 0.5)
    for name in ("idle", "none"):
        assert found[name].loss == 0
        assert found[name].loss_interval == (0, 0)
    assert found["none"].difference == 0
    # A random match of idle neurons may be one that is read, so idle ones can only come out better than their match.
    assert found["idle"].difference == pytest.approx(-found["idle"].random.mean())


def test_interval_and_difference_are_those_of_plain_resampling():
    classify, texts, gold = reading_task([3, 8], seed=3)
    gold = np.where(np.arange(len(gold)) % 5 == 0, 1 - gold, gold)
    sentences = TaskSentences.of(classify, texts, gold)
    found = task_use(classify, sentences, 1, {"half": np.array([3])}, np.ones(40), n_random=4, n_boot=4000)["half"]
    assert found.accuracy == pytest.approx(0.8)
    means = TokenMeans.of(classify, texts, None, 1)
    lost = sentences.right().astype(float) - sentences.right(classify(texts, edit=(1, ablate_neurons([3], means))))
    assert found.loss == pytest.approx(lost.mean())
    half_width = 1.96 * lost.std() / np.sqrt(len(lost))
    assert found.loss_interval == pytest.approx((lost.mean() - half_width, lost.mean() + half_width), abs=0.012)
    assert found.difference == pytest.approx(found.loss - found.random.mean())
