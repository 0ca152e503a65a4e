"""The concepts analysis carried out by a study: two tiny models, a corpus, and everything that ends up on disk."""

import json
import shutil

import polars as pl
import pytest

import isogloss as ig
from isogloss.corpus import Corpus
from isogloss.sealed import read_json, write_json
from tests.tiny import LAYERS, save_tiny

WORDS = ["the", "film", "was", "quiet", "and", "they", "liked", "it"]
SIDES = (["worst", "dialogue", "acting"], ["wonderful", "delight", "hero"])
"""Words of every other sentence: concepts of them are on a side whatever the model does."""
QUICK = {
    "concepts": {
        "clusters": 8,
        "permutations": 10,
        "bootstrap": 10,
        "polarity_threshold": 0.5,
        "trigger_words": 2,
        "trigger_sentences": 10,
    }
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    home = tmp_path_factory.mktemp("pair")
    labels = {"id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    return {
        "base": save_tiny(home / "base", "bert", seed=0),
        "tuned": save_tiny(home / "tuned", "bert", seed=1, auto="AutoModelForSequenceClassification", **labels),
    }


@pytest.fixture(scope="module")
def few():
    texts = [" ".join(WORDS[i % 3 :] + SIDES[i % 2] + WORDS[: 1 + i % 5]) for i in range(40)]
    return Corpus.from_texts(texts, labels=["good" if i % 2 else "bad" for i in range(40)])


def compare(pair, corpus, out, **more):
    return ig.compare(pair["base"], pair["tuned"], corpus, out=out, analyses=["concepts"], options=QUICK, **more)


@pytest.fixture(scope="module")
def study(pair, few, tmp_path_factory):
    return compare(pair, few, tmp_path_factory.mktemp("runs") / "run")


def equal(one, other):
    assert set(one.tables) == set(other.tables)
    return all(one.tables[name].equals(other.tables[name]) for name in one.tables)


def test_a_study_leaves_tables_sentences_and_a_page_with_the_explorer(study):
    tables = study["concepts"].tables
    for name in ("concepts", "concepts_list", "concepts_words", "concepts_members", "concepts_tree", "concepts_links"):
        assert sorted(tables[name]["layer"].unique()) == list(range(LAYERS + 1)), name
        assert (study.directory / "tables" / f"{name}.parquet").exists()
    assert tables["concepts_map"].filter(pl.col("measure") == "adjusted_rand").height == (LAYERS + 1) ** 2
    summary = json.loads((study.directory / "summary.json").read_text(encoding="utf-8"))
    assert [f["text"] for f in summary["findings"]] == [f.text for f in study.findings]
    shown = json.loads((study.directory / "figures" / "concepts.json").read_text(encoding="utf-8"))
    assert [f["kind"] for f in shown["figures"]][-1] == "explorer"
    page = (study.directory / "report.html").read_text(encoding="utf-8")
    assert "The concepts themselves" in page
    assert all(finding.text.split(" (")[0].split("'")[0] in page for finding in study.findings)


def test_the_head_of_the_tuned_model_is_asked_for_triggers(study):
    tables = study["concepts"].tables
    assert "concepts_triggers" in tables, [finding.text for finding in study.findings]
    tried = tables["concepts_triggers"]
    assert set(tried["layer"]) == {LAYERS}
    words = dict(tried.filter(pl.col("group") == "triggers").select("target", "words").iter_rows())
    assert words
    concepts = study["concepts"].tables["concepts_list"].select("model", "layer", "concept", "polar")
    members = study["concepts"].tables["concepts_members"].filter(model="tuned", layer=LAYERS)
    sides = members.join(concepts, on=["model", "layer", "concept"])
    for target, found in words.items():
        for word in found:
            assert sides.filter(word=word)["polar"].eq_missing(target).mean() > 0.5
    assert any(finding.measure == "flip_rate" for finding in study.findings)


def test_a_finished_run_is_opened_and_nothing_is_clustered_again(study, pair, few, monkeypatch):
    from isogloss.concepts import ConceptsAnalysis

    monkeypatch.setattr(ConceptsAnalysis, "run", lambda *a: pytest.fail("computed again"))
    assert equal(compare(pair, few, study.directory), study)


def test_a_run_that_lost_some_layers_computes_those_and_gives_the_same_tables(study, pair, few, tmp_path, monkeypatch):
    from isogloss.concepts import ConceptsAnalysis

    copy = tmp_path / "run"
    shutil.copytree(study.directory, copy)
    write_json(copy / "manifest.json", read_json(copy / "manifest.json") | {"finished": False})
    for seal in sorted(copy.rglob("done.json"))[1:3]:
        shutil.rmtree(seal.parent)
    run, again = ConceptsAnalysis.run, []
    monkeypatch.setattr(ConceptsAnalysis, "run", lambda self, p, o: (again.append(p.layer), run(self, p, o))[1])
    resumed = compare(pair, few, copy)
    assert len(again) == 2
    assert equal(resumed, study)
    assert resumed.findings == study.findings


def test_the_same_seed_gives_the_same_run(study, pair, few, tmp_path):
    again = compare(pair, few, tmp_path / "again")
    assert equal(again, study)
    for path in sorted((study.directory / "tables").glob("*.parquet")):
        assert path.read_bytes() == (tmp_path / "again" / "tables" / path.name).read_bytes()


def test_a_tuned_model_without_a_head_has_concepts_and_no_triggers(pair, few, tmp_path):
    bare = ig.compare(pair["base"], pair["base"], few, out=tmp_path / "run", analyses=["concepts"], options=QUICK)
    assert "concepts_triggers" not in bare.tables
    assert any(text.startswith("Triggers were not tried: ") for text in bare.tables["concepts_notes"]["text"])
    assert any(f.text == f"Every concept was kept as it was, in layers 0-{LAYERS}." for f in bare.findings)


def test_a_corpus_too_small_for_concepts_is_said_and_the_other_analyses_go_on(pair, few, tmp_path):
    both = ig.compare(
        pair["base"],
        pair["tuned"],
        few.head(2),
        out=tmp_path / "run",
        analyses=["similarity", "concepts"],
        options={"similarity": {"bootstrap": 20}},
    )
    assert any(f.text.startswith("No concepts were looked for: ") for f in both.findings)
    assert both["similarity"].tables["similarity"].height
    assert (tmp_path / "run" / "report.html").exists()
