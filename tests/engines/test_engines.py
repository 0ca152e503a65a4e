import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isogloss.engines import Bench, Inline, Processes, Workers
from isogloss.errors import EngineError, OptionError
from isogloss.progress import Progress
from tests.engines.work import Deadly, Faulty, Large, Made, Refused, Square, Untravelling


class Noted(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def two():
    with Processes(2) as engine:
        yield engine


def test_this_process_does_jobs_in_order_and_tells_each_step():
    told = []
    with Inline() as engine:
        found = list(engine.run([Square(1), Square(2)], told.append))
    assert found == [(0, (1, os.getpid())), (1, (4, os.getpid()))]
    assert told == [1.5, 0.5, 1.5, 0.5]


def test_processes_do_all_jobs_and_say_which_is_which(two):
    told = []
    found = dict(two.run((Square(x, seconds=0.02) for x in range(12)), told.append))
    assert {index: value for index, (value, _) in found.items()} == {x: x**2 for x in range(12)}
    workers = {worker for _, worker in found.values()}
    assert len(workers) == 2
    assert os.getpid() not in workers
    assert told == [2.0] * 12


def test_a_job_may_follow_the_result_of_another(two):
    assert next(two.run([Square(5)]))[1][0] == 25
    assert next(two.run([Square(6)]))[1][0] == 36


def test_what_a_worker_made_it_has_for_the_next_job(two):
    found = [value for _, value in two.run([Made(x) for x in range(8)])]
    for worker in {worker for _, worker in found}:
        counts = [count for count, by in found if by == worker]
        assert sorted(counts) == list(range(1, len(counts) + 1))


def test_a_users_error_comes_whole_from_another_process():
    told = Noted()
    with Processes(1, progress=told) as engine, pytest.raises(OptionError, match=r"no square of 7; take number=3") as e:
        list(engine.run([Refused(7)]))
    assert e.value.options == {"number": 3}
    assert told.notes == ["about to refuse"]


def test_a_fault_comes_with_its_trace(two):
    with pytest.raises(ZeroDivisionError) as caught:
        list(two.run([Faulty(1)]))
    assert "work.py" in str(caught.value.__cause__)


def test_the_jobs_of_a_worker_that_dies_are_done_by_another(tmp_path):
    jobs = [Square(x) for x in range(6)] + [Deadly(6, deaths=str(tmp_path / "deaths"))]
    with Processes(2) as engine:
        found = dict(engine.run(jobs))
    assert {index: value for index, (value, _) in found.items()} == {x: x**2 for x in range(7)}


def test_a_worker_that_dies_while_there_is_nothing_to_do_is_replaced():
    with Processes(1) as engine:
        worker = next(engine.run([Square(1)]))[1][1]
        os.kill(worker, signal.SIGKILL)
        time.sleep(1.0)
        assert next(engine.run([Square(3)]))[1][0] == 9


def test_several_workers_that_die_cost_their_jobs_only(tmp_path):
    jobs = [Deadly(x, deaths=str(tmp_path / f"deaths-{x}")) for x in range(2)] + [Square(x) for x in range(8)]
    with Processes(2) as engine:
        found = {index: value for index, (value, _) in engine.run(jobs)}
    assert found == dict(enumerate([0, 1, *(x**2 for x in range(8))]))


def test_an_error_that_does_not_travel_comes_as_its_trace(two):
    with pytest.raises(RuntimeError, match=r"Untravelled: lost"):
        list(two.run([Untravelling(1)]))


def test_what_a_worker_keeps_is_no_reason_to_replace_it():
    with Processes(1) as engine:
        workers = {worker for _, (_, worker) in engine.run([Large(x, seconds=1.2) for x in range(4)])}
    assert len(workers) == 1


def test_a_job_that_kills_every_worker_is_given_up_and_named(tmp_path):
    job = Deadly(6, deaths=str(tmp_path / "deaths"), most=99)
    with Processes(1) as engine, pytest.raises(EngineError, match=r"3 workers died .* the square of 6 .*SIGKILL"):
        list(engine.run([job]))
    assert len((tmp_path / "deaths").read_text()) == 3


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path.cwd())!r})\n"
        "from isogloss.engines import Processes\n"
        "from tests.engines.work import Square\n"
        "with Processes(1) as engine:\n"
        "    print(next(engine.run([Square(1)]))[1][1], flush=True)\n"
        "    list(engine.run([Square(1, seconds=60)]))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _alive(worker):
            break
        time.sleep(0.1)
    assert not _alive(worker)


def _alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_bench_closes_what_it_lets_go_of():
    closed = []

    class Thing:
        def __init__(self, name):
            self.name = name

        def close(self):
            closed.append(self.name)

    bench = Bench()
    assert bench.keep("one", "a", lambda: Thing("a")).name == "a"
    assert bench.keep("one", "a", lambda: Thing("again")).name == "a"
    bench.keep("one", "b", lambda: Thing("b"))
    assert closed == ["a"]
    for key in "cde":
        bench.keep("several", key, lambda key=key: Thing(key), most=2)
    assert closed == ["a", "c"]
    bench.drop("one")
    assert closed == ["a", "c", "b"]
    bench.drop()
    assert closed == ["a", "c", "b", "d", "e"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"engine": "slurm"}, "no engine 'slurm'; there are inline, processes, ray"),
        ({"engine": "processes", "workers": 0}, "at least one worker; got 0"),
        ({"engine": "ray", "workers": -1}, "at least one worker; got -1"),
        ({"gpus_per_worker": 1}, "only the engine ray shares GPUs out.*engine='ray'"),
        ({"workers": 0}, "at least one worker; got 0"),
        ({"engine": "processes", "cpus_per_worker": 0}, "has cores, more than 0; got 0"),
        ({"engine": "ray", "gpus_per_worker": -1}, "GPUs .0 or more.; got 1 and -1"),
        ({"cpus_per_worker": 2}, "inline has no workers to give cores to"),
    ],
)
def test_an_engine_that_cannot_be_is_refused(given, named):
    with pytest.raises(OptionError, match=named):
        Workers(**given).opened()


def test_several_workers_mean_processes():
    assert Workers(workers=2).opened().name == "processes"
    assert Workers(workers=1).opened().name == "inline"


def test_errors_travel_whole():
    error = EngineError("gone", "use {workers}", workers=2)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is EngineError
    assert (str(again), again.options) == ("gone; use workers=2", {"workers": 2})
