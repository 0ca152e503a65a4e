import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.concepts import align_labels, characteristic_words, describe_clusters, name_concepts
from isogloss.errors import OptionError
from tests.vectors import SteppedVectors

quick = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)


WORDS = pl.DataFrame({"word": ["cat", "dog", "cat", "the", "The", "dog"], "sentence": [0, 0, 0, 1, 2, 3]})
CLUSTERS = np.array([4, 4, 4, 2, 2, -1])


def test_sizes_words_and_examples_by_hand():
    found = describe_clusters(CLUSTERS, WORDS, examples=1)
    assert found.concepts.rows() == [(2, 2, 2, 2), (4, 3, 2, 1)]
    assert found.words.rows() == [
        (2, "The", 1, 1, [4]),
        (2, "the", 1, 1, [3]),
        (4, "cat", 2, 1, [0]),
        (4, "dog", 1, 1, [1]),
    ]
    assert found.centroids is None
    assert describe_clusters(CLUSTERS, WORDS["word"]).concepts["n_sentences"].to_list() == [None, None]


@quick
@given(seed=seeds, step=st.sampled_from([1, 7, 1000]))
def test_cohesion_is_that_of_plain_loops_whatever_the_blocks(seed, step):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(60, 5)) + 30).astype(np.float32)
    clusters = rng.integers(-1, 4, 60)
    found = describe_clusters(clusters, [str(i) for i in range(60)], SteppedVectors(X, step))
    Y = X.astype(np.float64)
    clustered = Y[clusters >= 0]
    whole = np.sqrt(((clustered - clustered.mean(axis=0)) ** 2).sum(axis=1).mean())
    for i, row in enumerate(found.concepts.iter_rows(named=True)):
        own = Y[clusters == row["concept"]]
        centre = own.mean(axis=0)
        rms = np.sqrt(((own - centre) ** 2).sum(axis=1).mean())
        cosine = np.mean([x @ centre / np.linalg.norm(x) / np.linalg.norm(centre) for x in own])
        assert (row["rms"], row["spread"]) == pytest.approx((rms, rms / whole), rel=1e-9)
        assert row["cosine"] == pytest.approx(cosine, rel=1e-12)
        np.testing.assert_allclose(found.centroids[i], centre, rtol=1e-6)


def test_equal_vectors_have_no_width_and_vectors_of_zeros_no_direction():
    X = np.array([[1.0, 2], [1, 2], [0, 0], [0, 0]])
    found = describe_clusters(np.array([0, 0, 1, 1]), list("abcd"), SteppedVectors(X)).concepts
    assert found["rms"].to_list() == [0.0, 0.0]
    assert found["cosine"][0] == pytest.approx(1.0)
    assert found["cosine"][1] is None
    assert describe_clusters(np.zeros(2, int), list("ab"), SteppedVectors(X[:2])).concepts["spread"].to_list() == [None]


def test_lengths_that_differ_are_refused():
    with pytest.raises(OptionError, match="Got 6 and 5 rows"):
        describe_clusters(CLUSTERS, WORDS, SteppedVectors(np.ones((5, 2))))
    with pytest.raises(OptionError, match="Got 6 and 2 rows"):
        describe_clusters(CLUSTERS, ["a", "b"])


def test_log_odds_by_hand():
    clusters, words = np.array([0] * 6 + [1] * 4), list("aaaabb") + list("abbb")
    found = characteristic_words(clusters, words, prior_tokens=10).filter(pl.col("concept") == 0)
    # a: 4 of 6 here, 1 of 4 there; prior 10 * 5/10 = 5 tokens of 10.
    delta = np.log((4 + 5) / (6 + 10 - 4 - 5)) - np.log((1 + 5) / (4 + 10 - 1 - 5))
    z = delta / np.sqrt(1 / (4 + 5) + 1 / (1 + 5))
    assert found["word"].to_list() == ["a", "b"]
    assert found.row(0)[3:] == pytest.approx((delta, z))


def test_words_of_one_concept_come_before_words_of_all():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(5), 100)
    words = ["the" if rng.random() < 0.5 else f"own{c}" for c in clusters]
    found = characteristic_words(clusters, words, n_words=1)
    assert found["word"].to_list() == [f"own{c}" for c in range(5)]
    assert characteristic_words(np.array([3, 3]), ["a", "a"])["z"].to_list() == [0.0]


def test_names_are_labels_where_aligned_else_words_or_the_annotators():
    clusters = np.repeat([0, 1], 20)
    words = ["cat", "dog"] * 10 + ["run", "the"] * 10
    labels = align_labels(clusters, ["N"] * 20 + ["V", "D"] * 10)
    named = name_concepts(clusters, words, {"upos": labels}, n_words=2)
    assert named["name"].to_list() == ["upos=N: cat, dog", "run, the"]
    assert named["source"].to_list() == ["labels", "words"]
    assert named["labels"].to_list() == [["upos=N"], []]
    given_words = []

    def annotator(own):
        given_words.append(list(own))
        return " animals " if "cat" in own else ""

    asked = name_concepts(clusters, words, {"upos": labels}, n_words=1, annotator=annotator)
    assert asked.select("name", "source").rows() == [("animals", "annotator"), ("run", "words")]
    assert [sorted(own) for own in given_words] == [["cat", "dog"], ["run", "the"]]
    with pytest.raises(OptionError, match="'upos' should be of the same 1 concepts"):
        name_concepts(np.zeros(40, int), words, {"upos": labels})


def test_a_label_that_most_words_have_names_nothing():
    clusters = np.repeat([0, 1, 2], 20)
    words = [f"w{c}" for c in clusters]
    labels = align_labels(clusters, ["lower"] * 40 + ["upper"] * 20)
    named = name_concepts(clusters, words, {"casing": labels}, n_words=1)
    assert named["name"].to_list() == ["w0", "w1", "casing=upper: w2"]
    assert named["labels"].to_list() == [["casing=lower"], ["casing=lower"], ["casing=upper"]]
