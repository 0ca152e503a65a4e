from __future__ import annotations

import json

import pytest

from isogloss.corpus import Corpus, explode_label, lexicon, read_lexicon
from isogloss.errors import CorpusError, OptionError

from .shared import shared, write

LIWC = "%\n1\tposemo (Positive Emotions)\n2\tverb\n%\nlike\t(02 134)125/464 1 2\nabandon*\t2\n:)\t1\nkind of\t1\n"


def test_a_word_has_all_its_categories_in_order():
    corpus = Corpus.from_texts(["Good dogs bark"]).annotate(
        lexicon({"z": ["good", "dogs"], "a": ["Good", "do*"], "m": ["bar"]}, name="lex")
    )
    assert corpus.words["lex"].to_list() == ["a|z", "a|z", None]
    assert explode_label(corpus.words, "lex")["lex"].to_list() == ["a", "z", "a", "z", None]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.tsv", "pos\tgood\tGreat\nneg\tbad\tgood\n"),
        ("l.json", json.dumps({"pos": ["good", "Great"], "neg": ["bad", "good"]})),
        ("l.dic", "%\n1\tpos\n2\tneg\n%\ngood\t1\t2\nGreat 1\nbad\t2\n"),
    ],
)
def test_every_format_says_the_same(tmp_path, name, content):
    read = read_lexicon(write(tmp_path, name, content))
    assert read.name == "l"
    assert [read.categories_of(w) for w in ("good", "GREAT", "bad", "meh")] == [("neg", "pos"), ("pos",), ("neg",), ()]


def test_liwc_wildcards_descriptions_and_conditions(tmp_path):
    read = read_lexicon(write(tmp_path, "l.dic", LIWC.replace("\n", "\r\n")), name="liwc")
    assert set(read.categories) == {"posemo", "verb"}
    words = ["like", "abandon", "Abandoned", "abando", ":)"]
    assert [read.categories_of(w) for w in words] == [("posemo", "verb"), ("verb",), ("verb",), (), ("posemo",)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.dic", "1\tpos\n%\n", r"l\.dic, line 1: the first line must be %"),
        ("l.dic", "%\n1\tpos\n%\ngood\t1\nbad\t7\n", r"line 5: there is no category '7'"),
        ("l.dic", "%\npos\n%\n", r"line 2: a number and a category"),
        ("l.dic", "%\n1\tpos\n", "between two lines of %; found 1"),
        ("l.tsv", "pos\tgood\nlonely\n", r"l\.tsv, line 2: a category, a tab and words"),
        ("l.tsv", "pos\tgood\npos\tbad\n", "line 2: the category 'pos' is there twice"),
        ("l.tsv", "a|b\tgood\n", "'a|b' of l must have a name without"),
        ("l.json", '{"pos": "good"}', "'pos' must hold a list of words"),
        ("l.json", '["pos"]', "an object"),
        ("l.json", "{\n,}", "line 2: not JSON"),
        ("l.json", '{"pos": []}', "no category with words"),
        ("l.xyz", "pos\tgood\n", "format= one of empath, liwc, json"),
    ],
)
def test_faults_are_named(tmp_path, name, content, message):
    with pytest.raises(CorpusError, match=message):
        read_lexicon(write(tmp_path, name, content))


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(OptionError, match="did you mean 'empath'"):
        read_lexicon(write(tmp_path, "l.tsv", "pos\tgood\n"), format="empaths")


def test_empath_is_read_whole():
    path = shared("empath/categories.tsv")
    read = read_lexicon(path, name="empath")
    assert len(read.categories) == 194
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(len(words) for _, *words in lines) == 16_197
    for category, *words in lines:
        assert all(category in read.categories_of(word.strip()) for word in words if word)
    assert "help" in read.categories_of("nurse")
