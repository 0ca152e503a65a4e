from __future__ import annotations

import polars as pl
import pytest

from isogloss.corpus import Corpus, explode_label
from isogloss.errors import CorpusError

from .shared import misplaced, shared, write

CONLLU = """\
# newdoc id = d1
# sent_id = d1-1
# genre = news
# text = I don't eat du pain (no).
1\tI\tI\tPRON\tPRP\tCase=Nom|Number=Sing\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\teat\teat\tVERB\tVB\tTense=Pres\t0\troot\t_\t_
4.1\tghost\tghost\tNOUN\tNN\t_\t_\t_\t4:obj\t_
5-6\tdu\t_\t_\t_\t_\t_\t_\t_\t_
5\tde\tde\tADP\tIN\t_\t7\tcase\t_\t_
6\tle\tle\tDET\tDT\t_\t7\tdet\t_\t_
7\tpain\tpain\tNOUN\tNN\tNumber=Sing\t4\tobl\t_\t_
8\t(\t(\tPUNCT\t-LRB-\t_\t9\tpunct\t_\tSpaceAfter=No
9\tno\tno\tINTJ\tUH\t_\t4\tdiscourse\t_\tSpaceAfter=No
10\t)\t)\tPUNCT\t-RRB-\t_\t9\tpunct\t_\tSpaceAfter=No
11\t.\t.\tPUNCT\t.\t_\t4\tpunct\t_\t_

# sent_id = d1-2
# genre = blog
1\t_\t_\tSYM\tNFP\tTypo=Yes\t0\troot\t_\t_
"""


def test_conllu_words_labels_and_places(tmp_path):
    corpus = Corpus.read(write(tmp_path, "a.conllu", CONLLU))
    assert corpus.sentences.select("id", "text").rows() == [("d1-1", "I don't eat du pain (no)."), ("d1-2", "_")]
    first = corpus.words.filter(pl.col("sentence") == 0)
    assert first["word"].to_list() == ["I", "do", "n't", "eat", "de", "le", "pain", "(", "no", ")", "."]
    text = corpus.sentences["text"][0]
    cut = [text[a:b] for a, b in first.select("start", "end").iter_rows()]
    assert cut == ["I", "do", "n't", "eat", "du", "du", "pain", "(", "no", ")", "."]
    assert first["upos"].to_list()[:3] == ["PRON", "AUX", "PART"]
    assert first["Number"].to_list()[:2] == ["Sing", None]
    assert first["Tense"].drop_nulls().to_list() == ["Pres"]
    assert first["head"].to_list()[3] == "0"
    assert set(corpus.token_labels) == {
        "lemma", "upos", "xpos", "feats", "head", "deprel", "Case", "Number", "Tense", "Typo"
    }  # fmt: skip
    last = corpus.words.filter(pl.col("sentence") == 1)
    assert last.select("word", "lemma", "feats").rows() == [("_", "_", "Typo=Yes")]
    assert corpus.notes == ()


def test_conllu_text_is_rebuilt_where_it_is_absent_or_wrong(tmp_path):
    absent = Corpus.read(write(tmp_path, "a.conllu", CONLLU.replace("# text = I don't eat du pain (no).\n", "")))
    assert absent.sentences["text"][0] == "I don't eat du pain (no)."
    assert absent.notes == ()
    wrong = Corpus.read(write(tmp_path, "b.conllu", CONLLU.replace("# text = I don't", "# text = I also don't")))
    assert wrong.sentences["text"][0] == "I don't eat du pain (no)."
    assert "1 sentence" in wrong.notes[0]
    assert wrong.words.equals(absent.words)


def test_labels_asked_for_may_be_columns_or_comments(tmp_path):
    corpus = Corpus.read(write(tmp_path, "a.conllu", CONLLU), label=["upos", "genre"])
    assert corpus.token_labels == ("upos",)
    assert corpus.sentences["genre"].to_list() == ["news", "blog"]
    with pytest.raises(CorpusError, match=r"no label or comment 'Tens'.*did you mean 'Tense'"):
        Corpus.read(write(tmp_path, "a.conllu", CONLLU), label="Tens")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1\tI\tI\tPRON", "1\tI\tPRON", "line 5: 9 tab-separated columns where 10"),
        ("4\teat", "5\teat", "line 9: the word's number is '5', expected 4"),
        ("2-3\tdon't", "3-4\tdon't", "line 6: the multiword token '3-4' does not begin at word 2"),
        ("5-6\tdu", "5-99\tdu", "line 18: the sentence ends inside the multiword token 'du'"),
        ("7\tpain", "7\t", "line 14: the word is empty"),
    ],
)
def test_conllu_faults_are_named_by_line(tmp_path, old, new, message):
    with pytest.raises(CorpusError, match=message):
        Corpus.read(write(tmp_path, "a.conllu", CONLLU.replace(old, new)))


@pytest.mark.parametrize(
    ("split", "sentences", "words"), [("train", 12_544, 204_577), ("dev", 2_001, 25_147), ("test", 2_077, 25_094)]
)
def test_english_web_treebank_has_its_published_counts(split, sentences, words):
    corpus = Corpus.read(shared(f"ud-ewt/en_ewt-ud-{split}.conllu"))
    assert (len(corpus), corpus.words.height) == (sentences, words)
    assert corpus.notes == ()
    assert misplaced(corpus).is_empty()
    assert corpus.token_label_counts("upos").height == 17
    assert {"Number", "Tense", "VerbForm"} <= set(corpus.token_labels)
    assert corpus.words["upos"].null_count() == 0


def test_parallel_treebank_reproduces_the_papers_split_sizes():
    corpus = Corpus.read(shared("ud-pud/en_pud-ud-test.conllu"))
    assert (len(corpus), corpus.words.height) == (1_000, 21_176)
    train = corpus.head(800)
    test = corpus.select(range(800, 1000))
    assert (train.words.height, test.words.height) == (16_854, 4_322)
    not_root = pl.col("deprel") != "root"
    assert [c.words_where(not_root).words.height for c in (train, test)] == [16_054, 4_122]


@pytest.mark.parametrize(("split", "sentences", "targets"), [("dev", 554, 462), ("test", 535, 485)])
def test_streusle_has_its_published_counts_and_supersenses(split, sentences, targets):
    corpus = Corpus.read(shared(f"streusle/streusle.ud_{split}.conllulex"))
    assert len(corpus) == sentences
    assert misplaced(corpus).is_empty()
    adpositions = corpus.words.filter(pl.col("supersense").str.starts_with("p.") & pl.col("function").is_not_null())
    assert adpositions.height == targets
    key = pl.read_csv(shared(f"streusle/pss_{split}.tsv"), separator="\t", quote_char=None)
    assert sorted(adpositions["supersense"]) == sorted(key["role"])
    assert sorted(adpositions["function"]) == sorted(key["function"])


@pytest.mark.parametrize(("split", "sentences", "words"), [("train", 8_936, 211_727), ("test", 2_012, 47_377)])
def test_conll2000_has_its_published_counts(split, sentences, words):
    corpus = Corpus.read(shared(f"conll2000/{split}.txt"), format="conll2000")
    assert (len(corpus), corpus.words.height) == (sentences, words)
    assert corpus.token_labels == ("pos", "chunk")
    assert misplaced(corpus).is_empty()
    assert corpus.words["chunk"].null_count() == 0


@pytest.mark.parametrize(
    ("split", "documents", "words"), [("train", 7_668, 50_408), ("dev", 1_169, 7_368), ("test", 1_048, 6_821)]
)
def test_parallel_meaning_bank_has_its_published_counts(split, documents, words):
    corpus = Corpus.read(shared(f"pmb/4.0.0/en-gold-{split}.conll"))
    assert (len(corpus), corpus.words.height) == (documents, words)
    assert misplaced(corpus).is_empty()
    if split == "train":
        assert corpus.token_label_counts("semtag").height == 69
        assert corpus.token_label_counts("ccg").height == 294


PMB = """\
### Generated
# newdoc id = p1/d1
# tok:gold\ttok:gold
# raw sent = Tom's in New York.
# raw sent = He left.
Tom\tTom\ttom\tPER\tn\tmale.n.02\t[]
's\t's\tbe\tNOW\ts\tO\t[Theme,Agent]
in\tin\tin\tREL\tpp\tO\t[Location]
New~York\tNew~York\tnew~york\tGPE\tn\tcity.n.01\t[]
.\t.\t.\tNIL\t.\tO\t[]
He\tHe\the\tPRO\tnp\tmale.n.02\t[]
left\tleft\tleave\tEPS\ts\tleave.v.01\t[Theme]
.\t.\t.\tNIL\t.\tO\t[]

# newdoc id = p1/d2
# raw sent = 3~4 ex-con
3~4\t3~4\t3~4\tQUC\tn\tO\t[]
con\tcon\tcon\tCON\tn\tcon.n.01\t[]
"""


def test_pmb_documents_tokens_of_several_words_and_roles(tmp_path):
    corpus = Corpus.read(write(tmp_path, "a.conll", PMB))
    assert corpus.sentences["id"].to_list() == ["p1/d1", "p1/d2"]
    assert corpus.sentences["text"].to_list() == ["Tom's in New York. He left.", "3 4 con"]
    assert corpus.words["word"].to_list()[:5] == ["Tom", "'s", "in", "New York", "."]
    assert corpus.words["roles"].to_list()[:3] == [None, "Agent|Theme", "Location"]
    assert corpus.words["sense"].to_list()[:2] == ["male.n.02", None]
    assert misplaced(corpus).is_empty()
    exploded = explode_label(corpus.words, "roles")
    assert exploded.height == corpus.words.height + 1
    assert exploded["roles"].drop_nulls().to_list() == ["Agent", "Theme", "Location", "Theme"]
    with pytest.raises(CorpusError, match="line 6: 6 tab-separated columns where 7"):
        Corpus.read(write(tmp_path, "b.conll", PMB.replace("Tom\tTom\t", "Tom\t")))


def test_columns_of_any_width(tmp_path):
    two = Corpus.read(write(tmp_path, "a.iob", "-DOCSTART- O\n\nEU B-ORG\nrejects O\n\n\nPeter\u00a0B B-PER"))
    assert two.sentences["text"].to_list() == ["EU rejects", "Peter\u00a0B"]
    assert two.words["tag"].to_list() == ["B-ORG", "O", "B-PER"]
    path = write(tmp_path, "b.iob", "1\tEU\tx\ty\tN\n")
    with pytest.raises(CorpusError, match="line 1: 5 columns; name them"):
        Corpus.read(path)
    named = Corpus.read(path, columns=["_", "word", "_", "lemma", "upos"])
    assert named.words.select("word", "lemma", "upos").rows() == [("EU", "y", "N")]
    with pytest.raises(CorpusError, match="line 2: 1 columns where 2"):
        Corpus.read(write(tmp_path, "c.iob", "EU B\nrejects\n"))
    with pytest.raises(CorpusError, match="must be called 'word'"):
        Corpus.read(path, columns=["a", "words", "b", "c", "d"])
