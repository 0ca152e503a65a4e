import polars as pl
import pytest

from isogloss.concepts import align_labels, families
from isogloss.corpus import Casing, Corpus, FrequencyBand, read_lexicon
from isogloss.errors import OptionError
from tests.conftest import shared


def test_affixes_leave_a_stem_and_are_of_letters_only():
    words = ["Running", "gone", "3rd", "don't"]
    assert families.suffixes(words) == [("-ing", "-ng", "-ning"), ("-ne",), (), ()]
    assert families.prefixes(words, (2,), stem=1) == [("ru-",), ("go-",), (), ()]


def test_ngrams_are_all_runs_once_each():
    assert families.character_ngrams(["Banana", "a"], (2,)) == [("an", "ba", "na"), ()]
    assert families.character_ngrams(["ab"], (2,), edges=True) == [("^a", "ab", "b$")]


def test_bands_are_of_the_words_given_or_of_counts():
    words = ["the"] * 10 + ["The", "cat", "cat", "sat"]
    assert families.frequency_bands(words)[-4:] == [("10-99",), ("2-9",), ("2-9",), ("1",)]
    assert families.frequency_bands(["cat", "owl"], {"cat": 1234}) == [("1000-9999",), ()]


@pytest.mark.parametrize(("name", "annotator"), [("casing", Casing()), ("frequency_bands", FrequencyBand())])
def test_families_say_what_the_annotators_of_a_corpus_say(name, annotator):
    corpus = Corpus.from_texts(["The USA is eBay 's A !", "the the ǅ usa 2 Nǅ is"])
    labels = getattr(families, name)(corpus.words)
    assert [label[0] if label else None for label in labels] == list(annotator(corpus))


def test_lexicons_give_all_categories_and_wildcards():
    words = ["Happy", "abandoned", "sad", "x"]
    given = {"joy": ["happy"], "emotion": ["happy", "sad"], "leave": ["abandon*"]}
    want = [("emotion", "joy"), ("leave",), ("emotion",), ()]
    assert families.lexicon(words, given) == want
    assert families.lexicon(words, lambda w: ("long",) if len(w) > 5 else ()) == [(), ("long",), (), ()]


def test_empath_in_is_what_the_lexicon_says():
    read = read_lexicon(shared("empath", "categories.tsv"))
    words = pl.Series(["nurse", "office", "zzz"])
    found = families.lexicon(words, read.categories)
    assert found == families.lexicon(words, read.categories_of)
    assert "help" in found[0]
    assert found[2] == ()


def test_families_go_straight_into_the_alignment():
    words = ["running", "walking", "sitting", "cats", "dogs", "owls"]
    found = align_labels([0, 0, 0, 1, 1, 1], families.suffixes(words), longest=True)
    assert found.table["label"].to_list()[0] == "-ing"
    assert found.aligned == 1


def test_lengths_that_are_none_are_refused():
    with pytest.raises(OptionError, match=r"at least 1\. Got 0"):
        families.suffixes(["a"], (0,))
    with pytest.raises(OptionError, match="Got none"):
        families.character_ngrams(["a"], ())
