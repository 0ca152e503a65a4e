from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import Corpus
from isogloss.errors import OptionError

SENTENCES = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=10), min_size=1, max_size=12).map(
    lambda sentences: [*sentences, ["end"]]
)
LIMITS = st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(1, 6)), st.one_of(st.none(), st.integers(5, 12)))


@given(SENTENCES, LIMITS, st.one_of(st.none(), st.integers(0, 9)))
def test_counts_per_word_type_are_those_of_a_plain_loop(sentences, limits, seed):
    least, most, drop_above = limits
    corpus = Corpus.from_words(sentences)
    fewer = corpus.occurrences(min=least, max=most, drop_above=drop_above, seed=seed)
    counts = Counter(corpus.words["word"])
    expected = {
        word: min(n, most or n) for word, n in counts.items() if n >= least and (drop_above is None or n <= drop_above)
    }
    assert Counter(fewer.words["word"]) == expected
    assert fewer.sentences.equals(corpus.sentences)
    kept = fewer.words.join(corpus.words, on=corpus.words.columns, how="semi")
    assert kept.height == fewer.words.height
    assert fewer.words.equals(fewer.words.sort("sentence", "part", "position"))
    assert fewer.sha256 == corpus.occurrences(min=least, max=most, drop_above=drop_above, seed=seed).sha256


@given(SENTENCES, st.integers(1, 4))
def test_without_a_seed_the_first_occurrences_stay(sentences, most):
    corpus = Corpus.from_words(sentences)
    seen: Counter[str] = Counter()
    expected = []
    for row in corpus.words.rows():
        seen[row[3]] += 1
        if seen[row[3]] <= most:
            expected.append(row)
    assert corpus.occurrences(max=most).words.rows() == expected


def test_random_occurrences_come_from_everywhere_and_depend_on_the_seed():
    corpus = Corpus.from_words([["a"]] * 1000)
    chosen = [corpus.occurrences(max=100, seed=seed).words["sentence"] for seed in (0, 1)]
    assert chosen[0].to_list() != chosen[1].to_list()
    assert all(400 < c.mean() < 600 for c in chosen)


def test_long_sentences_lose_their_words_before_words_are_counted():
    corpus = Corpus.from_words([["a", "b", "c"], ["a", "a"], ["b"]])
    fewer = corpus.occurrences(max_sentence_words=2)
    assert fewer.words["word"].to_list() == ["a", "a", "b"]
    assert fewer.notes == ("1 sentence is longer than 2 words and left out",)
    assert corpus.occurrences(max_sentence_words=2, min=2).words["word"].to_list() == ["a", "a"]
    assert corpus.occurrences(max_sentence_words=3).notes == ()


@pytest.mark.parametrize("limits", [{"min": -1}, {"max": 0}, {"min": 5, "drop_above": 4}])
def test_limits_that_exclude_each_other_are_refused(limits):
    with pytest.raises(OptionError, match="occurrences"):
        Corpus.from_texts(["a"]).occurrences(**limits)


def test_words_are_chosen_by_any_condition():
    corpus = Corpus.from_texts(["a bb a", "bb"])
    assert corpus.words_where(pl.col("word") == "bb").words["sentence"].to_list() == [0, 1]
    mask = (corpus.words["word"] == "a").to_numpy()
    assert corpus.words_where(mask).words["position"].to_list() == [0, 2]
    assert len(corpus.words_where(mask)) == 2


def test_a_large_corpus_with_one_frequent_word_is_filtered():
    corpus = Corpus.from_texts(["the " * 1000] * 100)
    assert corpus.occurrences(max=10, seed=0).words.height == 10
