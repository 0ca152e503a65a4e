import json
import math
import shutil
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import isogloss as ig
from isogloss.analysis import LinesFigure, registry, tidy
from isogloss.errors import ModelError, OptionError, StoreError
from isogloss.progress import Progress
from tests.tiny import LAYERS, save_tiny, tiny_model, tiny_tokenizer

QUICK = {"analyses": ["similarity"], "options": {"similarity": {"bootstrap": 50, "neighbour_words": 200}}}


class Noted(Progress):
    def __init__(self):
        self.notes, self.tasks = [], []

    def note(self, text):
        self.notes.append(text)

    def task(self, name, total, unit):
        self.tasks.append(name)
        return super().task(name, total, unit)


def compare(models, corpus, out, **options):
    return ig.compare(models["base"], models["tuned"], corpus, out=out, **{**QUICK, **options})


def values(study, measure, subset="all"):
    table = study["similarity"].tables["similarity"]
    return table.filter((pl.col("measure") == measure) & (pl.col("subset") == subset)).sort("seed", "layer")


def test_a_comparison_leaves_the_whole_run_directory(models, corpus, tmp_path):
    study = compare(models, corpus, tmp_path / "run")
    found = {p.relative_to(study.directory).as_posix() for p in study.directory.rglob("*") if p.is_file()}
    for name in (
        "manifest.json",
        "summary.md",
        "summary.json",
        "report.html",
        "tables/similarity.parquet",
        "figures/similarity.json",
        "activations/base/layer-00.npy",
        "activations/tuned/manifest.json",
    ):
        assert name in found
    assert not [name for name in found if name.endswith((".tmp", ".part"))]
    summary = json.loads((study.directory / "summary.json").read_text(encoding="utf-8"))
    assert [f["text"] for f in summary["findings"]] == [f.text for f in study.findings]
    assert len(study.findings) >= 3


def test_every_layer_has_every_measure_with_its_noise(models, corpus, tmp_path):
    study = compare(models, corpus, tmp_path / "run")
    for measure in ("cka", "cka_debiased", "procrustes", "cosine", "neighbours"):
        rows = values(study, measure)
        assert rows["layer"].to_list() == list(range(LAYERS + 1))
        assert (rows["ci_low"] <= rows["value"]).all()
        assert (rows["value"] <= rows["ci_high"]).all()
        assert rows["null_low"].is_not_null().all()


def test_a_model_against_itself_shows_exactly_no_change(models, corpus, tmp_path):
    study = ig.compare(models["base"], models["base"], corpus, out=tmp_path / "run", **QUICK)
    for measure in ("cka", "cka_debiased", "cosine", "neighbours"):
        assert values(study, measure)["value"].to_list() == [1.0] * (LAYERS + 1)
        assert values(study, measure)["ci_low"].to_list() == [1.0] * (LAYERS + 1)
    assert values(study, "procrustes")["value"].to_list() == [0.0] * (LAYERS + 1)
    assert study.findings[0].text.startswith("Nothing changed")
    assert any("same weights" in note for note in study.notes)


def test_equal_questions_give_equal_tables(models, corpus, tmp_path):
    first = compare(models, corpus, tmp_path / "a", seed=3)
    second = compare(models, corpus, tmp_path / "b", seed=3)
    for name in first.tables:
        assert (tmp_path / "a" / "tables" / f"{name}.parquet").read_bytes() == (
            tmp_path / "b" / "tables" / f"{name}.parquet"
        ).read_bytes()
    assert first.findings == second.findings


def test_only_the_tuned_layer_is_said_to_have_moved(corpus, tmp_path):
    base = tiny_model("bert")
    tuned = tiny_model("bert")
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in tuned.encoder.layer[2].parameters():
            parameter.add_(torch.randn_like(parameter))
    tokenizer = tiny_tokenizer("wordpiece")
    study = ig.compare(base, tuned, corpus, out=tmp_path / "run", tokenizer=tokenizer, **QUICK)
    cka = values(study, "cka")["value"].to_list()
    assert cka[:3] == [1.0, 1.0, 1.0]
    assert cka[3] < 0.9


def test_a_finished_run_is_opened_and_an_unfinished_one_goes_on(models, corpus, tmp_path, monkeypatch):
    from isogloss.similarity import SimilarityAnalysis

    ran = []
    run = SimilarityAnalysis.run

    def counted(self, pair, options):
        if len(ran) == 2:
            raise KeyboardInterrupt
        ran.append(pair.layer)
        return run(self, pair, options)

    with monkeypatch.context() as m:
        m.setattr(SimilarityAnalysis, "run", counted)
        with pytest.raises(KeyboardInterrupt):
            compare(models, corpus, tmp_path / "run")
    with pytest.raises(StoreError, match="is not finished: start it again"):
        ig.load(tmp_path / "run")
    heard = Noted()
    compare(models, corpus, shutil.copytree(tmp_path / "run", tmp_path / "copy"), progress=heard)
    assert [note for note in heard.notes if note.endswith("holds a part of this run; kept: similarity layers 0-1")]
    again = []
    with monkeypatch.context() as m:
        m.setattr(SimilarityAnalysis, "run", lambda self, pair, o: (again.append(pair.layer), run(self, pair, o))[1])
        continued = compare(models, corpus, tmp_path / "run")
        assert sorted(ran + again) == list(range(LAYERS + 1))
        again.clear()
        opened = compare(models, corpus, tmp_path / "run")
        assert again == []
    fresh = compare(models, corpus, tmp_path / "fresh")
    for name, table in fresh.tables.items():
        assert table.equals(continued.tables[name])
        assert table.equals(opened.tables[name])
    assert ig.load(tmp_path / "run").findings == fresh.findings


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 1}, "seed was 0, now 1"), ({"layers": "0-1"}, "layers"), ({"pooling": "mean"}, "pooling")],
)
def test_a_run_of_another_question_is_refused_saying_which(models, corpus, tmp_path, change, named):
    compare(models, corpus, tmp_path / "run")
    with pytest.raises(StoreError, match=named):
        compare(models, corpus, tmp_path / "run", **change)


def test_a_damaged_table_is_named(models, corpus, tmp_path):
    study = compare(models, corpus, tmp_path / "run")
    path = study.directory / "tables" / "similarity.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"similarity\.parquet is damaged"):
        ig.load(tmp_path / "run")


def test_a_directory_with_other_things_is_refused(models, corpus, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OptionError, match=r"not empty and holds no run \(notes.txt"):
        compare(models, corpus, tmp_path)


def test_different_tokenizers_are_compared_on_the_words_both_cover(models, corpus, tmp_path):
    other = save_tiny(tmp_path / "roberta", "roberta")
    study = ig.compare(models["base"], other, corpus, out=tmp_path / "run", **QUICK)
    base, tuned = (ig.ActivationStore(tmp_path / "run" / "activations" / m) for m in ("base", "tuned"))
    assert len(base.words) < len(tuned.words)
    assert values(study, "cka")["n"].to_list()[0] == len(base.words)
    assert any("another tokenizer" in note for note in study.notes)


def test_different_widths_and_depths_compare_what_they_can(models, corpus, tmp_path):
    other = save_tiny(tmp_path / "wide", "bert", hidden_size=48, num_hidden_layers=2)
    study = ig.compare(models["base"], other, corpus, out=tmp_path / "run", **QUICK)
    cka = values(study, "cka")
    assert cka["layer"].to_list() == [0, 1, 2]
    assert all(0 < v < 1 for v in cka["value"])
    assert values(study, "cosine")["value"].null_count() == len(values(study, "cosine"))
    cells = study["similarity"].tables["similarity_map"]
    assert cells["base_layer"].unique().sort().to_list() == [0, 1, 2, 3]
    assert cells["tuned_layer"].unique().sort().to_list() == [0, 1, 2]
    assert any("48-wide" in note for note in study.notes)
    assert any("2 blocks" in note for note in study.notes)


def test_several_tuned_models_give_a_spread(models, corpus, tmp_path):
    third = save_tiny(tmp_path / "third", "bert", seed=2)
    study = ig.compare(models["base"], [models["tuned"], third], corpus, out=tmp_path / "run", **QUICK)
    each = values(study, "cka")
    assert each["seed"].unique().sort().to_list() == [0, 1]
    spread = values(study, "cka", "between seeds")
    for layer, low, high in spread.select("layer", "ci_low", "ci_high").iter_rows():
        here = each.filter(pl.col("layer") == layer)["value"]
        assert math.isclose(low, here.min())
        assert math.isclose(high, here.max())


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft calls it
def test_an_adapter_and_its_base_share_one_copy(models, corpus, tmp_path, monkeypatch):
    peft = pytest.importorskip("peft")
    from transformers import AutoModel

    import isogloss.activations.jobs as jobs

    wrapped = peft.get_peft_model(
        AutoModel.from_pretrained(models["base"]), peft.LoraConfig(r=4, target_modules=["query", "value"])
    )
    torch.manual_seed(0)
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.3)
    wrapped.save_pretrained(tmp_path / "adapter")
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = str(models["base"])
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(settings))
    loads = []
    load = jobs.load
    monkeypatch.setattr(jobs, "load", lambda *a, **k: (loads.append(a), load(*a, **k))[1])
    study = ig.compare(models["base"], tmp_path / "adapter", corpus, out=tmp_path / "run", **QUICK)
    assert len(loads) == 1
    cka = values(study, "cka")["value"].to_list()
    assert cka[0] == 1.0
    assert all(0 < v < 1 for v in cka[1:])
    alone = ig.extract(models["base"], corpus, tmp_path / "alone")
    shared = ig.ActivationStore(tmp_path / "run" / "activations" / "base")
    for layer in alone.layers:
        np.testing.assert_array_equal(alone.layer(layer), shared.layer(layer))


@dataclass(frozen=True)
class _NormOptions:
    power: int = 2


class NormAnalysis:
    """A third party's analysis: the mean norm of the vectors of each layer."""

    name: ClassVar[str] = "norm"
    question: ClassVar[str] = "how long are the vectors?"
    needs: ClassVar[frozenset] = frozenset({"words"})
    uses: ClassVar[frozenset] = frozenset()
    Options: ClassVar[type] = _NormOptions

    def run(self, pair, options):
        rows = []
        for model, vectors in (("base", pair.base), ("tuned", pair.tuned)):
            total = sum(float((np.linalg.norm(b, axis=1) ** options.power).sum()) for b in vectors.blocks(64))
            n = vectors.shape[0]
            rows.append({"analysis": "norm", "measure": "norm", "model": model, "layer": pair.layer,
                         "value": total / n, "n": n, "seed": pair.tuned_index})  # fmt: skip
        return {"norm": tidy(rows)}

    def combine(self, tables, options):
        return tables

    def findings(self, tables, options):
        return []

    def figures(self, tables, options):
        return [LinesFigure(name="norm", title="Norms", caption="Mean norm.")]


class NeedyAnalysis(NormAnalysis):
    name: ClassVar[str] = "needy"
    needs: ClassVar[frozenset] = frozenset({"token labels"})


def test_a_third_partys_analysis_goes_all_the_way_to_the_page(models, corpus, tmp_path, monkeypatch):
    class Point:
        def __init__(self, analysis):
            self.name, self.value, self._analysis = analysis.name, "elsewhere:Analysis", analysis

        def load(self):
            return self._analysis

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point(NormAnalysis), Point(NeedyAnalysis)])
    study = ig.compare(models["base"], models["tuned"], corpus, out=tmp_path / "run", options={"norm": {"power": 1}})
    assert list(study) == ["norm"]
    table = study["norm"].tables["norm"].filter(pl.col("model") == "base").sort("layer")
    store = ig.ActivationStore(tmp_path / "run" / "activations" / "base")
    expected = [np.linalg.norm(store.layer(i).astype(np.float64), axis=1).mean() for i in range(LAYERS + 1)]
    np.testing.assert_allclose(table["value"], expected, rtol=1e-5)
    assert any("needy was left out: it needs token labels" in note for note in study.notes)
    assert "how long are the vectors?" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    with pytest.raises(OptionError, match="no analysis called 'similarity'; there are: needy, norm"):
        compare(models, corpus, tmp_path / "other", analyses=["similarity"])


class WidthAnalysis(NormAnalysis):
    """Also asks how wide all layers are together; counts how often."""

    asked: ClassVar[list] = []

    def run_whole(self, pair, options):
        self.asked.append(pair.tuned_index)
        widths = [sum(v.shape[1] for v in layers.values()) for layers in (pair.base_layers, pair.tuned_layers)]
        return {"norm_widths": pl.DataFrame({"base": widths[:1], "tuned": widths[1:], "seed": [pair.tuned_index]})}


def test_an_analysis_of_all_layers_is_asked_once_per_tuned_model_and_resumed(models, corpus, tmp_path, monkeypatch):
    class Point:
        name = "norm"
        load = staticmethod(lambda: WidthAnalysis)

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    WidthAnalysis.asked.clear()
    study = ig.compare(models["base"], [models["tuned"], models["base"]], corpus, out=tmp_path / "run")
    table = study["norm"].tables["norm_widths"]
    hidden = ig.ActivationStore(tmp_path / "run" / "activations" / "base").layer(0).shape[1]
    assert table.rows() == [(hidden * (LAYERS + 1),) * 2 + (i,) for i in range(2)]
    assert WidthAnalysis.asked == [0, 1]
    (tmp_path / "run" / "tables" / "norm_widths.parquet").unlink()
    again = ig.compare(models["base"], [models["tuned"], models["base"]], corpus, out=tmp_path / "run")
    assert again["norm"].tables["norm_widths"].equals(table)
    assert WidthAnalysis.asked == [0, 1], "kept on disk"


class AskingAnalysis(NormAnalysis):
    """Puts the tuned model's own predictions beside the norms."""

    name: ClassVar[str] = "norm"
    uses: ClassVar[frozenset] = frozenset({"classifier head"})

    def run(self, pair, options):
        try:
            probabilities = pair.classifier(pair.sentences["text"].to_list())
            said = {"class": list(pair.classifier.classes), "mean": probabilities.mean(0)}
        except ModelError as error:
            said = {"class": [str(error)], "mean": [None]}
        return super().run(pair, options) | {"norm_predictions": pl.DataFrame(said)}


def test_an_analysis_that_uses_the_classifier_is_given_it_or_told_why_not(models, corpus, tmp_path, monkeypatch):
    class Point:
        name = "norm"
        load = staticmethod(lambda: AskingAnalysis)

    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    torch.manual_seed(0)
    bare = AutoModelForSequenceClassification.from_pretrained(models["base"], num_labels=2)
    bare.save_pretrained(tmp_path / "head")
    AutoTokenizer.from_pretrained(models["base"]).save_pretrained(tmp_path / "head")
    study = ig.compare(models["base"], tmp_path / "head", corpus, out=tmp_path / "run")
    predictions = study["norm"].tables["norm_predictions"]
    assert predictions["class"].unique().sort().to_list() == ["LABEL_0", "LABEL_1"]
    assert predictions.filter(pl.col("class") == "LABEL_0")["mean"][0] + predictions["mean"][1] == pytest.approx(1)
    without = ig.compare(models["base"], models["tuned"], corpus, out=tmp_path / "without")
    assert "has no classification head" in without["norm"].tables["norm_predictions"]["class"][0]


def test_unknown_options_name_the_known_ones(models, corpus, tmp_path):
    with pytest.raises(OptionError, match=r"has no option neighbors; it has .*; did you mean 'neighbours'"):
        ig.compare(
            models["base"], models["tuned"], corpus, out=tmp_path / "r", options={"similarity": {"neighbors": 3}}
        )
    assert not (tmp_path / "r").exists()


def test_an_analysis_that_was_not_run_is_named(models, corpus, tmp_path):
    study = compare(models, corpus, tmp_path / "run")
    with pytest.raises(KeyError, match="no analysis 'isotropy'; it has similarity"):
        study["isotropy"]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_unasked_on_a_terminal_only(models, corpus, tmp_path, monkeypatch, terminal):
    heard = Noted()
    monkeypatch.setattr("isogloss.bars.BarProgress", lambda: heard)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    compare(models, corpus, tmp_path / "run")
    ig.extract(models["base"], corpus, tmp_path / "store")
    assert ("similarity" in heard.tasks) == terminal
    assert (heard.tasks.count("tokenising") == 3) == terminal
