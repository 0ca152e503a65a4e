import shutil

import pytest

from isogloss.cli.compare import parse_checkpoints
from isogloss.errors import OptionError
from tests.cli.test_commands import compared, reviews, run
from tests.tiny import LAYERS

__all__ = ["reviews"]


@pytest.fixture
def trained(models, tmp_path):
    home = shutil.copytree(models["tuned"], tmp_path / "tuned")
    for step, source in ((50, models["base"]), (100, models["tuned"])):
        shutil.copytree(source, home / f"checkpoint-{step}")
    return {**models, "tuned": home}


def test_checkpoints_alone_takes_them_all_and_show_tells_of_them(trained, reviews, tmp_path):
    done = compared(trained, reviews, tmp_path / "run", "--checkpoints")
    assert done.exit_code == 0, done.output
    shown = " ".join(run("show", tmp_path / "run").output.split())
    assert "Drawn over steps of the training: 0 (base), 50 and 100." in shown
    assert "table similarity_steps:" in shown
    layer = ("--layer", LAYERS, "--measure", "cka", "--subset", "all", "--format", "csv", "--columns", "step,value")
    table = run("show", tmp_path / "run", "similarity_steps", *layer).output.splitlines()
    assert [line.partition(",")[0] for line in table[1:]] == ["0", "50", "100"]
    one = run("show", tmp_path / "run", "similarity_steps", "--step", 50, *layer).output.splitlines()
    assert one == [table[0], table[2]]
    assert table[2] == "50,1.0"
    wrong = run("show", tmp_path / "run", "similarity_steps", "--step", 7)
    assert wrong.exit_code == 2
    assert "there are 0, 50, 100" in " ".join(wrong.output.split())
    fewer = compared(trained, reviews, tmp_path / "run", "--checkpoints", "1")
    assert fewer.exit_code == 2
    assert "steps of checkpoints: 50, 100 then, 100 now" in " ".join(fewer.output.split())


def test_a_number_may_follow_checkpoints_and_nothing_else_is_taken_for_it(trained, reviews, tmp_path):
    quick = ("--analyses", "similarity", "--option", "similarity.bootstrap=50", "-q")
    given = ("--data", reviews, "--out", tmp_path / "run")
    done = run("compare", "--checkpoints", trained["base"], trained["tuned"], *given, *quick)
    assert done.exit_code == 0, done.output
    assert "Drawn over steps" in run("show", tmp_path / "run").output
    assert parse_checkpoints(None) is False
    assert parse_checkpoints("3") == 3
    with pytest.raises(OptionError, match="stands alone or takes a number; got 'three'"):
        parse_checkpoints("three")
    none = compared(trained, reviews, tmp_path / "other", "--checkpoints", "0")
    assert none.exit_code == 2
    assert "at least 1 checkpoint" in none.output


def test_other_tunings_come_by_name(trained, reviews, tmp_path):
    also = ("--also", f"POS={trained['base']}", "--also", f"NER={trained['tuned'] / 'checkpoint-50'}")
    done = compared(trained, reviews, tmp_path / "run", *also)
    assert done.exit_code == 0, done.output
    shown = run("show", tmp_path / "run", "similarity_tasks", "--task", "NER", "--measure", "cka", "--format", "csv")
    assert len(shown.output.splitlines()) > LAYERS
    assert "Tunings side by side: tuned, POS and NER." in " ".join(run("show", tmp_path / "run").output.split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--also", "POS"), "NAME=MODEL, e.g. POS=models/pos; got 'POS'"),
        (("--also", "=x"), "NAME=MODEL"),
        (("--also", "A={base}", "--also", "A={base}"), "the name 'A' is that of the tuning"),
        (("--also", "A=no/such/model/here"), "no/such/model/here"),
    ],
)
def test_a_mistaken_tuning_is_named(models, reviews, tmp_path, given, said):
    done = compared(models, reviews, tmp_path / "run", *(part.format(**models) for part in given))
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert "Traceback" not in done.output
    assert not (tmp_path / "run").exists()


def test_a_model_without_checkpoints_is_told_how_they_are_made(models, reviews, tmp_path):
    done = compared(models, reviews, tmp_path / "run", "--checkpoints")
    assert done.exit_code == 2
    assert "holds no directory checkpoint-STEP" in " ".join(done.output.split())
    assert "isogloss finetune makes them with --checkpoint-every N" in " ".join(done.output.split())
