"""The campaigns of kills and faults, in small."""

import shutil

import pytest

from campaigns import faults, kills
from isogloss.corpus import Corpus
from tests.tiny import TEXTS


@pytest.fixture(scope="module")
def home(models, tmp_path_factory):
    home = tmp_path_factory.mktemp("campaign")
    shutil.copytree(models["base"], home / "base")
    shutil.copytree(models["tuned"], home / "tuned")
    texts = [f"{TEXTS[i % len(TEXTS)]} Take {i}." for i in range(60)]
    labels = ["good" if i % 3 else "bad" for i in range(60)]
    Corpus.from_texts(texts, labels=labels).annotate("casing").save(home / "corpus")
    return home


@pytest.mark.slow
@pytest.mark.parametrize("engine", [["inline"], ["processes", "--workers", "2"]])
def test_a_study_that_is_killed_goes_on_to_the_same_files(home, engine, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    options = ["--analyses", "similarity,separability", "--chunk-bytes", "60000", "--engine", *engine]
    found = kills.campaign(home, kills=2, of_each=2, seed=1, options=options)
    assert found["kills"] == found["same"] == 2, found
    assert found["nothing_done_twice"] == 2, found


@pytest.mark.slow
def test_what_befalls_a_run_directory_is_told_or_mended(home):
    campaign = faults.Faults(home, str(home / "base"), str(home / "tuned"), every=12)
    found = campaign.all()
    assert not found["bad"]
    assert found["tried"] > 30
    assert found["refused"] > 5
    said = " ".join(found["messages"])
    for words in ("is damaged", "is being worked on by process", "no directory"):
        assert words in said
    assert "Traceback" not in said


def test_ctrl_c_leaves_a_run_that_goes_on(home, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for row in faults.interrupted(home)["interrupted"]:
        assert (row["exit"], row["exit_of_the_next"]) == (130, 0)
