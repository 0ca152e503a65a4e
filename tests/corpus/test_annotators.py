from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import (
    ANNOTATORS,
    Annotator,
    CharacterNgrams,
    Corpus,
    FrequencyBand,
    Prefix,
    Suffix,
    Tense,
    WordClass,
    explode_label,
    lexicon,
)
from isogloss.errors import CorpusError, OptionError

from .shared import shared, write
from .trees import SENTENCES, conllu


def label(words: list[str], annotator: Annotator | str) -> list[str | None]:
    return Corpus.from_words([words]).annotate(made=annotator).words["made"].to_list()


def test_casing():
    words = ["the", "The", "I", "NASA", "iPhone", "McD", "3rd", "42", "!", "手", "Été", "ΑΒ", "ǅ"]
    assert label(words, "casing") == [
        "lower", "title", "title", "upper", "mixed", "mixed", "lower", None, None, None, "title", "upper", "title"
    ]  # fmt: skip


def test_the_longest_listed_affix_that_leaves_a_stem():
    assert label(["Walking", "happiness", "king", "nationalization", "ly", "so-called", "tables"], "suffix") == [
        "ing", "ness", None, "ization", None, None, "s"
    ]  # fmt: skip
    assert label(["Undo", "unhappy", "international", "re", "x9"], "prefix") == [None, "un", "inter", None, None]
    assert label(["unhappy"], Prefix(prefixes=("unh", "u"))) == ["unh"]
    assert label(["walked", "sad"], Suffix(length=2)) == ["ed", None]
    assert label(["walked", "sad"], Prefix(length=2, stem=1)) == ["wa", "sa"]


def test_ngrams_are_several_values_in_order():
    assert label(["Banana", "ab", "a|bcd"], CharacterNgrams(3)) == ["ana|ban|nan", None, "bcd"]
    assert label(["ab"], CharacterNgrams(3, edges=True)) == ["^ab|ab$"]
    with pytest.raises(OptionError, match=r"n should be >= 1\. Got 0"):
        CharacterNgrams(0)


@given(st.lists(st.text(st.sampled_from("abcdé"), min_size=1, max_size=9), min_size=1, max_size=6), st.integers(1, 4))
def test_exploding_gives_back_every_value_once(words, n):
    corpus = Corpus.from_words([words]).annotate(CharacterNgrams(n))
    exploded = explode_label(corpus.words, "ngrams")
    expected = [
        (i, value)
        for i, word in enumerate(words)
        for value in sorted({word[at : at + n] for at in range(len(word) - n + 1)}) or [None]
    ]
    assert exploded.select("position", "ngrams").rows() == expected


def test_exploding_what_is_not_there_is_explained():
    with pytest.raises(CorpusError, match="no column 'ngram'"):
        explode_label(Corpus.from_texts(["a"]).words, "ngram")


def test_position_in_the_sentence():
    assert label(list("abcdefg"), "position") == ["first", "early", "middle", "middle", "middle", "late", "last"]
    assert label(["a"], "position") == ["first"]
    pair = Corpus.from_texts(["a b", "c"], text_b=["d e f", "g h"]).annotate("position")
    assert pair.words["position_band"].to_list() == [
        "first", "last", "first", "middle", "last", "first", "first", "last"
    ]  # fmt: skip


def test_frequency_bands_of_the_corpus_itself():
    words = ["The"] * 6 + ["the"] * 6 + ["Two", "two", "once"]
    assert label(words, "frequency") == ["10-99"] * 12 + ["2-9"] * 2 + ["1"]


def test_frequency_bands_of_a_file(tmp_path):
    path = write(tmp_path, "f.tsv", 'rank\tword\tzipf\n1\tthe\t7.73\n2\t"\t4.0\n3\tThe\t1.0\n')
    assert label(["The", '"', "rare"], FrequencyBand(path)) == ["7-8", "4-5", None]
    assert label(["the"], FrequencyBand(path, width=0.5)) == ["7.5-8"]
    with pytest.raises(CorpusError, match="no column 'count'"):
        label(["the"], FrequencyBand(path, column="count"))
    with pytest.raises(CorpusError, match=r"g\.tsv, line 2: a word and a number"):
        label(["the"], FrequencyBand(write(tmp_path, "g.tsv", "word\tzipf\nthe\thigh\n")))
    with pytest.raises(OptionError, match="width should be > 0"):
        label(["the"], FrequencyBand(path, width=0))


def test_frequency_bands_of_the_real_list():
    path = shared("wordfreq/en_top50k.tsv")
    assert label(["the", "isogloss"], FrequencyBand(path)) == ["7-8", None]


def test_tense_of_finite_verbs_from_features_else_from_penn_tags(tmp_path):
    corpus = Corpus.read(write(tmp_path, "trees.conllu", conllu(list(SENTENCES.values()))))

    def tenses(given: Corpus, annotator: Annotator | str = "tense") -> dict[str, str]:
        made = given.annotate(made=annotator).words.drop_nulls("made")
        return dict(made.select("word", "made").iter_rows())

    finite = {"chased": "past", "are": "present", "was": "past", "run": "present"}
    assert tenses(corpus) == finite
    assert tenses(corpus, Tense(finite=False)) == finite | {"tied": "past"}
    for tags in ("xpos", "pos"):
        words = corpus.words.select("sentence", "part", "position", "word", "start", "end", pl.col("xpos").alias(tags))
        assert tenses(Corpus("c", "memory", corpus.sentences, words)) == finite
    with pytest.raises(CorpusError, match="needs the word label feats, xpos or pos; words has none"):
        label(["ran"], "tense")


def test_word_classes():
    words = ["The", "don’t", "n't", "'s", "house", "3.5", "½", "3rd", "!", "👍", "'", "\u0301"]
    assert label(words, "word_class") == [
        "function", "function", "function", "function", "content", "number", "number", "content",
        "punctuation", "punctuation", "punctuation", "punctuation",
    ]  # fmt: skip
    assert label(["la"], WordClass(frozenset({"la"}))) == ["function"]


@pytest.mark.parametrize("name", sorted(ANNOTATORS.keys() - {"tense"}))  # which needs another label
@given(words=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5))
def test_every_built_in_annotator_takes_any_word_alone_or_among_others(name, words):
    corpus = Corpus.from_words([[*words, "end"]])
    made = corpus.annotate(name)
    assert len(made.token_labels) == 1
    assert made.words.drop(made.token_labels).equals(corpus.words)
    if name not in ("position", "frequency"):
        alone = [label([word], name)[0] for word in words]
        assert made.words[made.token_labels[0]].to_list()[:-1] == alone


def test_functions_annotators_and_names_can_be_mixed():
    def length(corpus):
        return [str(len(word)) for word in corpus.words["word"]]

    corpus = Corpus.from_texts(["a bb"]).annotate("casing", length, tone=lexicon({"good": ["bb"]}), twice=length)
    assert corpus.token_labels == ("casing", "length", "tone", "twice")
    assert corpus.words.select("length", "tone", "twice").rows() == [("1", None, "1"), ("2", "good", "2")]
    assert corpus.annotate(casing=lambda c: ["x", ""]).words["casing"].to_list() == ["x", None]


@pytest.mark.parametrize(
    ("annotator", "message"),
    [
        ("casings", "no annotator 'casings'.*did you mean 'casing'"),
        (lambda corpus: ["x"], "without a name"),
        (3, "can be called with a corpus; got 3"),
        (Suffix, "can be called with a corpus"),
    ],
)
def test_what_is_no_annotator_is_explained(annotator, message):
    with pytest.raises(OptionError, match=message):
        Corpus.from_texts(["a"]).annotate(annotator)


def test_an_annotator_that_gives_another_number_of_labels_is_refused():
    with pytest.raises(CorpusError, match="1 values of 'mine' for 2 rows"):
        Corpus.from_texts(["a b"]).annotate(mine=lambda corpus: ["x"])
