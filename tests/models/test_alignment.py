import itertools
import re
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing

from isogloss.models.alignment import align_words, surface_offsets
from isogloss.models.tokenization import SentenceTokenizer, Words
from tests.tiny import TEXTS, TOKENIZERS, tiny_tokenizer


def words_of(texts, texts_b=None):
    found = []
    for sentence, text in enumerate(texts):
        for part, piece in enumerate([text] if texts_b is None else [text, texts_b[sentence]]):
            found += [(sentence, part, m.start(), m.end()) for m in re.finditer(r"\w+|[^\w\s]", piece)]
    columns = np.array(found, dtype=np.int64).reshape(-1, 4).T
    return Words(*columns)


@given(st.data())
def test_alignment_is_exactly_character_overlap(data):
    cuts = sorted(data.draw(st.sets(st.integers(0, 40), min_size=2, max_size=12)))
    tokens = [(a, b) for a, b in itertools.pairwise(cuts) if data.draw(st.booleans())]
    tokens += [(t, t) for t in data.draw(st.lists(st.integers(0, 40), max_size=2))]
    tokens.sort()
    words = data.draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6)), min_size=1, max_size=8))
    starts = np.array([s for s, _ in words])
    ends = np.array([s + n for s, n in words])
    token_array = np.array(tokens, dtype=np.int64).reshape(-1, 2)
    first, last = align_words(token_array[:, 0], token_array[:, 1], starts, ends)
    for k in range(len(words)):
        overlapping = [
            i for i, (a, b) in enumerate(tokens) if b > a and a < ends[k] and b > starts[k] and ends[k] > starts[k]
        ]
        assert (first[k], last[k]) == ((overlapping[0], overlapping[-1]) if overlapping else (-1, -1))


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_every_visible_word_is_covered_by_tokens_that_hold_its_characters(kind):
    tokenizer = tiny_tokenizer(kind)
    words = words_of(TEXTS)
    sequences = SentenceTokenizer(tokenizer, 64).encode(TEXTS, None, words)
    uncovered = set(range(len(words))) - set(sequences.word_row.tolist())
    # BERT's normaliser drops the zero-width joiners of the emoji; nothing else may be lost.
    lost = {TEXTS[words.sentence[i]][words.start[i] : words.end[i]] for i in uncovered}
    assert lost <= {"\u200d"}
    for row, first, last in zip(sequences.word_row, sequences.word_first, sequences.word_last, strict=True):
        text = TEXTS[words.sentence[row]]
        word = text[words.start[row] : words.end[row]]
        if word.isascii() and word.isalpha():
            surface = tokenizer.decode(sequences.ids[first : last + 1].tolist()).lower().replace(" ", "")
            assert word.lower() in surface


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_token_ids_are_those_of_the_raw_text(kind):
    tokenizer = tiny_tokenizer(kind)
    sequences = SentenceTokenizer(tokenizer, 64).encode(TEXTS, None, words_of(TEXTS))
    for i, text in enumerate(TEXTS):
        expected = tokenizer(text)["input_ids"]
        start, stop = sequences.window_start[i : i + 2]
        assert sequences.ids[start:stop].tolist() == expected


def test_padding_and_truncation_inside_a_tokenizer_file_are_overridden():
    tokenizer = tiny_tokenizer("wordpiece").__class__(
        tokenizer_object=tiny_tokenizer("wordpiece").backend_tokenizer, pad_token="[PAD]"
    )
    tokenizer.backend_tokenizer.enable_padding(length=128)
    tokenizer.backend_tokenizer.enable_truncation(5)
    try:
        texts = [TEXTS[0]]
        sequences = SentenceTokenizer(tokenizer, 64).encode(texts, None, words_of(texts))
        assert 5 < len(sequences.ids) < 40
    finally:
        tokenizer.backend_tokenizer.no_padding()
        tokenizer.backend_tokenizer.no_truncation()


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("limit", [8, 13, 30])
def test_long_sentences_are_split_between_words_and_nothing_is_lost(kind, limit):
    texts = ["short one", " ".join(f"word {i} isn't here," for i in range(40)), "Hi"]
    words = words_of(texts)
    splitter = SentenceTokenizer(tiny_tokenizer(kind), limit)
    whole = SentenceTokenizer(tiny_tokenizer(kind), 10**6).encode(texts, None, words)
    sequences = splitter.encode(texts, None, words)
    assert sequences.window_length.max() <= limit
    assert sequences.split_sentences >= 1
    assert sequences.word_row.tolist() == whole.word_row.tolist()
    owner = np.searchsorted(sequences.window_start, sequences.word_first, side="right") - 1
    inside = np.searchsorted(sequences.window_start, sequences.word_last, side="right") - 1
    assert (owner == inside).all()
    assert (sequences.window_sentence[owner] == words.sentence[sequences.word_row]).all()


def test_cut_keeps_the_first_window_and_counts_the_rest():
    texts = [" ".join(["delight"] * 50)]
    words = words_of(texts)
    sequences = SentenceTokenizer(tiny_tokenizer("wordpiece"), 12, "cut").encode(texts, None, words)
    assert len(sequences.window_sentence) == 1
    assert sequences.cut_words == 50 - len(sequences.word_row) > 0


def test_a_word_longer_than_the_limit_is_cut_and_counted():
    texts = ["a " + "x" * 500 + " b"]
    words = words_of(texts)
    sequences = SentenceTokenizer(tiny_tokenizer("bytelevel"), 16).encode(texts, None, words)
    assert sequences.word_row.tolist() == [0, 1, 2]
    assert sequences.cut_words == 1
    assert sequences.window_length.max() <= 16


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_pairs_keep_each_word_in_its_own_text(kind):
    first, second = ["a quiet film", "bad"], ["a quiet film", "worse ending"]
    words = words_of(first, second)
    tokenizer = tiny_tokenizer(kind)
    sequences = SentenceTokenizer(tokenizer, 64).encode(first, second, words)
    assert sequences.word_row.tolist() == list(range(len(words)))
    for i in range(2):
        start, stop = sequences.window_start[i : i + 2]
        assert sequences.ids[start:stop].tolist() == tokenizer(first[i], second[i])["input_ids"]
    quiet = [k for k in range(len(words)) if words.sentence[k] == 0]
    assert (np.diff(sequences.word_first[quiet]) > 0).all()


def test_a_tokenizer_that_puts_the_second_text_first_keeps_words_in_their_own_text_too():
    first, second = ["a quiet film", "bad"], ["a quiet film", "worse ending"]
    words = words_of(first, second)
    usual = SentenceTokenizer(tiny_tokenizer("wordpiece"), 64).encode(first, second, words)
    turned = deepcopy(tiny_tokenizer("wordpiece"))
    turned.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A", pair="[CLS] $B:1 [SEP]:1 $A", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    found = SentenceTokenizer(turned, 64).encode(first, second, words)
    assert found.word_row.tolist() == usual.word_row.tolist()
    for ours, theirs in ((found.word_first, usual.word_first), (found.word_last, usual.word_last)):
        assert found.ids[ours].tolist() == usual.ids[theirs].tolist()
    of_first, of_second = (found.word_first[(words.sentence == 0) & (words.part == part)] for part in (0, 1))
    assert of_second.max() < of_first.min()


def test_part_of_the_sequences_restarts_its_numbers():
    words = words_of(TEXTS)
    whole = SentenceTokenizer(tiny_tokenizer("wordpiece"), 16).encode(TEXTS, None, words)
    part = whole.sentences(2, 5)
    rows = np.flatnonzero((words.sentence >= 2) & (words.sentence < 5))
    alone = SentenceTokenizer(tiny_tokenizer("wordpiece"), 16).encode(
        TEXTS[2:5], None, Words(*(getattr(words, n)[rows] - (2 if n == "sentence" else 0) for n in
                                  ("sentence", "part", "start", "end")))
    )  # fmt: skip
    for name in ("ids", "types", "special", "window_start", "window_sentence", "word_first", "word_last"):
        np.testing.assert_array_equal(getattr(part, name), getattr(alone, name))
    np.testing.assert_array_equal(part.word_row, alone.word_row + rows[0])


def test_surfaces_are_found_without_offsets():
    text = "Unhurried delight, didn't it?"
    tokens = ["un", "##hurried", "delight", ",", "didn", "'", "t", "it", "?"]
    found = [text[a:b] for a, b in surface_offsets(text, tokens)]
    assert found == ["Un", "hurried", "delight", ",", "didn", "'", "t", "it", "?"]


@pytest.mark.parametrize(
    ("text", "tokens", "expected"),
    [
        ("a ☃ b", ["a", "[UNK]", "b"], ["a", "☃", "b"]),
        ("the film was XYZZY and bad", ["the", "film", "was", "[UNK]", "and", "bad"], None),
        ("QQ good", ["[UNK]", "good"], ["QQ", "good"]),
        ("a café here", ["a", "cafe", "here"], ["a", "café", "here"]),
        ("good QQ", ["good", "[UNK]"], ["good", "QQ"]),
    ],
)
def test_a_surface_that_is_not_found_stands_for_what_lies_between(text, tokens, expected):
    found = [text[a:b] for a, b in surface_offsets(text, tokens)]
    assert found == (expected or text.split())


def test_a_match_far_away_is_a_coincidence():
    text = "one two three four five"
    assert surface_offsets(text, ["five"]) == [(0, 0)]
