"""Sentence tasks from the command line."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from isogloss.activations import ActivationStore
from isogloss.cli.app import app
from tests.corpus.trees import SENTENCES, conllu


@pytest.fixture
def treebank(tmp_path):
    path = tmp_path / "trees.conllu"
    path.write_text(conllu(list(SENTENCES.values()) * 6), encoding="utf-8")
    return path


def run(command, *arguments):
    return CliRunner().invoke(app, [command, *map(str, arguments), "-q"])


def test_a_store_has_the_labels_that_were_asked_for_and_no_others(models, treebank, tmp_path):
    given = (models["base"], "--data", treebank, "--out", tmp_path / "s", "--layers", "0", "--label", "upos")
    done = run("extract", *given, "--sentence-task", "tense, deep=tree_depth,bigram_shift", "--balanced")
    assert done.exit_code == 0, done.output
    assert "sentence task tense: 12 of 30 sentences have a label" in done.output
    store = ActivationStore(tmp_path / "s")
    assert store.manifest["sentence_labels"] == ["tense", "deep", "bigram_shift"]
    assert store.manifest["token_labels"] == ["upos"]
    assert store.sentences["tense"].drop_nulls().value_counts().sort("tense").rows() == [("past", 6), ("present", 6)]
    inverted = store.sentences.filter(pl.col("bigram_shift") == "inverted")["text"]
    texts = {" ".join(row[0] for row in rows) for rows in SENTENCES.values()}
    assert len(inverted) > 0
    assert not set(inverted) & texts


def test_a_comparison_has_them_in_its_tables_and_notes(models, treebank, tmp_path):
    out = tmp_path / "run"
    quick = ("--analyses", "similarity", "--layers", "0,1", "--option", "similarity.bootstrap=20")
    done = run("compare", models["base"], models["tuned"], "--data", treebank, "--label", "upos", "--out", out,
               "--sentence-task", "tense", *quick)  # fmt: skip
    assert done.exit_code == 0, done.output
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["corpus"]["sentence_labels"] == ["tense"]
    assert manifest["notes"][0] == "sentence task tense: 18 of 30 sentences have a label (past 12, present 6)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--balanced",), "--balanced has no effect without --sentence-task"),
        (("--sentence-task", "tensed"), "did you mean 'tense'"),
        (("--sentence-task", "tense,tense"), "names 'tense' twice"),
        (("--sentence-task", "tense", "--annotate", "tense"), "label 'tense' of sentences already"),
    ],
)
def test_mistakes_are_named(models, treebank, tmp_path, options, said):
    done = run("extract", models["base"], "--data", treebank, "--out", tmp_path / "s", *options)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
