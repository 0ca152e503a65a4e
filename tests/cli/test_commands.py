import json
import re
import runpy
import subprocess
import sys
import time

import polars as pl
import pytest
from typer.testing import CliRunner

import isogloss as ig
from isogloss import bars
from isogloss.activations.diagnosis import diagnose
from isogloss.cli.app import app
from isogloss.cli.doctor import duration
from isogloss.models import load, resolve
from isogloss.probing import ProbingAnalysis
from isogloss.study.estimate import analysis_seconds
from tests.corpus.shared import write_dictionary
from tests.tiny import LAYERS, TEXTS

runner = CliRunner()


@pytest.fixture
def reviews(tmp_path):
    path = tmp_path / "reviews.csv"
    rows = [(f"{TEXTS[i % len(TEXTS)]} Take {i}.", "good" if i % 3 else "bad") for i in range(30)]
    pl.DataFrame(rows, schema=["text", "label"], orient="row").write_csv(path)
    return path


def run(*arguments):
    return runner.invoke(app, [str(a) for a in arguments])


def compared(models, reviews, out, *more):
    quick = ("--analyses", "similarity")
    quick += ("--option", "similarity.bootstrap=50", "--option", "similarity.neighbour_words=200")
    given = ("--data", reviews, "--label", "label", "--out", out, "-q")
    return run("compare", models["base"], models["tuned"], *given, *quick, *more)


def test_help_lists_every_command_and_each_has_its_own():
    listed = run("--help")
    for command in ("compare", "finetune", "extract", "show", "report", "doctor", "demo"):
        assert command in listed.output
        assert run(command, "--help").exit_code == 0


def test_to_read_a_run_neither_torch_nor_transformers_is_imported(models, reviews, tmp_path):
    """They take seconds, and a table is asked for again and again."""
    assert compared(models, reviews, tmp_path / "run").exit_code == 0
    code = (
        "import sys; from typer.testing import CliRunner; from isogloss.cli.app import app\n"
        "for command in ('show', 'report'):\n"
        "    assert CliRunner().invoke(app, [command, sys.argv[1]]).exit_code == 0\n"
        "sys.exit(', '.join({'torch', 'transformers', 'sklearn', 'scipy.stats'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "run"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_compare_show_and_report_from_a_csv_file(models, reviews, tmp_path):
    out = tmp_path / "run"
    done = compared(models, reviews, out)
    assert done.exit_code == 0, done.output
    assert "CKA" in done.output
    assert (out / "report.html").exists()
    shown = run("show", out)
    assert "table similarity:" in shown.output
    table = run("show", out, "similarity", "--measure", "cka", "--subset", "all", "--format", "json")
    assert [row["layer"] for row in json.loads(table.output)] == list(range(LAYERS + 1))
    csv = run("show", out, "similarity", "--layer", "2", "--format", "csv")
    assert csv.output.splitlines()[0].startswith("analysis,measure,model,layer")
    again = run("report", out, "--out", tmp_path / "page.html", "--figures", "svg")
    assert again.exit_code == 0, again.output
    assert (tmp_path / "page.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert list((out / "figures").glob("*.svg"))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["question"]["corpus"]["source"].endswith("reviews.csv")


def test_words_are_labelled_and_filtered_on_request(models, reviews, tmp_path):
    lexicon = tmp_path / "feelings.tsv"
    lexicon.write_text("joy\tdelight\twonderful\nanger\tworst\tbad\n", encoding="utf-8")
    done = compared(models, reviews, tmp_path / "run", "--annotate", "casing,word_class", "--lexicon", lexicon,
                    "--min-count", "4", "--drop-above", "60")  # fmt: skip
    assert done.exit_code == 0, done.output
    words = pl.read_parquet(tmp_path / "run" / "activations" / "base" / "words.parquet")
    assert {"casing", "word_class", "feelings"} <= set(words.columns)
    assert words.filter(pl.col("word") == "delight")["feelings"].unique().to_list() == ["joy"]
    counts = words["word"].value_counts()["count"]
    assert counts.min() >= 4
    assert counts.max() <= 60


def test_words_have_the_supersenses_of_a_wordnet_dictionary(models, tmp_path):
    dictionary = tmp_path / "dict"
    dictionary.mkdir()
    write_dictionary(dictionary)
    reviews = tmp_path / "reviews.csv"
    pl.DataFrame({"text": ["Women chase it", "A large dog"] * 15, "label": ["good", "bad", "bad"] * 10}).write_csv(
        reviews
    )
    given = ("--data", reviews, "--layers", "last", "-q", "--wordnet", dictionary)
    done = run("extract", models["base"], *given, "--out", tmp_path / "store")
    assert done.exit_code == 0, done.output
    words = pl.read_parquet(tmp_path / "store" / "words.parquet")
    assert words["supersense"].to_list()[:4] == ["noun.person", "verb.motion", None, None]
    done = compared(models, reviews, tmp_path / "run", "--layers", "last", "--wordnet", dictionary)
    assert done.exit_code == 0, done.output
    assert "supersense" in pl.read_parquet(tmp_path / "run" / "activations" / "base" / "words.parquet").columns


@pytest.mark.parametrize("command", ["compare", "extract"])
def test_a_wordnet_directory_that_is_missing_or_empty_is_named(reviews, tmp_path, command):
    empty = tmp_path / "empty"
    empty.mkdir()
    for directory, said in ((tmp_path / "none", "there is no directory"), (empty, "has no data.noun")):
        models = ["no/base", "no/tuned"][: 2 if command == "compare" else 1]
        done = run(command, *models, "--data", reviews, "--out", tmp_path / "out", "-q", "--wordnet", directory)
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())
        assert directory.name in done.output


def test_extract_leaves_npy_files(models, reviews, tmp_path):
    done = run("extract", models["base"], "--data", reviews, "--out", tmp_path / "store", "--layers", "last", "-q")
    assert done.exit_code == 0, done.output
    assert "x 1 layers x 32 " in done.output
    assert (tmp_path / "store" / f"layer-{LAYERS:02d}.npy").exists()


def test_doctor_says_blocks_sites_coverage_bytes_and_time(models, reviews):
    done = run("doctor", models["base"], "--data", reviews, "--words", "1000000")
    assert done.exit_code == 0, done.output
    for expected in ("BertModel", "encoder.layer.0", "32 wide", "packed", "sample words", "GiB", "1,000,000 words",
                     "reading both models", "similarity", "on top"):  # fmt: skip
        assert expected in done.output
    assert "every layer is what transformers reports" in done.output
    assert "concepts, isotropy, probing and separability not estimated, see --analyses" in " ".join(done.output.split())
    small = run("doctor", models["base"], "--words", "10", "--analyses", "none")
    assert "not estimated" not in small.output
    assert small.exit_code == 0
    assert "about under 1 s: reading both models under 1 s (" in small.output
    assert re.search(r"weights +[0-9a-f]{12} *\n", small.output)


def test_doctor_says_what_is_not_in_the_time_of_an_analysis(models):
    told = " ".join(run("doctor", models["base"], "--words", "400", "--analyses", "probing").output.split())
    assert re.search(r"probing (under )?\d+ s", told)
    assert "tokens/s; probing for one label of words;" in told
    assert "; what probing asks of all layers at once and of the running classifier, loading the models" in told
    assert (
        "what"
        not in " ".join(run("doctor", models["base"], "--words", "400").output.split())
        .partition("time here")[2]
        .split("every layer is what")[0]
    )


def test_the_made_up_vectors_of_an_estimate_can_be_probed(monkeypatch):
    probed = []
    run_probes = ProbingAnalysis.run
    monkeypatch.setattr(ProbingAnalysis, "run", lambda *a: probed.append(run_probes(*a)) or probed[-1])
    analysis_seconds(ProbingAnalysis(), 16, 1, 400)
    assert all(tables["probing_neurons"].height for tables in probed)


@pytest.mark.parametrize(("seconds", "said"), [(0.01, "under 1 s"), (12.4, "12 s"), (204, "3.4 min"), (7560, "2.1 h")])
def test_durations_are_never_nothing(seconds, said):
    assert duration(seconds) == said


def test_the_diagnosis_counts_sentence_vectors_as_the_store_does(models, corpus, tmp_path):
    found = diagnose(load(resolve(models["base"])), corpus)
    store = ig.extract(models["base"], corpus, tmp_path / "store")
    written = sum(path.stat().st_size for path in store.directory.glob("*.npy"))
    assert found.bytes_for(len(corpus.words)) == pytest.approx(written, rel=0.05)


def test_the_time_of_an_analysis_grows_with_the_words():
    class Waits:
        Options = dict

        def run(self, pair, options):
            time.sleep(len(pair.words) * 2e-5)

    few, many = (analysis_seconds(Waits(), 8, 3, words) for words in (100_000, 1_000_000))
    assert few == pytest.approx(8, rel=0.5)
    assert many == pytest.approx(80, rel=0.5)


MISTAKES = [
    (["compare", "{base}", "{tuned}", "--data", "nowhere.csv", "--out", "{out}"], "nowhere.csv"),
    (["compare", "{base}", "{tuned}", "--data", "{data}", "--text", "review", "--out", "{out}"], "review"),
    (["compare", "{base}", "no/such/model/dir", "--data", "{data}", "--out", "{out}"], "no/such/model/dir"),
    (["compare", "{base}", "{tuned}", "--data", "{data}", "--out", "{out}", "--layers", "9"], "no layer 9"),
    (["compare", "{base}", "{tuned}", "--data", "{data}", "--out", "{out}", "--analyses", "cka"], "similarity"),
    (["compare", "{base}", "{tuned}", "--data", "{data}", "--out", "{out}", "--option", "x"], "ANALYSIS.NAME=VALUE"),
    (["compare", "{base}", "{tuned}", "--data", "{data}", "--out", "{out}", "--dtype", "int8"], "float32"),
    (["extract", "{base}", "--data", "{data}", "--out", "{out}", "--pooling", "max"], "first, last, mean"),
    (["show", "{out}"], "no run directory"),
    (["doctor", "{data}"], "is a file"),
]


@pytest.mark.parametrize(("arguments", "named"), MISTAKES, ids=[named for _, named in MISTAKES])
def test_a_users_mistake_is_one_message_and_exit_code_2(models, reviews, tmp_path, arguments, named):
    places = {"base": models["base"], "tuned": models["tuned"], "data": reviews, "out": tmp_path / "out"}
    done = run(*(str(a).format(**places) for a in arguments))
    assert done.exit_code == 2, done.output
    assert named in done.output
    assert "Traceback" not in done.output
    assert not list((tmp_path / "out").rglob("*.npy*"))


def test_a_table_or_row_that_is_not_there_lists_what_is(models, reviews, tmp_path):
    compared(models, reviews, tmp_path / "run")
    wrong = run("show", tmp_path / "run", "isotropy")
    assert wrong.exit_code == 2
    assert "similarity_map" in wrong.output
    wrong = run("show", tmp_path / "run", "similarity", "--measure", "cca")
    assert wrong.exit_code == 2
    assert "procrustes" in wrong.output


def test_a_shown_table_leaves_out_what_every_row_says_and_fits_a_terminal(models, reviews, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    compared(models, reviews, tmp_path / "run")
    shown = run("show", tmp_path / "run", "similarity", "--measure", "cka", "--subset", "all").output
    assert "in every row: analysis similarity, measure cka, model tuned, subset all" in shown
    head = next(line for line in shown.splitlines() if "layer" in line)
    assert "measure" not in head
    assert "value" in head
    words = run("show", tmp_path / "run", "similarity_words").output
    assert "not shown: examples (--all-columns shows all)" in words
    assert all(len(line) <= 100 for line in words.splitlines() if "┃" in line or "│" in line)
    every = run("show", tmp_path / "run", "similarity_words", "--all-columns").output
    assert "not shown" not in every
    assert "in every row" not in every
    chosen = run("show", tmp_path / "run", "similarity", "--columns", "value,layer", "--format", "csv", "--limit", "2")
    assert chosen.output.splitlines()[0] == "value,layer"
    assert len(chosen.output.splitlines()) == 3
    wrong = run("show", tmp_path / "run", "similarity", "--columns", "worth")
    assert wrong.exit_code == 2
    assert "no column worth; it has analysis, measure" in wrong.output


def test_a_limit_holds_for_json_too(models, reviews, tmp_path):
    compared(models, reviews, tmp_path / "run")
    cut = json.loads(run("show", tmp_path / "run", "similarity", "--format", "json", "--limit", "3").output)
    whole = json.loads(run("show", tmp_path / "run", "similarity", "--format", "json").output)
    assert len(cut) == 3
    assert len(whole) > 60
    assert cut == whole[:3]


def test_the_options_of_analyses_are_listed_with_their_defaults():
    listed = run("compare", "--list-options")
    assert listed.exit_code == 0
    assert re.search(r"--option similarity.bootstrap=1000 +resamples of the sentences", listed.output)
    assert re.search(r"--option similarity.map_words=none ", listed.output)


def test_a_log_gets_a_line_for_every_tenth(monkeypatch):
    told = []
    monkeypatch.setattr(bars.err, "print", lambda text, **_: told.append(text))
    monkeypatch.setattr(bars._Lines, "PAUSE", 0.0)
    with bars.BarProgress().task("fine-tuning, seed 0", 40, "steps") as advance:
        for _ in range(40):
            advance(1)
    assert [line.split(",")[1].split("(")[0] for line in told[:-1]] == [f" seed 0: {n}0% " for n in range(1, 10)]
    assert "(4 of 40 steps)" in told[0]
    assert "left" in told[0]
    assert told[-1].startswith("fine-tuning, seed 0: 40 steps in ")
    told.clear()
    monkeypatch.setattr(bars._Lines, "PAUSE", 60.0)
    with bars.BarProgress().task("short", 40, "steps") as advance:
        advance(20)
    assert len(told) == 1


def test_a_log_has_no_line_for_short_work_inside_other_work(monkeypatch):
    told = []
    monkeypatch.setattr(bars.err, "print", lambda text, **_: told.append(text))
    progress = bars.BarProgress()
    with progress.task("layers", 2, "layers"):
        for _ in range(2):
            with progress.task("probes", 1, "probes") as advance:
                advance(1)
    assert [line.split(":")[0] for line in told] == ["layers"]


def test_version():
    assert run("--version").output.startswith("isogloss 0.")


def test_the_package_can_be_run_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["isogloss", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("isogloss", run_name="__main__")
    assert not ended.value.code
    assert ig.__version__ in capsys.readouterr().out


def test_a_piped_table_breaks_no_cell_and_findings_stay_readable(models, reviews, tmp_path, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    compared(models, reviews, tmp_path / "run")
    shown = run("show", tmp_path / "run", "similarity", "--all-columns").output
    assert max(len(line) for line in shown.splitlines()) > 100
    assert "cka_debiased" in shown
    assert len(shown.splitlines()) == len(set(shown.splitlines())) <= 66
    assert max(len(line) for line in run("show", tmp_path / "run").output.splitlines() if "│" in line) <= 100
