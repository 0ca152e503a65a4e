"""A limit of memory: kept, the same tables; or refused before anything runs."""

import numpy as np
import pytest
from campaigns.studies import LEAST, fingerprints
from threadpoolctl import threadpool_limits

import isogloss as ig
from isogloss.analysis import choose
from isogloss.errors import OptionError
from isogloss.memory import as_bytes, kept_in_memory, limit_in_bytes, own_memory, peak_of_memory
from isogloss.numerics import room
from isogloss.study.memory import at_work

SOME = {name: LEAST[name] for name in ("concepts", "probing", "isotropy")} | {
    "separability": {**LEAST["separability"], "max_train": 60, "max_test": 30}
}


@pytest.fixture(scope="module")
def words():
    from tests.tiny import TEXTS

    texts = [f"{TEXTS[i % len(TEXTS)]} Take {i}." for i in range(60)]
    return ig.Corpus.from_texts(texts, labels=["good" if i % 3 else "bad" for i in range(60)]).annotate("casing")


def test_a_limit_changes_where_arrays_are_and_no_byte_of_a_result(models, words, tmp_path, monkeypatch):
    asked = {"analyses": list(SOME), "options": SOME, "layers": "last"}
    rooms = []

    class Watched(room.Room):
        def __init__(self, *given):
            super().__init__(*given)
            self._limit = 0
            rooms.append(self)

    monkeypatch.setattr(room, "SMALL", 2000)
    monkeypatch.setattr(room, "TINY", 1000)
    with threadpool_limits(1):
        ig.compare(models["base"], models["tuned"], words, out=tmp_path / "free", **asked)
        assert not rooms
        monkeypatch.setattr(room, "Room", Watched)
        study = ig.compare(models["base"], models["tuned"], words, out=tmp_path / "bound", memory="64GiB", **asked)
    assert fingerprints(tmp_path / "bound") == fingerprints(tmp_path / "free")
    # Each analysis had arrays that did not fit.
    assert len(rooms) >= len(SOME)
    assert sum(one.paged > 0 for one in rooms) >= len(SOME)
    machine = study.manifest["machine"]
    assert machine["memory_of_a_worker"] == 64 * 2**30
    assert 0 < machine["most_memory_of_a_worker"] <= own_memory() + 2**30


def test_too_little_is_refused_with_what_would_do_and_nothing_is_left_behind(models, words, tmp_path):
    out = tmp_path / "run"
    asked = {"analyses": ["similarity"], "layers": "last", "out": out}
    with pytest.raises(OptionError, match=r"100 MiB of memory are too little: .*; memory='\d+MiB' at least") as caught:
        ig.compare(models["base"], models["tuned"], words, memory="100MiB", **asked)
    assert not out.exists()
    ig.compare(models["base"], models["tuned"], words, memory=caught.value.options["memory"], **asked)


def test_each_worker_has_its_share_and_says_what_it_took(models, words, tmp_path):
    study = ig.compare(
        models["base"], models["tuned"], words, analyses=["similarity"], layers="last", out=tmp_path / "run",
        engine="processes", workers=1, memory="6GiB",
    )  # fmt: skip
    machine = study.manifest["machine"]
    assert machine["memory_of_a_worker"] == 3 * 2**30
    assert 50e6 < machine["most_memory_of_a_worker"] < 3 * 2**30


def test_what_draws_many_rows_or_has_wide_vectors_is_left_more():
    of = choose(["separability"])["separability"]
    plain = at_work(of, of.Options(), 10**6, 3, 768)
    assert at_work(of, of.Options(max_train=10**5), 10**6, 3, 768) - plain > 8 * 768 * 4 * 9e4
    assert at_work(of, of.Options(), 10**6, 3, 4096) - plain > 8 * 4096**2
    assert at_work(of, of.Options(), 2 * 10**6, 3, 768) > plain


@pytest.mark.parametrize(
    ("text", "size"), [("8GiB", 8 * 2**30), ("500MB", 5e8), ("1.5 g", 1.5e9), ("8e9", 8e9), ("2_000MB", 2e9)]
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert as_bytes(text) == limit_in_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["banana", "", "-1GiB", "0", "nan", "inf", "8 GiBs", "1..2GiB", -3, "8", 8, float("nan")]
)
def test_what_is_no_size_is_refused(text):
    with pytest.raises(OptionError, match="memory is a size such as 8GiB"):
        limit_in_bytes(text)


def test_the_most_that_was_taken_is_seen():
    with peak_of_memory() as peak:
        before = own_memory()
        there = np.ones(100 << 20, np.uint8)
        import time

        time.sleep(0.2)
        del there
    assert peak.memory - before > 80 << 20


def test_a_directory_whose_files_are_memory_is_refused(models, words, tmp_path, monkeypatch):
    from isogloss.study.costs import least

    monkeypatch.setattr(least, "kept_in_memory", lambda _: "tmpfs")
    with pytest.raises(OptionError, match=r"is on a tmpfs, whose files take memory"):
        ig.compare(models["base"], models["tuned"], words, analyses=["similarity"], out=tmp_path / "r", memory="64GiB")
    assert not (tmp_path / "r").exists()


def test_the_kind_of_file_system_is_that_of_the_nearest_mount(tmp_path):
    from pathlib import Path

    assert kept_in_memory(Path("/proc")) == ""
    if "/dev/shm tmpfs" in Path("/proc/self/mounts").read_text():
        assert kept_in_memory(Path("/dev/shm/not/there/yet")) == "tmpfs"
