import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import OptionError
from isogloss.isotropy.cosine import mean_cosine, rogue_dimensions
from isogloss.isotropy.informativity import informativity


def words(seed=0, n=120, d=7):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + np.array([2.0, -1.0, 0.5] + [0.0] * (d - 3))


def all_pairs(X):
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    return (unit @ unit.T)[np.triu_indices(len(X), 1)]


@pytest.mark.parametrize("n", [2, 3, 120])
def test_the_mean_is_that_of_every_pair(n):
    X = words(n=n)
    assert mean_cosine(X) == pytest.approx(all_pairs(X).mean(), abs=1e-12)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_turning_and_scaling_words_change_nothing(seed):
    X, rng = words(seed, n=30), np.random.default_rng(seed + 1)
    turned = rng.uniform(0.01, 100, (30, 1)) * (X @ np.linalg.qr(rng.normal(size=(7, 7)))[0])
    assert mean_cosine(turned) == pytest.approx(mean_cosine(X), abs=1e-12)


def test_sampled_pairs_come_near_are_seeded_and_never_pair_a_word_with_itself():
    X = words(n=3000)
    assert mean_cosine(X, pairs=5000) == pytest.approx(mean_cosine(X), abs=0.03)
    assert mean_cosine(X, pairs=50, seed=1) == mean_cosine(X, pairs=50, seed=1)
    assert mean_cosine(X, pairs=50, seed=1) != mean_cosine(X, pairs=50, seed=2)
    assert mean_cosine(np.eye(2), pairs=200) == 0


def test_zero_vectors_are_left_out_and_said():
    X = words(n=50)
    holed = np.insert(X, [3, 20], 0.0, axis=0)
    with pytest.warns(UserWarning, match="2 zero vectors"):
        assert mean_cosine(holed) == pytest.approx(mean_cosine(X), abs=1e-12)
    with pytest.warns(UserWarning, match="zero vector"):
        mean_cosine(holed, pairs=2000)
    with pytest.warns(UserWarning, match="zero"), pytest.raises(OptionError, match="Got 1"):
        mean_cosine(np.array([[0.0, 0], [1, 1]]))


@pytest.mark.parametrize(
    "measure", [mean_cosine, lambda X: mean_cosine(X, pairs=500), lambda X: rogue_dimensions(X, 2)]
)
def test_bad_numbers_are_named_by_their_row(measure):
    X = words(n=40)
    X[17, 1] = np.nan
    with pytest.raises(OptionError, match="row 17"):
        measure(X)
    with pytest.raises(OptionError, match="at least 2 words"):
        measure(X[:1])


def test_contributions_of_all_dimensions_sum_to_the_mean_cosine():
    X = words()
    rogue = rogue_dimensions(X, 7)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    upper = np.triu_indices(len(X), 1)
    wanted = np.array([np.outer(u, u)[upper].mean() for u in unit.T])
    assert rogue.contributions == pytest.approx(wanted[rogue.dimensions], abs=1e-12)
    assert (np.diff(rogue.contributions) <= 0).all()
    assert rogue.contributions.sum() == pytest.approx(mean_cosine(X), abs=1e-12)
    assert rogue.shares.sum() == pytest.approx(1)


def test_a_planted_rogue_dimension_is_found_and_hides_the_others():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 20))
    X[:, 13] = 30 + 8 * rng.normal(size=400)
    rogue = rogue_dimensions(X, 1)
    assert rogue.dimensions.tolist() == [13]
    assert rogue.shares[0] == pytest.approx(1, abs=0.01)
    assert informativity(X, [13]) < 0.2
    assert informativity(X, [2]) > 0.9


def test_shares_of_a_mean_cosine_that_is_not_positive_are_not_numbers():
    rogue = rogue_dimensions(np.concatenate([np.eye(3), -np.eye(3)]), 2)
    assert rogue.mean_cosine < 0
    assert np.isnan(rogue.shares).all()


def test_options_out_of_range_are_refused():
    with pytest.raises(OptionError, match=r"1 \.\. 7\. Got 8"):
        rogue_dimensions(words(), 8)
    with pytest.raises(OptionError, match="pairs"):
        mean_cosine(words(), pairs=0)


def test_fewer_words_than_dimensions_have_a_mean_cosine_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mean_cosine(np.eye(9)[:4]) == 0
