import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.concepts import agreement, align_clusters, calign, colap, half_alignment
from isogloss.errors import OptionError

quick = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)

WORDS = list("aabbccddee")
A = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
B = np.array([5, 5, 5, 5, 5, 5, 6, 6, 6, 6])


def test_overlap_shares_by_hand():
    found = align_clusters(A, B, WORDS, threshold=0.95)
    # As types: A is {a, b}, {c, d}, {e}; B is {a, b, c}, {d, e}.
    assert found.overlap.rows() == [
        (0, 5, 2, 2, 3, 1.0, 2 / 3, 2 / 3),
        (1, 5, 1, 2, 3, 0.5, 1 / 3, 1 / 4),
        (1, 6, 1, 2, 2, 0.5, 0.5, 1 / 3),
        (2, 6, 1, 1, 2, 1.0, 0.5, 0.5),
    ]
    assert found.first.rows() == [(0, 2, 5, 1.0, True), (1, 2, 5, 0.5, False), (2, 1, 6, 1.0, True)]
    assert found.second.rows() == [(5, 3, 0, 2 / 3, False), (6, 2, 1, 0.5, False)]
    assert (found.n_a, found.n_b, found.aligned_a, found.aligned_b) == (3, 2, 2, 0)
    assert (found.share_a, found.share_b) == (2 / 3, 0.0)


@pytest.mark.parametrize(
    ("denominator", "first", "second"),
    [
        ("first", [1, 0.5, 1], [2 / 3, 0.5]),
        ("smaller", [1, 0.5, 1], [1, 1]),
        ("union", [2 / 3, 1 / 3, 0.5], [2 / 3, 0.5]),
    ],
)
def test_denominators(denominator, first, second):
    found = align_clusters(A, B, WORDS, denominator=denominator)
    assert found.first["share"].to_list() == pytest.approx(first)
    assert found.second["share"].to_list() == pytest.approx(second)


def test_tokens_and_types_are_different_questions():
    words = ["a", "a", "a", "a", "b"]
    first, second = np.array([0, 0, 0, 0, 0]), np.array([0, 0, 0, 1, 0])
    assert align_clusters(first, second, words, threshold=1.0).first["share"].to_list() == [1.0]
    assert align_clusters(first, second, on="tokens").first["share"].to_list() == [0.8]
    assert align_clusters(first, second, words).second["aligned"].to_list() == [True, True]


@quick
@given(seed=seeds, on=st.sampled_from(["types", "tokens"]))
def test_overlaps_are_those_of_python_sets(seed, on):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-1, 6, 50), rng.integers(-1, 5, 50)
    words = [f"w{i}" for i in rng.integers(0, 25, 50)]

    def sets(clusters):
        unit = words if on == "types" else range(50)
        return {c: {u for u, k in zip(unit, clusters, strict=True) if k == c} for c in set(clusters.tolist()) - {-1}}

    first, second = sets(a), sets(b)
    found = align_clusters(a, b, words, on=on, threshold=0.5)
    got = {(x, y): s for x, y, s in found.overlap.select("a", "b", "shared").iter_rows()}
    want = {(x, y): len(s & t) for x, s in first.items() for y, t in second.items() if s & t}
    assert got == want
    assert found.aligned_a == sum(any(len(s & t) / len(s) >= 0.5 for t in second.values()) for s in first.values())
    assert found.aligned_b == sum(any(len(s & t) / len(t) >= 0.5 for s in first.values()) for t in second.values())


@quick
@given(seed=seeds)
def test_ids_do_not_matter_and_the_same_clusters_align_wholly(seed):
    rng = np.random.default_rng(seed)
    a, words = rng.integers(0, 6, 50), [f"w{i}" for i in rng.integers(0, 25, 50)]
    b = rng.permutation(30)[a]
    found = align_clusters(a, b, words, threshold=1.0, denominator="union")
    assert found.share_a == found.share_b == 1.0
    assert agreement(a, b).adjusted_rand == agreement(a, b).adjusted_mutual_information == 1.0


def test_small_concepts_align_to_nothing_and_stay_in_the_denominator():
    found = align_clusters(A, B, WORDS, min_size=2)
    assert found.first["aligned"].to_list() == [True, False, False]
    assert found.share_a == pytest.approx(1 / 3)


def test_a_concept_that_is_too_small_does_not_stand_before_one_that_is_large_enough():
    a, b, words = np.zeros(4, int), np.array([0, 1, 1, 1]), list("abcd")
    found = align_clusters(a, b, words, denominator="smaller", min_size=2)
    assert found.first.rows() == [(0, 4, 1, 1.0, True)]
    assert found.second["aligned"].to_list() == [False, True]


def test_two_halves_of_a_corpus_align_on_types():
    first, second = np.array([0, 0, 1, 1]), np.array([3, 3, 4])
    found = half_alignment(first, second, list("abcd"), list("abx"))
    assert found.first["aligned"].to_list() == [True, False]
    assert found.second["aligned"].to_list() == [True, False]
    assert found.second["best"].to_list() == [0, None]


def test_agreement_of_unrelated_clusterings_is_near_zero():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 20, (2, 2000))
    a[:100] = -1
    found = agreement(a, b)
    assert found.n_words == 1900
    assert abs(found.adjusted_rand) < 0.01
    assert abs(found.adjusted_mutual_information) < 0.02


def test_calign_by_hand():
    words = [f"w{i}" for i in range(10)] + ["x", "y"]
    a = np.array([0] * 10 + [1, 1])
    b = np.array([0] * 9 + [1, 0, 0])
    # |C1| = 10, |C2| = 11, nine in common: match 0.9, ratio 10/11.
    found = calign(a, b, words, match=0.8, min_size=5, size_ratio=0.5)
    assert found.pairs.rows() == [(0, 0, 9, 10, 11, 0.9, 10 / 11)]
    assert (found.aligned, found.n_a, found.share) == (1, 2, 0.5)
    assert calign(a, b, words, match=0.9).aligned == 0
    assert calign(a, b, words, min_size=10).aligned == 0
    assert calign(a, b, words, size_ratio=10 / 11).aligned == 0
    assert calign(a, b, words, match=0.5, min_size=1, size_ratio=0.1).aligned == 2


def test_colap_by_hand():
    joint = np.array([0, 0, 1, 1, 2, 2, 2, 0, 0, 1, 3, -1])
    found = colap(joint, 7, threshold=0.3)
    assert found.table.rows() == [
        (0, 2, 2, 0.5, 0.5, True),
        (1, 2, 1, 2 / 3, pytest.approx(1 / 3), True),
        (2, 3, 0, 1.0, 0.0, False),
        (3, 0, 1, 0.0, 1.0, False),
    ]
    assert (found.overlapping, found.share) == (2, 0.5)
    assert colap(joint, 7, threshold=1 / 3).overlapping == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: align_clusters(A, B[:-1], WORDS), "a and b should be of the same words. Got 10 and 9"),
        (lambda: align_clusters(A, B), "words should be given"),
        (lambda: align_clusters(A, B, WORDS[:-1]), "Got 10 and 9"),
        (lambda: align_clusters(A, B, WORDS, words_b=WORDS, on="tokens"), "Got 'tokens'"),
        (lambda: align_clusters(A, B, WORDS, threshold=1.5), "Got 1.5"),
        (lambda: align_clusters(A, B, WORDS, denominator="second"), "Got 'second'"),
        (lambda: align_clusters(A, np.full(10, -1), WORDS), "b should put at least one word"),
        (lambda: calign(A, B, WORDS, match=0), "match should be above 0"),
        (lambda: colap(A, 10), "between 1 and 9. Got 10"),
        (lambda: colap(A, 5, threshold=0.5), "Got 0.5"),
        (lambda: agreement(np.array([0, -1]), np.array([-1, 0])), "Got 1 and 1 clustered words"),
        (lambda: align_clusters(A, B, pl.DataFrame({"word": [None, *WORDS[1:]]})), "none in row 0"),
    ],
)
def test_what_cannot_be_meant_is_refused(call, message):
    with pytest.raises(OptionError, match=message):
        call()
