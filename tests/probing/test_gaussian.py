import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from isogloss.errors import OptionError
from isogloss.probing.rankings import rank_by_gaussian, rank_neurons
from tests.probing.neurons import planted

quick = settings(deadline=None, max_examples=8)


def map_gaussians(X, y):
    """Prior, mean and covariance of every class, written down as the prior states."""
    n, d = X.shape
    found = []
    for c in np.unique(y):
        part = X[y == c]
        scatter = (part - part.mean(axis=0)).T @ (part - part.mean(axis=0))
        covariance = (np.diag(np.diag(scatter) / (len(part) - 1)) + scatter) / ((d + 2) + len(part) + d + 2)
        found.append((len(part) / n, part.mean(axis=0), covariance))
    return found


def bits_by_hand(gaussians, X_dev, y_dev, subset):
    density = np.column_stack(
        [np.log(p) + multivariate_normal(m[subset], S[np.ix_(subset, subset)]).logpdf(X_dev[:, subset])
         for p, m, S in gaussians]
    )  # fmt: skip
    posterior = density - np.logaddexp.reduce(density, axis=1)[:, None]
    shares = np.unique(y_dev, return_counts=True)[1] / len(y_dev)
    codes = np.unique(y_dev, return_inverse=True)[1]
    return -(shares * np.log2(shares)).sum() + posterior[np.arange(len(codes)), codes].mean() / np.log(2)


def mixed(seed, n=300, d=7):
    """Correlated neurons, of which some tell the label together."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    X = (rng.normal(size=(3, d))[y] + rng.normal(size=(n, d))) @ rng.normal(size=(d, d))
    return X[:200], y[:200], X[200:], y[200:]


def test_gaussian_has_its_golden_values():
    X = np.array([[-1.05, -1.1, 0.01], [0, -1.05, 0.005], [1.05, 1.1, 0.003], [0, 1.03, 0.1]])
    assert rank_neurons(X, [0, 0, 1, 1], "gaussian").order.tolist() == [1, 0, 2]


@pytest.mark.parametrize("seed", range(3))
def test_greedy_choice_and_bits_are_those_of_the_densities_written_out(seed):
    X, y, X_dev, y_dev = mixed(seed)
    gaussians = map_gaussians(X, y)
    chosen, bits = [], []
    for _ in range(7):
        tried = {j: bits_by_hand(gaussians, X_dev, y_dev, [*chosen, j]) for j in range(7) if j not in chosen}
        best = max(tried, key=tried.get)
        chosen.append(best)
        bits.append(tried[best])
    ranking = rank_by_gaussian(X, y, X_dev, y_dev)
    assert ranking.order.tolist() == chosen
    np.testing.assert_allclose(ranking.bits, bits, atol=1e-9)
    alone = [bits_by_hand(gaussians, X_dev, y_dev, [j]) for j in range(7)]
    np.testing.assert_allclose(ranking.scores, alone, atol=1e-5)


@quick
@given(st.integers(0, 10_000))
def test_scale_offset_and_numbering_of_neurons_do_not_matter(seed):
    X, y, X_dev, y_dev = mixed(seed)
    plain = rank_by_gaussian(X, y, X_dev, y_dev)
    rng = np.random.default_rng(seed)
    scale, offset, where = rng.uniform(0.01, 100, 7), rng.normal(size=7) * 50, rng.permutation(7)
    changed = rank_by_gaussian((X * scale + offset)[:, where], y, (X_dev * scale + offset)[:, where], y_dev)
    np.testing.assert_array_equal(where[changed.order], plain.order)
    np.testing.assert_allclose(changed.bits, plain.bits, atol=1e-6)


def test_the_choice_is_made_on_dev():
    X, y = planted(n=400, d=6, written=(0, 1, 2))
    X_dev, y_dev = planted(n=300, d=6, written=(3, 3, 3), seed=1)
    X_dev[:, 2] = X[:300, 2]
    X_dev[:, 0] += 4 * (y_dev == "a")
    assert rank_by_gaussian(X, y, X_dev, y_dev).order[0] == 0
    assert rank_by_gaussian(X, y, X_dev, y_dev).bits[0] > 0.2


def test_neurons_that_tell_only_together_are_chosen_together():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 3000)
    X = rng.normal(size=(3000, 6))
    X[:, 4] = np.where(y == 1, X[:, 2], -X[:, 2]) + 0.1 * rng.normal(size=3000)
    ranking = rank_by_gaussian(X[:2000], y[:2000], X[2000:], y[2000:], n_select=6)
    place = {neuron: i for i, neuron in enumerate(ranking.order.tolist())}
    assert abs(place[4] - place[2]) == 1
    assert ranking.bits.max() > 0.7 > 0.1 > ranking.scores.max()


def test_many_neurons_are_cut_to_the_candidates_that_tell_most_by_themselves():
    X, y = planted(n=300, d=200, written=(50, 120, 199))
    ranking = rank_by_gaussian(X, y, n_select=6, candidates=10)
    assert set(ranking.top(3).tolist()) == {50, 120, 199}
    assert set(ranking.top(6)) <= set(np.argsort(-ranking.scores)[:10])
    assert ranking.n_selected == len(ranking.bits) == 6
    assert sorted(ranking.order.tolist()) == list(range(200))
    rest = ranking.scores[ranking.order[6:]]
    assert (np.diff(rest) <= 0).all()


def test_constant_and_repeated_neurons_do_no_harm():
    X, y = planted(n=300, d=6, written=(0, 1, 2))
    X[:, 3], X[:, 4] = 7.0, X[:, 0]
    X[y == "b", 5] = 0.0  # constant within a class
    ranking = rank_by_gaussian(X, y)
    assert np.isfinite(ranking.bits).all()
    assert np.isfinite(ranking.scores).all()
    assert ranking.scores[3] == pytest.approx(0, abs=1e-6)


def test_words_far_from_every_class_do_not_overflow():
    X, y = planted(n=300, d=6, written=(0, 1, 2))
    X_dev = X.copy()
    X_dev[0] = 1e4
    assert np.isfinite(rank_by_gaussian(X, y, X_dev, y).bits).all()


def test_mistakes_are_told():
    X, y = planted(n=100)
    with pytest.raises(OptionError, match="at least 2 training words"):
        rank_by_gaussian(X, ["once", *y[1:]])
    with pytest.raises(OptionError, match="together"):
        rank_by_gaussian(X, y, X)
    with pytest.raises(OptionError, match="same neurons"):
        rank_by_gaussian(X, y, X[:, :5], y)
    with pytest.raises(OptionError, match="finite"):
        rank_by_gaussian(np.where(X > 2, np.nan, X), y)
    with pytest.raises(OptionError, match="n_select"):
        rank_by_gaussian(X, y, n_select=0)
