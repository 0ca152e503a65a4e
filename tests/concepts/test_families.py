import pytest

from isogloss.concepts import align_labels, families
from isogloss.corpus import Casing, Corpus, FrequencyBand


def test_endings_leave_a_stem_and_are_of_letters_only():
    words = ["Running", "gone", "3rd", "don't"]
    assert families.suffixes(words) == [("-ing", "-ng", "-ning"), ("-ne",), (), ()]


def test_bands_are_of_the_counts_of_a_larger_corpus():
    assert families.frequency_bands(["cat", "Owl"], {"cat": 1234, "owl": 1}).to_list() == ["1000-9999", "1"]


@pytest.mark.parametrize(("name", "annotator"), [("casing", Casing()), ("frequency_bands", FrequencyBand())])
def test_families_say_what_the_annotators_of_a_corpus_say(name, annotator):
    corpus = Corpus.from_texts(["The USA is eBay 's A !", "the the ǅ usa 2 Nǅ is"])
    counts = dict(corpus.words["word"].str.to_lowercase().value_counts().iter_rows())
    more = (counts,) if name == "frequency_bands" else ()
    assert getattr(families, name)(corpus.words, *more).to_list() == list(annotator(corpus))


def test_families_go_straight_into_the_alignment():
    words = ["running", "walking", "sitting", "cats", "dogs", "owls"]
    found = align_labels([0, 0, 0, 1, 1, 1], families.suffixes(words), longest=True)
    assert found.table["label"].to_list()[0] == "-ing"
    assert found.aligned == 1
