from __future__ import annotations

import pytest

from isogloss.corpus import Corpus, read_lexicon, read_wordnet_supersenses
from isogloss.corpus.wordnet import LEXICOGRAPHER_FILES
from isogloss.errors import CorpusError

from .shared import NOUN, write, write_dictionary


@pytest.fixture
def dictionary(tmp_path):
    return write_dictionary(tmp_path)


def test_a_word_has_the_supersenses_of_all_its_senses(dictionary):
    read = read_wordnet_supersenses(dictionary)
    assert read.categories_of("dog") == ("noun.animal", "noun.person", "verb.motion")
    assert read.categories_of("galore") == ("adj.all",)
    assert read.categories_of("familiaris") == read.categories_of("software") == ()


def test_inflected_forms_are_brought_to_their_lemmas(dictionary):
    read = read_wordnet_supersenses(dictionary)
    assert read.categories_of("Chasing") == read.categories_of("chased") == ("verb.motion",)
    assert read.categories_of("women") == ("noun.person",)
    assert read.categories_of("largest") == ("adj.all",)
    assert read.categories_of("ties") == ("verb.change",)
    assert read.categories_of("hounds") == ("noun.animal", "noun.person")


def test_it_annotates_a_corpus(dictionary):
    corpus = Corpus.from_texts(["Women chase it"]).annotate(read_wordnet_supersenses(dictionary))
    assert corpus.words["supersense"].to_list() == ["noun.person", "verb.motion", None]


def test_there_are_45_of_them():
    assert len(LEXICOGRAPHER_FILES) == 45
    assert LEXICOGRAPHER_FILES.index("noun.animal") == 5
    assert LEXICOGRAPHER_FILES.index("verb.weather") == 43


@pytest.mark.parametrize(
    "line", ["00000009 45 n 01 cat 0 000 | x", "00000009 xx n 01 cat 0", "00000009 05 n 04 cat 0", "00000009"]
)
def test_broken_lines_are_named(tmp_path, line):
    write(tmp_path, "data.noun", NOUN + line + "\n")
    with pytest.raises(CorpusError, match=r"data\.noun, line 5: an offset, a file number below 45"):
        read_wordnet_supersenses(tmp_path)


def test_a_directory_without_a_dictionary_and_a_broken_exception_are_named(tmp_path):
    with pytest.raises(CorpusError, match=r"has no data\.noun"):
        read_wordnet_supersenses(tmp_path)
    write(tmp_path, "data.noun", NOUN)
    write(tmp_path, "noun.exc", "geese goose\nmice\n")
    with pytest.raises(CorpusError, match=r"noun\.exc, line 2"):
        read_wordnet_supersenses(tmp_path)


def test_empaths_format_may_have_spaces_where_the_file_has_no_tab(tmp_path):
    read = read_lexicon(write(tmp_path, "l.txt", "pos good great\nneg bad\n"))
    assert read.categories == {"pos": ("good", "great"), "neg": ("bad",)}
    with pytest.raises(CorpusError, match="line 2: a category, a tab and words"):
        read_lexicon(write(tmp_path, "m.txt", "pos good\nneg\n"))
