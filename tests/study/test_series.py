import json
import shutil

import polars as pl
import pytest
import torch
from transformers import AutoModel

import isogloss as ig
from isogloss.analysis import Finding, LinesFigure, TableFigure, registry
from isogloss.errors import ModelError, OptionError, StoreError
from isogloss.similarity import SimilarityAnalysis
from tests.study.test_run import QUICK, NormAnalysis, Noted
from tests.tiny import LAYERS, save_tiny, tiny_model, tiny_tokenizer

STEPS = (100, 200, 300)


@pytest.fixture(scope="module")
def training(models, tmp_path_factory):
    """A tuned model with checkpoints a third and two thirds of the way from the base to it, without tokenizers."""
    home = tmp_path_factory.mktemp("training") / "sentiment"
    shutil.copytree(models["tuned"], home)
    start, end = (AutoModel.from_pretrained(models[name]).state_dict() for name in ("base", "tuned"))
    for part, step in zip((1 / 3, 2 / 3), STEPS, strict=False):
        between = tiny_model("bert")
        between.load_state_dict({name: torch.lerp(start[name].float(), end[name].float(), part) for name in start})
        between.save_pretrained(home / f"checkpoint-{step}")
    shutil.copytree(models["tuned"], home / "checkpoint-300")
    return home


@pytest.fixture
def asked(models, training, corpus, tmp_path):
    """Compare with whatever is given; the run is in `tmp_path / "run"` unless said otherwise."""

    def run(tuned=training, out=tmp_path / "run", base=models["base"], **options):
        return ig.compare(base, tuned, corpus, out=out, **{**QUICK, **options})

    return run


@pytest.fixture(scope="module")
def drawn(models, training, tmp_path_factory):
    """One finished series and the corpus it is of, for tests that only look."""
    from tests.conftest import corpus as fixture

    words = fixture.__wrapped__()
    home = tmp_path_factory.mktemp("series")
    study = ig.compare(models["base"], training, words, out=home / "run", checkpoints=True, **QUICK)
    return study, words


def at(table, column, place):
    return table.filter(pl.col(column) == place).drop(column)


def test_the_last_step_and_every_other_is_what_a_comparison_of_that_pair_alone_says(drawn, models, training, tmp_path):
    study, corpus = drawn
    steps = study.table("similarity_steps")
    assert steps.columns[0] == "step"
    assert steps["step"].unique().sort().to_list() == [0, *STEPS] == list(study.steps)
    for step, tuned in ((300, training), (100, (AutoModel.from_pretrained(training / "checkpoint-100"), None))):
        pair = tuned if step == 300 else (tuned[0].eval(), tiny_tokenizer("wordpiece"))
        alone = ig.compare(models["base"], pair, corpus, out=tmp_path / str(step), **QUICK)
        assert at(steps, "step", step).equals(alone.table("similarity"))
    alone = ig.load(tmp_path / "300")
    for name, table in alone.tables.items():
        assert study.table(name).equals(table), "the run itself is about the tuned model alone"
    assert [f for f in study.findings if f.table != "similarity_steps"] == alone.findings


def test_step_zero_is_the_base_model(drawn, models, tmp_path):
    study, corpus = drawn
    itself = ig.compare(models["base"], models["base"], corpus, out=tmp_path / "run", **QUICK)
    assert at(study.table("similarity_steps"), "step", 0).equals(itself.table("similarity"))


def test_there_are_no_rows_between_seeds_across_steps(drawn):
    study, _ = drawn
    for name in ("similarity", "similarity_steps"):
        table = study.table(name)
        assert "between seeds" not in table["subset"].unique().to_list()
        assert table["seed"].unique().to_list() == [0]


def test_headline_measures_are_drawn_over_steps_with_their_intervals(drawn):
    study, _ = drawn
    figures = {f.name: f for f in study["similarity"].figures if f.name.endswith("-over-steps")}
    assert set(figures) == {f"similarity-{m}-over-steps" for m in ("cka", "neighbours", "procrustes")}
    cka = figures["similarity-cka-over-steps"]
    assert [line.name for line in cka.lines] == [f"layer {i}" for i in range(LAYERS + 1)]
    for line in cka.lines:
        assert line.x == (0.0, 100.0, 200.0, 300.0)
        assert line.y[0] == 1.0
        assert all(low <= y <= high for low, y, high in zip(line.low, line.y, line.high, strict=True))


def test_half_of_the_change_is_said_to_be_reached_where_it_is(drawn):
    study, _ = drawn
    said = [f for f in study.findings if f.table == "similarity_steps"]
    assert {f.measure for f in said} == {"cka", "neighbours", "procrustes"}
    for finding in said:
        table = study.table("similarity_steps")[list(finding.rows)]
        assert table["step"].to_list() == [0, *STEPS]
        assert table["layer"].unique().to_list() == [LAYERS] == list(finding.layers)
        values = table["value"].to_list()
        last = table.row(-1, named=True)
        floor = last["null_low"] if values[-1] < values[0] else last["null_high"]
        reached = next(i for i in (1, 2, 3) if (values[i] - floor) / (values[-1] - floor) >= 0.5)
        assert "beyond the noise floor of " in finding.text
        assert finding.value == values[-1]
        assert f"by step {[0, *STEPS][reached]} (" in finding.text
        assert finding.figure in {f.name for f in study["similarity"].figures}


def test_a_series_of_the_same_weights_shows_no_change(models, asked):
    base = models["base"]
    study = asked(base, checkpoints={10: base, 20: base})
    assert study.steps == (0, 10, 20)
    for step in study.steps:
        assert at(study.table("similarity_steps"), "step", step).equals(study.table("similarity"))
    assert not [f for f in study.findings if f.table == "similarity_steps"]


def test_checkpoints_of_a_fine_tuning_are_at_their_steps(models, corpus, tmp_path):
    [result] = ig.finetune(models["base"], corpus, tmp_path / "tuned", label="label", epochs=1, batch_size=8,
                           checkpoint_every=2)  # fmt: skip
    last = result.metrics["steps"]
    study = ig.compare(models["base"], result.path, corpus, out=tmp_path / "run", checkpoints=True, **QUICK)
    assert study.steps == (0, *range(2, last, 2), last)
    two = ig.compare(models["base"], result.path, corpus, out=tmp_path / "two", checkpoints=2, **QUICK)
    assert len(two.steps) == 3
    assert two.steps[-1] == last
    assert two.table("similarity").equals(study.table("similarity"))


def test_a_killed_run_goes_on_with_the_member_it_was_at(asked, drawn, tmp_path, monkeypatch):
    ran = []
    run = SimilarityAnalysis.run

    def killed(self, pair, options):
        ran.append((pair.tuned_index, pair.layer))
        if len(ran) == 7:
            raise KeyboardInterrupt
        return run(self, pair, options)

    with monkeypatch.context() as m:
        m.setattr(SimilarityAnalysis, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            asked(checkpoints=True)
    with pytest.raises(StoreError, match="not finished"):
        ig.load(tmp_path / "run")
    again, heard = [], Noted()
    with monkeypatch.context() as m:
        m.setattr(SimilarityAnalysis, "run", lambda s, p, o: (again.append((p.tuned_index, p.layer)), run(s, p, o))[1])
        study = asked(checkpoints=True, progress=heard)
        assert sorted(ran[:-1] + again) == [(i, layer) for i in range(4) for layer in range(LAYERS + 1)]
        again.clear()
        opened = asked(checkpoints=True)
        assert not again
        (tmp_path / "run" / "tables" / "similarity_steps.parquet").unlink()
        mended = asked(checkpoints=True)
        assert not again, "mended from the tables of the tasks"
    assert any("kept: similarity layers 0-3; similarity (step 0) layers 0-1" in note for note in heard.notes)
    for name, table in drawn[0].tables.items():
        assert study.table(name).equals(table)
        assert opened.table(name).equals(table)
        assert mended.table(name).equals(table)
    assert ig.load(tmp_path / "run").findings == drawn[0].findings


def test_vectors_of_checkpoints_are_dropped_one_by_one(asked, drawn, tmp_path, monkeypatch):
    stores = []
    run = SimilarityAnalysis.run

    def watched(self, pair, options):
        stores.append({path.name for path in (tmp_path / "run" / "activations").iterdir()})
        return run(self, pair, options)

    monkeypatch.setattr(SimilarityAnalysis, "run", watched)
    study = asked(checkpoints=True, keep_activations=False)
    assert max(map(len, stores)) == 3, "base, tuned, and one checkpoint"
    assert not (tmp_path / "run" / "activations").exists()
    assert study.table("similarity_steps").equals(drawn[0].table("similarity_steps"))
    asked(checkpoints=True, keep_activations=False)


def test_another_series_is_another_question(asked, models, training):
    study = asked(checkpoints=2)
    with pytest.raises(StoreError, match=r"steps of checkpoints: .00, 300 then, 100, 200, 300 now"):
        asked(checkpoints=True)
    with pytest.raises(StoreError, match=r"steps of checkpoints: .* then, none now"):
        asked()
    with pytest.raises(StoreError, match="tunings side by side: none then, sentiment, POS now"):
        asked(checkpoints=2, also={"POS": models["base"]})
    step = study.steps[1]
    other = {step: models["base"], 300: training}
    with pytest.raises(StoreError, match=f"another model of step {step}: "):
        asked(checkpoints=other)


def test_tunings_stand_side_by_side(asked, models, training, tmp_path):
    third = save_tiny(tmp_path / "third", "bert", seed=2)
    study = asked(also={"POS": third, "none": models["base"]})
    assert study.tunings == ("sentiment", "POS", "none")
    table = study.table("similarity_tasks")
    assert table["task"].unique(maintain_order=True).to_list() == ["sentiment", "POS", "none"]
    alone = asked(third, out=tmp_path / "alone")
    assert at(table, "task", "POS").equals(alone.table("similarity"))
    assert at(table, "task", "sentiment").equals(study.table("similarity"))
    [figure] = [f for f in study["similarity"].figures if f.name == "similarity-tunings"]
    assert isinstance(figure, TableFigure)
    assert figure.group_by == "layer"
    # The last group is the one that opens.
    assert [row[:2] for row in figure.rows[-3:]] == [(LAYERS, "sentiment"), (LAYERS, "POS"), (LAYERS, "none")]
    assert figure.rows[-1][figure.columns.index("CKA")] == 1.0
    assert any("tuning none has the same weights" in note for note in study.notes)


def test_steps_and_tunings_in_one_run(asked, models):
    study = asked(checkpoints=1, also=[("POS", models["base"])])
    assert study.steps == (0, 300)
    assert set(study.tables) >= {"similarity_steps", "similarity_tasks"}
    assert "POS" not in study.table("similarity_steps").columns


class PathAnalysis(NormAnalysis):
    """Names no headline; says something of its own of a series."""

    def findings(self, tables, options):
        return [Finding("The norm is what it is.", "norm", "norm")]

    def series(self, tables, by, options):
        tuned = tables["norm"].filter(pl.col("model") == "tuned").sort(by, "layer")
        said = Finding(f"{tuned[by].n_unique()} models by {by}.", "norm", "norm")
        figure = LinesFigure(name=f"norm-path-{by}", title="Path", caption="")
        return {f"norm_path_{by}": tuned.select(by, "layer", "value")}, [said], [figure]


def test_an_analysis_may_have_more_to_say_of_a_series(asked, models, monkeypatch):
    class Point:
        name = "norm"
        load = staticmethod(lambda: PathAnalysis)

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    study = asked(checkpoints=True, also={"POS": models["base"]}, analyses=["norm"], options={})
    assert {f.text for f in study.findings} >= {"4 models by step.", "2 models by task."}
    path = study.table("norm_path_step")
    norms = study.table("norm").filter(pl.col("model") == "base").sort("layer")["value"]
    assert path.filter(pl.col("step") == 0)["value"].equals(norms), "at step 0 the base stands in the tuned one's place"
    names = [f.name for f in study["norm"].figures]
    assert set(names) >= {"norm", "norm-norm-over-steps", "norm-path-step", "norm-path-task"}
    base = next(f for f in study["norm"].figures if f.name == "norm-tunings").rows[0]
    assert base[1] == "base"
    assert base[2] == norms[-1]


LIGHT = {
    "similarity": {"bootstrap": 0, "map": False},
    "concepts": {"clusters": "10", "bootstrap": 0, "permutations": 5, "map": False, "triggers": False},
    "probing": {"labels": "casing", "strengths": "10", "bootstrap": 0, "controls": 1, "ablation": False,
                "together": False, "minimal_neurons": False, "minimal_layers": False, "task_use": False},
    "isotropy": {"bootstrap": 0, "contextuality": False, "local": False, "carries": "none", "map_words": 0,
                 "dimension_words": 0},
}  # fmt: skip


def test_every_analysis_is_drawn_over_steps_and_equals_itself_at_the_base(models, corpus, training, tmp_path):
    corpus = corpus.head(24).annotate("casing")
    given = {"analyses": list(LIGHT), "options": LIGHT, "layers": "last"}
    study = ig.compare(models["base"], training, corpus, out=tmp_path / "run", checkpoints=1, **given)
    for name in LIGHT:
        drawn = [f for f in study[name].figures if f.name.endswith("-over-steps")]
        assert drawn, name
        assert all(line.x == (0.0, 300.0) for figure in drawn for line in figure.lines)
        steps = study.table(f"{name}_steps")
        assert at(steps, "step", 300).equals(study.table(name))
        key = ["measure", "layer", "subset"]
        base, zero = (
            table.filter(pl.col("model") == model).select(*key, "value").sort(key)
            for table, model in ((study.table(name), "base"), (at(steps, "step", 0), "tuned"))
        )
        both = base.join(zero, on=key, suffix="_zero").filter(~pl.col("measure").str.contains("^(matched|calign)"))
        assert both["value"].equals(both["value_zero"]), name
        assert both.height or name == "similarity"


def test_checkpoints_without_a_tokenizer_take_that_of_a_loaded_model(asked, models, training, drawn):
    tuned = (AutoModel.from_pretrained(training).eval(), tiny_tokenizer("wordpiece"))
    study = asked(tuned, checkpoints={100: training / "checkpoint-100", 300: tuned})
    assert at(study.table("similarity_steps"), "step", 100).equals(at(drawn[0].table("similarity_steps"), "step", 100))


def test_the_page_and_the_summary_name_the_members(drawn):
    study, _ = drawn
    page = (study.directory / "report.html").read_text(encoding="utf-8")
    sentence = "Drawn over steps of the training: 0 (base), 100, 200 and 300."
    assert sentence in page.partition("</header>")[0].partition('class="standfirst"')[2][:1000]
    assert sentence in repr(study)
    assert "Step 100 model" in page
    assert "Step 0 model" not in page
    summary = json.loads((study.directory / "summary.json").read_text(encoding="utf-8"))
    assert summary["compared"]["series"] == [sentence]
    rows = summary["measures"]["similarity"]["cka"]["tuned"]
    assert [row["layer"] for row in rows] == list(range(LAYERS + 1)), "of the tuned model alone"


def test_one_checkpoint_is_in_memory_at_a_time_and_the_base_is_read_once(asked, monkeypatch):
    import isogloss.activations.jobs as jobs

    loads = []
    load = jobs.load
    monkeypatch.setattr(jobs, "load", lambda *a, **k: (loads.append(a[0].spec), load(*a, **k))[1])
    asked(checkpoints=True)
    assert len(loads) == 4, loads


MISTAKES = [
    ({"checkpoints": 0}, OptionError, "at least 1 checkpoint"),
    ({"checkpoints": {}}, OptionError, "no checkpoint is given"),
    ({"checkpoints": {0: "base"}}, OptionError, "step 0 is the base model, which is always there"),
    ({"checkpoints": {"first": "base"}}, OptionError, "whole number above 0; got 'first'"),
    ({"checkpoints": {50: "roberta"}, "tuned": "sentiment"}, ModelError, "at which step .* is not known"),
    ({"checkpoints": {50: "deep", 60: "tuned"}}, ModelError, "step 50 .* is bert with 5 layers.*is bert with 3 layers"),
    ({"checkpoints": {50: "roberta", 60: "tuned"}}, ModelError, r"step 50 \(.*\) is roberta .* is bert"),
    ({"checkpoints": True, "tuned": "base"}, ModelError, "holds no directory checkpoint-STEP .*checkpoint-every N"),
    ({"checkpoints": True, "tuned": "twice"}, ModelError, "the same step twice: .* step 7"),
    ({"checkpoints": {50: "base"}, "tuned": "trained"}, OptionError, "the same step twice: .* saved at step 50"),
    ({"also": {"sentiment": "base"}}, OptionError, "name 'sentiment' is that of the tuned model"),
    ({"also": {"base": "base"}}, OptionError, "name 'base' is that of the base model"),
    ({"also": [("A", "base"), ("A", "tuned")]}, OptionError, "name 'A' is that of the tuning"),
    ({"also": {" ": "base"}}, OptionError, "needs a name"),
    ({"checkpoints": True, "tuned": ["sentiment", "base"]}, OptionError, "2 tuned models .* seeds of one tuning"),
    ({"also": {"A": "base"}, "tuned": ["sentiment", "base"]}, OptionError, "seeds in a run of their own"),
]


@pytest.fixture(scope="module")
def places(models, training, tmp_path_factory):
    home = tmp_path_factory.mktemp("mistakes")
    twice = shutil.copytree(models["tuned"], home / "twice")
    trained = shutil.copytree(models["tuned"], home / "trained")
    (trained / "metrics.json").write_text(json.dumps({"steps": 50}))
    for name in ("checkpoint-7", "checkpoint-007", "checkpoint-x"):
        shutil.copytree(models["base"], twice / name)
    return {
        **models,
        "sentiment": training,
        "twice": twice,
        "trained": trained,
        "roberta": save_tiny(home / "roberta", "roberta"),
        "deep": save_tiny(home / "deep", "bert", num_hidden_layers=5),
    }


@pytest.mark.parametrize(("given", "error", "said"), MISTAKES, ids=lambda given: str(given)[:60])
def test_a_mistaken_series_is_refused_before_anything_is_written(asked, places, tmp_path, given, error, said):
    def found(value):
        if isinstance(value, dict):
            return {key: found(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [found(inner) for inner in value]
        if isinstance(value, tuple):
            return value[0], found(value[1])
        return places.get(value, value) if isinstance(value, str) else value

    with pytest.raises(error, match=f"(?s){said}"):
        asked(**found(given))
    assert not (tmp_path / "run").exists()
