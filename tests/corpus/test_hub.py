from __future__ import annotations

import sys

import pytest

from isogloss.corpus import Corpus
from isogloss.corpus.readers.hub import parse_source
from isogloss.errors import CorpusError

from .shared import misplaced


@pytest.fixture
def hub(monkeypatch):
    """A data set made in memory in the place of the hub; gives the calls that reached it."""
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["neg", "pos"]),
            "score": datasets.Value("float32"),
            "tokens": datasets.List(datasets.Value("string")),
            "tags": datasets.List(datasets.ClassLabel(names=["O", "PER"])),
        }
    )
    rows = {
        "sentence": ["bad film", "good film", "film"],
        "label": [0, 1, -1],
        "score": [0.5, 1.0, 2.0],
        "tokens": [["bad", "film"], ["good", "film"], ["Ann"]],
        "tags": [[0, 0], [0, 0], [1]],
    }
    made = datasets.Dataset.from_dict(rows, features=features)
    calls = []

    def load(name, config=None, *, split=None):
        calls.append((name, config, split))
        if name == "absent":
            raise FileNotFoundError("Couldn't find it\nand more")
        return made if split else datasets.DatasetDict({"train": made, "test": made.select([0, 1])})

    monkeypatch.setattr(datasets, "load_dataset", load)
    return calls


def test_one_split_with_class_names(hub):
    corpus = Corpus.read("hf:org/reviews:plain:train", text="sentence", label=["label", "score"])
    assert hub == [("org/reviews", "plain", "train")]
    assert corpus.sentences["label"].to_list() == ["neg", "pos", None]
    assert corpus.sentences["score"].to_list() == [0.5, 1.0, 2.0]
    assert (corpus.name, corpus.source) == ("reviews", "hf:org/reviews:plain:train")
    assert misplaced(corpus).is_empty()


def test_all_splits_are_named(hub):
    corpus = Corpus.read("hf:reviews", text="sentence", label="label")
    assert hub == [("reviews", None, None)]
    assert len(corpus.split("train")) == 3
    assert corpus.split("test").sentences["label"].to_list() == ["neg", "pos"]


def test_token_classes(hub):
    corpus = Corpus.read("hf:reviews:train", text="tokens", label="tags")
    assert hub == [("reviews", None, "train")]
    assert corpus.words.select("word", "tags").rows()[-2:] == [("film", "O"), ("Ann", "PER")]


def test_what_is_not_there_is_explained(hub):
    with pytest.raises(CorpusError, match=r"hf:reviews \(train\) has no column 'text'; there is 'sentence'"):
        Corpus.read("hf:reviews")
    with pytest.raises(CorpusError, match=r"hf:absent cannot be loaded: Couldn't find it$"):
        Corpus.read("hf:absent")


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(CorpusError, match=r'pip install "isogloss\[datasets\]"'):
        Corpus.read("hf:reviews")


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("hf:a/b", ("a/b", None, None)),
        ("hf:a/b:sst2", ("a/b", "sst2", None)),
        ("hf:a/b:test", ("a/b", None, "test")),
        ("hf:a/b::odd", ("a/b", None, "odd")),
        ("hf:a/b:sst2:dev", ("a/b", "sst2", "dev")),
    ],
)
def test_sources_are_taken_apart(source, parts):
    assert parse_source(source) == parts


@pytest.mark.parametrize("source", ["hf:", "hf::x", "hf:a:b:c:d"])
def test_sources_of_another_form_are_refused(source):
    with pytest.raises(CorpusError, match="is not of the form"):
        parse_source(source)
