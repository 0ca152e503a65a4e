import json
import random
import shutil

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from isogloss.corpus import sentence_fingerprints
from isogloss.errors import ModelError, OptionError
from isogloss.models.finetune import finetune
from isogloss.models.finetune_result import TRAINED_ON
from isogloss.models.loading import load
from isogloss.models.reference import resolve
from isogloss.progress import Progress
from tests.models.labelled import BAD, GOOD, labelled, reviews
from tests.tiny import ARCHITECTURES, save_tiny, tiny_model, tiny_tokenizer

QUICK = {"epochs": 1, "batch_size": 8, "device": "cpu"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("base"), "bert")


def weights(path) -> dict[str, torch.Tensor]:
    return load_file(path / "model.safetensors")


def same(one, other) -> bool:
    one, other = weights(one), weights(other)
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def test_planted_class_word_is_learnt_and_the_result_is_an_ordinary_directory(base, tmp_path):
    result = finetune(base, reviews(400), tmp_path / "out", epochs=4, learning_rate=3e-3, batch_size=16, device="cpu")[
        0
    ]
    assert result.dev["accuracy"] > 0.95
    assert result.dev["f1_macro"] > 0.95
    model = AutoModelForSequenceClassification.from_pretrained(result.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(result.path)
    assert model.config.id2label == {0: "0", 1: "1"}
    inputs = tokenizer(["the film wonderful nobody", "the film worst nobody"], return_tensors="pt", padding=True)
    with torch.no_grad():
        assert model(**inputs).logits.argmax(-1).tolist() == [1, 0]
    assert resolve(result.path).tokenizer_sha256 == resolve(base).tokenizer_sha256
    losses = [row["loss"] for row in result.metrics["train_loss"]]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_planted_word_class_is_learnt_on_the_right_subwords(base, tmp_path):
    corpus = reviews(300, word_label=lambda w: "yes" if w in GOOD else "no" if w in BAD else "other")
    options = {"label": "tag", "epochs": 10, "learning_rate": 3e-3, "batch_size": 16, "device": "cpu"}
    for all_subwords in (False, True):
        result = finetune(base, corpus, tmp_path / str(all_subwords), all_subwords=all_subwords, **options)[0]
        assert result.metrics["task"] == "tokens"
        assert result.metrics["labels"] == ["no", "other", "yes"]
        assert result.dev["accuracy"] > 0.97
        assert result.dev["f1_macro"] > 0.95


def test_planted_score_is_learnt(base, tmp_path):
    corpus = reviews(400)
    scores = (corpus.sentences["label"] == "1").cast(pl.Float64) * 2.5 + 0.25
    corpus = labelled(corpus.sentences["text"].to_list(), scores.to_list())
    result = finetune(base, corpus, tmp_path / "out", epochs=10, learning_rate=3e-3, batch_size=16, device="cpu")[0]
    assert result.metrics["task"] == "regression"
    assert result.dev["pearson"] > 0.95
    assert result.dev["mse"] < 0.25
    assert set(result.dev) == {"step", "epoch", "loss", "pearson", "spearman", "mse"}


def test_pair_is_learnt_from_its_second_text(base, tmp_path):
    hidden = reviews(400)
    first = ["the film"] * 400
    corpus = labelled(first, hidden.sentences["label"].to_list(), text_b=hidden.sentences["text"].to_list())
    result = finetune(base, corpus, tmp_path / "out", epochs=4, learning_rate=3e-3, batch_size=16, device="cpu")[0]
    assert result.dev["accuracy"] > 0.95


@pytest.mark.parametrize("architecture", [a for a in ARCHITECTURES if a not in ("bert", "t5")])
def test_every_architecture_trains_and_loads_as_a_classifier(architecture, tmp_path):
    path = save_tiny(tmp_path / "base", architecture)
    corpus = reviews(24)
    result = finetune(path, corpus, tmp_path / "out", **QUICK)[0]
    loaded = load(result.path, head=True)
    assert loaded.config.num_labels == 2
    assert load(result.path).module is not None


def test_same_seed_same_bytes_other_seed_other_bytes(base, tmp_path):
    corpus = reviews(40)
    one = finetune(base, corpus, tmp_path / "one", **QUICK)[0].path
    again = finetune(base, corpus, tmp_path / "again", **QUICK)[0].path
    other = finetune(base, corpus, tmp_path / "other", seed=1, **QUICK)[0].path
    assert same(one, again)
    assert not same(one, other)


def test_several_seeds_share_the_held_out_sentences_and_equal_single_runs(base, tmp_path):
    corpus = reviews(40)
    results = finetune(base, corpus, tmp_path / "seeds", seeds=[0, 1], **QUICK)
    assert [r.path.name for r in results] == ["seed-0", "seed-1"]
    alone = finetune(base, corpus, tmp_path / "alone", seed=1, **QUICK)[0]
    assert same(results[1].path, alone.path)
    assert not same(results[0].path, results[1].path)


def test_callers_random_numbers_do_not_change(base, tmp_path):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the state in question
    random.seed(5)
    expected = (torch.rand(1).item(), np.random.rand(), random.random())  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    finetune(base, reviews(24), tmp_path / "out", **QUICK)
    assert (torch.rand(1).item(), np.random.rand(), random.random()) == expected  # noqa: NPY002


def test_checkpoints_are_model_directories_and_the_last_equals_the_result(base, tmp_path):
    result = finetune(base, reviews(40), tmp_path / "out", checkpoint_every=2, dev_fraction=0.2, **QUICK)[0]
    assert result.metrics["steps"] == 4
    assert [p.name for p in result.checkpoints] == ["checkpoint-2", "checkpoint-4"]
    assert [row["step"] for row in result.metrics["evaluations"]] == [2, 4]
    assert same(result.checkpoints[1], result.path)
    assert not same(result.checkpoints[0], result.path)
    assert load(result.checkpoints[0], head=True).config.num_labels == 2
    for directory in (result.path, *result.checkpoints):
        # Others may read the weights as they may read what stands beside them.
        assert len({path.stat().st_mode for path in directory.iterdir() if path.is_file()}) == 1


def test_frozen_layers_keep_every_bit_and_the_others_move(base, tmp_path):
    result = finetune(base, reviews(40), tmp_path / "out", freeze_layers=2, learning_rate=1e-2, **QUICK)[0]
    before, after = tiny_model("bert").state_dict(), weights(result.path)
    for name, value in before.items():
        frozen = name.startswith("embeddings") or ".layer.0." in name or ".layer.1." in name
        if ".key.bias" in name:
            continue
        assert torch.equal(value, after[f"bert.{name}"]) == frozen, name


def test_freezing_zero_layers_freezes_the_embeddings_alone(base, tmp_path):
    result = finetune(base, reviews(40), tmp_path / "out", freeze_layers=0, learning_rate=1e-2, **QUICK)[0]
    before, after = tiny_model("bert").state_dict(), weights(result.path)
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(before[name], after[f"bert.{name}"])
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(before[name], after[f"bert.{name}"])


@pytest.mark.parametrize("architecture", ["bert", "gpt2", "distilbert", "xlnet", "albert", "qwen2", "t5", "bart"])
def test_kept_layers_compute_what_the_first_layers_of_the_base_compute(architecture, tmp_path):
    path = save_tiny(tmp_path / "base", architecture)
    # A rate this small changes nothing in float32, so only the shortening is seen.
    options = {**QUICK, "learning_rate": 1e-30, "weight_decay": 0.0, "keep_layers": 2}
    if architecture == "t5":
        options |= {"task": "tokens", "label": "tag"}
    corpus = reviews(24, word_label=lambda w: w[0])
    result = finetune(path, corpus, tmp_path / "out", **options)[0]
    short, full = AutoModel.from_pretrained(result.path), AutoModel.from_pretrained(path)
    if architecture in ("t5", "bart"):
        short, full = short.get_encoder(), full.get_encoder()
    ids = torch.tensor([[7, 8, 9, 10]])
    with torch.no_grad():
        ours = short.eval()(ids, output_hidden_states=True).hidden_states
        theirs = full.eval()(ids, output_hidden_states=True).hidden_states
    assert len(ours) == 3
    assert torch.allclose(ours[1], theirs[1], atol=1e-6)


def test_given_module_is_fine_tuned_without_being_changed(tmp_path):
    module = tiny_model("bert")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    result = finetune((module, tiny_tokenizer("wordpiece")), reviews(24), tmp_path / "out", learning_rate=1e-2, **QUICK)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    name = "encoder.layer.0.output.dense.weight"
    moved = weights(result[0].path)[f"bert.{name}"] - before[name]
    assert 0 < moved.abs().max() < 0.2


def test_finished_run_is_found_and_not_trained_again(base, tmp_path):
    corpus = reviews(24)
    first = finetune(base, corpus, tmp_path / "out", **QUICK)[0]
    changed = (first.path / "model.safetensors").stat().st_mtime_ns
    second = finetune(base, corpus, tmp_path / "out", **QUICK)[0]
    assert second.found
    assert not first.found
    assert second.metrics == first.metrics
    assert (first.path / "model.safetensors").stat().st_mtime_ns == changed


def test_other_request_for_the_same_directory_is_refused_and_says_what_differs(base, tmp_path):
    finetune(base, reviews(24), tmp_path / "out", **QUICK)
    with pytest.raises(OptionError, match=r"learning_rate: 5e-05 there, 0\.001 asked"):
        finetune(base, reviews(24), tmp_path / "out", learning_rate=1e-3, **QUICK)
    with pytest.raises(OptionError, match=r"\(corpus: "):
        finetune(base, reviews(24, seed=9), tmp_path / "out", **QUICK)


def test_directory_with_something_else_is_not_touched(base, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OptionError, match="not empty"):
        finetune(base, reviews(24), tmp_path, **QUICK)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_nothing_is_left_behind_when_training_stops(base, tmp_path):
    class Stop(Progress):
        def note(self, text: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(base, reviews(24), tmp_path / "out", progress=Stop(), checkpoint_every=1, **QUICK)
    assert list(tmp_path.iterdir()) == []


def test_left_over_of_a_killed_run_does_not_end_up_in_the_result(base, tmp_path):
    left = tmp_path / ".out.unfinished"
    left.mkdir()
    (left / "checkpoint-1").mkdir()
    result = finetune(base, reviews(24), tmp_path / "out", **QUICK)[0]
    assert not left.exists()
    assert sorted(p.name for p in result.path.iterdir()) == [
        "config.json", "metrics.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
        "train_sentences.npy",
    ]  # fmt: skip


def test_diverged_training_is_an_error(base, tmp_path):
    bad = tmp_path / "bad"
    shutil.copytree(base, bad)
    tensors = load_file(bad / "model.safetensors")
    tensors["encoder.layer.0.output.dense.weight"].fill_(float("nan"))
    module = tiny_model("bert")
    module.load_state_dict(tensors)
    with pytest.raises(ModelError, match="diverged: the loss is nan at step 1"):
        finetune((module, tiny_tokenizer("wordpiece")), reviews(24), tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()


def test_metrics_file_is_plain_json_and_says_where_the_model_comes_from(base, tmp_path):
    result = finetune(base, reviews(30), tmp_path / "out", dev_fraction=0, **QUICK)[0]
    written = json.loads((result.path / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert written == result.metrics
    assert written["base"]["weights_sha256"] == resolve(base).weights_sha256
    assert written["train_sentences"] == 30
    assert written["evaluations"] == []
    assert result.dev == {}


def test_progress_hears_of_every_step(base, tmp_path):
    class Count(Progress):
        def __init__(self):
            self.steps = 0

        def task(self, name, total, unit):
            self.total = total
            return super().task(name, total, unit)

    heard = Count()
    finetune(base, reviews(40), tmp_path / "out", progress=heard, **QUICK)
    assert heard.total == 5


def test_training_says_nothing_on_the_terminal(base, tmp_path, capfd):
    finetune(base, reviews(24), tmp_path / "out", **QUICK)
    assert capfd.readouterr() == ("", "")


def test_own_splits_are_used_and_the_test_part_is_never_seen(base, tmp_path):
    split = ["train"] * 20 + ["dev"] * 6 + ["test"] * 14
    result = finetune(base, reviews(40, split=split), tmp_path / "out", **QUICK)[0]
    assert (result.metrics["train_sentences"], result.metrics["dev_sentences"]) == (20, 6)


def test_separate_held_out_corpus_is_used_whole(base, tmp_path):
    result = finetune(base, reviews(20), tmp_path / "out", eval_corpus=reviews(9, seed=1), **QUICK)[0]
    assert (result.metrics["train_sentences"], result.metrics["dev_sentences"]) == (20, 9)


def test_long_sentences_are_cut_and_counted(base, tmp_path):
    corpus = reviews(24)
    texts = corpus.sentences["text"].to_list()
    texts[3] = "the film " * 200
    corpus = labelled(texts, corpus.sentences["label"].to_list())
    result = finetune(base, corpus, tmp_path / "out", dev_fraction=0, **QUICK)[0]
    assert result.metrics["train_cut"] == 1
    with pytest.raises(OptionError, match="max_length 100"):
        finetune(base, corpus, tmp_path / "other", max_length=100, **QUICK)
    assert not (tmp_path / "other").exists()


def test_sentences_without_label_are_left_out(base, tmp_path):
    corpus = reviews(24)
    labels = [None, *corpus.sentences["label"].to_list()[1:]]
    corpus = labelled(corpus.sentences["text"].to_list(), labels)
    assert finetune(base, corpus, tmp_path / "out", dev_fraction=0, **QUICK)[0].metrics["train_sentences"] == 23


def test_what_was_trained_on_is_recorded_by_sentence(base, tmp_path):
    corpus = reviews(40)
    result = finetune(base, corpus, tmp_path / "out", dev_fraction=0.25, **QUICK)[0]
    recorded = np.load(result.path / TRAINED_ON)
    known = sentence_fingerprints(corpus.sentences)
    assert len(recorded) == 30
    assert np.isin(recorded, known).all()
    relabelled = corpus.sentences.with_columns(label=pl.lit("x"))
    assert np.array_equal(sentence_fingerprints(relabelled), known)
    assert not np.isin(sentence_fingerprints(labelled(["another text"]).sentences), known).any()
