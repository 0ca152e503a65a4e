from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from isogloss.errors import OptionError
from isogloss.separability.memorisation_parts import FEWEST, draw_parts
from tests.separability.memorised import measured, rows_of, sentences_of, vectors_of

ROWS = rows_of()


def test_sentences_are_split_whole_and_four_to_one():
    parts, reason = draw_parts(ROWS, splits=3)
    assert reason is None
    for k in range(3):
        inside = parts.subtrain(parts.n_stages - 1)[k]
        assert np.array_equal(parts.subtest[k], ~inside)
        assert inside.mean() == pytest.approx(0.8, abs=0.01)
        assert not set(parts.train_owner[inside]) & set(parts.train_owner[~inside])


def test_subtests_of_five_splits_are_all_training_rows_once():
    parts, _ = draw_parts(ROWS, splits=5)
    assert (parts.subtest.sum(axis=0) == 1).all()
    more, _ = draw_parts(ROWS, splits=6)
    assert np.array_equal(more.stage[:5], parts.stage)
    assert not (more.subtest[5:] == parts.subtest).all(axis=1).any()


def test_sizes_of_the_curve_lie_within_each_other():
    parts, _ = draw_parts(ROWS)
    sizes = [parts.subtrain(stage).sum(axis=1) for stage in range(parts.n_stages)]
    assert (np.diff(sizes, axis=0) > 0).all()
    for smaller, larger in zip(range(parts.n_stages - 1), range(1, parts.n_stages), strict=True):
        assert not (parts.subtrain(smaller) & ~parts.subtrain(larger)).any()


def test_a_sentences_place_does_not_depend_on_the_order_of_rows():
    order = np.random.default_rng(0).permutation(len(ROWS.codes))
    inverse = np.argsort(order)
    moved = replace(
        ROWS,
        codes=ROWS.codes[order],
        sentences=ROWS.sentences[order],
        train=np.sort(inverse[ROWS.train]),
        test=np.sort(inverse[ROWS.test]),
    )
    first, second = (draw_parts(rows, max_train=200)[0] for rows in (ROWS, moved))
    for k in range(3):
        tested = [set(rows.sentences[p.train[p.subtest[k]]]) for rows, p in ((ROWS, first), (moved, second))]
        assert tested[0] == tested[1]


def test_copies_of_a_text_stay_together():
    distinct = sentences_of(300, 150).with_columns(text=pl.format("text {}", pl.col("sentence") % 100))
    parts, _ = draw_parts(ROWS, distinct, splits=2)
    texts = ROWS.sentences[parts.train] % 100
    for tested in parts.subtest:
        assert not set(texts[tested]) & set(texts[~tested])


def test_pairs_that_share_one_text_are_no_copies():
    sentences = sentences_of(300, 150).with_columns(text=pl.lit("same"), text_b=pl.col("text"))
    parts, reason = draw_parts(ROWS, sentences)
    assert reason is None
    assert parts.train_owner.max() + 1 == 300


def test_more_training_rows_than_asked_for_are_drawn_by_sentence():
    parts, _ = draw_parts(ROWS, max_train=201)
    assert 201 <= len(parts.train) <= 202
    counts = np.bincount(parts.train_owner)
    assert (counts == 2).all()


@pytest.mark.parametrize(
    ("rows", "sentences", "said"),
    [
        (replace(ROWS, test=np.arange(0)), None, "no test part"),
        (replace(ROWS, test=ROWS.test[:20]), None, f"10 sentences are unseen, and {FEWEST}"),
        (replace(ROWS, test=ROWS.test[:2]), None, "1 sentence is unseen"),
        (replace(ROWS, train=ROWS.train[:60]), None, "18 sentences are trained on and kept"),
        (replace(ROWS, train=ROWS.train[:2]), None, "trained on and kept"),
        (replace(ROWS, codes=np.zeros_like(ROWS.codes)), None, "one class"),
        (replace(ROWS, classes=(), targets=np.zeros(900)), None, "number"),
        (ROWS, sentences_of(300, 150, split=False), "no train and test parts of its own"),
        (ROWS, sentences_of(200, 250), "no train and test parts of its own"),
        (ROWS, sentences_of(300, 150).with_columns(split=pl.lit("train")), "no train and test parts of its own"),
    ],
)
def test_what_cannot_be_decided_is_said(rows, sentences, said):
    parts, reason = draw_parts(rows, sentences)
    assert parts is None
    assert said in reason
    vectors = vectors_of(ROWS, 1.0)
    found, tables = measured(vectors, vectors, rows, sentences=sentences)
    assert not found
    assert tables["separability_memorisation"].is_empty()
    assert tables["separability_memorisation_parts"]["undecided"].to_list() == [reason]


def test_a_dev_part_can_be_the_test_whatever_the_case_of_its_name():
    sentences = sentences_of(300, 150).with_columns(
        split=pl.col("split").replace({"train": "TRAIN", "test": "Validation"})
    )
    assert draw_parts(ROWS, sentences)[1] is None


def test_a_row_of_an_unknown_sentence_is_refused():
    with pytest.raises(OptionError, match="sentence 440"):
        draw_parts(ROWS, sentences_of(300, 140))
