import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from isogloss.errors import OptionError
from isogloss.probing.distribution import layer_distribution, layer_shift, neuron_fates


def fates_of(table, label):
    return {row["fate"]: row for row in table.iter_rows(named=True) if row["label"] == label}


def test_neurons_are_counted_in_their_layers():
    table = layer_distribution({"a": np.array([0, 9, 10]), "b": np.array([10, 29]), "c": np.array([])}, 10, 3)

    def counts(label):
        mask = table["label"].is_null() if label is None else table["label"] == label
        return table.filter(mask.fill_null(False))["count"].to_list()

    assert (counts("a"), counts("b"), counts("c"), counts(None)) == ([2, 1, 0], [0, 1, 1], [0, 0, 0], [2, 1, 1])
    assert table.filter(table["label"] == "a")["share"].to_list() == [2 / 3, 1 / 3, 0]
    assert table.filter(table["label"] == "c")["share"].null_count() == 3


def test_a_planted_move_to_lower_layers_is_seen():
    rng = np.random.default_rng(0)
    base = np.sort(rng.choice(np.arange(600, 1300), 120, replace=False))
    tuned = np.sort(rng.choice(np.arange(0, 700), 100, replace=False))
    found = layer_shift(base, tuned, 100, 13)
    assert found.shift == pytest.approx((tuned // 100).mean() - (base // 100).mean())
    assert found.shift < found.null_low
    assert found.p < 0.01
    layers = found.layers
    assert (layers["base"].sum(), layers["tuned"].sum()) == (120, 100)
    assert (layers["gained"] - layers["lost"]).to_list() == (layers["tuned"] - layers["base"]).to_list()
    assert layers["gained"][0] > layers["null_high"][0]


def test_the_same_neurons_are_no_move():
    found = layer_shift(np.arange(30), np.arange(30), 10, 5)
    assert (found.shift, found.null_low, found.null_high, found.p) == (0, 0, 0, 1)
    assert layer_shift(np.arange(0), np.arange(3), 10, 5).p == 1


def test_p_is_even_where_nothing_depends_on_the_layer():
    rng = np.random.default_rng(0)
    ps = np.array(
        [
            layer_shift(rng.permutation(500)[:60], rng.permutation(500)[:90], 50, 10, permutations=200, seed=i).p
            for i in range(200)
        ]
    )
    assert 0.01 < (ps <= 0.05).mean() < 0.1
    assert 0.4 < ps.mean() < 0.6


def test_more_salient_neurons_in_the_same_places_are_no_move():
    base = np.arange(0, 1000, 10)
    found = layer_shift(base, np.arange(0, 1000, 2), 100, 10)
    assert found.null_low <= found.shift <= found.null_high


def test_fates_of_neurons():
    base = {"a": np.array([0, 1, 2, 3]), "b": np.array([4, 5])}
    tuned = {"a": np.array([0, 1, 4]), "b": np.array([2, 4])}
    table = neuron_fates(base, tuned, 100)
    a, b = fates_of(table, "a"), fates_of(table, "b")
    assert [a[f]["count"] for f in ("same", "other", "none")] == [2, 1, 1]
    assert [b[f]["count"] for f in ("same", "other", "none")] == [1, 0, 1]
    assert a["same"]["share"] == 0.5
    # By chance each of the 100 neurons is in the tuned set of a with 3 in 100, of b alone with 1 in 100.
    assert a["same"]["expected"] == pytest.approx(4 * 3 / 100)
    assert a["other"]["expected"] == pytest.approx(4 * 1 / 100)


def test_the_same_sets_stay_and_a_lost_label_does_not():
    sets = {"a": np.arange(20), "b": np.arange(30, 35)}
    same = fates_of(neuron_fates(sets, sets, 200), "a")
    assert same["same"]["count"] == 20 > same["same"]["null_high"]
    gone = fates_of(neuron_fates(sets, {"b": sets["b"]}, 200), "a")
    assert gone["none"]["count"] == 20


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000))
def test_every_neuron_has_one_fate_and_chance_covers_random_sets(seed):
    rng = np.random.default_rng(seed)
    sets = [{c: rng.permutation(60)[: rng.integers(0, 30)] for c in "abc"} for _ in range(2)]
    for hidden in (None, 10):
        table = neuron_fates(*sets, 60, hidden=hidden)
        for label, members in sets[0].items():
            rows = fates_of(table, label).values()
            assert sum(r["count"] for r in rows) == len(members)
            assert sum(r["expected"] for r in rows) == pytest.approx(len(members))


def test_the_band_is_hypergeometric_and_within_layers_it_knows_of_their_crowding():
    base, tuned = {"a": np.arange(0, 50)}, {"a": np.arange(20, 70)}
    overall = fates_of(neuron_fates(base, tuned, 1000), "a")["same"]
    assert (overall["null_low"], overall["null_high"]) == tuple(hypergeom.ppf([0.025, 0.975], 1000, 50, 50))
    within = fates_of(neuron_fates(base, tuned, 1000, hidden=100), "a")["same"]
    assert overall["count"] == within["count"] == 30
    assert overall["expected"] == pytest.approx(2.5)
    assert within["expected"] == pytest.approx(25)
    assert overall["null_high"] < 30 <= within["null_high"]


def test_mistakes_are_told():
    for call, message in [
        (lambda: layer_distribution({"a": np.array([30])}, 10, 3), "from 0 to 29"),
        (lambda: layer_distribution({"a": np.array([3, 3])}, 10, 3), "twice for 'a'"),
        (lambda: neuron_fates({}, {}, 25, hidden=10), "multiple"),
        (lambda: layer_shift(np.arange(3), np.arange(3), 10, 1, permutations=0), "permutations"),
    ]:
        with pytest.raises(OptionError, match=message):
            call()
