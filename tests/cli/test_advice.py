"""Messages advise options as the reader writes them: arguments in Python, `--options` at the command line."""

import re

import polars as pl
import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.cli.console import as_option
from isogloss.corpus import Corpus, read_lexicon
from isogloss.errors import CorpusError
from tests.tiny import TEXTS


def extract(folder, name, content, *options):
    if content is not None:
        (folder / name).write_bytes(content.encode("latin-1"))
    return CliRunner().invoke(
        app, ["extract", "no/model", "--data", str(folder / name), "--out", str(folder / "out"), "-q", *options]
    )


TABLE = "text,label\na b,x\nc d,y\n"
MANY = "text,label\n" + "".join(f"a b,n{i}\n" for i in range(1001))
CASES = [
    ("semicolon.csv", TABLE.replace(",", ";"), ("--label", "label"), "--delimiter ';'"),
    ("tab.csv", TABLE.replace(",", "\t"), ("--label", "label"), "--delimiter tab"),
    ("latin.csv", "text,label\ncaf\xe9 noir,x\nc d,y\n", ("--label", "label"), "--encoding latin-1"),
    ("quote.csv", 'text,label\n"a b,x\nc d,y\n', (), "--no-quoting"),
    ("quoted.tsv", 'text\tlabel\n"a\tb"\tx\nc d\ty\n', (), "--quoting"),
    ("table.txt", TABLE, ("--label", "label"), "--format csv"),
    ("review.csv", TABLE.replace("text", "review"), (), "--text review"),
    ("one.csv", TABLE.replace("y", "x"), ("--label", "label"), "--no-check-labels"),
    ("many.csv", MANY, ("--label", "label"), "--no-check-labels"),
    ("part.csv", TABLE.replace("label", "part"), ("--split", "x"), "--split-column part"),
    ("wide.iob", "a b c d e\nf g h i j\n", (), "--columns word,pos,_,tag,_"),
]


@pytest.mark.parametrize(("name", "content", "given", "advice"), CASES, ids=[name for name, *_ in CASES])
def test_an_advised_option_exists_and_mends_the_file(tmp_path, name, content, given, advice):
    wrong = extract(tmp_path, name, content, *given)
    assert wrong.exit_code == 2
    option, *value = advice.split(" ")
    assert option in wrong.output
    assert not re.search(r"\w=('|\(|False|True|\s|\")", wrong.output), wrong.output
    if value and option not in ("--text", "--format", "--split-column", "--columns"):
        assert advice in wrong.output
    mended = extract(tmp_path, name, None, *given, option, *(part.strip("'") for part in value))
    assert "no/model" in mended.output, mended.output


def test_a_lexicon_has_its_own_options(tmp_path):
    lexicon = tmp_path / "feelings.words"
    lexicon.write_bytes("joy\tdelight\tcaf\xe9\n".encode("latin-1"))
    lines = ["text", *(f'"{text}"' for text in TEXTS[:3])]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    given = ["--lexicon", str(lexicon)]
    assert "--lexicon-format one of empath" in extract(tmp_path, "t.csv", None, *given).output
    given += ["--lexicon-format", "empath"]
    assert "--lexicon-encoding latin-1" in extract(tmp_path, "t.csv", None, *given).output
    assert "no/model" in extract(tmp_path, "t.csv", None, *given, "--lexicon-encoding", "latin-1").output
    with pytest.raises(CorpusError, match="say it: format= one of"):
        read_lexicon(lexicon)


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("text", None, "--text"),
        ("quoting", True, "--quoting"),
        ("check_labels", False, "--no-check-labels"),
        ("delimiter", "\t", "--delimiter tab"),
        ("columns", ("word", "_"), "--columns word,_"),
        ("split", None, "--split-column"),
    ],
)
def test_an_option_is_written_as_it_is_typed(name, value, written):
    assert as_option(name, value) == written


def test_a_delimiter_in_braces_does_not_disturb_the_message(tmp_path):
    (tmp_path / "t.csv").write_text('text{label\n"a b{x\n', encoding="utf-8")
    with pytest.raises(CorpusError, match=r"quoting=False"):
        Corpus.read(tmp_path / "t.csv", delimiter="{")


def test_a_text_column_of_numbers_is_noted(tmp_path):
    pl.DataFrame({"id": ["11", "12"], "text": ["a b", "7"]}).write_csv(tmp_path / "t.csv")
    assert any("is a number, such as '11'" in note for note in Corpus.read(tmp_path / "t.csv", text="id").notes)
    assert not Corpus.read(tmp_path / "t.csv").notes
