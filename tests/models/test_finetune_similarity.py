import json

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr
from transformers import AutoModel, AutoTokenizer, T5EncoderModel

from isogloss.errors import CorpusError, ModelError, OptionError
from isogloss.models.bi_encoder import BiEncoder
from isogloss.models.finetune import finetune
from isogloss.models.finetune_similarity import PairSimilarity
from isogloss.models.finetune_tasks import choose_task
from isogloss.models.kinship import parent_weights, task_head, trained_on
from isogloss.models.loading import load
from isogloss.models.reference import resolve
from tests.models.labelled import labelled, reviews
from tests.tiny import ARCHITECTURES, save_tiny, tiny_model, tiny_tokenizer

QUICK = {"task": "similarity", "epochs": 1, "batch_size": 8, "device": "cpu"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("base"), "bert")


def pairs(n: int, *, low: float = 0.0, high: float = 5.0, split: list[str] | None = None):
    """Pairs that are alike where the words that decide their classes are: `high`, else `low`."""
    one, other = reviews(n), reviews(n, seed=1)
    alike = one.sentences["label"] == other.sentences["label"]
    scores = pl.select(pl.when(alike).then(high).otherwise(low).alias("score"))["score"]
    return labelled(
        one.sentences["text"].to_list(), scores.to_list(), text_b=other.sentences["text"].to_list(), split=split
    )


def vector(model, tokenizer, text: str) -> torch.Tensor:
    """The mean of the last hidden states of one text's tokens that are not special, the long way round."""
    encoded = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    special = encoded.pop("special_tokens_mask")[0].bool()
    with torch.no_grad():
        hidden = model(input_ids=encoded["input_ids"]).last_hidden_state[0]
    return hidden[~special].mean(0)


def test_planted_likeness_is_learnt_and_the_measure_is_that_of_the_saved_encoder(base, tmp_path):
    corpus = pairs(400, split=["train"] * 300 + ["dev"] * 100)
    result = finetune(base, corpus, tmp_path / "out", **QUICK | {"epochs": 6, "learning_rate": 3e-3, "batch_size": 16})[
        0
    ]
    assert result.dev["pearson"] > 0.9
    assert result.dev["spearman"] > result.dev_base["spearman"] + 0.3
    dev = corpus.sentences.filter(split="dev")
    for where, measured in ((result.path, result.dev), (base, result.dev_base)):
        model, tokenizer = AutoModel.from_pretrained(where).eval(), AutoTokenizer.from_pretrained(where)
        cosines = [
            torch.cosine_similarity(vector(model, tokenizer, a), vector(model, tokenizer, b), dim=0).item()
            for a, b in zip(dev["text"], dev["text_b"], strict=True)
        ]
        assert measured["spearman"] == pytest.approx(spearmanr(cosines, dev["label"]).statistic, abs=1e-3)
        errors = np.asarray(cosines) - dev["label"].to_numpy() / 5
        assert measured["mse"] == pytest.approx(np.mean(errors**2), abs=1e-4)


def test_result_is_an_encoder_without_a_head_that_knows_its_base(base, tmp_path):
    corpus = pairs(24)
    result = finetune(base, corpus, tmp_path / "out", dev_fraction=0, **QUICK)[0]
    assert set(load_file(result.path / "model.safetensors")) == set(load_file(base / "model.safetensors"))
    tuned = resolve(result.path)
    assert task_head(tuned) is None
    assert parent_weights(tuned) == resolve(base).weights_sha256
    assert len(trained_on(tuned)) == 24
    with pytest.raises(ModelError, match="no classification head"):
        load(result.path, head=True)
    written = json.loads((result.path / "metrics.json").read_text())
    assert written["score_range"] == [0.0, 5.0]
    assert (written["evaluations"], result.dev_base) == ([], {})


@pytest.mark.parametrize("architecture", ["albert", "bart", "distilbert", "gpt2", "llama", "mpnet", "t5", "xlnet"])
def test_other_architectures_train_and_load(architecture, tmp_path):
    path = save_tiny(tmp_path / "base", architecture)
    result = finetune(path, pairs(16), tmp_path / "out", dev_fraction=0, learning_rate=1e-2, **QUICK)[0]
    assert type(AutoModel.from_pretrained(result.path)) is type(AutoModel.from_pretrained(path))
    before, after = load_file(path / "model.safetensors"), load_file(result.path / "model.safetensors")
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_encoder_that_was_saved_alone_stays_alone(tmp_path):
    tiny = T5EncoderModel(tiny_model("t5").config)
    tiny.save_pretrained(tmp_path / "base")
    tiny_tokenizer("unigram").save_pretrained(tmp_path / "base")
    for number, spec in enumerate((tmp_path / "base", (tiny, tiny_tokenizer("unigram")))):
        result = finetune(spec, pairs(16), tmp_path / str(number), dev_fraction=0, **QUICK)[0]
        assert not any(name.startswith("decoder") for name in load_file(result.path / "model.safetensors"))
        assert load(result.path).module is not None


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("architecture", ["bert", "roberta", "xlnet", "gpt2", "llama", "deberta-v2", "t5"])
def test_cosine_is_that_of_each_text_alone_whatever_is_beside_it(architecture, side):
    tokenizer = tiny_tokenizer(ARCHITECTURES[architecture]["tokenizer"], side)
    texts = ["the film", "nobody notices the wonderful performances throughout", "bad", "the worst ending of 2019"]
    corpus = labelled(texts, [0.0, 1.0, 2.0, 4.0], text_b=texts[::-1])
    task = PairSimilarity.of("label", [corpus], score_range=None)
    model = tiny_model(architecture)
    module = BiEncoder(model).eval()
    made = task.encode(corpus, np.arange(4), module, tokenizer, None).examples
    batch = task.collator(module, tokenizer, made)(made)
    with torch.no_grad():
        output = module(**batch)
    encoder = model.get_encoder() if architecture == "t5" else model
    vectors = [vector(encoder, tokenizer, text) for text in texts]
    expected = [torch.cosine_similarity(a, b, dim=0) for a, b in zip(vectors, vectors[::-1], strict=True)]
    assert torch.allclose(output.logits, torch.stack(expected), atol=1e-5)
    assert torch.allclose(batch["labels"], torch.tensor([0.0, 0.25, 0.5, 1.0]))
    assert output.loss == pytest.approx(((output.logits - batch["labels"]) ** 2).mean().item())


def test_scale_of_the_scores_does_not_matter(base, tmp_path):
    paths = [
        finetune(base, corpus, tmp_path / str(number), **QUICK)[0].path
        for number, corpus in enumerate((pairs(40), pairs(40, low=-1.0, high=1.0)))
    ]
    one, other = (load_file(path / "model.safetensors") for path in paths)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_range_that_is_given_sets_the_scale_and_the_same_request_is_found_again(base, tmp_path):
    corpus = pairs(24, low=1.0, high=3.0)
    task = choose_task("similarity", None, [corpus], score_range=(0, 4))
    made = task.encode(corpus, np.arange(24), tiny_model("bert"), tiny_tokenizer("wordpiece"), None).examples
    assert {example.target for example in made} == {0.25, 0.75}
    options = {**QUICK, "score_range": (0, 4)}
    finetune(base, corpus, tmp_path / "out", **options)
    assert finetune(base, corpus, tmp_path / "out", **options)[0].found
    with pytest.raises(OptionError, match="score_range"):
        finetune(base, corpus, tmp_path / "out", **QUICK)


def test_held_out_scores_share_the_scale():
    task = choose_task("similarity", None, [pairs(10, low=1.0, high=4.0), pairs(10, low=0.0, high=5.0)])
    assert task.facts["score_range"] == [0.0, 5.0]


def test_limit_is_of_each_text(base, tmp_path):
    long, short = "the film " * 25, "the film"
    corpus = labelled([long, short, short * 40], [1.0, 2.0, 3.0], text_b=[long, short, short])
    result = finetune(base, corpus, tmp_path / "out", dev_fraction=0, **QUICK)[0]
    assert result.metrics["train_cut"] == 1


def test_seeds_and_checkpoints(base, tmp_path):
    corpus = pairs(40)
    results = finetune(base, corpus, tmp_path / "seeds", seeds=[0, 1], checkpoint_every=2, **QUICK)
    again = finetune(base, corpus, tmp_path / "again", seed=1, checkpoint_every=2, **QUICK)[0]
    weights = [load_file(r.path / "model.safetensors") for r in (*results, again)]
    name = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(weights[0][name], weights[1][name])
    assert torch.equal(weights[1][name], weights[2][name])
    assert [path.name for path in results[0].checkpoints] == ["checkpoint-2", "checkpoint-4"]
    assert [row["step"] for row in results[0].metrics["evaluations"]] == [0, 2, 4, 5]
    assert type(AutoModel.from_pretrained(results[0].checkpoints[0])).__name__ == "BertModel"


def test_measuring_the_base_does_not_change_what_is_learnt(base, tmp_path, monkeypatch):
    paths = [finetune(base, pairs(40), tmp_path / "measured", **QUICK)[0].path]
    monkeypatch.setattr(PairSimilarity, "measures_base", False)
    paths.append(finetune(base, pairs(40), tmp_path / "not", **QUICK)[0].path)
    one, other = (load_file(path / "model.safetensors") for path in paths)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_frozen_layers_keep_every_bit_and_kept_layers_are_the_first(base, tmp_path):
    result = finetune(
        base, pairs(40), tmp_path / "out", freeze_layers=1, keep_layers=2, learning_rate=1e-2, dev_fraction=0, **QUICK
    )[0]
    before, after = load_file(base / "model.safetensors"), load_file(result.path / "model.safetensors")
    assert not any(".layer.2." in name for name in after)
    for name in after:
        # Without a head nothing reads the pooler; a key's bias moves all scores of a query alike.
        still = name.startswith(("embeddings", "pooler")) or ".layer.0." in name
        if ".key.bias" not in name:
            assert torch.equal(before[name], after[name]) == still, name


def test_bfloat16_measures_about_what_float32_does(base, tmp_path):
    one, other = (
        finetune(base, pairs(40), tmp_path / dtype, dtype=dtype, dev_fraction=0.5, **QUICK)[0]
        for dtype in ("float32", "bfloat16")
    )
    assert one.dev_base["mse"] == pytest.approx(other.dev_base["mse"], abs=0.02)
    assert one.dev["mse"] == pytest.approx(other.dev["mse"], abs=0.05)


@pytest.mark.parametrize(
    ("corpus", "said"),
    [
        (labelled(["a", "b"], [1.0, 2.0]), "planted has single texts; name the column of the second one with text_b="),
        (labelled(["a", "b", "c"], ["1", "two", "3"], text_b=["a", "b", "c"]), "not a number everywhere: 'two' in 1"),
        (labelled(["a", "b"], [2.0, 2.0], text_b=["a", "b"]), "fewer than two different scores"),
    ],
)
def test_corpora_that_cannot_be_learnt_are_refused_before_anything_is_loaded(corpus, said, base, tmp_path):
    with pytest.raises(CorpusError, match=said):
        finetune(base, corpus, tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"score_range": (5, 0)}, r"the smaller first\. Got 5 and 0"),
        ({"score_range": (0, float("inf"))}, "two numbers"),
        ({"score_range": (0, 4)}, "scores outside score_range 0 to 4: 5 and"),
        ({"score_range": (0, 5), "task": "regression"}, "belongs to the task similarity; the task asked for is regr"),
        ({"freeze_layers": 3}, "nothing is left to train"),
        ({"label": "tag"}, "similarity does not fit the label 'tag' of words"),
    ],
)
def test_options_that_cannot_be_are_refused_and_leave_nothing(options, said, base, tmp_path):
    corpus = pairs(24)
    corpus = labelled(
        corpus.sentences["text"].to_list(), corpus.sentences["label"].to_list(),
        text_b=corpus.sentences["text_b"].to_list(), word_label=str.lower,
    )  # fmt: skip
    with pytest.raises(OptionError, match=said):
        finetune(base, corpus, tmp_path / "out", **{"label": "label", **QUICK, **options})
    assert list(tmp_path.iterdir()) == []


def test_numeric_pairs_stay_a_regression_unless_likeness_is_asked_for():
    assert choose_task("auto", None, [pairs(24)]).name == "regression"
