"""What measures take from their callers: lists, sets, arrays and series say the same thing."""

import numpy as np
import polars as pl
import pytest

from isogloss.concepts import align_labels, describe_clusters, triggers, universal_trigger
from isogloss.errors import OptionError

CLUSTERS = np.array([0, 0, 0, 1, 1, 1])
WORDS = ["run", "walk", "sit", "cat", "dog", "sun"]


class Counting:
    """The last class where a text has a planted word, else the first."""

    def __call__(self, texts, text_b=None):
        planted = np.array([bool({"joy", "gem"} & set(text.split())) for text in texts])
        return np.column_stack([~planted, planted]).astype(float)


TEXTS = [f"a text number {i}" for i in range(12)] + ["joy here"] * 4
GOLD = [0] * 12 + [1] * 4
TRIED = {"classes": ["0", "1"], "target": "1", "resamples": 20, "universal_length": 1}


def test_clusters_are_described_from_a_matrix():
    X = np.random.default_rng(0).standard_normal((6, 5))
    found = describe_clusters(CLUSTERS, WORDS, X)
    assert np.allclose(found.centroids, [X[:3].mean(axis=0), X[3:].mean(axis=0)], atol=1e-6)
    assert found.concepts["rms"][0] == pytest.approx(
        np.sqrt(np.square(X[:3] - X[:3].mean(axis=0)).sum(axis=1).mean()), rel=1e-5
    )
    with pytest.raises(OptionError, match=r"\(n_words, hidden\). Got shape \(6,\)"):
        describe_clusters(CLUSTERS, WORDS, X[:, 0])
    with pytest.raises(OptionError, match="Got 6 and 5 rows"):
        describe_clusters(CLUSTERS, WORDS, X[:5])


def test_words_may_be_the_third_argument():
    labels = ["V", "V", "V", "N", "N", "N"]
    found = align_labels(CLUSTERS, labels, WORDS, min_types=3)
    assert (found.aligned, found.table["n_types"].to_list()) == (2, [3, 3, 3, 3])


SEVERAL = [["a", "b"], ["a"], ["a"], [], ["b", "a"], ["b"]]


@pytest.mark.parametrize(
    "labels",
    [
        [tuple(each) for each in SEVERAL],
        [set(each) for each in SEVERAL],
        [frozenset(each) for each in SEVERAL],
        [np.array(each, dtype=str) for each in SEVERAL],
        [pl.Series(each, dtype=pl.String) for each in SEVERAL],
        pl.Series(SEVERAL),
        np.array([np.array(each, dtype=object) for each in SEVERAL], dtype=object),
        [each or None for each in SEVERAL],
    ],
)
def test_several_labels_per_word_come_in_any_collection(labels):
    found = align_labels(CLUSTERS, labels)
    assert found.table.equals(align_labels(CLUSTERS, SEVERAL).table)
    assert found.table["label"].to_list() == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    "labels",
    [
        [1, 1, 10, 2, 2, 2],
        [1, 1.0, "10", 2.0, np.int8(2), np.float32(2)],
        np.array([1.0, 1, 10, 2, 2, 2]),
        pl.Series([1, 1, 10, 2, 2, 2], dtype=pl.UInt8),
        [{1}, [1.0], (10,), np.array([2]), [2], 2],
    ],
)
def test_whole_numbers_are_labels_by_their_digits(labels):
    found = align_labels(CLUSTERS, labels)
    assert found.table.equals(align_labels(CLUSTERS, ["1", "1", "10", "2", "2", "2"]).table)


@pytest.mark.parametrize(
    ("wrong", "said"), [(float("nan"), "nan"), (np.nan, "nan"), (1.5, "1.5"), (["a", None], "None"), ([np.nan], "nan")]
)
def test_what_is_no_label_is_refused_with_its_row(wrong, said):
    with pytest.raises(OptionError, match=f"Got {said} in row 4"):
        align_labels(CLUSTERS, ["a", "a", "a", "b", wrong, "b"])


def test_nan_in_arrays_and_series_is_refused_and_null_is_no_label():
    for labels in (np.array([1, 1, 1, 2, np.nan, 2]), pl.Series([1.0, 1.0, 1.0, 2.0, np.nan, 2.0])):
        with pytest.raises(OptionError, match="Got nan in row 4"):
            align_labels(CLUSTERS, labels)
    found = align_labels(CLUSTERS, pl.Series([1, 1, 1, 2, None, 2]))
    assert found.table["unknown"].to_list()[:2] == pytest.approx([0, 1 / 3])


def test_conceptx_at_a_threshold_of_one_wants_all_of_a_concept():
    found = align_labels(CLUSTERS, ["V", "V", "V", "N", "N", "V"], threshold=1.0)
    assert found.table["aligned"].to_list() == [True, False, False, True]
    assert found.covered == 1
    recall = found.table.filter(pl.col("label") == "V", pl.col("direction") == "label")["recall"]
    assert recall.to_list() == [0.75]
    # Below one it stays strict: two thirds are not more than two thirds.
    assert align_labels(CLUSTERS, ["V", "V", "V", "N", "N", "V"], threshold=2 / 3).aligned == 1


@pytest.mark.parametrize("as_given", [list, np.array, pl.Series, lambda values: np.array(values, dtype=object)])
def test_triggers_take_lists_arrays_and_series(as_given):
    asked = {"controls": {"c": ["text", "number"]}, "text_b": ["b"] * 16} | TRIED
    plain = triggers(Counting(), TEXTS, [str(g) for g in GOLD], ["joy", "gem"], **asked)
    asked["text_b"] = as_given(asked["text_b"])
    found = triggers(Counting(), as_given(TEXTS), as_given(GOLD), as_given(["joy", "gem"]), **asked)
    for name in ("table", "differences", "by_word", "universal"):
        assert getattr(found, name).equals(getattr(plain, name))
    assert found.table["flip_rate"].to_list() == [1.0, 0.0] * 3


@pytest.mark.parametrize("gold", [GOLD, np.array(GOLD, dtype=float), [str(g) for g in GOLD], pl.Series(GOLD)])
def test_classes_may_be_numbers(gold):
    found = triggers(Counting(), TEXTS, gold, ["joy"], **TRIED | {"classes": [0, 1], "target": 1})
    assert (found.target, found.table["flip_rate"].to_list()) == ("1", [1.0] * 3)
    searched = universal_trigger(Counting(), TEXTS, gold, ["here", "gem"], classes=[0, 1], target=1, length=1)
    assert searched.words == ("gem",)
    with pytest.raises(OptionError, match=r"target should be one of '0', '1'. Got 2"):
        triggers(Counting(), TEXTS, gold, ["joy"], **TRIED | {"classes": [0, 1], "target": 2})


def test_without_controls_there_are_no_differences_but_their_columns():
    found = triggers(Counting(), TEXTS, GOLD, ["joy", "gem"], **TRIED)
    assert found.table["group"].unique().to_list() == ["triggers"]
    beside = triggers(Counting(), TEXTS, GOLD, ["joy", "gem"], controls={"c": ["text"]}, **TRIED)
    assert found.differences.is_empty()
    assert found.differences.schema == beside.differences.schema


def test_missing_texts_are_left_out_and_what_is_no_text_is_named():
    missing = pl.Series([None, *TEXTS[1:]]), np.array([np.nan, *TEXTS[1:]], dtype=object)
    for texts in missing:
        found = triggers(Counting(), texts, GOLD, ["joy"], **TRIED)
        assert "1 sentences without a text or a class were left out." in found.notes
    with pytest.raises(OptionError, match=r"texts should be strings, None where there is none. Got 7 in row 0"):
        triggers(Counting(), [7, *TEXTS[1:]], GOLD, ["joy"], **TRIED)
