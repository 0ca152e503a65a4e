from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from isogloss.analysis import TIDY, Analysis
from isogloss.isotropy import IsotropyOptions, intrinsic_dimension, mean_cosine
from isogloss.isotropy.findings_carrying import carrying
from tests.isotropy.planted import ANALYSIS, HIDDEN, LENGTH, QUICK, SENTENCES, cell, planted, run


@pytest.fixture(scope="module")
def tables():
    words, sentences, base, tuned = planted()
    return run(base, tuned, words, sentences)


def test_it_follows_the_protocol(tables):
    assert isinstance(ANALYSIS, Analysis)
    assert all(field.metadata["help"] for field in IsotropyOptions.__dataclass_fields__.values())
    assert dict(tables["isotropy"].schema) == TIDY
    assert all(name == "isotropy" or name.startswith("isotropy_") for name in tables)


def test_the_stretched_layer_is_found_and_the_other_is_what_it_was(tables):
    change = cell(tables, "isoscore_change")
    assert change["ci_high"] < -0.3
    assert change["value"] == pytest.approx(
        cell(tables, "isoscore")["value"] - cell(tables, "isoscore", "base")["value"]
    )
    changes = tables["isotropy"].filter(pl.col("measure").str.ends_with("_change") & (pl.col("layer") == 0))
    assert set(changes["value"]) == {0.0}
    assert set(changes["ci_low"].drop_nulls()) == set(changes["ci_high"].drop_nulls()) == {0.0}
    said = [finding.text for finding in ANALYSIS.findings(tables, QUICK)]
    assert any(text.startswith("Layer 1 became stretched along fewer directions") for text in said)
    assert any("At layer 1 one direction now holds" in text for text in said)


def test_numbers_are_those_of_the_functions(tables):
    base = planted()[2]
    assert cell(tables, "mean_cosine", "base")["value"] == pytest.approx(mean_cosine(base[1]), abs=1e-6)
    means = base[1].reshape(SENTENCES, LENGTH, HIDDEN).mean(axis=1)
    assert cell(tables, "mean_cosine", "base", subset="sentences")["value"] == pytest.approx(
        mean_cosine(means), abs=1e-6
    )
    for subset, X in (("all", base[1]), ("sentences", means)):
        row = cell(tables, "intrinsic_dimension", "base", subset=subset)
        assert row["value"] == pytest.approx(intrinsic_dimension(X, 10), rel=1e-3)
        assert row["ci_low"] < row["value"] < row["ci_high"]
        assert row["n"] == len(X)


def test_what_came_to_lie_in_the_top_direction_rests_more_on_it(tables):
    reliance = {row["model"]: row for row in tables["isotropy_reliance"].iter_rows(named=True)}
    assert abs(reliance["base"]["loss"]) < 0.1
    assert reliance["tuned"]["loss"] > 0.15
    assert reliance["change"]["ci_low"] > 0.1
    assert set(tables["isotropy_removal"]["layer"]) == {1}
    without = tables["isotropy_removal"].filter((pl.col("which") == "top") & (pl.col("k") == 1))
    kept = dict(zip(without["model"], without["value"], strict=True))
    assert kept["base"] > 0.95
    assert kept["tuned"] < 0.65
    (finding,) = [f for f in ANALYSIS.findings(tables, QUICK) if f.measure == "reliance"]
    assert "rests more on the top directions than before" in finding.text
    assert finding.figure in {figure.name for figure in ANALYSIS.figures(tables, QUICK)}


def test_every_figure_a_finding_names_is_there(tables):
    names = {figure.name for figure in ANALYSIS.figures(tables, QUICK)}
    assert {finding.figure for finding in ANALYSIS.findings(tables, QUICK) if finding.figure} <= names


def test_findings_state_rows_that_hold_their_numbers(tables):
    for finding in ANALYSIS.findings(tables, QUICK):
        if finding.value is None:
            continue
        numbers = [v for row in finding.rows for v in tables[finding.table].row(row) if isinstance(v, float)]
        assert any(v == pytest.approx(finding.value) for v in numbers), finding.text


def test_a_model_against_itself_has_not_changed_in_anything():
    words, sentences, base, _ = planted()
    tables = run(base, base, words, sentences)
    changes = tables["isotropy"].filter(pl.col("measure").str.ends_with("_change"))
    assert changes.height > 20
    assert set(changes["value"].drop_nulls()) == {0.0}
    for name in ("isotropy_clusters", "isotropy_reliance"):
        part = tables[name].filter(pl.col("model") == "change")
        column = "value" if "value" in part.columns else "loss"
        assert set(part[column].drop_nulls()) == {0.0}
    removal = tables["isotropy_removal"].drop("seed")
    base_rows, tuned_rows = (removal.filter(pl.col("model") == m).drop("model") for m in ("base", "tuned"))
    assert base_rows.equals(tuned_rows)
    assert any("is exactly what it was" in f.text for f in ANALYSIS.findings(tables, QUICK))


def test_runs_of_one_seed_are_equal():
    words, sentences, base, tuned = planted()
    one, other = (run(base, tuned, words, sentences) for _ in range(2))
    assert all(one[name].equals(other[name]) for name in one)


def test_treatments_stand_beside_the_space_as_it_is(tables):
    table = tables["isotropy_treatments"]
    assert table["treatment"].unique(maintain_order=True).to_list() == [
        "none", "zero_mean", "cluster_zero_mean", "all_but_the_top", "cluster_enhancement",
    ]  # fmt: skip
    top = table.filter((pl.col("treatment") == "all_but_the_top") & (pl.col("model") == "tuned")).row(0, named=True)
    assert top["gain"] < -0.3
    assert top["gain_high"] < 0
    assert set(table.filter(pl.col("treatment") == "none")["gain"]) == {0.0}


def test_a_sweep_is_chosen_on_dev_and_judged_on_test():
    words, sentences, base, tuned = planted()
    options = IsotropyOptions(**{**vars(QUICK), "sweep": True, "local": False, "dimension_words": 0})
    tables = run(base[1:], tuned[1:], words, sentences, options)
    assert {"n_clusters", "n_components", "gain"} <= set(tables["isotropy_sweep"].columns)
    assert tables["isotropy_treatments"].filter(pl.col("treatment") == "swept")["model"].to_list() == ["base", "tuned"]


def test_pairs_are_judged_by_the_cosine_of_their_texts():
    words, sentences, base, _ = planted()
    words = words.with_columns(part=(pl.col("position") >= LENGTH // 2).cast(pl.UInt8))
    shared = np.random.default_rng(1).uniform(0, 1, SENTENCES)
    X = base[1].reshape(SENTENCES, 2, LENGTH // 2, HIDDEN)
    X[:, 1] = shared[:, None, None] * X[:, 0] + (1 - shared)[:, None, None] * X[:, 1]
    sentences = sentences.with_columns(text_b=pl.col("text"), score=pl.Series(5 * shared))
    tables = run([base[1]], [base[1]], words, sentences, token_labels=(), sentence_labels=("score",))
    whole = tables["isotropy_removal"].filter((pl.col("measure") == "spearman") & (pl.col("k") == 0))
    assert (whole["value"] > 0.6).all()
    assert set(tables["isotropy_treatments"]["measure"]) == {"spearman"}


def test_the_running_classifier_is_asked_without_the_directions():
    words, sentences, base, tuned = planted()
    vector_of = dict(zip(words["word"], tuned[1], strict=True))

    def classify(texts, text_b=None, edit=None):
        tokens = [(i, word) for i, text in enumerate(texts) for word in text.split()]
        vectors = np.array([vector_of[word] for _, word in tokens], dtype=np.float32)
        if edit is not None:
            assert edit[0] == 1
            info = SimpleNamespace(special=np.zeros(len(tokens), dtype=bool), ids=np.arange(len(tokens)))
            vectors = edit[1](vectors.copy(), info)
        sums = np.bincount([i for i, _ in tokens], vectors[:, 2], len(texts))
        p = 1 / (1 + np.exp(-sums))
        return np.column_stack([1 - p, p])

    classify.classes = ("no", "yes")
    answers = np.array(classify.classes)[classify(sentences["text"].to_list()).argmax(axis=1)]
    sentences = sentences.with_columns(answer=pl.Series(answers))
    options = IsotropyOptions(**{**vars(QUICK), "head_sentences": 60, "labels": "answer"})
    tables = run(base, tuned, words, sentences, options, sentence_labels=("answer",), classifier=classify)
    head = tables["isotropy_removal"].filter(pl.col("measure") == "head accuracy")
    assert set(head["model"]) == {"tuned"}
    value = {(row["which"], row["k"]): row["value"] for row in head.iter_rows(named=True)}
    assert value["top", 0] == 1
    assert value["top", 1] < 0.7
    assert any("the running classifier's accuracy on answer rests on the top" in f.text for f in carrying(tables))
