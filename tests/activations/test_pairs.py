"""The two texts of a pair as one sequence, or each as a sequence of its own."""

from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from isogloss.activations import extract
from isogloss.activations import extraction as extract_module
from isogloss.activations.layout import Settings
from isogloss.api import compare
from isogloss.cli.app import app
from isogloss.corpus import Corpus
from isogloss.errors import OptionError, StoreError
from isogloss.study.notes import store_notes
from tests.tiny import TEXTS, save_tiny

LONG = "quiet film " * 60
FIRST = [*TEXTS, "Hi", LONG, ""]
SECOND = ["Nobody notices the hero.", *TEXTS, "x", "a film"]


@pytest.fixture(scope="module")
def pairs() -> Corpus:
    return Corpus.from_texts(FIRST, text_b=SECOND)


def of_part(store, layer, part):
    """Words of one text and their vectors."""
    words = store.words.with_row_index("row").filter(pl.col("part") == part)
    return words, np.asarray(store.layer(layer))[words["row"].to_numpy()]


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "xlnet"])
def test_each_text_by_itself_has_the_vectors_it_would_have_in_a_corpus_of_its_own(architecture, pairs, tmp_path):
    model = save_tiny(tmp_path / "model", architecture)
    store = extract(model, pairs, tmp_path / "separate", pairs="separate")
    for part, texts in enumerate((FIRST, SECOND)):
        alone = extract(model, Corpus.from_texts(texts), tmp_path / f"alone{part}")
        for layer in store.layers:
            words, vectors = of_part(store, layer, part)
            assert words.select("sentence", "position").equals(alone.words.select("sentence", "position"))
            np.testing.assert_allclose(vectors, alone.layer(layer), rtol=1e-4, atol=1e-5)


def test_joint_is_the_default_and_lets_the_texts_see_each_other(models, pairs, tmp_path):
    joint, named = (
        extract(models["base"], pairs, tmp_path / n, **o) for n, o in (("a", {}), ("b", {"pairs": "joint"}))
    )
    separate = extract(models["base"], pairs, tmp_path / "s", pairs="separate")
    assert joint.settings == named.settings
    assert joint.settings.pairs == "joint"
    rows = [s.words.with_row_index("row").filter(pl.col("sentence") == 0)["row"].to_numpy() for s in (joint, separate)]
    assert len(rows[0]) == len(rows[1])
    assert not np.allclose(joint.layer(1)[rows[0]], separate.layer(1)[rows[1]], atol=1e-3)


def test_the_sentence_vectors_of_separate_texts_are_means_over_both(models, pairs, tmp_path):
    store = extract(models["base"], pairs, tmp_path / "s", pairs="separate", pooling="mean")
    alone = [extract(models["base"], Corpus.from_texts(t), tmp_path / f"{i}") for i, t in enumerate((FIRST, SECOND))]
    for kind in ("cls", "last"):
        both = np.mean([one.sentence_layer(2, kind) for one in alone], axis=0)
        np.testing.assert_allclose(store.sentence_layer(2, kind), both, rtol=1e-4, atol=1e-5)
    for sentence in (0, 9):
        rows = store.words.with_row_index("row").filter(pl.col("sentence") == sentence)
        weights = rows["n_subwords"].to_numpy()
        expected = np.average(store.layer(2)[rows["row"].to_numpy()], axis=0, weights=weights)
        np.testing.assert_allclose(store.sentence_layer(2, "mean")[sentence], expected, rtol=1e-4, atol=1e-5)


def test_small_chunks_leave_the_same_rows(models, pairs, tmp_path, monkeypatch):
    whole = extract(models["base"], pairs, tmp_path / "whole", pairs="separate")
    monkeypatch.setattr(extract_module.plan_chunks, "__defaults__", (5_000,))
    monkeypatch.setattr(extract_module, "TOKENISED_AT_ONCE", 3)
    parts = extract(models["base"], pairs, tmp_path / "parts", pairs="separate")
    assert parts.words.equals(whole.words)
    np.testing.assert_allclose(parts.layer(3), whole.layer(3), rtol=1e-4, atol=1e-5)
    for kind in ("cls", "mean", "last"):
        np.testing.assert_allclose(parts.sentence_layer(3, kind), whole.sentence_layer(3, kind), rtol=1e-4, atol=1e-5)


def test_a_long_text_by_itself_is_split_and_loses_no_word(models, pairs, tmp_path):
    store = extract(models["base"], pairs, tmp_path / "s", pairs="separate")
    assert store.manifest["split_sentences"] == 1
    assert store.manifest["cut_words"] == 0
    assert len(store.words.filter(pl.col("sentence") == FIRST.index(LONG))) == 121
    assert store_notes("The model", store, len(pairs.words))[0] == (
        "1 sentence is longer than the 64 tokens the model can take; it was split between words."
    )


def test_a_store_of_the_other_way_is_refused_and_one_from_before_there_were_two_is_joint(models, pairs, tmp_path):
    store = extract(models["base"], pairs, tmp_path / "s")
    with pytest.raises(StoreError, match="pairs is joint, not separate"):
        extract(models["base"], pairs, tmp_path / "s", pairs="separate")
    before = {name: value for name, value in asdict(store.settings).items() if name != "pairs"}
    assert Settings.from_dict(before) == store.settings


def test_it_is_refused_where_there_are_no_pairs_or_no_such_way(models, corpus, pairs, tmp_path):
    with pytest.raises(OptionError, match=r"texts has no second texts; text_b= names their column"):
        extract(models["base"], corpus, tmp_path / "s", pairs="separate")
    with pytest.raises(OptionError, match="'joint' or 'separate', not 'both'"):
        extract(models["base"], pairs, tmp_path / "s", pairs="both")


def test_a_comparison_records_it_says_so_and_refuses_the_other(models, pairs, tmp_path):
    options = {"analyses": ["similarity"], "layers": "0,1", "out": tmp_path / "run"}
    study = compare(models["base"], models["tuned"], pairs, pairs="separate", **options)
    assert study.manifest["question"]["extraction"]["pairs"] == "separate"
    assert any("run by themselves" in note for note in study.notes)
    with pytest.raises(StoreError, match=r"extraction\.pairs was separate, now joint"):
        compare(models["base"], models["tuned"], pairs, **options)


def test_the_command_line_takes_it_and_writes_advice_as_options(models, tmp_path):
    (tmp_path / "pairs.csv").write_text("text,other\na quiet film,a film\nHi,nobody\n")
    start = ["extract", str(models["base"]), "--data", str(tmp_path / "pairs.csv"), "--pairs", "separate", "--quiet"]
    done = CliRunner().invoke(app, [*start, "--text-b", "other", "--out", str(tmp_path / "s")])
    assert done.exit_code == 0, done.output
    assert "7 words" in done.output
    refused = CliRunner().invoke(app, [*start, "--out", str(tmp_path / "t")])
    assert refused.exit_code == 2
    assert "--text-b names their column" in refused.output
