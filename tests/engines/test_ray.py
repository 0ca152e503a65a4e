"""A cluster of two nodes on this machine."""

import time

import pytest

ray = pytest.importorskip("ray")

from isogloss.engines import RayCluster  # noqa: E402
from isogloss.errors import EngineError, OptionError  # noqa: E402
from tests.engines import work  # noqa: E402
from tests.engines.work import Deadly, Made, Refused, Square  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    ray.cloudpickle.register_pickle_by_value(work)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_every_node_does_its_share_and_keeps_what_it_made(cluster):
    with RayCluster() as engine:
        assert engine.workers == 2
        found = dict(engine.run(Square(x, seconds=0.2) for x in range(8)))
        made = [value for _, value in engine.run([Made(x) for x in range(6)])]
    assert {index: value for index, (value, _) in found.items()} == {x: x**2 for x in range(8)}
    assert len({worker for _, worker in found.values()}) == 2
    for worker in {worker for _, worker in made}:
        counts = [count for count, by in made if by == worker]
        assert sorted(counts) == list(range(1, len(counts) + 1))


def test_the_cluster_one_is_in_outlives_a_run(cluster):
    with RayCluster(workers=1) as engine:
        assert next(engine.run([Square(3)]))[1][0] == 9
    assert ray.is_initialized()


def test_a_users_error_comes_whole_from_another_node(cluster):
    with RayCluster(workers=1) as engine, pytest.raises(OptionError, match=r"no square of 7; take number=3"):
        list(engine.run([Refused(7)]))


def test_a_job_of_a_worker_that_dies_is_done_by_another(cluster, tmp_path):
    jobs = [Deadly(6, deaths=str(tmp_path / "deaths")), *(Square(x) for x in range(4))]
    with RayCluster() as engine:
        found = {index: value for index, (value, _) in engine.run(jobs)}
    assert found == {0: 36, 1: 0, 2: 1, 3: 4, 4: 9}


def test_a_job_that_kills_every_worker_is_given_up(cluster, tmp_path):
    with RayCluster(workers=1) as engine, pytest.raises(EngineError, match=r"3 workers died .* the square of 6"):
        list(engine.run([Deadly(6, deaths=str(tmp_path / "deaths"), most=99)]))


def test_more_than_the_cluster_has_is_refused_with_what_it_has(cluster):
    with pytest.raises(EngineError, match="has 2 cores and 0 GPUs, too few for one worker of 1 cores and 1 GPUs"):
        RayCluster(gpus=1).__enter__()


def test_a_node_that_is_killed_costs_its_jobs_only(cluster):
    node = cluster.add_node(num_cpus=1)
    while ray.cluster_resources()["CPU"] < 3:
        time.sleep(0.1)
    done, killed = {}, False
    with RayCluster() as engine:
        assert engine.workers == 3
        for index, (value, _) in engine.run(Square(x, seconds=0.3) for x in range(20)):
            done[index] = value
            if len(done) == 5 and not killed:
                killed = True
                cluster.remove_node(node, allow_graceful=False)
    assert done == {x: x**2 for x in range(20)}


def test_a_cluster_that_cannot_be_reached_says_what_may_be_missing(monkeypatch):
    def refused(**_):
        raise ConnectionError("ray client connection timeout")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refused)
    with pytest.raises(EngineError, match=r"no Ray cluster at ray://head:10001: .* RAY_AUTH_MODE=token"):
        RayCluster("ray://head:10001").__enter__()
