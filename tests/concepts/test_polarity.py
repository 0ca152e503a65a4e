import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from isogloss.concepts import polarity
from isogloss.concepts.polarity import ALL
from isogloss.errors import OptionError
from isogloss.numerics import wilson_interval

quick = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)


def rows(found, name):
    return {row["concept"]: row for row in found.table.filter(pl.col("class") == name).iter_rows(named=True)}


@quick
@given(n=st.integers(1, 300), share=st.floats(0, 1))
def test_wilsons_interval_is_scipys(n, share):
    count = round(share * n)
    low, high = wilson_interval(np.array([count]), np.array([n]))
    want = binomtest(count, n).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((want.low, want.high), abs=1e-9)


def test_shares_lift_and_z_by_hand():
    clusters = np.array([0] * 10 + [1] * 10 + [-1])
    classes = ["pos"] * 9 + ["neg"] + ["neg"] * 7 + ["pos"] * 3 + ["pos"]
    found = polarity(clusters, classes, threshold=0.9)
    row = rows(found, "pos")[0]
    # Twelve of the twenty clustered tokens are pos.
    assert (row["n_tokens"], row["count"], row["share"], row["prior"]) == (10, 9, 0.9, 0.6)
    assert row["lift"] == pytest.approx(1.5)
    assert row["z"] == pytest.approx(0.3 / np.sqrt(0.6 * 0.4 / 10))
    assert row["ci_low"] == pytest.approx(0.5958, abs=1e-4)
    # 0.596 is not above the prior of 0.6.
    assert not row["polar"]
    assert rows(polarity(clusters, classes, above_prior=False), "pos")[0]["polar"]
    assert row["n_types"] is None


def unbalanced(rng, n_polar):
    """Sentences of ten words; one in ten is hate. Fifty random concepts, then `n_polar` of the hate sentences only."""
    classes = np.array(["hate" if s % 10 == 0 else "none" for s in range(400)])
    sentence = np.repeat(np.arange(400), 10)
    clusters = rng.integers(0, 50, 4000)
    hate = np.flatnonzero(classes[sentence] == "hate")
    clusters[rng.choice(hate, n_polar * 20, replace=False)] = 50 + np.arange(n_polar * 20) // 20
    return clusters, classes[sentence], sentence


def test_the_threshold_alone_misleads_where_one_class_is_common():
    clusters, classes, sentence = unbalanced(np.random.default_rng(0), 4)
    naive = polarity(clusters, classes, sentence=sentence, above_prior=False)
    careful = polarity(clusters, classes, sentence=sentence, permutations=100)
    polar = careful.table.filter("polar")
    assert naive.n_polar > 20
    assert naive.table.filter("polar").filter(pl.col("class") == "none").height > 15
    assert polar.filter(pl.col("class") == "hate")["concept"].to_list() == [50, 51, 52, 53]
    assert polar.filter(pl.col("class") == "none").height <= 4
    hate = careful.counts.row(by_predicate=pl.col("class") == "hate", named=True)
    assert hate["n_polar"] == 4 > hate["null_high"]
    assert hate["prior"] == pytest.approx(0.1)
    assert careful.counts["class"].to_list() == ["hate", "none", ALL]


def test_types_count_once_each():
    clusters, classes = np.zeros(12, dtype=int), ["pos"] * 9 + ["neg"] * 3
    words = ["good"] * 9 + ["bad", "sad", "mad"]
    row = rows(polarity(clusters, classes, words), "pos")[0]
    assert (row["n_types"], row["share"], row["type_share"]) == (4, 0.75, pytest.approx(0.25))


@quick
@given(seed=seeds)
def test_counts_are_those_of_plain_loops_whatever_the_ids_and_the_order(seed):
    rng = np.random.default_rng(seed)
    clusters = rng.integers(-1, 6, 80)
    classes = [None if rng.random() < 0.1 else "abc"[i] for i in rng.integers(0, 3, 80)]
    order, new = rng.permutation(80), np.append(rng.permutation(9)[:6], -1)
    found = polarity(clusters, classes, threshold=0.5)
    other = polarity(new[clusters][order], [classes[i] for i in order], threshold=0.5)
    total = sum(c >= 0 and y is not None for c, y in zip(clusters, classes, strict=True))
    for row in found.table.iter_rows(named=True):
        own = [y for c, y in zip(clusters, classes, strict=True) if c == row["concept"] and y is not None]
        prior = sum(c >= 0 and y == row["class"] for c, y in zip(clusters, classes, strict=True)) / total
        assert (row["n_tokens"], row["count"]) == (len(own), own.count(row["class"]))
        assert row["prior"] == pytest.approx(prior)
        if own:
            share = own.count(row["class"]) / len(own)
            low = binomtest(own.count(row["class"]), len(own)).proportion_ci(method="wilson").low
            assert row["polar"] == (share >= 0.5 and low > prior)
            assert rows(other, row["class"])[new[row["concept"]]]["share"] == pytest.approx(share)
    assert found.n_polar == other.n_polar


def test_the_null_shuffles_sentences_not_tokens():
    # Each concept is one sentence: its tokens always share a class, so shuffling changes nothing.
    sentence = np.repeat(np.arange(40), 10)
    classes = ["ab"[s % 2] for s in sentence]
    found = polarity(sentence, classes, sentence=sentence, permutations=50)
    assert found.n_polar == 40
    assert found.null[ALL].low == found.null[ALL].high == 40
    mixed = polarity(np.tile(np.arange(10), 40), classes, sentence=sentence, permutations=50)
    assert mixed.null[ALL].high == 0


def test_classes_that_mean_nothing_lie_inside_the_null_about_95_times_in_100():
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sentence = np.repeat(np.arange(120), 5)
        clusters = rng.permutation(600) // 5
        classes = rng.permutation(np.repeat(["a", "b"], 60))[sentence]
        found = polarity(
            clusters, classes, sentence=sentence, threshold=0.8, above_prior=False, permutations=80, seed=seed
        )
        assert found.n_polar > 0
        inside += found.null["a"].low <= found.counts["n_polar"][0] <= found.null["a"].high
    assert inside >= 52


def test_a_frame_brings_its_sentences_and_words():
    frame = pl.DataFrame({"word": list("aabb"), "sentence": [0, 0, 1, 1]})
    found = polarity(np.array([0, 0, 1, 1]), ["x", "x", "y", "y"], frame, permutations=10, min_tokens=3)
    assert found.n_polar == 0
    assert set(found.null) == {"x", "y", ALL}


def test_whole_numbers_are_classes_too():
    found = polarity(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), threshold=1.0)
    assert found.counts["class"].to_list() == ["0", "1", ALL]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["a", "b"]}, "Got 4 and 2 rows"),
        ({"classes": ["a"] * 4}, "Got only 'a'"),
        ({"classes": [None] * 4}, "Got none"),
        ({"classes": ["a", "a", "a", "b"]}, "Got only 'a'"),
        ({"classes": [0.0, 1.0, float("nan"), 1.0]}, "Got NaN in row 2"),
        ({"clusters": np.full(4, -1)}, "all of them -1"),
        ({"threshold": 1.2}, "Got 1.2"),
        ({"threshold": float("nan")}, "Got nan"),
        ({"permutations": 5}, "sentence should be given"),
        ({"permutations": 5, "sentence": [0, 0, 0]}, "Got 4 and 3 rows"),
        ({"permutations": 5, "sentence": [0, 0, 0, 0]}, "Got two in sentence 0"),
        ({"words": ["a"]}, "Got 4 and 1 rows"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    given_ = {"clusters": np.array([0, 0, 1, -1]), "classes": ["a", "a", "b", "b"]} | change
    clusters, classes = given_.pop("clusters"), given_.pop("classes")
    with pytest.raises(OptionError, match=message):
        polarity(clusters, classes, **given_)
