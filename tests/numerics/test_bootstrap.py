import numpy as np
import pytest

from isogloss.numerics import (
    group_sums,
    linearised_interval,
    percentile_interval,
    poisson_sums,
    poisson_weights,
    ratio_intervals,
    split_floor,
    split_halves,
)


def test_group_sums_add_rows_of_a_group():
    values = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert group_sums(values, np.array([1, 0, 1]), 3).tolist() == [[2, 20], [4, 40], [0, 0]]
    assert group_sums(values[:, 0], np.array([1, 0, 1]), 3).tolist() == [2, 4, 0]


def test_resampling_does_not_depend_on_how_it_is_cut_into_blocks(monkeypatch):
    sums = np.random.default_rng(0).normal(size=(50, 2))
    whole = poisson_sums(sums, 200, seed=1)
    monkeypatch.setattr("isogloss.numerics.bootstrap._ENTRIES", 120)
    np.testing.assert_allclose(poisson_sums(sums, 200, seed=1), whole, rtol=1e-12, atol=1e-12)


def test_interval_of_a_mean_has_the_width_that_theory_gives():
    rng = np.random.default_rng(0)
    values = rng.normal(3.0, 2.0, size=(400, 1))
    mean, low, high = ratio_intervals(values, np.ones((400, 1)), 4000, seed=0)
    assert mean[0] == pytest.approx(values.mean())
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.08)


def test_words_of_one_sentence_widen_the_interval():
    rng = np.random.default_rng(1)
    of_sentence = rng.normal(size=100)
    by_sentence = ratio_intervals(10 * of_sentence[:, None], np.full((100, 1), 10.0), 2000, seed=0)
    by_word = ratio_intervals(np.repeat(of_sentence, 10)[:, None], np.ones((1000, 1)), 2000, seed=0)
    widths = [float(high[0] - low[0]) for _, low, high in (by_sentence, by_word)]
    assert widths[0] == pytest.approx(widths[1] * np.sqrt(10), rel=0.15)


def test_equal_values_give_an_interval_without_width():
    counts = np.array([[3.0], [1.0], [7.0]])
    mean, low, high = ratio_intervals(counts, counts, 500, seed=0)
    assert mean[0] == low[0] == high[0] == 1.0


def test_empty_resamples_are_left_out_and_an_empty_column_is_nan():
    low, high = percentile_interval(np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]]))
    assert 1 <= low[0] <= high[0] <= 3
    assert np.isnan(low[1])
    assert np.isnan(high[1])


def test_linearised_interval_of_a_mean_is_that_of_the_mean():
    values = np.random.default_rng(2).normal(0.5, 0.1, size=300)
    influence = (values - values.mean()) / 300
    low, high = linearised_interval(float(values.mean()), influence, 4000, seed=0)
    se = values.std() / np.sqrt(300)
    assert low == pytest.approx(values.mean() - 1.96 * se, abs=0.15 * se)
    assert high == pytest.approx(values.mean() + 1.96 * se, abs=0.15 * se)


def test_fisher_interval_stays_within_one():
    influence = np.random.default_rng(0).normal(size=50) * 0.002
    low, high = linearised_interval(0.99, influence, 1000, 0, fisher=True)
    assert 0.8 < low < 0.99 < high < 1
    assert linearised_interval(0.99, influence, 1000, 0)[1] > 1


def test_no_influence_gives_no_width():
    assert linearised_interval(1.0, np.zeros(10), 100, 0, fisher=True) == (1.0, 1.0)
    assert linearised_interval(0.3, np.zeros(10), 100, 0) == (0.3, 0.3)
    assert split_floor(np.zeros(10), 100, 0) == 0.0


@pytest.mark.parametrize("n", [2, 7, 100])
def test_halves_are_disjoint_equal_and_seeded(n):
    half = split_halves(n, seed=3)
    assert half.sum() == (n + 1) // 2
    assert np.array_equal(half, split_halves(n, seed=3))
    assert n < 20 or not np.array_equal(half, split_halves(n, seed=4))


def test_floor_is_what_real_halves_of_a_mean_disagree():
    values = np.random.default_rng(5).normal(size=200)
    influence = (values - values.mean()) / 200
    real = []
    for seed in range(1500):
        half = split_halves(200, seed)
        real.append(abs(values[half].mean() - values[~half].mean()) / 2)
    assert split_floor(influence, 4000, seed=0) == pytest.approx(np.quantile(real, 0.95), rel=0.08)


def test_weights_of_resamples_come_in_blocks_and_give_the_sums(monkeypatch):
    sums = np.random.default_rng(0).standard_normal((50, 3))
    whole = poisson_sums(sums, 40, seed=3)
    monkeypatch.setattr("isogloss.numerics.bootstrap._ENTRIES", 50 * 7)
    blocks = list(poisson_weights(50, 40, seed=3))
    assert [start for start, _ in blocks] == [0, 7, 14, 21, 28, 35]
    weights = np.concatenate([w for _, w in blocks])
    assert np.allclose(weights @ sums, whole)
    assert abs(weights.mean() - 1) < 0.1
