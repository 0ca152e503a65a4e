from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.corpus import Corpus
from isogloss.errors import OptionError
from isogloss.probing import accuracy, partition_sentences, per_type_predictions, probe_rows
from tests.conftest import shared


def frame(n, split=None, **columns):
    names = [None] * n if split is None else split
    texts = columns.pop("text", [f"Text {i}." for i in range(n)])
    return pl.DataFrame(
        {"sentence": pl.Series(range(n), dtype=pl.UInt32), "split": pl.Series(names, dtype=pl.String), "text": texts}
    ).with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def words_of(sentences, labels):
    """As many words per sentence as `labels` has for it."""
    rows = [(s, label) for s, own in zip(sentences["sentence"], labels, strict=True) for label in own]
    schema = {"sentence": pl.UInt32, "pos": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def every(sentences):
    return np.ones(sentences.height, dtype=bool)


def test_the_corpus_own_splits_decide():
    sentences = frame(6, ["Train", "training", "validation", "val", "TEST", "test"])
    parts, notes = partition_sentences(sentences, every(sentences))
    assert parts.tolist() == [0, 0, 1, 1, 2, 2]
    assert notes == ()


def test_without_splits_sentences_are_drawn_60_20_20():
    sentences = frame(1000)
    parts, notes = partition_sentences(sentences, every(sentences), seed=3)
    assert np.bincount(parts).tolist() == [600, 200, 200]
    assert notes == ("sentences were drawn at random: 60% / 20% / 20% for train, dev and test",)
    other, _ = partition_sentences(sentences, every(sentences), seed=4)
    assert (parts != other).any()


@pytest.mark.parametrize("names", [["dev"] * 100, ["train"] * 100, ["dev", "test"] * 50, ["odd"] * 100])
def test_splits_that_cannot_train_and_test_are_drawn_over(names):
    sentences = frame(100, names)
    assert np.bincount(partition_sentences(sentences, every(sentences))[0]).tolist() == [60, 20, 20]


def test_names_of_splits_that_are_not_understood_are_told():
    sentences = frame(100, ["Train"] * 50 + ["held-out"] * 50)
    _, (note,) = partition_sentences(sentences, every(sentences))
    assert note.endswith("(splits are called held-out; understood are train, dev or validation, and test)")
    sentences = frame(100, ["training"] * 50 + ["eval"] * 50)
    parts, _ = partition_sentences(sentences, every(sentences))
    assert (parts[50:] == 2).all(), "eval is the held-out part"


def test_a_missing_dev_is_drawn_from_train():
    sentences = frame(100, ["train"] * 80 + ["test"] * 20)
    parts, notes = partition_sentences(sentences, every(sentences))
    assert np.bincount(parts).tolist() == [60, 20, 20]
    assert (parts[80:] == 2).all()
    assert notes == ("dev is a random 25% of the training sentences",)


def test_a_secret_test_is_replaced_by_dev():
    sentences = frame(120, ["train"] * 80 + ["dev"] * 20 + ["test"] * 20)
    labelled = np.arange(120) < 100
    parts, notes = partition_sentences(sentences, labelled)
    assert (parts[80:100] == 2).all()
    assert (parts[100:] == -1).all()
    assert np.bincount(parts[:80]).tolist() == [60, 20]
    assert "the dev split is the test" in notes[0]


def test_copies_of_a_text_are_never_on_two_sides():
    texts = [f"Text {i % 40}." for i in range(100)]
    drawn, _ = partition_sentences(frame(100, text=texts), np.ones(100, dtype=bool), seed=1)
    for text in set(texts):
        assert len({p for p, t in zip(drawn, texts, strict=True) if t == text}) == 1
    given_ = frame(6, ["train", "dev", "dev", "test", "test", "test"], text=["a", "a", "b", "a", "b", "c"])
    parts, notes = partition_sentences(given_, every(given_))
    assert parts.tolist() == [0, -1, 1, -1, -1, 2]
    assert notes == (
        "1 sentence of dev left out: the same text is in train",
        "2 sentences of test left out: the same text is in train or dev",
    )
    kept, notes = partition_sentences(given_, every(given_), drop_copies=False)
    assert kept.tolist() == [0, 1, 1, 2, 2, 2]
    assert notes == ()


def test_pairs_are_copies_only_as_pairs():
    sentences = frame(3, ["train", "dev", "test"], text=["a", "a", "ab"], text_b=["bc", "c", "c"])
    assert partition_sentences(sentences, every(sentences))[0].tolist() == [0, 1, 2]


def test_sentences_outside_the_three_splits_are_counted():
    sentences = frame(5, ["train", "dev", "test", "extra", None])
    parts, notes = partition_sentences(sentences, every(sentences))
    assert parts.tolist() == [0, 1, 2, -1, -1]
    assert notes == ("2 sentences in no split called train, dev or test left out",)


@given(st.integers(0, 2**32), st.integers(0, 1000))
@settings(max_examples=10)
def test_a_drawn_part_depends_on_text_and_seed_not_on_place(order_seed, seed):
    sentences = frame(50)
    order = np.random.default_rng(order_seed).permutation(50)
    first, _ = partition_sentences(sentences, every(sentences), seed=seed)
    second, _ = partition_sentences(sentences[order], every(sentences), seed=seed)
    assert (second == first[order]).all()


def test_rows_of_a_token_label_and_what_is_left_out():
    sentences = frame(9, ["train"] * 5 + ["dev"] * 2 + ["test"] * 2)
    labels = [["N", "V", None]] * 5 + [["N", "X"], ["V", "R"]] + [["V", "", "X"], ["N"]]
    labels[0] = ["N", "V", "R"]
    rows, reason = probe_rows(words_of(sentences, labels), sentences, "pos", min_count=2)
    assert reason is None
    assert rows.classes == ("N", "V")
    words = words_of(sentences, labels)["pos"].to_list()
    for name, part in (("train", rows.train), ("dev", rows.dev), ("test", rows.test)):
        assert (np.diff(part) > 0).all(), name
        assert {sentences["split"][int(s)] for s in rows.sentences[part]} == {name}
        assert [rows.classes[c] for c in rows.codes[part]] == [words[i] for i in part]
    assert len(rows.train) == 10
    assert len(rows.dev) == 2
    assert len(rows.test) == 2
    taking_part = np.zeros(len(words), dtype=bool)
    taking_part[np.concatenate([rows.train, rows.dev, rows.test])] = True
    assert (rows.codes[~taking_part] == -1).all()
    assert rows.notes == (
        "5 of 23 without pos left out",
        "1 class (2 words: R) with fewer than 2 training words left out",
        "1 class (2 words: X) never seen in training left out",
    )


def test_the_first_training_words_and_the_most_frequent_classes():
    sentences = frame(6, ["train"] * 4 + ["dev", "test"])
    labels = [["A", "A", "B", "C"]] * 4 + [["A", "B", "C"]] * 2
    rows, _ = probe_rows(words_of(sentences, labels), sentences, "pos", min_count=1, max_classes=2, max_train=10)
    assert rows.classes == ("A", "B")
    assert rows.train.tolist() == [0, 1, 2, 4, 5, 6, 8, 9]
    assert rows.test.tolist() == [19, 20]
    assert rows.notes == (
        "only the first 10 of 16 training words are used",
        "the 2 most frequent classes take part; 1 class (4 words: C) left out",
    )


def test_sentence_labels_and_scores_have_rows_too():
    sentences = frame(
        50, ["train"] * 30 + ["dev"] * 10 + ["test"] * 10, topic=["x", "y"] * 25, score=[*np.arange(49.0), None]
    )
    rows, _ = probe_rows(sentences, sentences, "topic")
    assert [len(p) for p in (rows.train, rows.dev, rows.test)] == [30, 10, 10]
    rows, _ = probe_rows(sentences, sentences, "topic", of="sentences", max_train=20)
    assert "only the first 20 of 30 training sentences are used" in rows.notes
    _, reason = probe_rows(sentences, sentences, "topic", of="sentences", min_count=16)
    assert reason == "topic: none of 2 classes has at least 16 of the 30 training sentences."
    rows, _ = probe_rows(sentences, sentences, "score")
    assert rows.targets[:49].tolist() == list(range(49))
    assert np.isnan(rows.targets[49])
    assert [len(p) for p in (rows.train, rows.dev, rows.test)] == [30, 10, 9]
    assert rows.classes == ()


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([[None]] * 10, "nothing is labelled"),
        ([["A"] * 3] * 10, "only one class, A,"),
        ([[f"id{3 * i + j}" for j in range(3)] for i in range(10)], "none of 30 classes has at least 2 of the 18"),
        ([["A", "B", "C"], *[["D"]] * 9], "only one class"),
    ],
)
def test_what_cannot_be_trained_is_said(labels, reason):
    sentences = frame(10, ["train"] * 6 + ["dev"] * 2 + ["test"] * 2)
    rows, why = probe_rows(words_of(sentences, labels), sentences, "pos", min_count=2)
    assert rows is None
    assert reason in why


def test_as_many_classes_as_words_and_nothing_to_test_on_are_said():
    sentences = frame(3, ["train", "dev", "test"])
    assert "as many classes" in probe_rows(words_of(sentences, ["AB", "A", "A"]), sentences, "pos", min_count=1)[1]
    assert "test on" in probe_rows(words_of(sentences, ["AABB", "A", "C"]), sentences, "pos", min_count=1)[1]
    constant = frame(3, ["train", "train", "test"], score=[1.0, 1.0, 2.0])
    assert "all training values are 1" in probe_rows(constant, constant, "score", shares=(0.9, 0.05, 0.05))[1]


def test_real_annotations_keep_their_splits_and_spelling_gives_the_known_share():
    folder = shared("ud-ewt")
    files = {split: folder / f"en_ewt-ud-{split}.conllu" for split in ("train", "dev", "test")}
    corpus = Corpus.read(files)
    rows, reason = probe_rows(corpus.words, corpus.sentences, "upos", drop_copies=False)
    assert reason is None
    assert len(rows.classes) == 17
    assert len(rows.train) == 150_000
    assert (len(rows.dev), len(rows.test)) == (25_147, 25_094)
    guess = per_type_predictions(corpus.words["word"], rows.codes, rows.train, rows.test)
    words = corpus.words["word"].to_list()
    tags: dict[str, Counter] = defaultdict(Counter)
    for i in rows.train:
        tags[words[i]][-rows.codes[i]] += 1
    majority = Counter(rows.codes[rows.train].tolist()).most_common(1)[0][0]
    best = {w: -max(own, key=lambda c: (own[c], c)) for w, own in tags.items()}
    assert guess.predictions.tolist() == [best.get(words[i], majority) for i in rows.test]
    share = accuracy(rows.codes[rows.test], guess.predictions, rows.sentences[rows.test], n_boot=0)
    assert 0.85 < share.value < 0.86


def test_mistakes_are_said():
    sentences = frame(3)
    with pytest.raises(OptionError, match="there is no label 'tag'; the columns are pos"):
        probe_rows(words_of(sentences, ["A", "B", "A"]), sentences, "tag")
    with pytest.raises(OptionError, match="row 2 is of sentence 2"):
        probe_rows(words_of(sentences, ["A", "B", "A"]), sentences.head(2), "pos")
    with pytest.raises(OptionError, match="sum to 1"):
        partition_sentences(sentences, every(sentences), shares=(0.5, 0.2, 0.2))
