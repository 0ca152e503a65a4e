from importlib import import_module

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import ArrayVectors
from isogloss.errors import OptionError
from isogloss.probing.top_words import top_words

module = import_module("isogloss.probing.top_words")
VOCABULARY = [f"w{i:02d}" for i in range(30)] + ["Cat", "cat", "dog"]


def corpus(n=3000, d=6, seed=0):
    """Words and noise, where neuron 2 answers to cat (in either case) upwards and to dog downwards."""
    rng = np.random.default_rng(seed)
    spelled = np.array(VOCABULARY)[rng.integers(0, len(VOCABULARY), n)]
    X = (rng.normal(size=(n, d)) * [1, 10, 1, 1, 0, 1] + 5).astype(np.float32)
    X[np.char.lower(spelled) == "cat", 2] += 4
    X[spelled == "dog", 2] -= 4
    at = np.arange(n)
    words = pl.DataFrame({"word": spelled, "sentence": at // 600, "start": at % 600 * 4, "end": at % 600 * 4 + 3})
    return X, words


def side(table, neuron, which):
    return table.filter((table["neuron"] == neuron) & (table["side"] == which))


def test_planted_words_are_on_top_of_their_side():
    X, words = corpus()
    found = top_words(ArrayVectors(X), words, n=4)
    assert side(found, 2, "positive")["word"][0] == "cat"
    assert side(found, 2, "negative")["word"][0] == "dog"
    assert (found["rank"] == 1).sum() == 2 * 5  # the constant neuron 4 has no words


def test_counts_means_and_z_are_those_of_all_words_of_the_type():
    X, words = corpus()
    cats = words["word"].str.to_lowercase() == "cat"
    row = side(top_words(ArrayVectors(X), words, [2]), 2, "positive").row(0, named=True)
    column = X[:, 2].astype(float)
    mean = column[cats.to_numpy()].mean()
    assert row["count"] == cats.sum()
    assert row["mean"] == pytest.approx(mean, rel=1e-6)
    assert row["z"] == pytest.approx((mean - column.mean()) / column.std(), rel=1e-6)


def test_order_is_by_mean_and_sides_hold_their_sign():
    X, words = corpus()
    found = top_words(ArrayVectors(X), words, n=40, examples=0)
    for neuron in (0, 1, 2, 3, 5):
        up, down = side(found, neuron, "positive"), side(found, neuron, "negative")
        assert up.height + down.height == 32
        assert up["z"].is_sorted(descending=True)
        assert down["z"].is_sorted()
        assert up["z"].min() > 0 > down["z"].max()


def test_case_counts_where_asked():
    X, words = corpus()
    tops = side(top_words(ArrayVectors(X), words, [2], n=2, lower_case=False), 2, "positive")
    assert set(tops["word"]) == {"Cat", "cat"}


def test_rare_words_do_not_take_part():
    X, words = corpus()
    X[7], X[8] = 1000, -1000
    words = words.with_columns(
        word=pl.when(pl.int_range(pl.len()).is_in([7, 8])).then(pl.lit("once")).otherwise("word")
    )
    assert "once" not in set(top_words(ArrayVectors(X), words, min_count=3)["word"])
    assert top_words(ArrayVectors(X), words, min_count=5000).is_empty()


def test_examples_are_the_strongest_occurrences_in_different_sentences():
    X, words = corpus()
    found = top_words(ArrayVectors(X), words, [2, 0], n=3, examples=2)
    for neuron, which, sign in ((2, "positive", 1), (2, "negative", -1), (0, "negative", -1)):
        for row in side(found, neuron, which).iter_rows(named=True):
            rows = np.flatnonzero((words["word"].str.to_lowercase() == row["word"]).to_numpy())
            rows = rows[np.argsort(-sign * X[rows, neuron])]
            sentences, wanted = set(), []
            for r in rows.tolist():
                if words["sentence"][r] not in sentences:
                    sentences.add(words["sentence"][r])
                    wanted.append({"row": r, **words.row(r, named=True), "activation": pytest.approx(X[r, neuron])})
            assert [{k: w[k] for k in ("row", "sentence", "start", "end", "activation")} for w in wanted[:2]] == row[
                "examples"
            ]


def test_turns_and_blocks_change_nothing(monkeypatch):
    X, words = corpus()
    whole = top_words(ArrayVectors(X), words)
    assert top_words(ArrayVectors(X), words, largest=70).equals(whole)
    monkeypatch.setattr(module, "_ROWS", 170)
    monkeypatch.setattr(module, "_EXPANDED", 11)
    parts = top_words(ArrayVectors(X), words)
    assert parts.drop("mean", "z").equals(whole.drop("mean", "z"))
    np.testing.assert_allclose(parts["z"], whole["z"], rtol=1e-6)


def test_z_ignores_the_scale_and_offset_of_a_neuron():
    X, words = corpus()
    plain, scaled = (top_words(ArrayVectors(x), words, [2], examples=0) for x in (X, X * 8 + 16))
    np.testing.assert_allclose(scaled["z"], plain["z"], rtol=1e-4)
    assert scaled["word"].to_list() == plain["word"].to_list()


def test_equal_words_are_in_alphabetical_order():
    X = np.array([[1.0], [0], [1], [0], [1], [-3]] * 5)
    words = pl.DataFrame({"word": ["c", "z", "a", "y", "b", "x"] * 5})
    found = top_words(ArrayVectors(X), words, n=2, examples=0)
    assert side(found, 0, "positive")["word"].to_list() == ["a", "b"]


def test_mistakes_are_told():
    X, words = corpus(n=50)
    for change, message in [
        ({"words": words.drop("start")}, "none called start"),
        ({"words": words.head(9)}, "50 and 9 rows"),
        ({"neurons": [6]}, "from 0 to 5"),
        ({"n": 0}, "n should"),
    ]:
        with pytest.raises(OptionError, match=message):
            top_words(**{"X": ArrayVectors(X), "words": words} | change)
