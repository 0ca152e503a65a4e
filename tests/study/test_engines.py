"""The same study by this process, by several, and by a cluster whose nodes die."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from campaigns.studies import LEAST, fingerprints
from threadpoolctl import threadpool_limits

import isogloss as ig
from isogloss.errors import EngineError, OptionError, StoreError
from isogloss.study.jobs import TaskJob
from isogloss.study.layout import RunLayout

SOME = ("similarity", "separability")
QUICK = {"analyses": SOME, "options": {name: LEAST[name] for name in SOME}}
"""What takes longest with the least of everything is left to the campaigns."""


def findings(study):
    return [finding.text for finding in study.findings]


@pytest.fixture(scope="module")
def words(models):
    from tests.tiny import TEXTS

    texts = [f"{TEXTS[i % len(TEXTS)]} Take {i}." for i in range(60)]
    labels = ["good" if i % 3 else "bad" for i in range(60)]
    return ig.Corpus.from_texts(texts, labels=labels).annotate("casing")


@pytest.fixture(scope="module")
def whole(models, words, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    # As many threads as the workers have: sums of many numbers end in other last bits with more of them.
    with threadpool_limits(1):
        study = ig.compare(models["base"], models["tuned"], words, out=out, **QUICK)
    return findings(study), fingerprints(out)


def test_processes_leave_the_same_bytes(models, words, whole, tmp_path):
    two = {"engine": "processes", "workers": 2, "cpus_per_worker": 1}
    study = ig.compare(models["base"], models["tuned"], words, out=tmp_path / "run", **two, **QUICK)
    assert (findings(study), fingerprints(tmp_path / "run")) == whole
    assert study.manifest["machine"]["engine"] == "processes"
    assert study.manifest["machine"]["workers"] == 2


def test_a_cluster_of_two_nodes_leaves_the_same_bytes_though_one_is_killed(models, words, whole, tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        node = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        out = tmp_path / "run"

        def kill() -> None:
            while not list(out.glob("tasks/*/done.json")):
                time.sleep(0.05)
            cluster.remove_node(node, allow_graceful=False)

        killer = threading.Thread(target=kill)
        killer.start()
        study = ig.compare(models["base"], models["tuned"], words, out=out, engine="ray", **QUICK)
        killer.join()
        # The cluster notices a moment later than the run does.
        for _ in range(300):
            if len([one for one in ray.nodes() if one["Alive"]]) == 1:
                break
            time.sleep(0.1)
        else:
            pytest.fail("no node was killed")
        assert study.manifest["machine"]["workers"] == 2
        assert (findings(study), fingerprints(out)) == whole
    finally:
        ray.shutdown()
        cluster.shutdown()


def test_a_model_in_memory_is_for_this_process_alone(models, words, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    module = AutoModel.from_pretrained(models["base"]), AutoTokenizer.from_pretrained(models["base"])
    with pytest.raises(OptionError, match=r"BertModel is a model in memory, .* give the directory, or use engine='inl"):
        ig.compare(module, models["tuned"], words, out=tmp_path / "run", workers=2, **QUICK)
    assert not (tmp_path / "run").exists()


def test_a_second_run_on_a_directory_waits_for_nobody(models, words, tmp_path):
    from isogloss import locks

    (tmp_path / "run").mkdir()
    with locks.held(tmp_path / "run"), pytest.raises(StoreError, match=r"run is being worked on by process \d+; wait"):
        ig.compare(models["base"], models["tuned"], words, out=tmp_path / "run", **QUICK)
    assert not list((tmp_path / "run").iterdir())


def test_a_run_directory_that_a_worker_does_not_see_is_said(models, words, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(TaskJob, "do", lambda job, bench: TaskJob_do(elsewhere(job), bench))
    with pytest.raises(StoreError, match=r"not to be seen where a worker runs; .* file system that all workers share"):
        ig.compare(models["base"], models["tuned"], words, out=tmp_path / "run", **QUICK)


TaskJob_do = TaskJob.do


def elsewhere(job):
    return replace(job, layout=RunLayout(Path("/not/here")))


@pytest.mark.parametrize(
    ("engine", "named"),
    [({"engine": "slurm"}, "no engine 'slurm'"), ({"engine": "ray", "gpus_per_worker": 99}, "too few for one worker")],
)
def test_an_engine_that_cannot_be_had_leaves_no_run_directory(models, words, tmp_path, engine, named):
    with pytest.raises((OptionError, EngineError), match=named):
        ig.compare(models["base"], models["tuned"], words, out=tmp_path / "run", **engine, **QUICK)
    assert not (tmp_path / "run").exists()
