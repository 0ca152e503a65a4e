from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import Corpus
from isogloss.errors import CorpusError, OptionError, StoreError

from .shared import misplaced

TEXTS = st.lists(st.text(st.sampled_from("ab c.é👍\n\x00"), max_size=12), min_size=1, max_size=12).map(
    lambda texts: [*texts, "end"]
)


def corpora() -> st.SearchStrategy[Corpus]:
    return TEXTS.map(
        lambda texts: Corpus.from_texts(
            texts,
            {"class": ["x" if len(t) % 2 else "y" for t in texts], "score": [len(t) / 2 + 0.25 for t in texts]},
            splits=["train" if i % 3 else "dev" for i in range(len(texts))],
        ).annotate("casing")
    )


def check(corpus: Corpus) -> None:
    assert corpus.sentences["sentence"].to_list() == list(range(len(corpus)))
    assert corpus.words.equals(corpus.words.sort("sentence", "part", "position"))
    assert corpus.words["sentence"].is_empty() or corpus.words["sentence"].max() < len(corpus)
    assert misplaced(corpus).is_empty()


@given(corpora(), st.integers(0, 14), st.integers(0, 3))
def test_parts_of_a_corpus_are_corpora(corpus, n, seed):
    head, sample = corpus.head(n), corpus.sample(n, seed=seed)
    for part in (head, sample, corpus.split("dev")):
        check(part)
        assert part.words.schema == corpus.words.schema
        assert part.sentences.schema == corpus.sentences.schema
    assert head.sentences.equals(corpus.sentences[:n])
    assert head.words.equals(corpus.words.filter(pl.col("sentence") < n))
    assert len(sample) == min(n, len(corpus))
    assert set(sample.sentences["text"]) <= set(corpus.sentences["text"])
    assert sample.sha256 == corpus.sample(n, seed=seed).sha256


@given(corpora(), st.integers(1, 10))
def test_a_smaller_sample_is_in_a_larger_one(corpus, n):
    marked = corpus.sentences.with_columns(id=pl.col("sentence").cast(pl.String))
    corpus = Corpus(corpus.name, corpus.source, marked, corpus.words)
    assert set(corpus.sample(n - 1, seed=5).sentences["id"]) <= set(corpus.sample(n, seed=5).sentences["id"])


@given(corpora())
def test_selecting_everything_changes_nothing_and_splits_are_a_partition(corpus):
    everything = corpus.select(range(len(corpus)))
    assert everything.sha256 == corpus.sha256
    assert everything.words.equals(corpus.words)
    assert len(corpus.split("dev")) + (len(corpus.split("train")) if len(corpus) > 1 else 0) == len(corpus)


def test_selection_follows_the_given_order_and_repeats():
    corpus = Corpus.from_texts(["a b", "", "c"], ["0", "1", "2"])
    chosen = corpus.select([2, 1, 0, 2])
    assert chosen.sentences.select("sentence", "text", "label").rows() == [
        (0, "c", "2"), (1, "", "1"), (2, "a b", "0"), (3, "c", "2")
    ]  # fmt: skip
    assert chosen.words.select("sentence", "word").rows() == [(0, "c"), (2, "a"), (2, "b"), (3, "c")]
    with pytest.raises(OptionError, match="no sentence 3; texts has 0 to 2"):
        corpus.select([0, 3])
    with pytest.raises(OptionError, match="Got -1 instead"):
        corpus.head(-1)


def test_samples_with_different_seeds_differ():
    corpus = Corpus.from_texts([f"text {i}" for i in range(100)])
    assert corpus.sample(50, seed=0).sha256 != corpus.sample(50, seed=1).sha256


@given(corpora(), st.booleans())
def test_saving_and_loading_gives_back_exactly_the_same(tmp_path_factory, corpus, pairs):
    if pairs:
        corpus = Corpus.from_texts(corpus.sentences["text"], text_b=corpus.sentences["text"], name="p|q")
    folder = tmp_path_factory.mktemp("saved")
    corpus.save(folder)
    for back in (Corpus.load(folder), Corpus.read(folder)):
        assert back.sentences.equals(corpus.sentences)
        assert back.words.equals(corpus.words)
        assert back.sentences.schema == corpus.sentences.schema
        assert back.words.schema == corpus.words.schema
        assert (back.name, back.source, back.notes, back.sha256) == (
            corpus.name, corpus.source, corpus.notes, corpus.sha256
        )  # fmt: skip


def test_damage_to_a_saved_corpus_is_named(tmp_path):
    Corpus.from_texts(["a b"]).save(tmp_path / "c")
    words = tmp_path / "c" / "words.parquet"
    content = bytearray(words.read_bytes())
    content[len(content) // 2] ^= 1
    words.write_bytes(content)
    with pytest.raises(StoreError, match=r"words\.parquet is damaged"):
        Corpus.load(tmp_path / "c")
    with pytest.raises(CorpusError, match="holds no saved corpus"):
        Corpus.load(tmp_path)
    header = tmp_path / "c" / "corpus.json"
    header.write_text(json.dumps({**json.loads(header.read_text()), "name": "forged"}))
    with pytest.raises(StoreError, match=r"corpus\.json is damaged"):
        Corpus.load(tmp_path / "c")


def test_the_fingerprint_sees_every_text_word_and_label_but_not_the_name():
    base = Corpus.from_texts(["a b", "c"], ["x", "y"], name="one")
    assert base.sha256 == Corpus.from_texts(["a b", "c"], ["x", "y"], name="two").sha256
    others = [
        Corpus.from_texts(["a b", "d"], ["x", "y"]),
        Corpus.from_texts(["a b", "c"], ["x", "x"]),
        Corpus.from_texts(["a b", "c"], ["x", None]),
        Corpus.from_texts(["a b", "c"], [0.5, 1.0]),
        Corpus.from_texts(["a b", "c"], {"other": ["x", "y"]}),
        Corpus.from_texts(["a b", "c"], ["x", "y"], splits=["train", None]),
        base.words_where(pl.col("word") != "a"),
        base.annotate("casing"),
    ]
    assert len({base.sha256, *(other.sha256 for other in others)}) == len(others) + 1
    more = base.annotate("casing", "position")
    assert more.sha256 == base.annotate("position", "casing").sha256


def test_moving_a_boundary_between_neighbouring_texts_changes_the_fingerprint():
    assert Corpus.from_texts(["ab", "c"]).sha256 != Corpus.from_texts(["a", "bc"]).sha256


def test_a_corpus_does_not_change():
    corpus = Corpus.from_texts(["a"])
    with pytest.raises(FrozenInstanceError):
        corpus.name = "other"
    corpus.with_token_labels({"x": ["1"]})
    assert corpus.token_labels == ()


def test_a_corpus_says_what_it_is():
    corpus = Corpus.from_texts(["a b", "c"], ["x", "y"], name="tiny").annotate("casing")
    assert repr(corpus) == "<Corpus tiny: 2 sentences; 3 words; sentence labels: label; token labels: casing>"
    assert len(corpus) == 2
    assert "1 pairs" in repr(Corpus.from_texts(["a"], text_b=["b"]))


def test_label_counts_are_sorted_and_leave_out_the_unlabelled():
    corpus = Corpus.from_texts(["a", "b", "c", "d"], ["y", "x", None, "y"])
    assert corpus.label_counts("label").rows() == [("y", 2), ("x", 1)]
    with pytest.raises(CorpusError, match=r"no sentence label 'labels'.*did you mean 'label'"):
        corpus.label_counts("labels")
    with pytest.raises(CorpusError, match="no token label at all"):
        corpus.token_label_counts("pos")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 0, 1], ["1", "0", "1"]),
        ([1.0, 0.0, None], ["1", "0", None]),
        ([0.5, 1.0, None], [0.5, 1.0, None]),
        ([True, False, None], ["true", "false", None]),
        (["1.0", "2", ""], ["1.0", "2", None]),
        (["1.5", "2", ""], [1.5, 2.0, None]),
        (["nan", "1.5", "2"], ["nan", "1.5", "2"]),
        (np.array([0.5, 1, 2], np.float32), [0.5, 1.0, 2.0]),
    ],
)
def test_types_of_labels_in_memory(labels, expected):
    assert Corpus.from_texts(["a", "b", "c"], labels).sentences["label"].to_list() == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Corpus.from_texts("one text"), "put it in a list"),
        (lambda: Corpus.from_texts([]), "has no texts"),
        (lambda: Corpus.from_texts([" ", ""]), "has no words"),
        (lambda: Corpus.from_texts(["a"], ["x", "y"]), "2 values of the label 'label' for 1 sentences"),
        (lambda: Corpus.from_texts(["a"], text_b=["x", "y"]), "2 values of 'text_b' for 1 rows"),
        (lambda: Corpus.from_texts(["a"], {"word": ["x"]}), "cannot be called 'word'"),
        (lambda: Corpus.from_texts(["a"], {"a=b": ["x"]}), "cannot be called 'a=b': tables write LABEL=VALUE"),
        (lambda: Corpus.from_texts(["a", 3]), "text of row 2 is a int"),
        (lambda: Corpus.from_texts(["a", "\ud800"]), "row 2 holds half of a surrogate pair"),
        (lambda: Corpus.from_texts(["a b"]).with_token_labels({"x": ["1"]}), "1 values of 'x' for 2 rows"),
        (lambda: Corpus.from_texts(["a b"]).with_token_labels({"start": ["1", "2"]}), "cannot be called 'start'"),
        (lambda: Corpus.from_texts(["a"]).split("dev"), "has no splits"),
        (lambda: Corpus.from_words(["ab"]), "one list per sentence"),
        (lambda: Corpus.from_words([["a", ""]]), "row 1: the list 'text' has an empty word"),
        (lambda: Corpus.from_words([["a"]], {"pos": [["X", "Y"]]}), "row 1: 1 words but 2 values of 'pos'"),
        (lambda: Corpus.read({}), "no file is named"),
    ],
)
def test_what_cannot_be_a_corpus_is_explained(make, message):
    with pytest.raises(CorpusError, match=message):
        make()


def test_words_in_memory_keep_their_labels():
    corpus = Corpus.from_words([["New York", "is"], [], ["ok"]], {"pos": [["N", None], [], ["A"]]}, ["x", "y", "x"])
    assert corpus.sentences["text"].to_list() == ["New York is", "", "ok"]
    assert corpus.words.select("sentence", "word", "pos").rows() == [
        (0, "New York", "N"),
        (0, "is", None),
        (2, "ok", "A"),
    ]
    assert corpus.sentences["label"].to_list() == ["x", "y", "x"]
    check(corpus)


def test_columns_have_the_stated_types():
    corpus = Corpus.from_texts(["a"], ["x"], ["b"]).annotate("casing")
    assert corpus.sentences.schema == {
        "sentence": pl.UInt32, "id": pl.String, "split": pl.String,
        "text": pl.String, "text_b": pl.String, "label": pl.String,
    }  # fmt: skip
    assert corpus.words.schema == {
        "sentence": pl.UInt32, "part": pl.UInt8, "position": pl.UInt32, "word": pl.String,
        "start": pl.UInt32, "end": pl.UInt32, "casing": pl.String,
    }  # fmt: skip
