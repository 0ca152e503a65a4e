"""The probing analysis carried out by a study: two tiny models, a corpus, and everything that ends up on disk."""

import json
import shutil

import polars as pl
import pytest
from typer.testing import CliRunner

import isogloss as ig
from isogloss.cli.app import app
from isogloss.corpus import Corpus
from isogloss.probing import ProbingAnalysis
from isogloss.sealed import read_json, write_json
from tests.tiny import LAYERS, save_tiny

WORDS = ["the", "film", "was", "quiet", "and", "they", "liked", "it"]
SIDES = (["worst", "dialogue", "acting"], ["wonderful", "delight", "hero"])
OPTIONS = {
    "probing": {
        "bootstrap": 20,
        "controls": 1,
        "strengths": "100",
        "min_count": 5,
        "rankings": "lca,probeless",
        "pages": 4,
        "task_sentences": 16,
        "task_random": 1,
        "minimal_layers": False,
    }
}
OF_LAYERS = ("probing", "probing_probes", "probing_neurons", "probing_agreement", "probing_ablation", "probing_fates",
             "probing_words", "probing_task")  # fmt: skip
OF_ALL_LAYERS = ("probing_together", "probing_distribution", "probing_map", "probing_minimal", "probing_shift",
                 "probing_shift_layers", "probing_fates_together")  # fmt: skip


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
    texts = [" ".join([*WORDS[i % 3 :], *SIDES[i % 2], *WORDS[: 1 + i % 5], WORDS[i // 5 % 8]]) for i in range(60)]
    sides = ["good" if i % 2 else "bad" for i in range(len(texts))]
    return Corpus.from_texts(texts, labels=sides).annotate("word_class")


def compare(pair, corpus, out):
    return ig.compare(pair["base"], pair["tuned"], corpus, out=out, analyses=["probing"], options=OPTIONS)


@pytest.fixture(scope="module")
def study(pair, few, tmp_path_factory):
    return compare(pair, few, tmp_path_factory.mktemp("runs") / "run")


def unfinished(study, directory):
    """A copy of the run that takes itself for interrupted."""
    shutil.copytree(study.directory, directory)
    write_json(directory / "manifest.json", read_json(directory / "manifest.json") | {"finished": False})
    return directory


def watched(monkeypatch):
    """What is computed from now on: numbers of layers, and "all"."""
    again = []
    run, whole = ProbingAnalysis.run, ProbingAnalysis.run_whole
    monkeypatch.setattr(ProbingAnalysis, "run", lambda self, p, o: (again.append(p.layer), run(self, p, o))[1])
    monkeypatch.setattr(ProbingAnalysis, "run_whole", lambda self, p, o: (again.append("all"), whole(self, p, o))[1])
    return again


def equal(one, other):
    assert set(one.tables) == set(other.tables)
    return all(one.tables[name].equals(other.tables[name]) for name in one.tables)


def test_a_study_leaves_the_tables_of_layers_and_those_of_all_layers(study):
    tables = study["probing"].tables
    for name in OF_LAYERS:
        assert sorted(tables[name]["layer"].unique()) == list(range(LAYERS + 1)), name
    for name in (*OF_LAYERS, *OF_ALL_LAYERS, "probing_notes"):
        assert tables[name].height, name
        assert (study.directory / "tables" / f"{name}.parquet").exists()
    assert set(tables["probing"].filter(measure="accuracy")["subset"]) == {"word_class", "label"}
    # Sentences do not recur, so only labels of words have control tasks.
    assert set(tables["probing"].filter(measure="selectivity")["subset"]) == {"word_class"}
    assert set(tables["probing_task"]["label"]) == {"word_class", "label"}


def test_what_was_drawn_is_said_once_for_all_labels(study):
    notes = study["probing"].tables["probing_notes"]["text"].to_list()
    assert notes == ["label, word_class: sentences were drawn at random: 60% / 20% / 20% for train, dev and test."]


def test_the_page_has_the_findings_the_map_of_neurons_and_their_words(study):
    summary = json.loads((study.directory / "summary.json").read_text(encoding="utf-8"))
    assert [f["text"] for f in summary["findings"]] == [f.text for f in study.findings]
    assert {"word_class", "label"} == {w for f in study.findings for w in ("word_class", "label") if w in f.text}
    shown = json.loads((study.directory / "figures" / "probing.json").read_text(encoding="utf-8"))["figures"]
    assert shown[-1]["kind"] == "neurons"
    page = (study.directory / "report.html").read_text(encoding="utf-8")
    assert "The neurons themselves" in page
    assert all(finding.text.split(" (")[0].split("'")[0] in page for finding in study.findings)
    for term in ("Probe, accuracy", "Control task", "Selectivity", "Neuron, salient", "LCA ranking",
                 "Relabelled neurons", "Neurons taken out",
                 "Each word&#39;s commonest value (per-type baseline)"):  # fmt: skip
        assert f"<dt>{term}</dt>" in page, term
    # Terms of what this run has not.
    for term in ("R²", "Gaussian ranking", "Bits per word", "Concept; kept"):
        assert f"<dt>{term}" not in page, term


def test_a_finished_run_is_opened_and_nothing_is_probed_again(study, pair, few, monkeypatch):
    again = watched(monkeypatch)
    assert equal(compare(pair, few, study.directory), study)
    assert again == []


def test_a_run_that_lost_some_layers_computes_those_and_gives_the_same_tables(study, pair, few, tmp_path, monkeypatch):
    copy = unfinished(study, tmp_path / "run")
    for layer in (1, 2):
        shutil.rmtree(copy / "tasks" / f"probing-0-{layer:02d}")
    again = watched(monkeypatch)
    resumed = compare(pair, few, copy)
    assert again == [1, 2]
    assert equal(resumed, study)
    assert resumed.findings == study.findings


def test_the_task_of_all_layers_is_kept_and_lost_by_itself(study, pair, few, tmp_path, monkeypatch):
    copy = unfinished(study, tmp_path / "run")
    kept = read_json(copy / "tasks" / "probing-0-all" / "done.json")["tables"]
    assert set(kept) == set(OF_ALL_LAYERS)
    shutil.rmtree(copy / "tasks" / "probing-0-all")
    again = watched(monkeypatch)
    resumed = compare(pair, few, copy)
    assert again == ["all"]
    assert equal(resumed, study)


def test_a_model_held_against_itself_has_changed_in_nothing_and_no_task_to_use(pair, few, tmp_path):
    bare = ig.compare(pair["base"], pair["base"], few, out=tmp_path / "run", analyses=["probing"], options=OPTIONS)
    table = bare["probing"].tables["probing"]
    changes = table.filter(pl.col("measure").str.ends_with("_change"))
    assert changes.height
    assert (changes["value"] == 0).all()
    assert (bare.tables["probing_fates_together"].filter(pl.col("fate") != "same")["count"] == 0).all()
    assert "probing_task" not in bare.tables
    assert any("not taken out of the running classifier" in text for text in bare.tables["probing_notes"]["text"])


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("probing.rankings=best", "rankings are lca, probeless, weights, gaussian. Got 'best'."),
        ("probing.penalty=ridge", "penalty should be elastic or neurox. Got 'ridge'."),
        ("probing.salient_share=0", "salient_share should be above 0 and at most 1."),
        ("probing.share_power=2", "share_power should be from 0 to 1."),
        ("probing.labels=mood,xpos", "probing: no label xpos; there are mood"),
        ("concepts.class_label=xpos", "concepts: no sentence label 'xpos'; there are mood"),
    ],
)
def test_an_option_that_is_not_one_is_refused_before_a_model_is_read(pair, tmp_path, option, said):
    data = tmp_path / "reviews.csv"
    data.write_text("text,mood\nA quiet film.,calm\nA loud film.,wild\n", encoding="utf-8")
    where = ("--data", data, "--label", "mood", "--out", tmp_path / "out")
    done = run("compare", pair["base"], pair["tuned"], *where, "--option", option)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not list(tmp_path.rglob("*.npy"))


def test_the_options_are_listed_with_their_defaults():
    listed = " ".join(run("compare", "--list-options").output.split())
    assert "--option probing.rankings=lca,probeless,weights how neurons are ranked" in listed
    assert "--option probing.together_train=20000 training words of the probes of all layers" in listed
