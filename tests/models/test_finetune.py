import dataclasses
import json
import random
import shutil

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from isogloss.corpus import sentence_fingerprints
from isogloss.errors import CorpusError, ModelError, OptionError
from isogloss.models.finetune import finetune
from isogloss.models.finetune_data import IGNORED, Collator, Example, GroupedByLength, split_rows
from isogloss.models.finetune_result import TRAINED_ON
from isogloss.models.finetune_tasks import TokenClassification, choose_task, ordered
from isogloss.models.loading import load
from isogloss.models.reference import resolve
from isogloss.numerics import wilson_interval
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


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a"] * 24, "only 'a' in 24 sentences"),
        ([str(i) for i in range(24)], "24 different values in 24 sentences"),
        ([str(i // 2) for i in range(2400)], "1,200 different values"),
        ([None] * 24, "no value"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(base, tmp_path, labels, said):
    corpus = labelled(["the film"] * len(labels), pl.Series(labels, dtype=pl.String))
    with pytest.raises(CorpusError, match=said):
        finetune(base, corpus, tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()


def test_label_must_be_there_and_fit_the_task():
    corpus = reviews(24, word_label=len)
    with pytest.raises(CorpusError, match="no label 'stars'; it has label, tag"):
        choose_task("auto", "stars", [corpus])
    with pytest.raises(OptionError, match="the task tokens does not fit the label 'label' of sentences"):
        choose_task("tokens", "label", [corpus])
    with pytest.raises(OptionError, match="no task called 'ner'"):
        choose_task("ner", None, [corpus])
    assert choose_task("auto", None, [corpus]).label == "label"
    assert choose_task("tokens", None, [corpus]).label == "tag"


def test_scores_that_are_words_are_named():
    corpus = labelled(["the film"] * 3, ["1.5", "two", "3"])
    with pytest.raises(CorpusError, match="'two' in 1 of 3 sentences"):
        choose_task("regression", "label", [corpus])


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"learning_rate": 0},
        {"batch_size": 0},
        {"checkpoint_every": 0},
        {"train_fraction": 0},
        {"train_fraction": 1.1},
        {"dev_fraction": 1},
        {"seeds": []},
        {"keep_layers": 4},
        {"keep_layers": 0},
        {"keep_layers": 9, "seeds": [0, 1]},
        {"freeze_layers": 4},
        {"dtype": "float16"},
    ],
)
def test_impossible_options_are_refused_and_leave_nothing(base, tmp_path, options):
    with pytest.raises(OptionError):
        finetune(base, reviews(24), tmp_path / "out", **{**QUICK, **options})
    assert list(tmp_path.iterdir()) == []


def test_albert_cannot_freeze_a_part_of_its_one_block(tmp_path):
    path = save_tiny(tmp_path / "base", "albert")
    with pytest.raises(OptionError, match="one block for all its layers"):
        finetune(path, reviews(24), tmp_path / "out", freeze_layers=1, **QUICK)


@given(
    n=st.integers(4, 200),
    fraction=st.floats(0.05, 0.9),
    small=st.floats(0.01, 0.5),
    large=st.floats(0.5, 1.0),
)
def test_parts_are_disjoint_and_smaller_fractions_are_contained_in_larger(n, fraction, small, large):
    sentences = pl.DataFrame({"sentence": pl.Series(range(n), dtype=pl.UInt32)})
    little, dev = split_rows(sentences, dev_fraction=fraction, train_fraction=small, own_dev=True)
    more, same_dev = split_rows(sentences, dev_fraction=fraction, train_fraction=large, own_dev=True)
    assert len(dev)
    assert len(little)
    assert (dev == same_dev).all()
    assert set(little) <= set(more)
    assert not set(more) & set(dev)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=300), st.integers(1, 20), st.integers(0, 5))
def test_length_groups_hold_every_example_once_and_waste_little(lengths, batch_size, seed):
    sampler = GroupedByLength(lengths, batch_size, seed)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    spread = sum(max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches)
    stretches = -(-len(lengths) // (50 * batch_size))
    assert spread <= 59 * stretches


def test_every_epoch_has_another_order():
    sampler = GroupedByLength(list(range(100)), 10, 0)
    assert list(sampler) != list(sampler)


@pytest.mark.parametrize("kind", ["wordpiece", "bytelevel", "bytelevel-prefix", "metaspace", "unigram"])
@pytest.mark.parametrize("all_subwords", [False, True])
def test_word_labels_land_on_subwords_inside_their_words(kind, all_subwords):
    texts = ["Its naïve hero re-enters the café; nobody notices.", "Wonderful performances"]
    corpus = labelled(texts, word_label=str.lower)
    task = TokenClassification.of("tag", [corpus, *[corpus] * 3], all_subwords=all_subwords)
    tokenizer = tiny_tokenizer(kind)
    encoded = task.encode(corpus, np.arange(2), tiny_model("bert"), tokenizer, None)
    core = tokenizer.backend_tokenizer
    for number, (text, example) in enumerate(zip(texts, encoded.examples, strict=True)):
        words = corpus.words.filter(pl.col("sentence") == number)
        for (start, end), target in zip(core.encode(text).offsets, example.target, strict=True):
            under = words.filter((pl.col("start") < end) & (pl.col("end") > start))["tag"].to_list()
            assert target == IGNORED or task.classes[target] in under
        carried = [task.classes[t] for t in example.target if t != IGNORED]
        if kind != "metaspace":
            assert set(carried) == set(words["tag"])
            assert encoded.lost == 0
            assert all_subwords or len(carried) == len(words)


def test_word_that_shares_its_first_subword_is_counted_as_lost():
    corpus = labelled(["the film the film"], word_label=str.lower)
    halves = corpus.words.with_columns(start=pl.Series([0, 1, 9, 13]), end=pl.Series([1, 3, 12, 17]))
    corpus = dataclasses.replace(corpus, words=halves)
    task = TokenClassification.of("tag", [corpus] * 2, all_subwords=False)
    encoded = task.encode(corpus, np.arange(1), tiny_model("bert"), tiny_tokenizer("wordpiece"), None)
    assert encoded.lost == 1


def test_class_names_that_are_numbers_are_ordered_by_size():
    assert ordered({"10", "9", "-1"}) == ["-1", "9", "10"]
    assert ordered({"10", "9", "b"}) == ["10", "9", "b"]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("architecture", ["bert", "roberta", "xlnet", "gpt2", "llama"])
def test_padding_never_changes_what_the_head_reads(architecture, side):
    model = tiny_model(architecture, auto="AutoModelForSequenceClassification")
    tokenizer = tiny_tokenizer(ARCHITECTURES[architecture]["tokenizer"], side)
    texts = ["the film", "nobody notices the wonderful performances throughout the movie"]
    rows = [np.asarray(tokenizer(text)["input_ids"]) for text in texts]
    made = [Example(row, np.zeros(len(row), np.int64), 0) for row in rows]
    collate = Collator(model, tokenizer, torch.int64, made)
    with torch.no_grad():
        together = model(**collate(made)).logits
        alone = torch.cat([model(**collate([example])).logits for example in made])
    assert torch.allclose(together, alone, atol=1e-5)


def test_model_that_cannot_run_on_the_corpus_is_refused(tmp_path):
    path = save_tiny(tmp_path / "base", "bart", eos_token_id=419)
    with pytest.raises(ModelError, match=r"BartForSequenceClassification cannot run on this corpus: "):
        finetune(path, reviews(24), tmp_path / "out", **QUICK)


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    # Newcombe 1998, doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, Table I, method 3.
    [
        (81 / 263, 263, 0.2553, 0.3662),
        (15 / 148, 148, 0.0624, 0.1605),
        (0.0, 20, 0.0, 0.1611),
        (1 / 29, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(share, n, low, high):
    assert wilson_interval(share * n, n) == pytest.approx((low, high), abs=5e-5)


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
