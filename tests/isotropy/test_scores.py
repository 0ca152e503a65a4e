import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from isogloss.analysis import ArrayVectors
from isogloss.analysis.splits import probe_rows
from isogloss.errors import OptionError
from isogloss.isotropy.directions import Directions
from isogloss.isotropy.head_score import HeadScore
from isogloss.isotropy.probe_score import ProbeScore
from isogloss.isotropy.removal import NOTHING
from isogloss.isotropy.score_resamples import ScoreResamples, spearman
from isogloss.isotropy.scores import SimilarityScore
from isogloss.numerics import poisson_sums
from tests.isotropy.spaces import judged_pairs, labelled_words
from tests.probing.toys import reading_task

seeds = st.integers(0, 10_000)


@given(seeds, st.integers(2, 12))
@settings(max_examples=15)
def test_each_replicate_of_spearman_is_that_of_its_resample(seed, levels):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, levels, 40).astype(float), rng.standard_normal(40)
    y[:20] += x[:20]
    y[30:] = y[29]
    resamples = ScoreResamples(40, 8, seed)
    found = spearman(x, y, resamples)
    assert found.value == pytest.approx(spearmanr(x, y).statistic)
    for weights, replicate in zip(resamples.weights, found.replicates, strict=True):
        drawn = np.repeat(np.arange(40), weights)
        assert replicate == pytest.approx(spearmanr(x[drawn], y[drawn]).statistic)


def test_spearman_without_an_order_is_not_a_number():
    assert np.isnan(spearman(np.ones(5), np.arange(5.0), ScoreResamples(5, 0, 0)).value)


def test_resamples_are_those_of_every_other_measure_over_the_same_sentences():
    rng = np.random.default_rng(0)
    values, groups = rng.random((50, 2)), np.sort(rng.integers(0, 12, 50))
    sums = np.stack([np.bincount(groups, c, 12) for c in (*values.T, np.ones(50))], axis=1)
    totals = poisson_sums(sums, 30, seed=4)
    for column, found in enumerate(ScoreResamples(12, 30, 4).means(values, groups)):
        assert found.value == pytest.approx(values[:, column].mean())
        np.testing.assert_allclose(found.replicates, totals[:, column] / totals[:, 2])


def test_a_few_sentences_have_no_interval():
    assert not len(ScoreResamples(9, 30, 4).weights)
    assert len(ScoreResamples(10, 30, 4).weights) == 30


def test_one_sentence_has_no_interval():
    (found,) = ScoreResamples(1, 100, 0).means(np.ones((4, 1)), np.zeros(4, dtype=int))
    assert np.isnan(found.interval()).all()


@given(seeds, st.floats(0.01, 1000))
@settings(max_examples=5)
def test_similarity_does_not_see_rotation_or_scale(seed, scale):
    pairs = judged_pairs("bottom", n_pairs=60)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((16, 16)))[0]
    one, other = (
        SimilarityScore(ArrayVectors(X), pairs.pairs, pairs.parts, pairs.labels, n_boot=5).untouched
        for X in (pairs.X, (scale * pairs.X @ turn).astype(np.float32))
    )
    assert other.value == pytest.approx(one.value, abs=1e-3)
    np.testing.assert_allclose(other.replicates, one.replicates, atol=5e-3)


def test_pairs_without_label_or_words_are_left_out_and_counted():
    pairs = judged_pairs("top", n_pairs=40)
    labels = pairs.labels.copy()
    labels[:3] = np.nan
    silent = np.where((pairs.pairs == 5) & (pairs.parts == 1), -1, pairs.pairs)
    score = SimilarityScore(ArrayVectors(pairs.X), silent, pairs.parts, labels, n_boot=0)
    assert score.n == 36
    assert score.notes == ("3 pairs without a label left out", "1 pairs with a text without words left out")
    kept = pairs.pairs >= 6
    rest = SimilarityScore(ArrayVectors(pairs.X[kept]), pairs.pairs[kept], pairs.parts[kept], labels, n_boot=0)
    assert rest.n == 34
    assert rest.notes == ()


def test_similarity_of_a_corpus_is_that_of_its_arrays():
    pairs = judged_pairs("top", n_pairs=40)
    keep = pairs.pairs >= 0
    names = 100 + 3 * np.arange(40)
    words = pl.DataFrame({"sentence": names[pairs.pairs[keep]], "part": pairs.parts[keep]})
    sentences = pl.DataFrame({"sentence": names, "score": pairs.labels})
    judged = np.arange(40) < 25
    found = SimilarityScore.of(ArrayVectors(pairs.X[keep]), words, sentences, "score", judged=judged, n_boot=20)
    part = pairs.pairs < 25
    arrays = [a[part] for a in (pairs.X, pairs.pairs, pairs.parts)]
    expected = SimilarityScore(ArrayVectors(arrays[0]), *arrays[1:], pairs.labels[:25], n_boot=20)
    assert found.n == 25
    np.testing.assert_array_equal(found.untouched.replicates, expected.untouched.replicates)
    with pytest.raises(OptionError, match="column 'stars'"):
        SimilarityScore.of(ArrayVectors(pairs.X[keep]), words, sentences, "stars")
    told = sentences.with_columns(score=pl.lit("much"))
    with pytest.raises(OptionError, match="numeric label"):
        SimilarityScore.of(ArrayVectors(pairs.X[keep]), words, told, "score")


def test_pairs_that_have_no_order_are_refused():
    pairs = judged_pairs("top", n_pairs=40)
    X = ArrayVectors(pairs.X)
    for of, labels, message in [
        (pairs.pairs, np.full(40, 2.5), "all 40 pairs have the label 2.5"),
        (pairs.pairs, np.full(40, np.nan), "at least three"),
        (pairs.pairs + 1, pairs.labels, "40 labels. Got 40"),
        (pairs.pairs[:-1], pairs.labels, "one per word"),
    ]:
        with pytest.raises(OptionError, match=message):
            SimilarityScore(X, of, pairs.parts[: len(of)], labels)


def test_a_probe_trains_on_the_rows_of_the_split_and_says_what_chance_is():
    X, rows = labelled_words("top")
    score = ProbeScore(ArrayVectors(X), rows, n_boot=20)
    commonest = np.bincount(rows.codes[rows.train]).argmax()
    assert score.floor == (rows.codes[rows.test] == commonest).mean()
    assert score.untouched.value > 0.97
    # Test labels that say nothing leave chance: the probe did not train on them.
    shuffled = rows.codes.copy()
    shuffled[rows.test] = np.random.default_rng(0).permutation(shuffled[rows.test])
    blind = ProbeScore(ArrayVectors(X), type(rows)(**{**vars(rows), "codes": shuffled}), n_boot=20)
    assert blind.untouched.value < 0.45


def test_few_training_rows_are_a_seeded_draw():
    X, rows = labelled_words("top")
    noisy = X + np.random.default_rng(1).standard_normal(X.shape).astype(np.float32) * 5
    found = [
        ProbeScore(ArrayVectors(noisy), rows, max_train=40, seed=seed, n_boot=0).untouched.value
        for seed in (0, 0, 1, 2)
    ]
    assert found[0] == found[1]
    assert len(set(found)) > 1
    assert max(found) < ProbeScore(ArrayVectors(noisy), rows, n_boot=0).untouched.value


def test_dev_chooses_the_penalty_and_without_dev_the_middle_one_is_taken():
    X, rows = labelled_words("top")
    directions = Directions.of(X, rows.train)
    score = ProbeScore(ArrayVectors(X), rows, l2=[1e3, 1e-2], n_boot=0)
    score.without(directions, [NOTHING])
    assert score.chosen == 1e-2
    alone = ProbeScore(ArrayVectors(X), type(rows)(**{**vars(rows), "dev": np.array([], dtype=int)}), n_boot=0)
    alone.without(directions, [NOTHING])
    assert alone.chosen == 1e-2


def test_labels_that_a_probe_cannot_tell_are_refused():
    X, rows = labelled_words("top", n=100)
    frames = pl.DataFrame({"sentence": np.arange(100), "x": np.arange(100.0)})
    numeric, _ = probe_rows(frames, frames.select("sentence", text=pl.col("sentence").cast(pl.String)), "x")
    for changed, options, message in [
        (numeric, {}, "'x' is numeric"),
        (rows, {"mode": "melted"}, "'melted'"),
        (rows, {"l2": []}, "Got none"),
        (rows, {"max_train": 1}, "of one class"),
    ]:
        with pytest.raises(OptionError, match=message):
            ProbeScore(ArrayVectors(X), changed, **options)


def test_the_untouched_classifier_is_asked_once_and_unedited():
    classify, texts, gold = reading_task([3])
    names = [classify.classes[i] for i in gold]
    score = HeadScore(classify, 1, texts, names, n_boot=10)
    assert score.floor == max(gold.mean(), 1 - gold.mean())
    asked = classify.asked
    (found,) = score.without(Directions.of(np.random.default_rng(0).standard_normal((90, 40))), [NOTHING])
    # Once to see the tokens' means, once to classify.
    assert classify.asked == asked + 2
    assert found.value == 1
    with pytest.raises(OptionError, match="'maybe'"):
        HeadScore(classify, 1, texts, ["maybe", *names[1:]])
    with pytest.raises(OptionError, match="one class per sentence"):
        HeadScore(classify, 1, texts, names[1:])
