from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import Corpus
from isogloss.corpus.bigram_shift import swapped
from isogloss.errors import CorpusError

from .shared import misplaced, shared, write
from .trees import SENTENCES, conllu

TEXTS = [f"The old dog number {i} barks, loudly, at a cat." for i in range(40)]


def shifted(corpus: Corpus, **options) -> Corpus:
    return corpus.sentence_task("bigram_shift", **options)


def test_half_of_the_sentences_have_two_neighbouring_words_swapped_and_say_so():
    corpus = Corpus.from_texts(TEXTS)
    made = shifted(corpus)
    assert dict(made.label_counts("bigram_shift").iter_rows()) == {"inverted": 20, "original": 20}
    assert misplaced(made).is_empty()
    rows = zip(corpus.sentences["text"], made.sentences["text"], made.sentences["bigram_shift"], strict=True)
    for sentence, (before, after, label) in enumerate(rows):
        assert (before == after) == (label == "original")
        assert sorted(before) == sorted(after)
        old, new = (c.words.filter(pl.col("sentence") == sentence)["word"].to_list() for c in (corpus, made))
        differing = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
        if label == "inverted":
            first, second = differing
            assert (second, old[first], old[second]) == (first + 1, new[second], new[first])
            assert first > 0
            assert not {",", "."} & {new[first], new[second]}


def test_a_seed_decides_which_and_the_corpus_is_another_one():
    corpus = Corpus.from_texts(TEXTS)
    assert shifted(corpus, seed=3).sha256 == shifted(corpus, seed=3).sha256
    assert len({corpus.sha256, shifted(corpus, seed=3).sha256, shifted(corpus, seed=4).sha256}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "Hello world",  # the first word stays
        "Hello, world - again",  # punctuation between
        'He said "go home now" twice',
        "He said ``go home'' twice",
        "It had had Had",  # nothing would change
        "A, b",
        "",
    ],
)
def test_sentences_in_which_nothing_can_be_swapped_have_no_label(text):
    made = shifted(Corpus.from_texts([*TEXTS, text]))
    assert made.sentences["bigram_shift"][40] is None
    assert made.sentences["text"][40] == text


def test_words_grown_together_with_another_are_left_where_they_are():
    corpus = Corpus.from_texts(["They ca n't go"] * 2)
    # don't as two words that spell it: neither may be torn away from the other
    words = pl.DataFrame({"word": ["I", "do", "n't", "know"], "start": [0, 2, 4, 8], "end": [1, 4, 7, 12]})
    one = Corpus.from_texts(["I don't know"] * 2)
    rows = [words.with_columns(sentence=pl.lit(i), part=pl.lit(0), position=pl.int_range(4)) for i in range(2)]
    columns = {name: one.words.schema[name] for name in one.words.columns}
    joined = pl.concat(rows).select(pl.col(name).cast(kind) for name, kind in columns.items())
    with pytest.raises(CorpusError, match=r"0 of 2 sentences of texts have two neighbouring words"):
        shifted(Corpus(one.name, one.source, one.sentences, joined))
    assert shifted(corpus).label_counts("bigram_shift")["count"].to_list() == [1, 1]


def test_labels_go_with_their_words_and_the_tree_stays_the_same(tmp_path):
    corpus = Corpus.read(write(tmp_path, "trees.conllu", conllu(list(SENTENCES.values()) * 6)))
    made = shifted(corpus, seed=1)
    assert made.sentences["bigram_shift"].value_counts().height > 1

    def edges(c: Corpus) -> pl.DataFrame:
        heads = c.words.select("sentence", position=pl.col("position") + 1, above="word")
        found = c.words.with_columns(position=pl.col("head").cast(pl.UInt32))
        joined = found.join(heads, ["sentence", "position"], "left")
        return joined.select("sentence", "word", "upos", "feats", "deprel", "above").sort(pl.all())

    assert edges(made).equals(edges(corpus))
    assert not made.words["head"].equals(corpus.words["head"])
    for task in ("tense", "subject_number", "object_number", "tree_depth"):
        assert made.sentence_task(task).sentences[task].equals(corpus.sentence_task(task).sentences[task])


word = st.text(st.characters(categories=["L", "Nd"], exclude_characters="ʼ"), min_size=1, max_size=6)


@given(st.lists(st.lists(word, min_size=3, max_size=6), min_size=1, max_size=4), st.data())
def test_a_swap_undone_gives_the_text_back(sentences, data):
    corpus = Corpus.from_words(sentences)
    starts = [sum(map(len, sentences[:i])) for i in range(len(sentences))]
    firsts = pl.Series(
        [start + data.draw(st.integers(0, len(s) - 2)) for start, s in zip(starts, sentences, strict=True)]
    ).to_numpy()
    once = swapped(corpus, firsts)
    assert misplaced(once).is_empty()
    assert swapped(once, firsts).sha256 == corpus.sha256


def test_english_web_treebank_keeps_every_word_in_its_place():
    corpus = Corpus.read(shared("ud-ewt") / "en_ewt-ud-dev.conllu")
    made = shifted(corpus)
    assert misplaced(made).equals(misplaced(corpus)) or misplaced(made).height == misplaced(corpus).height
    counts = dict(made.label_counts("bigram_shift").iter_rows())
    assert counts["original"] - counts["inverted"] in (0, 1)
    assert sum(counts.values()) > 0.7 * len(corpus)
