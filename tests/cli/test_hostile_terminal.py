"""What a terminal would obey is written out, wherever it stands: in corpora, labels, names of models and of files."""

import io

import polars as pl
import pytest
from typer.testing import CliRunner

import isogloss as ig
from isogloss import bars
from isogloss.analysis import Finding
from isogloss.bars import BarProgress, PlainConsole
from isogloss.cli import console
from isogloss.cli.app import app
from isogloss.corpus import Corpus
from isogloss.errors import CorpusError, printable, readable
from tests.study.test_run import QUICK
from tests.tiny import TEXTS, save_tiny

ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\x08\r"
BAD = ("\x1b", "\x07", "\x9b", "\u202e", "\x08", "\r")


def clean(text):
    return not any(character in text for character in BAD)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    home = tmp_path_factory.mktemp("hostile")
    words = [[*text.split(), f"film{ESCAPES}"] for text in TEXTS] * 5
    labels = {f"label{ESCAPES}": ["good" + ESCAPES if i % 2 else "bad" for i in range(len(words))]}
    corpus = Corpus.from_words(words, labels=labels, name=f"corpus{ESCAPES}")
    base, tuned = (
        save_tiny(home / f"{name}\x1b[2J\x9b31m", "bert", seed=i) for i, name in enumerate(("base", "tuned"))
    )
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bars, "err", PlainConsole(file=said, soft_wrap=True))
        ig.compare(
            base,
            tuned,
            corpus,
            out=home / "run",
            also={f"other{ESCAPES}": base},
            progress=BarProgress(),
            command=f"isogloss {ESCAPES}",
            **QUICK,
        )
    return home / "run", said.getvalue(), corpus


def test_progress_and_its_notes_are_plain(hostile):
    _, said, _ = hostile
    assert "\\x1b[2J" in said
    assert clean(said)


@pytest.mark.parametrize("more", [(), ("similarity_words",), ("similarity_labels",), ("similarity_tasks",)])
def test_show_prints_nothing_that_a_terminal_obeys(hostile, more):
    shown = CliRunner().invoke(app, ["show", str(hostile[0]), *more])
    assert shown.exit_code == 0, shown.output
    assert clean(shown.output)


@pytest.mark.parametrize("form", ["csv", "json"])
def test_tables_are_exact_in_a_file_and_plain_on_a_terminal(hostile, form, monkeypatch):
    asked = ["show", str(hostile[0]), "similarity_tasks", "--format", form]
    monkeypatch.setattr(console.out, "_force_terminal", True)
    assert clean(CliRunner().invoke(app, asked).output)
    monkeypatch.setattr(console.out, "_force_terminal", False)
    read = {"csv": pl.read_csv, "json": pl.read_json}[form]
    exact = read(io.BytesIO(CliRunner().invoke(app, asked).stdout_bytes))
    assert any("\x1b[2J" in str(cell) for row in exact.rows() for cell in row)


def test_errors_are_plain_and_of_bounded_length(tmp_path):
    path = tmp_path / f"x{ESCAPES}.csv".replace("/", "")
    path.write_text(f"{ESCAPES}{'a' * 9000}\nx\n", encoding="utf-8")
    with pytest.raises(CorpusError) as raised:
        Corpus.read(path)
    assert clean(str(raised.value))
    assert len(str(raised.value)) < 2000
    told = CliRunner().invoke(app, ["compare", "a", "b", "--data", str(path), "--out", str(tmp_path / "run")])
    assert told.exit_code == 2
    assert clean(told.output.replace("\r\n", "\n"))
    told = CliRunner().invoke(app, ["show", str(tmp_path / "no\x1b[2Jrun")])
    assert "\\x1b[2J" in told.output
    assert clean(told.output)


def test_findings_and_corpora_print_plainly(hostile):
    assert clean(str(Finding(f"The word {ESCAPES} moved.", "a", "m")))
    assert clean(repr(hostile[2]))


def test_what_is_seen_stays_as_it_is():
    text = "naïve שלום 👩\u200d👩\u200d👧 你好\tx\ny\u00a0z"
    assert printable(text) == text
    assert readable(text) == text
    assert readable("a" * 5000).startswith("aaa")
    assert len(readable("\x1b" * 5000)) < 8000
