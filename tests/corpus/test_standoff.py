import pytest

from isogloss.corpus import Corpus, read_word_labels
from isogloss.errors import CorpusError
from tests.conftest import shared

CONLLU = "".join(
    f"# sent_id = s{s}\n" + "".join(f"{i}\t{w}\t{w}\tX\t_\t_\t0\troot\t_\t_\n" for i, w in enumerate(words, 1)) + "\n"
    for s, words in enumerate([["out", "of", "it"], ["My", "dog"]])
)
HEADER = "sent_id\ttoken_ids\trole\tfunction\ttokens\n"
ROWS = "s0\t1,2\tp.Source\tp.Locus\tout of\ns1\t1\tp.Gestalt\t\tMy\n"


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "two.conllu").write_text(CONLLU)
    return Corpus.read(tmp_path / "two.conllu")


def table(tmp_path, text):
    (tmp_path / "pss.tsv").write_text(text)
    return tmp_path / "pss.tsv"


def test_labels_stand_on_the_first_of_their_words(corpus, tmp_path):
    labelled = corpus.with_token_labels(read_word_labels(table(tmp_path, HEADER + ROWS), corpus))
    assert labelled.words["role"].to_list() == ["p.Source", None, None, "p.Gestalt", None]
    assert labelled.words["function"].to_list() == ["p.Locus", None, None, None, None]
    part = corpus.select([1])
    assert read_word_labels(table(tmp_path, HEADER + ROWS), part)["role"].to_list() == ["p.Gestalt", None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\trole\n", "no column 'sent_id'"),
        ("sent_id\ttoken_ids\ttokens\n", "there is no label"),
        (HEADER + "s0\t1\tx\n", "line 2: 3 fields where the header has 5"),
        (HEADER + "s0\tone\tx\ty\tout\n", "line 2: token_ids is 'one'"),
        (HEADER + "s0\t1\tx\ty\tcat\n", "line 2: the word is 'cat', but 'out'"),
        (HEADER + "elsewhere\t1\tx\ty\tout\n", "labels no word"),
    ],
)
def test_a_broken_table_names_its_line(corpus, tmp_path, text, said):
    with pytest.raises(CorpusError, match=said):
        read_word_labels(table(tmp_path, text), corpus)


def test_every_preposition_of_streusle_is_found_in_ewt():
    ewt = Corpus.read(shared("ud-ewt", "en_ewt-ud-dev.conllu"))
    found = read_word_labels(shared("streusle", "pss_dev.tsv"), ewt)
    assert len(found["role"].drop_nulls()) == 462
