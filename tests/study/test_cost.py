import json

import numpy as np
import polars as pl
import pytest
import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

import isogloss as ig
from isogloss.analysis import GrowingAnalysis, TextAmount, available
from isogloss.errors import ModelError, OptionError
from isogloss.models.blocks import inner_encoder
from isogloss.progress import Progress
from isogloss.study.costs.disk import vector_bytes
from isogloss.study.costs.growing import Growth
from isogloss.study.costs.machine import Machine
from isogloss.study.costs.request import TaskTrial, TrialResult
from isogloss.study.costs.shape import model_shape
from isogloss.study.costs.subjects import subjects_of
from tests.tiny import save_tiny, tiny_model

QUICK = {"similarity": {"bootstrap": 0, "neighbour_words": 50}}


class Counted(Progress):
    """Counts the trials that were run."""

    def __init__(self):
        self.trials = 0

    def task(self, name, total, unit):
        self.trials += name.startswith("trying")
        return super().task(name, total, unit)


@pytest.fixture(autouse=True)
def tried(monkeypatch):
    """Analyses are not tried where a test does not ask for it, which takes a process of its own; what would do it."""
    from isogloss.study.costs import measured

    real = measured._elsewhere

    def made_up(content):
        return TrialResult(
            baseline=5e8,
            product=1e11,
            threads=1,
            reading=None,
            tasks=tuple(
                TaskTrial("similarity", kind, n, 4, 32, (n, 4 * n, min(n, 50) ** 2), 1e-3 * n, 1e7, 256.0 * n, 0, n)
                for kind in ("layer", "last")
                for n in (100, 200)
            ),
            combining={"similarity": (0.1, 1000.0)},
        )

    monkeypatch.setattr("isogloss.study.costs.measured._elsewhere", made_up)
    monkeypatch.setattr("isogloss.study.costs.measured._known", {})
    return real


@pytest.mark.parametrize("architecture", ["bert", "llama", "gpt2", "albert", "t5"])
def test_operations_are_those_that_a_model_does(architecture, tmp_path):
    shape = model_shape(save_tiny(tmp_path / "model", architecture))
    module = tiny_model(architecture)
    module.set_attn_implementation("eager")
    ids = torch.randint(5, 100, (3, 20))
    with torch.no_grad(), FlopCounterMode(display=False) as counted:
        inner_encoder(module)(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert shape.flops(60, 3 * 20**2) == pytest.approx(counted.get_total_flops(), rel=0.03)


def test_what_lies_after_the_deepest_layer_costs_nothing(models):
    shape = model_shape(models["base"])
    assert shape.flops(100, 1000, deepest=shape.n_layers) == shape.flops(100, 1000)
    assert shape.flops(100, 1000, deepest=1) == pytest.approx(shape.flops(100, 1000) / shape.n_layers)


def test_a_shape_is_that_of_the_loaded_model(models):
    from isogloss.models import load

    shape, loaded = model_shape(models["base"]), load(models["base"])
    assert shape.parameters == sum(p.numel() for p in loaded.module.parameters())
    assert shape.bytes_on_disk == (models["base"] / "model.safetensors").stat().st_size
    assert shape.has_weights


@pytest.fixture
def large(tmp_path):
    """A directory with the configuration of a model of 70 billion parameters and nothing else."""
    transformers.LlamaConfig(
        hidden_size=8192,
        num_hidden_layers=80,
        num_attention_heads=64,
        num_key_value_heads=8,
        intermediate_size=28672,
        vocab_size=128256,
        architectures=["LlamaForCausalLM"],
        dtype="bfloat16",
    ).save_pretrained(tmp_path / "large")
    return tmp_path / "large"


def test_a_model_of_70_billion_parameters_is_planned_from_its_configuration(large, corpus):
    cluster = "nodes=16,gpus=8,gpu_memory=192GiB,gpu_tflops=1000,cores=128,memory=2TiB,disk=1PB,disk_bandwidth=10GB/s"
    asked = {"analyses": ["similarity"], "options": QUICK, "words": 1e9, "compute": "bfloat16"}
    plan = ig.plan(large, large, corpus, machine=cluster, **asked)
    reading = plan.stages.filter(pl.col("stage") == "reading base")
    assert plan.words == pytest.approx(1e9)
    assert plan.models[0]["parameters"] == pytest.approx(69.5e9, rel=0.01)
    # 1e9 words x 81 layers x 8,192 numbers x 4 bytes, and three vectors of every sentence.
    words_alone = 1e9 * 81 * 8192 * 4
    assert words_alone < reading["bytes_on_disk"][0] < 1.7 * words_alone
    assert not plan.fits
    assert plan.limits[0].resource == "disk"
    assert "breaks first" in plan.breaks_first
    half = ig.plan(large, large, corpus, machine=cluster, dtype="float16", **asked)
    assert half.total["bytes_on_disk"] == pytest.approx(plan.total["bytes_on_disk"] / 2, rel=0.01)
    assert any("tokens per word are assumed" in note for note in plan.notes)
    json.dumps(plan.as_dict())


def test_more_machines_take_less_time(large, corpus):
    one = "gpus=8,gpu_memory=192GiB,gpu_tflops=500,cores=64,memory=1TiB,disk=1PB,disk_bandwidth=100GB/s"
    asked = {"analyses": ["similarity"], "options": QUICK, "words": 1e8}
    seconds = [ig.plan(large, large, corpus, machine=f"{one},nodes={n}", **asked).total["seconds"] for n in (1, 4)]
    assert 2 < seconds[0] / seconds[1] <= 4


def test_a_directory_without_a_configuration_cannot_be_planned(tmp_path, corpus):
    with pytest.raises(ModelError, match=r"no config\.json"):
        ig.plan(tmp_path, tmp_path, corpus)


def test_bytes_of_vectors_are_those_that_are_written(models, corpus, tmp_path):
    study = ig.compare(models["base"], models["tuned"], corpus, ["similarity"], out=tmp_path / "run", options=QUICK)
    subjects = subjects_of(
        models["base"],
        models["tuned"],
        corpus,
        analyses=["similarity"],
        options=QUICK,
        extraction=None,
        seed=0,
        allow_pickle=False,
        checkpoints=False,
        also=(),
        words=None,
    )
    for subject in subjects.read:
        files = (study.directory / "activations" / subject.name).glob("*.npy")
        assert vector_bytes(subject, subjects) == sum(path.stat().st_size for path in files)
        stored = ig.ActivationStore(study.directory / "activations" / subject.name).manifest
        assert subject.text.tokens == stored["n_tokens"]
        assert subject.text.covered == stored["n_words"]


def test_a_plan_writes_nothing_and_tries_once(models, corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = Counted()
    asked = {"analyses": ["similarity"], "options": QUICK, "out": tmp_path / "run", "progress": seen}
    first = ig.plan(models["base"], models["tuned"], corpus, **asked)
    second = ig.plan(models["base"], models["tuned"], corpus, machine="cores=4", **asked)
    assert list(tmp_path.iterdir()) == []
    assert seen.trials == 1
    assert first.words == second.words == len(corpus.words)
    assert list(first.stages["stage"]) == [
        "loading models",
        "reading base",
        "reading tuned",
        "similarity",
        "findings and page",
    ]


def test_every_seed_is_read_and_compared(models, corpus):
    one = ig.plan(models["base"], models["tuned"], corpus, ["similarity"], options=QUICK)
    two = ig.plan(models["base"], [models["tuned"]] * 2, corpus, ["similarity"], options=QUICK)
    rows = [plan.stages.filter(pl.col("stage") == "similarity").row(0, named=True) for plan in (one, two)]
    assert rows[1]["tasks"] == 2 * rows[0]["tasks"]
    assert rows[1]["seconds"] == pytest.approx(2 * rows[0]["seconds"])
    assert two.total["passes"] == 3


def test_mistakes_are_those_of_a_run(models, corpus):
    with pytest.raises(OptionError, match="no analysis called"):
        ig.plan(models["base"], models["tuned"], corpus, ["similarty"])
    with pytest.raises(OptionError, match="no option"):
        ig.plan(models["base"], models["tuned"], corpus, ["similarity"], options={"similarity": {"neighbors": 3}})
    with pytest.raises(OptionError, match="at least one word"):
        ig.plan(models["base"], models["tuned"], corpus, ["similarity"], words=0)


def test_growth_is_found_where_it_is_planted():
    sizes = np.array([500.0, 1000.0, 2000.0])
    sampled = np.minimum(sizes, 800)
    took = 0.2 + 3e-4 * sizes + 1e-7 * sampled**2
    grown = Growth(np.column_stack([sizes, sampled**2]), took)
    assert grown([1e6, 800.0**2]) == pytest.approx(0.2 + 300 + 0.064, rel=1e-3)


def test_growth_is_never_negative():
    assert Growth([[1.0], [2.0], [3.0]], [3.0, 2.0, 1.0])([1e9]) >= 0


def test_words_that_are_left_follow_the_occurrences():
    words = pl.DataFrame({"sentence": [0] * 6, "word": ["a", "a", "a", "b", "b", "c"]})
    assert TextAmount(6, 1, words).occurrences(2, 2, None) == 4
    assert TextAmount(6, 1, words).occurrences(2, None, 2) == 2
    assert TextAmount(600, 1, words).occurrences(1, None, None) == pytest.approx(600)


@pytest.mark.parametrize("name", sorted(available()))
def test_an_analysis_that_samples_stops_growing(name):
    analysis = available()[name]
    assert isinstance(analysis, GrowingAnalysis)
    words = pl.DataFrame({"sentence": np.arange(4000) // 20, "word": [f"w{i % 700}" for i in range(4000)]})
    parts = [analysis.growth(TextAmount(n, 7, words), analysis.Options()) for n in (1e3, 1e6, 1e9)]
    assert (np.diff(parts, axis=0) >= 0).all()
    assert parts[0][0] == 1e3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("cpus=4", "there is no cpus"),
        ("core=4", "did you mean 'cores'"),
        ("cores", "no file cores"),
        ("cores=4,memory", "NAME=VALUE"),
        ("cores=four", "cores is a whole number"),
        ("cores=0", "at least 1"),
        ("cores=4,cores=8", "twice"),
        ("memory=8GX", "memory is a size"),
        ("memory=8GB/s", "memory is a size"),
        ("disk_bandwidth=fast", "a rate, e.g. 2GB/s"),
        ("gpu_tflops=4GB", "gpu_tflops is a number"),
        ("utilisation=1.5", "at most 1"),
        ("memory=0", "above 0"),
        ("absent.toml", "no file absent.toml"),
    ],
)
def test_a_machine_that_is_not_described_well_is_refused(given, said):
    with pytest.raises(OptionError, match=said):
        Machine.parse(given)


def test_a_machine_is_the_same_however_it_is_written(tmp_path):
    line = Machine.parse("nodes=2, gpus=8, gpu_memory=80GiB, memory=512 GiB, disk=4TB, disk_bandwidth=2GB/s, cores=64")
    file = tmp_path / "cluster.toml"
    file.write_text(
        'nodes = 2\ngpus = 8\ngpu_memory = "80GiB"\nmemory = 549755813888\ndisk = "4e12"\ndisk_bandwidth = "2GB/s"\n'
        "cores = 64\n"
    )
    assert Machine.parse(file) == line == Machine.parse(line.as_dict())
    assert line.memory == 512 * 2**30
    assert line.disk == 4e12
    file.write_text("nodes = [")
    with pytest.raises(OptionError, match="does not describe a machine"):
        Machine.parse(file)


def test_a_trial_measures_what_a_study_takes(models, corpus, tried, monkeypatch):
    monkeypatch.setattr("isogloss.study.costs.measured._elsewhere", tried)
    plan = ig.plan(models["base"], models["tuned"], corpus, ["similarity"], options=QUICK)
    row = plan.stages.filter(pl.col("stage") == "similarity").row(0, named=True)
    assert 0 < row["seconds"] < 60
    assert row["bytes_read"] > 0
    assert row["bytes_written"] > 0
    assert plan.total["memory"] > 1e8
    assert plan.total["flops"] > 0


def test_the_command_prints_the_plan_and_makes_no_directory(models, corpus, tmp_path, capsys):
    from typer.testing import CliRunner

    from isogloss.cli.app import app

    data = tmp_path / "texts.csv"
    data.write_text("text\n" + "\n".join(t.replace(",", "") for t in corpus.sentences["text"][:20]) + "\n", "utf-8")
    command = [
        "compare",
        str(models["base"]),
        str(models["tuned"]),
        "--data",
        str(data),
        "--out",
        str(tmp_path / "run"),
    ]
    command += ["--analyses", "similarity", "--quiet"]
    done = CliRunner().invoke(app, [*command, "--dry-run", "--machine", "cores=2,disk=1kB"])
    assert done.exit_code == 0, done.output
    said = done.output
    assert "reading base" in said
    assert "does not fit" in said
    assert not (tmp_path / "run").exists()


def test_growth_with_the_width_is_found_where_it_is_planted():
    from isogloss.study.costs.growing import memory_parts, time_parts

    tried = [(500.0, 192), (1000.0, 192), (2000.0, 192), (500.0, 768), (1000.0, 768)]
    took = [0.1 + 1e-6 * n * h + 1e-8 * n * h**2 + 1e-10 * h**3 for n, h in tried]
    found = Growth([time_parts([n], h) for n, h in tried], took)(time_parts([1e9], 8192))
    assert found == pytest.approx(0.1 + 1e-6 * 1e9 * 8192 + 1e-8 * 1e9 * 8192**2 + 1e-10 * 8192**3, rel=0.05)
    held = [8.0 * h**2 for _, h in tried]
    assert Growth([memory_parts([n], h) for n, h in tried], held)(memory_parts([1e9], 8192)) == pytest.approx(
        8.0 * 8192**2, rel=0.05
    )
