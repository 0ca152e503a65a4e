import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.concepts.insertion import boundaries, insert


@pytest.mark.parametrize(
    ("text", "boundary", "expected"),
    [
        ("a fine film", 0, "X a fine film"),
        ("a fine film", 1, "a X fine film"),
        ("a fine film", 3, "a fine film X"),
        ("  a\tfine\n\nfilm ", 0, "  X a\tfine\n\nfilm "),
        ("  a\tfine\n\nfilm ", 2, "  a\tfine\n\nX film "),
        ("  a\tfine\n\nfilm ", 3, "  a\tfine\n\nfilm X "),
        ("naïve — 映画\u3000は👍🏽", 2, "naïve — X 映画\u3000は👍🏽"),
        ("", 0, "X"),
    ],
)
def test_words_go_in_at_boundaries_and_nothing_else_changes(text, boundary, expected):
    assert insert(text, ["X"], boundary) == expected


@settings(max_examples=60)
@given(st.text(max_size=40), st.sampled_from(["front", "end", "random"]), st.integers(0, 9))
def test_taking_the_words_out_gives_the_text_back(text, place, seed):
    text = text.replace("¤", "")
    (at,) = boundaries([text], place, seed)
    put = insert(text, ["¤1", "¤2"], int(at))
    assert put.count("¤1 ¤2") == 1
    assert re.findall(r"\S+", put.replace("¤1 ¤2", " ")) == re.findall(r"\S+", text)
    words = re.findall(r"\S+", put)
    assert words.index("¤1") == at
    assert {put.replace("¤1 ¤2 ", ""), put.replace(" ¤1 ¤2", ""), put.replace("¤1 ¤2", "")} & {text}


def test_random_boundaries_are_inside_and_reach_all_of_the_inside():
    at = boundaries(["a b c d"] * 300 + ["one"] * 50, "random", 0)
    assert set(at[:300]) == {1, 2, 3}
    assert set(at[300:]) == {0, 1}
    assert (boundaries(["a b c d"] * 300, "random", 1) != at[:300]).any()
