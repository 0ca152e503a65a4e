import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.probing.rankings import (
    class_means,
    rank_at_random,
    rank_by_lca,
    rank_by_probeless,
    rank_by_weights,
    rank_neurons,
    salient,
)
from tests.probing.neurons import LCA_WEIGHTS, StandInProbe, planted

quick = settings(deadline=None, max_examples=20)
seeds = st.integers(0, 10_000)


def grown(W, step):
    """The published way: grow the share, take unions, append what is new."""
    W, groups, seen = np.abs(W), [], set()
    for i in range(1, round(1 / step) + 1):
        now = set()
        for w in W:
            order = np.argsort(-w)
            n = np.searchsorted(np.cumsum(w[order]), i * step * w.sum() - 1e-9) + 1
            now |= set(order[: min(n, len(w))].tolist())
        if now - seen:
            groups.append(now - seen)
        seen |= now
    return groups


def groups_of(ranking):
    starts = np.concatenate([[0], ranking.group_ends[:-1]])
    return [set(ranking.order[a:b].tolist()) for a, b in zip(starts, ranking.group_ends, strict=True)]


def test_salient_neurons_have_their_golden_values():
    def sets(share):
        return {c: set(n.tolist()) for c, n in salient(LCA_WEIGHTS, share, "abc").items()}

    assert sets(0.25) == {"a": {7}, "b": {5, 7}, "c": {2, 4}}
    assert sets(0.5) == {"a": {7, 5}, "b": {5, 7, 1}, "c": {2, 4, 0}}
    assert {c: n.tolist() for c, n in salient([[5, 1, 1], [1, 10, 1]], 0.5).items()} == {0: [0], 1: [1]}


def test_lca_order_has_its_golden_values():
    ranking = rank_by_lca(LCA_WEIGHTS, step=0.01)
    assert ranking.group_ends.tolist() == [3, 4, 6, 7, 8]
    assert groups_of(ranking) == [{2, 5, 7}, {4}, {0, 1}, {3}, {6}]
    assert rank_by_lca([[4, 1, 5], [1, 1, 10]]).order.tolist() == [2, 0, 1]


@quick
@given(seeds)
def test_the_closed_form_is_the_loop_over_shares(seed):
    W = np.random.default_rng(seed).laplace(size=(4, 25))
    assert groups_of(rank_by_lca(W, step=0.01)) == grown(W, 0.01)


@quick
@given(seeds)
def test_the_exact_order_only_refines_the_order_in_steps(seed):
    W = np.random.default_rng(seed).laplace(size=(3, 20))
    exact, start = rank_by_lca(W).order, 0
    for group in groups_of(rank_by_lca(W, step=0.05)):
        assert set(exact[start : start + len(group)].tolist()) == group
        start += len(group)


@quick
@given(seeds, st.floats(0.05, 1.0))
def test_salient_neurons_are_the_shortest_prefix_that_holds_the_share(seed, share):
    W = np.random.default_rng(seed).laplace(size=(3, 15))
    for w, chosen in zip(np.abs(W), salient(W, share).values(), strict=True):
        assert w[chosen].sum() >= share * w.sum() - 1e-9
        assert w[chosen[:-1]].sum() < share * w.sum()
        assert w[chosen].min() >= np.delete(w, chosen).max(initial=0)


@quick
@given(seeds)
def test_rankings_of_weights_ignore_scale_sign_and_order_of_classes(seed):
    rng = np.random.default_rng(seed)
    W = rng.laplace(size=(3, 12))
    changed = rng.permutation(W * rng.choice([-1, 1], W.shape) * 8)
    for rank in (rank_by_lca, rank_by_weights):
        np.testing.assert_array_equal(rank(changed).order, rank(W).order)
    own = W * rng.uniform(0.1, 10, (3, 1))
    np.testing.assert_array_equal(rank_by_lca(own).order, rank_by_lca(W).order)


@quick
@given(seeds)
def test_neurons_keep_their_rank_when_they_are_renumbered(seed):
    rng = np.random.default_rng(seed)
    W, where = rng.laplace(size=(3, 12)), rng.permutation(12)
    for rank in (rank_by_lca, rank_by_weights):
        np.testing.assert_array_equal(where[rank(W[:, where]).order], rank(W).order)


def test_a_neuron_without_weight_comes_last_and_a_class_without_weights_has_no_say():
    W = np.array([[0.0, 0, 3, 1], [0, 0, 0, 0]])
    assert rank_by_lca(W).order.tolist() == [2, 3, 0, 1]
    assert [n.tolist() for n in salient(W, 1.0).values()] == [[2, 3], []]


def test_probeless_has_its_golden_values():
    X = (np.arange(24).reshape(6, 4) ** 1.5 % 7).astype(np.float32)
    ranking = rank_neurons(X, [0, 0, 1, 1, 2, 2], "probeless")
    assert ranking.order.tolist() == [2, 3, 0, 1]
    assert [o.tolist() for o in ranking.per_label.values()] == [[0, 2, 3, 1], [3, 1, 0, 2], [2, 3, 0, 1]]


def test_probeless_is_the_sum_over_pairs_of_classes():
    X, y = planted(n=200, classes="abcde", strength=1)
    means = class_means(X, y)
    pairs = sum(abs(means.means[a] - means.means[b]) for a in range(5) for b in range(a))
    np.testing.assert_allclose(rank_by_probeless(means).scores, pairs)


def test_streamed_means_are_those_of_the_labelled_words():
    X, y = planted(n=400)
    X += 1000
    labels = [None if i % 5 == 0 else "" if i % 7 == 0 else c for i, c in enumerate(y)]
    used = np.array([bool(label) for label in labels])
    streamed = class_means(ArrayVectors(X), labels)
    np.testing.assert_allclose(streamed.means[1], X[used & (y == "b")].astype(float).mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(streamed.scale, X[used].astype(float).std(axis=0), rtol=1e-6)
    assert streamed.counts.sum() == used.sum()
    np.testing.assert_array_equal(
        rank_neurons(ArrayVectors(X), labels, "probeless").order, rank_neurons(X, labels, "probeless").order
    )


def test_standardised_probeless_ignores_the_scale_of_neurons():
    X, y = planted()
    scale = np.random.default_rng(1).uniform(0.01, 100, X.shape[1])
    plain = rank_by_probeless(class_means(X, y), standardize=True).order
    np.testing.assert_array_equal(rank_by_probeless(class_means(X * scale, y), standardize=True).order, plain)
    assert (rank_by_probeless(class_means(X * scale, y)).order != plain).any()


@pytest.mark.parametrize("method", ["lca", "weights", "probeless", "gaussian"])
def test_neurons_that_hold_the_label_come_first(method):
    X, y = planted()
    ranking = rank_neurons(X, y, method, probe=StandInProbe().fit(X, y), n_select=5)
    assert set(ranking.top(3).tolist()) == {3, 11, 20}
    assert sorted(ranking.order.tolist()) == list(range(30))
    for label, neuron in zip("abc", (3, 11, 20), strict=True):
        if ranking.per_label:
            assert ranking.per_label[label][0] == neuron


def test_random_ranks_are_random_and_repeat_with_the_seed():
    X, y = planted()
    places = np.array([np.flatnonzero(rank_at_random(30, seed).order == 3)[0] for seed in range(600)])
    counts = np.bincount(places, minlength=30)
    assert ((counts - 20) ** 2 / 20).sum() < 58  # chi-squared with 29 degrees of freedom, 0.1%
    np.testing.assert_array_equal(
        rank_neurons(X, y, "random", random_state=4).order, rank_neurons(X, y, "random", random_state=4).order
    )


def test_weights_of_a_standardising_probe_are_taken_on_its_scale():
    X, y = planted(d=4, written=(0, 1, 2))
    probe = StandInProbe().fit(X, y)
    probe.coef_, probe.scale_ = np.array([[1.0, 2, 3, 4]] * 3), np.array([8.0, 1, 1, 1])
    assert rank_neurons(X, y, "weights", probe=probe).order.tolist() == [0, 3, 2, 1]


def test_one_row_of_weights_stands_for_both_of_two_classes():
    X, y = planted(classes="ab", written=(3, 3))
    probe = StandInProbe().fit(X, y)
    probe.coef_ = probe.coef_[1:]
    ranking = rank_neurons(X, y, "lca", probe=probe)
    assert list(ranking.per_label) == ["a", "b"]
    np.testing.assert_array_equal(ranking.per_label["a"], ranking.per_label["b"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "best"}, "method should be one of lca"),
        ({"y": ["a"] * 600}, "at least two classes"),
        ({"y": [None] * 600}, "at least one word"),
        ({"y": ["a", "b"]}, "Got 600 and 2"),
        ({"y": ["a", 1] * 300}, "all strings or all numbers"),
        ({"probe": object()}, "fitted linear probe"),
        ({"X": np.zeros(600)}, "matrix"),
    ],
)
def test_mistakes_are_told(change, message):
    X, y = planted()
    with pytest.raises(OptionError, match=message):
        rank_neurons(**{"X": X, "y": y, "method": "lca", "probe": StandInProbe().fit(X, y)} | change)


def test_weights_that_rank_nothing_are_refused():
    for W in (np.zeros((2, 3)), np.full((2, 3), np.nan), np.ones(3)):
        with pytest.raises(OptionError, match="W should"):
            rank_by_lca(W)
    with pytest.raises(OptionError, match="share"):
        salient(LCA_WEIGHTS, 0)


@pytest.mark.parametrize("method", ["lca", "weights"])
def test_a_linear_probe_is_fitted_where_none_is_given(method):
    pytest.importorskip("isogloss.probing.probe")
    X, y = planted(n=300, d=12, written=(3, 5, 11))
    labels = [None if i % 10 == 0 else label for i, label in enumerate(y)]
    assert set(rank_neurons(X, labels, method).top(3).tolist()) == {3, 5, 11}


def test_streamed_vectors_need_a_probe():
    X, y = planted()
    with pytest.raises(OptionError, match="fit_probes"):
        rank_neurons(ArrayVectors(X), y, "lca")
    probe = StandInProbe().fit(X, y)
    streamed = rank_neurons(ArrayVectors(X), y, "lca", probe=probe)
    np.testing.assert_array_equal(streamed.order, rank_neurons(X, y, "lca", probe=probe).order)
