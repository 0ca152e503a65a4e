from __future__ import annotations

import unicodedata

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isogloss.corpus import split_words
from isogloss.corpus.words import split_texts

TEXTS = st.text(
    st.one_of(
        st.sampled_from("aB1 .,'’-_\n\t\x00\u200d\u200b\ufe0f👩👍🏽🇩🇪é\u0301手カー한שا#|\xad\u2028ⅷ½"),
        st.characters(codec="utf-8"),
    ),
    max_size=60,
)


def invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp")


def words_of(text: str) -> list[str]:
    return [word for word, _, _ in split_words(text)]


@given(TEXTS)
@example("U.S.")
@example("👩\u200d👩\u200d👧")
@example("a\u200d b")
def test_offsets_cut_each_word_out_of_the_text_in_order(text):
    at = 0
    for word, start, end in split_words(text):
        assert text[start:end] == word
        assert at <= start < end
        at = end


@given(TEXTS)
def test_no_word_has_white_space_and_nothing_visible_is_lost(text):
    covered = [False] * len(text)
    for word, start, end in split_words(text):
        assert not any(c.isspace() for c in word)
        covered[start:end] = [True] * (end - start)
    assert all(covered[i] or invisible(c) for i, c in enumerate(text))


@given(st.lists(TEXTS, max_size=8))
def test_many_texts_at_once_are_split_like_each_alone(texts):
    together = split_texts(pl.Series(texts, dtype=pl.String))
    rows = list(
        zip(
            together.text.tolist(),
            together.word.to_list(),
            together.start.tolist(),
            together.end.tolist(),
            strict=True,
        )
    )
    assert rows == [(i, *row) for i, text in enumerate(texts) for row in split_words(text)]


@given(TEXTS, TEXTS)
def test_a_space_separates_what_is_on_both_sides(left, right):
    alone = split_words(left) + [(w, s + len(left) + 1, e + len(left) + 1) for w, s, e in split_words(right)]
    assert split_words(f"{left}\n{right}") == alone


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's 3.5, isn't it?", ["It's", "3.5", ",", "isn't", "it", "?"]),
        ("so-so, 1,000 at 10:30.", ["so-so", ",", "1,000", "at", "10:30", "."]),
        ("it 's n't 'quoted'", ["it", "'s", "n't", "'", "quoted", "'"]),
        ("the U.S. (e.g. end.5)", ["the", "U.S.", "(", "e.g.", "end", ".", "5", ")"]),
        ("wait... no!!", ["wait", ".", ".", ".", "no", "!", "!"]),
        ("naïve cafe\u0301 no\u0308", ["naïve", "cafe\u0301", "no\u0308"]),
        ("👩\u200d👩\u200d👧👍🏽 ❤️x 🇩🇪🇫🇷 1️⃣", ["👩\u200d👩\u200d👧", "👍🏽", "❤️", "x", "🇩🇪", "🇫🇷", "1️⃣"]),
        ("手机iPhone がカー", ["手", "机", "iPhone", "が", "カー"]),
        ("שלום עולם, مرحبا", ["שלום", "עולם", ",", "مرحبا"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("a\x00b\u200bc \ufeff", ["a", "b", "c"]),
        ("snake_case -x- don’t", ["snake_case", "-", "x", "-", "don’t"]),
        ("", []),
        (" \t\r\n\x00", []),
    ],
)
def test_the_stated_rule(text, words):
    assert words_of(text) == words


def test_a_long_line_is_split_with_right_offsets():
    text = "é 👍 word\x00 " * 6000
    found = split_words(text)
    assert len(text) > 50_000
    assert len(found) == 18_000
    assert all(text[start:end] == word for word, start, end in found)
    assert split_words("x" * 50_000) == [("x" * 50_000, 0, 50_000)]
