import json
import re

import polars as pl
import pytest
from typer.testing import CliRunner

from isogloss.cli.app import app
from isogloss.cli.finetune import base_and_seeds
from isogloss.errors import OptionError
from isogloss.models.finetune_result import FinetuneResult
from tests.models.labelled import reviews
from tests.tiny import save_tiny


@pytest.fixture
def files(tmp_path):
    save_tiny(tmp_path / "base")
    reviews(40).sentences.select("text", "label").write_csv(tmp_path / "reviews.csv")
    reviews(40, seed=1).sentences.select("text", "label").write_csv(tmp_path / "held.csv")
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(app, ["finetune", *map(str, arguments)])


@pytest.mark.parametrize(
    ("base", "more", "seeds", "expected"),
    [
        ("model", [], None, ("model", None)),
        ("model", ["1", "2"], ["0"], ("model", [0, 1, 2])),
        ("1", ["2", "model"], ["0"], ("model", [0, 1, 2])),
        ("model", [], ["0 1 2"], ("model", [0, 1, 2])),
        ("model", [], ["0,1"], ("model", [0, 1])),
        ("model", [], ["3", "4"], ("model", [3, 4])),
        ("7", [], ["0"], ("7", [0])),
    ],
)
def test_seeds_may_be_written_in_every_usual_way(base, more, seeds, expected):
    found, numbers = base_and_seeds(base, more, seeds)
    assert found == expected[0]
    assert (None if numbers is None else sorted(numbers)) == expected[1]


@pytest.mark.parametrize(
    ("base", "more", "seeds"), [("a", ["b"], None), ("a", ["b"], ["0"]), ("a", [], ["x"]), ("a", ["1"], None)]
)
def test_stray_arguments_are_refused(base, more, seeds):
    with pytest.raises(OptionError):
        base_and_seeds(base, more, seeds)


def test_command_writes_one_model_per_seed_and_says_how_good_they_are(files):
    out = files / "out"
    told = run(
        files / "base", "--data", files / "reviews.csv", "--label", "label", "--out", out, "--epochs", 1,
        "--batch-size", 8, "--quiet", "--device", "cpu", "--seeds", 0, 1,
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert sorted(p.name for p in out.iterdir()) == ["seed-0", "seed-1"]
    lines = told.stdout.strip().splitlines()
    lines = [line for line in lines if not line.startswith("note: ")]
    assert len(lines) == 2
    accuracy = r"held-out accuracy [01]\.\d+ \(95% interval 0\.\d+ to [01]\.\d+\), f1 macro \S+ on 4 sentences"
    assert all(re.search(accuracy, line) for line in lines)


def test_held_out_file_is_used(files):
    told = run(
        files / "base", "--data", files / "reviews.csv", "--dev", files / "held.csv", "--label", "label",
        "--out", files / "out", "--epochs", 1, "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    metrics = json.loads((files / "out" / "metrics.json").read_text())
    assert (metrics["train_sentences"], metrics["dev_sentences"]) == (40, 40)


def test_words_of_a_conllu_file_are_learnt(files):
    rows = []
    for text in reviews(24).sentences["text"]:
        rows += [f"# text = {text}"]
        for i, word in enumerate(text.split(), 1):
            rows.append(f"{i}\t{word}\t{word}\t{'DET' if word == 'the' else 'X'}\t_\t_\t0\troot\t_\t_")
        rows.append("")
    (files / "words.conllu").write_text("\n".join(rows) + "\n")
    told = run(
        files / "base", "--data", files / "words.conllu", "--label", "upos", "--out", files / "out", "--epochs", 1,
        "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    metrics = json.loads((files / "out" / "metrics.json").read_text())
    assert (metrics["task"], metrics["labels"]) == ("tokens", ["DET", "X"])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--label", "stars"], "stars"),
        (["--label", "label", "--task", "ner"], "no task called 'ner'"),
        (["--label", "label", "--keep-layers", "9"], "cannot keep 9 layers of 3"),
        (["--label", "label", "--seeds", "x"], "whole numbers"),
        (["--label", "label", "--seeds", "1", "--seed", "2"], "--seed 2 and --seeds 1 contradict each other"),
        ([], "its other columns are label; say which with --label"),
        (["--label", "label", "--learning-rate", "1"], "learning_rate should be above 0 and below 1"),
    ],
)
def test_mistakes_end_with_one_message_and_code_2(files, options, said):
    told = run(files / "base", "--data", files / "reviews.csv", "--out", files / "out", "--quiet", *options)
    assert told.exit_code == 2
    assert said in told.stderr
    assert "Traceback" not in told.stderr
    assert not (files / "out").exists()


def test_label_with_one_class_is_named(files):
    pl.DataFrame({"text": ["a b"] * 5, "label": ["x"] * 5}).write_csv(files / "one.csv")
    told = run(files / "base", "--data", files / "one.csv", "--label", "label", "--out", files / "out", "--quiet")
    assert told.exit_code == 2
    assert "'x'" in told.stderr


def test_sentences_without_a_label_are_counted(files):
    frame = pl.read_csv(files / "reviews.csv").with_columns(pl.col("label").cast(pl.String))
    frame = frame.with_columns(label=pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise("label"))
    frame.write_csv(files / "gaps.csv")
    told = run(
        files / "base", "--data", files / "gaps.csv", "--label", "label", "--out", files / "out", "--epochs", 1,
        "--quiet", "--device", "cpu",
    )  # fmt: skip
    assert "note: 5 of 40 sentences have no label 'label' and were left out" in told.stdout


def test_stopping_says_what_stays(files, monkeypatch):
    import isogloss.models.finetune as module

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", stopped)
    told = run(files / "base", "--data", files / "reviews.csv", "--label", "label", "--out", files / "out", "-q")
    assert told.exit_code == 130
    assert "is not kept" in told.stderr
    assert "same command" in told.stderr
    assert not (files / "out").exists()


def test_few_sentences_are_warned_of(files):
    done = run(files / "base", "--data", files / "reviews.csv", "--label", "label", "--epochs", 1, "--out", files / "a")
    assert "note: 36 sentences are few to learn from" in " ".join(done.output.split())
    assert "4 held-out sentences are too few" in " ".join(done.output.split())
    enough = {"unlabelled_sentences": 0, "train_sentences": 100, "dev_sentences": 30}
    assert FinetuneResult(files, 0, enough).notes == ()


@pytest.fixture
def pairs(files):
    one, other = reviews(40).sentences, reviews(40, seed=1).sentences
    alike = (one["label"] == other["label"]).cast(pl.Int64) * 5
    pl.DataFrame({"a": one["text"], "b": other["text"], "score": alike}).write_csv(files / "pairs.csv")
    return files


def test_pairs_are_learnt_as_a_bi_encoder_and_the_base_is_shown_beside_it(pairs):
    told = run(
        pairs / "base", "--data", pairs / "pairs.csv", "--text", "a", "--text-b", "b", "--label", "score", "--task",
        "similarity", "--score-range", 0, 10, "--out", pairs / "out", "--epochs", 1, "--quiet", "--device", "cpu",
        "--dev-fraction", 0.5,
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    number = r"-?[01]\.\d{3}"
    assert re.search(
        rf"held-out spearman {number} \(base {number}\), pearson {number} \(base {number}\), mse {number} \(base",
        told.stdout,
    )
    assert json.loads((pairs / "out" / "config.json").read_text())["architectures"] == ["BertModel"]
    assert json.loads((pairs / "out" / "metrics.json").read_text())["score_range"] == [0, 10]


def test_similarity_of_single_texts_advises_the_option(pairs):
    told = run(
        pairs / "base", "--data", pairs / "pairs.csv", "--text", "a", "--label", "score", "--task", "similarity",
        "--out", pairs / "out", "--quiet",
    )  # fmt: skip
    assert told.exit_code == 2
    assert "has single texts; name the column of the second one with --text-b" in told.stderr
