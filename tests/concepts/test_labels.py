from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.concepts import align_labels
from isogloss.concepts.nulls import token_shuffle, type_shuffle
from isogloss.errors import OptionError

quick = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)


def concepts(alignment):
    return {
        row["concept"]: row for row in alignment.table.filter(pl.col("direction") == "concept").iter_rows(named=True)
    }


def by_label(alignment):
    return {row["label"]: row for row in alignment.table.filter(pl.col("direction") == "label").iter_rows(named=True)}


def blocks(*parts):
    """Clusters and labels from (labels of concept 0), (labels of concept 1) ..."""
    clusters = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    return clusters, [label for part in parts for label in part]


def test_conceptx_wants_strictly_more_than_nine_tenths():
    clusters, labels = blocks(["N"] * 9 + ["V"], ["N"] * 10 + ["V"], ["V"] * 3)
    found = align_labels(clusters, labels)
    said = concepts(found)
    assert [said[c]["aligned"] for c in range(3)] == [False, True, True]
    assert [said[c]["label"] for c in range(3)] == ["N", "N", "V"]
    assert said[1]["share"] == pytest.approx(10 / 11)
    assert (found.aligned, found.n_concepts, found.threshold) == (2, 3, 0.90)
    assert found.alignment == pytest.approx(2 / 3)


def test_hawasly_counts_at_least_the_threshold_of_concepts_of_more_than_five_types():
    clusters, labels = blocks(["N"] * 19 + ["V"], ["N"] * 20, ["N"] * 18 + ["V"] * 2)
    words = [f"a{i % 6}" for i in range(20)] + [f"b{i % 5}" for i in range(20)] + [f"c{i}" for i in range(20)]
    found = align_labels(clusters, labels, words=words, rule="hawasly-tokens")
    assert [concepts(found)[c]["aligned"] for c in range(3)] == [True, False, False]
    assert (found.n_eligible, found.alignment, found.threshold) == (2, pytest.approx(1 / 3), 0.95)
    # V is covered by nothing: coverage 1/2, overall the mean of 1/3 and 1/2.
    assert (found.coverage, found.overall) == (0.5, pytest.approx(5 / 12))


def test_hawaslys_types_count_for_every_label_they_were_seen_with():
    # Every type is seen three times with V and three times with N; two thirds of concept 0 are V, of concept 1 N.
    words = ["run", "walk", "jump", "sit", "go", "eat"] * 6
    clusters = np.repeat([0, 1], 18)
    labels = [label for label in "VVNNNV" for _ in range(6)]
    tokens = align_labels(clusters, labels, words=words, rule="hawasly-tokens")
    types = align_labels(clusters, labels, words=words, rule="hawasly-types")
    assert (tokens.aligned, tokens.covered) == (0, 0)
    assert (types.aligned, types.covered, types.overall) == (2, 2, 1.0)
    assert by_label(types)["V"]["recall"] == by_label(types)["N"]["recall"] == 1.0
    # A type that was never seen with V: five of six types are below 0.95.
    other = [("X" if word == "eat" else label) for word, label in zip(words, labels, strict=True)]
    assert concepts(align_labels(clusters, other, words=words, rule="hawasly-types"))[0]["share"] == 5 / 6
    rare = ["Y" if i < 5 else label for i, label in enumerate(labels)]
    assert "Y" not in by_label(align_labels(clusters, rare, words=words, rule="hawasly-types"))
    often = ["Y" if i < 6 else label for i, label in enumerate(labels)]
    assert "Y" in by_label(align_labels(clusters, often, words=words, rule="hawasly-types"))


def test_unknown_tokens_skip_a_concept_count_in_the_share_or_are_dropped():
    clusters, labels = blocks(["N"] * 5 + [None] * 5, ["N"] * 6 + [None] * 4, ["N"] * 4)
    plain, dropped = align_labels(clusters, labels), align_labels(clusters, labels, drop_unknown=True)
    assert [concepts(plain)[c]["aligned"] for c in range(3)] == [False, False, True]
    assert concepts(plain)[1]["share"] == 0.6
    assert [concepts(dropped)[c]["aligned"] for c in range(3)] == [False, True, True]
    assert (concepts(dropped)[1]["n_tokens"], concepts(dropped)[1]["unknown"]) == (6, pytest.approx(0.4))
    assert align_labels(clusters, labels, drop_unknown=True, max_unknown=0.5).aligned == 3


def test_the_longest_label_near_the_best_stands_for_the_concept_and_has_to_pass_itself():
    labels = [("g", "ing", "ng")] * 93 + [("g", "ng")] * 5 + [("x",)] * 2
    clusters = np.zeros(100, dtype=int)
    assert concepts(align_labels(clusters, labels))[0]["label"] == "g"
    longest = concepts(align_labels(clusters, labels, longest=True))[0]
    # 93 is not above 0.95 * 98 = 93.1, so `ing` is too rare.
    assert (longest["label"], longest["share"]) == ("ng", 0.98)
    labels[97] = ("g", "ing", "ng")
    longest = align_labels(clusters, labels, longest=True)
    assert concepts(longest)[0]["label"] == "ing"
    assert concepts(longest)[0]["aligned"]
    assert not concepts(align_labels(clusters, labels, longest=True, threshold=0.95))[0]["aligned"]


def test_a_label_is_covered_by_a_concept_and_recalled_by_all_that_pass():
    clusters, labels = blocks(["N"] * 20, ["N"] * 10 + ["V"] * 10, ["A"] * 3 + ["V"] * 7)
    found = align_labels(clusters, labels)
    noun, verb, adjective = (by_label(found)[label] for label in "NVA")
    assert (noun["concept"], noun["share"], noun["aligned"], noun["n_tokens"]) == (0, 1.0, True, 30)
    assert noun["recall"] == pytest.approx(2 / 3)
    assert (verb["concept"], verb["share"], verb["recall"], verb["aligned"]) == (2, 0.7, 0.0, False)
    assert (adjective["concept"], adjective["share"]) == (2, 0.3)
    assert (found.covered, found.coverage) == (1, pytest.approx(1 / 3))


def test_fine_labels_are_those_above_a_tenth_where_there_are_at_most_six():
    clusters, labels = blocks(["a"] * 6 + ["b"] * 3 + ["c"], list("abcdefg"))
    fine = align_labels(clusters, labels).fine
    assert fine.rows() == [(0, "a", 0.6), (0, "b", 0.3)]


def test_several_labels_may_stand_in_one_string():
    clusters = np.array([0, 0, 1])
    joined = align_labels(clusters, pl.Series(["b|a", "a", None]), separator="|")
    apart = align_labels(clusters, [["b", "a"], ("a",), ()])
    assert joined.table.equals(apart.table)


def loops(clusters, labels, threshold, max_unknown, drop_unknown, longest):
    """ConceptX's rule in plain Python, with ties by alphabet."""
    aligned = {}
    for concept in sorted(set(clusters.tolist()) - {-1}):
        own = [labels[i] for i in np.flatnonzero(clusters == concept)]
        if sum(not tags for tags in own) / len(own) > max_unknown + 1e-12:
            continue
        counts = Counter(tag for tags in own for tag in tags)
        n = sum(bool(tags) for tags in own) if drop_unknown else len(own)
        if not counts:
            continue
        best = max(counts.values())
        choice = sorted(counts, key=lambda t: (-counts[t], t))
        if longest:
            choice = sorted(
                (t for t in counts if counts[t] > 0.95 * best and len(t) > 1), key=lambda t: (-len(t), -counts[t], t)
            )
        if choice and counts[choice[0]] / n > threshold + 1e-12:
            aligned[concept] = (choice[0], counts[choice[0]] / n)
    return aligned


@quick
@given(seed=seeds, longest=st.booleans(), drop=st.booleans(), threshold=st.sampled_from([0.3, 0.5, 0.75]))
def test_counting_is_that_of_plain_loops(seed, longest, drop, threshold):
    rng = np.random.default_rng(seed)
    clusters = rng.integers(-1, 9, 80)
    pool = ["a", "bb", "ccc", "dddd", "cc"]
    labels = [tuple(t for t in pool if rng.random() < 0.3) for _ in clusters]
    found = align_labels(clusters, labels, threshold=threshold, drop_unknown=drop, longest=longest)
    want = loops(clusters, labels, threshold, 0.4, drop, longest)
    got = {c: (row["label"], row["share"]) for c, row in concepts(found).items() if row["aligned"]}
    assert got == want
    assert found.aligned == len(want)


@quick
@given(seed=seeds)
def test_ids_of_clusters_and_order_of_words_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    clusters, labels = rng.integers(-1, 6, 60), [str(t) for t in rng.integers(0, 3, 60)]
    words = [f"w{i}" for i in rng.integers(0, 20, 60)]
    new = np.append(rng.permutation(20)[:6], -1)
    order = rng.permutation(60)
    one = align_labels(clusters, labels, words=words, threshold=0.4)
    other = align_labels(
        new[clusters][order], [labels[i] for i in order], words=[words[i] for i in order], threshold=0.4
    )
    renamed = one.table.with_columns(pl.col("concept").replace_strict({i: int(new[i]) for i in range(6)}, default=None))
    columns = ["direction", "concept", "label", "share", "n_tokens", "n_types", "recall", "aligned"]
    a, b = (t.filter(pl.col("direction") == "concept").select(columns).sort("concept") for t in (renamed, other.table))
    assert a.equals(b)
    assert (one.alignment, one.coverage, one.overall) == (other.alignment, other.coverage, other.overall)


def test_shuffled_types_keep_one_label_per_word_and_stay_among_words_as_frequent():
    rng = np.random.default_rng(0)
    types = np.repeat(np.arange(40), rng.integers(1, 12, 40))
    rng.shuffle(types)
    counts = np.bincount(types)
    source = type_shuffle(types)(rng)
    for t in range(40):
        (giver,) = set(types[source[types == t]].tolist())
        assert int(np.log2(counts[giver])) == int(np.log2(counts[t]))
        # Its tokens get the labels of as many different tokens of that type as there are.
        assert len(set(source[types == t].tolist())) == min(counts[t], counts[giver])
    assert sorted({types[source[types == t][0]] for t in range(40)}) == list(range(40))
    assert (types[source] != types).mean() > 0.5
    assert sorted(token_shuffle(9)(rng)) == list(range(9))


def test_labels_that_are_frequency_need_types_of_any_frequency_to_trade():
    # Concept 0 holds the frequent words, concepts 1 to 4 the rare ones, and the label says just that.
    words = [f"often{i}" for i in range(10) for _ in range(16)] + [f"once{i}" for i in range(160)]
    clusters = np.concatenate([np.zeros(160, int), 1 + np.arange(160) // 40])
    labels = ["frequent"] * 160 + ["rare"] * 160
    options = {"words": words, "permutations": 30}
    assert align_labels(clusters, labels, **options).null["coverage"].low == 1.0
    assert align_labels(clusters, labels, shuffle="any-types", **options).null["coverage"].high < 1.0


def test_the_null_of_types_knows_that_a_repeated_word_explains_itself():
    # Thirty concepts, each of one word ten times: any label of a word makes its concept pure.
    clusters = np.repeat(np.arange(30), 10)
    words = [f"w{c}" for c in clusters]
    labels = ["NV"[c % 2] for c in clusters]
    types = align_labels(clusters, labels, words=words, permutations=30)
    tokens = align_labels(clusters, labels, permutations=30, shuffle="tokens")
    assert types.null["aligned"].low == types.null["aligned"].high == 30
    assert tokens.null["aligned"].high <= 2


def planted(rng, purity):
    """Forty concepts of eight types each; a type's label is its concept's with probability `purity`, else random."""
    types = rng.permutation(np.repeat(np.arange(320), rng.integers(1, 4, 320)))
    of_type = np.where(rng.random(320) < purity, np.arange(320) // 8 % 4, rng.integers(0, 4, 320))
    return types // 8, [str(of_type[t]) for t in types], [f"w{t}" for t in types]


def test_planted_labels_lie_far_above_the_null():
    clusters, labels, words = planted(np.random.default_rng(1), 1.0)
    found = align_labels(clusters, labels, words=words, permutations=50)
    assert found.aligned == 40
    assert (found.coverage, found.overall) == (1.0, 1.0)
    assert found.null["aligned"].high < 5
    assert set(found.null) == {"aligned", "alignment", "coverage", "overall"}
    again = align_labels(clusters, labels, words=words, permutations=50)
    assert np.array_equal(again.null["overall"].values, found.null["overall"].values)


@pytest.mark.parametrize("shuffle", ["types", "tokens"])
def test_random_labels_lie_inside_the_null_about_95_times_in_100(shuffle):
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        clusters, labels, words = planted(rng, 0.0)
        if shuffle == "tokens":
            labels = [str(t) for t in rng.integers(0, 4, len(labels))]
        found = align_labels(clusters, labels, words=words, threshold=0.4, permutations=60, shuffle=shuffle, seed=seed)
        inside += found.null["aligned"].low <= found.aligned <= found.null["aligned"].high
    assert inside >= 52


def test_a_longest_label_that_fails_fails_in_the_null_too():
    # `ing` is near enough to stand for the only concept and too rare to pass, however its tokens are ordered.
    labels = [("ing", "ng")] * 94 + [("ng",)] * 4 + [("x",)] * 2
    found = align_labels(np.zeros(100, int), labels, threshold=0.95, longest=True, permutations=3, shuffle="tokens")
    assert (found.aligned, found.covered) == (0, 1)
    assert found.null["aligned"].values.tolist() == [0, 0, 0]
    assert found.null["coverage"].values.tolist() == [found.coverage] * 3


def test_the_shortened_count_of_the_null_says_what_the_full_one_says():
    rng = np.random.default_rng(3)
    clusters = rng.integers(0, 12, 300)
    words = [f"w{i}" for i in rng.integers(0, 60, 300)]
    labels = [tuple({"ab", "b", "abc"} - set(rng.choice(["ab", "b", "abc"], 1))) for _ in clusters]
    for rule in ("conceptx", "hawasly-types"):
        options = {"words": words, "rule": rule, "threshold": 0.6, "longest": True, "shuffle": "tokens"}
        null = align_labels(clusters, labels, permutations=5, seed=7, **options).null
        generator = np.random.default_rng(7)
        for i in range(5):
            order = generator.permutation(300)
            found = align_labels(clusters, [labels[j] for j in order], **options)
            assert found.aligned == null["aligned"].values[i]
            assert found.coverage == null["coverage"].values[i]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ["a"] * 3}, "Got 4 and 3 rows"),
        ({"clusters": np.full(4, -1)}, "4 words, all of them -1"),
        ({"clusters": np.array([0, 1, np.nan, 1])}, "Got nan in row 2"),
        ({"clusters": np.array([0, 1, -2, 1])}, "Got -2 in row 2"),
        ({"clusters": np.array([0, 1, 0.5, 1])}, r"Got 0\.5 in row 2"),
        ({"clusters": np.zeros((2, 2))}, r"\(2, 2\)"),
        ({"threshold": 0.0}, "above 0 and at most 1. Got 0.0"),
        ({"threshold": 1.1}, "Got 1.1"),
        ({"threshold": float("nan")}, "Got nan"),
        ({"max_unknown": 1.5}, "Got 1.5"),
        ({"labels": [None] * 4}, "Got none with at least 1 tokens"),
        ({"labels": ["a", 3.5, "a", "a"]}, r"Got 3\.5 in row 1"),
        ({"rule": "m3"}, "Got 'm3'"),
        ({"rule": "hawasly-types"}, "words should be given"),
        ({"permutations": 5}, "words should be given"),
        ({"words": ["a"] * 5}, "Got 4 and 5 rows"),
        ({"words": pl.DataFrame({"form": ["a"] * 4})}, "a column 'word'"),
        ({"permutations": -1}, "Got -1"),
    ],
)
def test_what_cannot_be_meant_is_refused(change, message):
    given_ = {"clusters": np.array([0, 0, 1, 1]), "labels": ["a", "b", "a", "a"]} | change
    clusters, labels = given_.pop("clusters"), given_.pop("labels")
    with pytest.raises(OptionError, match=message):
        align_labels(clusters, labels, **given_)
