from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest

from isogloss.corpus import (
    SENTENCE_TASKS,
    Corpus,
    Length,
    MainTense,
    SentenceTask,
    SubjectNumber,
    TreeDepth,
    WordContent,
)
from isogloss.errors import CorpusError, OptionError

from .shared import shared, write
from .trees import SENTENCES, conllu


@pytest.fixture
def trees(tmp_path) -> Corpus:
    return Corpus.read(write(tmp_path, "trees.conllu", conllu(list(SENTENCES.values()))))


def labels(corpus: Corpus, task: str | SentenceTask, **options) -> dict[str, str | None]:
    made = corpus.sentence_task(made=task, **options).sentences["made"]
    return dict(zip(SENTENCES, made.to_list(), strict=True))


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("tense", ["past", "present", "past", None, None]),
        (MainTense(auxiliaries=False), ["past", None, None, None, None]),
        ("subject_number", ["singular", "plural", None, None, None]),
        (SubjectNumber(nouns=("PROPN",)), [None] * 5),
        ("object_number", ["plural", None, None, "plural", None]),
        (TreeDepth(rarest=0), ["2", "1", "2", "1", "0"]),
        (Length(bins=5), ["7", "3", "6", "4", "1"]),
    ],
)
def test_what_is_planted_in_the_trees_is_found(trees, task, expected):
    assert list(labels(trees, task).values()) == expected


def test_several_tasks_are_labels_of_sentences_with_a_note_each_and_all_sentences_stay(trees):
    made = trees.sentence_task("tense", "length", subject="subject_number")
    assert made.sentence_labels == ("tense", "length", "subject")
    assert made.words.equals(trees.words)
    assert made.sentences["text"].equals(trees.sentences["text"])
    assert made.notes[0] == "sentence task tense: 3 of 5 sentences have a label (past 2, present 1)"
    assert len(made.notes) == 3


def test_the_order_of_sentences_and_others_beside_them_change_no_label(trees):
    order = [3, 0, 4, 2, 1]
    for task in ("tense", "subject_number", "object_number", TreeDepth(rarest=0)):
        whole = trees.sentence_task(made=task).sentences["made"].to_list()
        moved = trees.select(order).sentence_task(made=task).sentences["made"].to_list()
        assert moved == [whole[i] for i in order]


def test_rare_depths_are_put_together_at_both_ends():
    def chain(n: int) -> list:
        return [("w", "X", "X", "_", i, "dep" if i else "root") for i in range(n)]

    depths = [0] + [1] * 2 + [2] * 40 + [3] * 40 + [4] * 14 + [5] * 2 + [8]
    corpus = Corpus.from_words(
        [["w"] * (d + 1) for d in depths],
        {
            "head": [[str(row[4]) for row in chain(d + 1)] for d in depths],
            "deprel": [[row[5] for row in chain(d + 1)] for d in depths],
        },
    )
    made = corpus.sentence_task(TreeDepth(rarest=0.02)).sentences["tree_depth"]
    assert made.to_list() == ["0-1"] * 3 + ["2"] * 40 + ["3"] * 40 + ["4"] * 14 + ["5+"] * 3
    assert set(corpus.sentence_task("tree_depth").sentences["tree_depth"]) == {"0-2", "3", "4+"}


def test_bins_of_length_hold_about_as_many_sentences_and_name_what_is_in_them():
    lengths = np.random.default_rng(0).integers(1, 61, 3000)
    corpus = Corpus.from_words([["w"] * n for n in lengths])
    made = corpus.sentence_task("length").sentences["length"].to_list()
    for length, name in zip(lengths, made, strict=True):
        low, high = map(int, name.split("-"))
        assert low <= length <= high
    assert len(set(made)) == 6
    assert max(Counter(made).values()) < 1.2 * min(Counter(made).values())


def test_word_content_is_the_one_target_of_the_sentence():
    sentences = [["Apple", "of", "x"]] * 12 + [["pear", "pear"]] * 12 + [["a", "PEAR"]] * 11 + [["apple", "pear"]] * 3
    sentences += [["plum"]] * 9 + [["common"]] * 300 + [["cat"]] * 15
    made = Corpus.from_words(sentences).sentence_task(WordContent(fewest=10, most=0.09)).sentences["word_content"]
    # plum is too rare, common too frequent, cat too short; pear twice is not once.
    assert made.to_list() == ["apple"] * 12 + [None] * 12 + ["pear"] * 11 + [None] * 3 + [None] * 324


def test_words_that_are_seldom_alone_leave_their_sentences_to_the_others():
    sentences = [["united", "states"]] * 11 + [["states"]] * 9 + [["quiet"]] * 12
    made = Corpus.from_words(sentences).sentence_task("word_content").sentences["word_content"].to_list()
    assert made == ["states"] * 20 + ["quiet"] * 12


def test_balanced_classes_have_as_many_in_each_split_and_a_seed_decides_which():
    sides = ["a"] * 30 + ["b"] * 10 + ["a"] * 5 + ["b"] * 9
    words = [["hello", "there"] if side == "a" else ["bye"] for side in sides]
    corpus = Corpus.from_words(words)
    split = pl.Series("split", ["train"] * 40 + ["test"] * 14)
    corpus = Corpus(corpus.name, corpus.source, corpus.sentences.with_columns(split), corpus.words)
    made = [corpus.sentence_task(Length(bins=2), balanced=True, seed=seed).sentences for seed in (0, 0, 1)]
    counts = made[0].drop_nulls("length").group_by("split", "length").len().sort("split", "length")
    assert counts["len"].to_list() == [5, 5, 10, 10]
    full = corpus.sentence_task(Length(bins=2)).sentences["length"]
    assert (made[0]["length"].is_null() | (made[0]["length"] == full)).all()
    assert made[0].equals(made[1])
    assert not made[0].equals(made[2])


def test_what_is_missing_or_wrong_is_named(trees, tmp_path):
    with pytest.raises(OptionError, match=r"no sentence task 'tensed'.*did you mean 'tense'"):
        trees.sentence_task("tensed")
    with pytest.raises(OptionError, match="no sentence task is named"):
        trees.sentence_task()
    with pytest.raises(CorpusError, match=r"task tense needs the word labels head, deprel, feats.*has none"):
        Corpus.from_texts(["A dog barks."]).sentence_task("tense")
    with pytest.raises(CorpusError, match="sentence 0 of trees has lost words"):
        trees.words_where(pl.col("word") != "dog").sentence_task("tense")
    with pytest.raises(OptionError, match="holds pairs"):
        Corpus.from_texts(["A dog"], text_b=["A cat"]).sentence_task("length")
    with pytest.raises(CorpusError, match=r"label 'tense' of words already.*another name"):
        trees.annotate("tense").sentence_task("tense")
    with pytest.raises(CorpusError, match="label 'tense' of sentences already"):
        trees.sentence_task("tense").annotate("tense")
    with pytest.raises(CorpusError, match="label 'tense' of sentences already"):
        trees.sentence_task("tense").sentence_task("tense")
    with pytest.raises(CorpusError, match=r"0 are in 10 to 20 of its 5 sentences"):
        trees.sentence_task("word_content")


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        (["2", "1"], "0 roots, not one"),
        (["0", "0"], "2 roots, not one"),
        (["0", "7"], "sentence 0, word 2: the head is '7'"),
        (["0", "2"], "sentence 0, word 2: the head is '2'"),
        (["0", None], "sentence 0, word 2: the head is None"),
        (["0", "3", "2"], "go round in a circle"),
    ],
)
def test_a_broken_tree_is_refused_saying_where(heads, said):
    words = [["a", "b", "c"][: len(heads)]]
    corpus = Corpus.from_words(words, {"head": [heads], "deprel": [["dep"] * len(heads)]})
    with pytest.raises(CorpusError, match=said):
        corpus.sentence_task("tree_depth")


def answers(block: list[list[str]]) -> dict[str, str | None]:
    """The labels of one sentence, word by word from its lines: an implementation of its own."""
    words = [row for row in block if row[0].isdigit()]
    feats = {row[0]: dict(pair.split("=") for pair in row[5].split("|") if "=" in pair) for row in words}
    root = next(row[0] for row in words if row[6] == "0")
    children = [row for row in words if row[6] == root]

    def tense(number: str) -> str | None:
        return feats[number].get("Tense") if feats[number].get("VerbForm") == "Fin" else None

    helpers = [r[0] for r in children if r[7].split(":")[0] in ("aux", "cop") and feats[r[0]].get("VerbForm") == "Fin"]
    found = tense(root) or (tense(helpers[0]) if helpers else None)
    result = {"tense": {"Past": "past", "Pres": "present"}.get(found or "")}
    for name, relation in (("subject_number", "nsubj"), ("object_number", "obj")):
        first = next((r for r in children if r[7].split(":")[0] == relation), None)
        number = feats[first[0]].get("Number") if first and first[3] in ("NOUN", "PROPN") else None
        result[name] = {"Sing": "singular", "Plur": "plural", "Ptan": "plural"}.get(number or "")
    heads = {row[0]: row[6] for row in words}

    def depth(number: str) -> int:
        return 0 if heads[number] == "0" else 1 + depth(heads[number])

    result["depth"] = str(max(depth(r[0]) for r in words if r[7] != "punct" or r[0] == root))
    return result


def test_english_web_treebank_against_a_reading_of_its_lines():
    path = shared("ud-ewt") / "en_ewt-ud-train.conllu"
    corpus = Corpus.read(path).sentence_task(
        "tense", "subject_number", "object_number", depth=TreeDepth(rarest=0), root_tense=MainTense(auxiliaries=False)
    )
    blocks = [
        [line.split("\t") for line in block.split("\n") if line and not line.startswith("#")]
        for block in path.read_text(encoding="utf-8").split("\n\n")
    ]
    expected = pl.DataFrame([answers(block) for block in blocks if block])
    assert corpus.sentences.select(expected.columns).equals(expected)
    counts = {
        name: dict(corpus.label_counts(name).iter_rows())
        for name in ("root_tense", "tense", "subject_number", "object_number")
    }
    assert counts == {
        "root_tense": {"present": 1792, "past": 1537},
        "tense": {"present": 4728, "past": 2338},
        "subject_number": {"singular": 2651, "plural": 825},
        "object_number": {"singular": 1846, "plural": 608},
    }


def test_every_task_is_known_by_the_name_of_its_label():
    assert all(make().name == name for name, make in SENTENCE_TASKS.items())
