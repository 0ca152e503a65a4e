import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from peft import IA3Config, LoraConfig, get_peft_model
from transformers import PreTrainedModel
from typer.testing import CliRunner

import isogloss as ig
from isogloss.activations import ExtractOptions, extract_loaded
from isogloss.cli.app import app
from isogloss.errors import ModelError, OptionError
from isogloss.models import load, resolve
from isogloss.models.adapters import keeps_base, sharing_base
from isogloss.models.classifier import Classifier
from isogloss.study.head import TunedClassifier
from tests.decoders import (
    LAYERS,
    QUICK,
    decoder,
    decoder_corpus,
    decoder_tokenizer,
    name_base,
    save_decoder,
    save_lora,
)

# PEFT still asks transformers for an attribute under its old name when an adapter is made.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")

SIMILARITY = {"analyses": ["similarity"], "options": {"similarity": QUICK["similarity"]}}
IDS = torch.arange(5, 15)[None]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_decoder(tmp_path_factory.mktemp("bases") / "base", "llama")


def hidden(module):
    with torch.no_grad():
        return module(input_ids=IDS)[0]


def inside(wrapped):
    """The encoder in PEFT's own model."""
    return wrapped.get_base_model().base_model


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, True),
        ({"use_rslora": True}, True),
        ({"use_dora": True}, True),
        ({"modules_to_save": ["embed_tokens"]}, True),
        ({"init_lora_weights": "gaussian"}, True),
        ({"init_lora_weights": "pissa"}, False),
        ({"init_lora_weights": "olora"}, False),
        ({"layer_replication": [[0, 2], [1, 2]]}, False),
    ],
    ids=str,
)
def test_kinds_of_lora_compute_what_peft_computes_and_off_what_the_base_does_or_say_that_they_cannot(
    options, kept, base, tmp_path
):
    theirs = save_lora(tmp_path / "adapter", base, "AutoModel", None, **options)
    loaded = load(tmp_path / "adapter")
    assert torch.equal(hidden(loaded.module), hidden(inside(theirs)))
    assert keeps_base(loaded.reference) == kept
    if kept:
        with loaded.adapter_disabled():
            assert torch.equal(hidden(loaded.module), hidden(load(base).module))
        return
    with pytest.raises(ModelError, match="changes weights of its base"), loaded.adapter_disabled():
        pass


def test_adapters_that_are_not_lora_are_read_too(base, tmp_path):
    wrapped = get_peft_model(
        transformers.AutoModel.from_pretrained(base),
        IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]),
    )
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "ia3" in name:
                parameter.normal_(1, 0.3)
    wrapped.save_pretrained(tmp_path / "ia3")
    name_base(tmp_path / "ia3", base)
    assert torch.equal(hidden(load(tmp_path / "ia3").module), hidden(inside(wrapped.eval())))


def test_adapters_on_a_shared_base_are_those_loaded_alone_and_leave_it_as_it_was(base, tmp_path, monkeypatch):
    kinds = {"one": {}, "dora": {"use_dora": True}, "pissa": {"init_lora_weights": "pissa"}, "two": {"seed": 2}}
    for name, options in kinds.items():
        save_lora(tmp_path / name, base, "AutoModelForCausalLM", "CAUSAL_LM", **options)
    alone = {name: hidden(load(tmp_path / name).module) for name in kinds}
    read = []
    original = PreTrainedModel.from_pretrained.__func__
    monkeypatch.setattr(
        PreTrainedModel, "from_pretrained", classmethod(lambda c, *a, **k: (read.append(a), original(c, *a, **k))[1])
    )
    with sharing_base():
        held = {name: load(tmp_path / name) for name in kinds}
        for name, loaded in held.items():
            assert torch.equal(hidden(loaded.module), alone[name])
        with held["one"].adapter_disabled():
            assert torch.equal(hidden(held["one"].module), hidden(decoder("llama").model))
    # PiSSA subtracts from the weights it is put on, so it has them for itself.
    assert len(read) == 2
    shared, other = (held[name].module.layers[0].self_attn.q_proj.base_layer.weight for name in ("one", "two"))
    assert shared.data_ptr() == other.data_ptr()
    load(tmp_path / "one")
    assert len(read) == 3


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"modules_to_save": ["embed_tokens", "lm_head"]}, True),
        ({}, False),
        ({"target_modules": ["q_proj", "embed_tokens"]}, False),
    ],
    ids=["trained", "saved beside it", "adapted"],
)
def test_an_adapter_with_more_tokens_than_its_base_brings_their_embeddings(options, kept, base, tmp_path):
    core = transformers.AutoModelForCausalLM.from_pretrained(base)
    core.resize_token_embeddings(430, mean_resizing=False)
    wrapped = get_peft_model(core, LoraConfig(**{"task_type": "CAUSAL_LM", "target_modules": ["q_proj"]} | options))
    wrapped.save_pretrained(tmp_path / "adapter", save_embedding_layers=True)
    name_base(tmp_path / "adapter", base)
    loaded = load(tmp_path / "adapter")
    new = torch.tensor([[5, 425, 429, 7]])
    with torch.no_grad():
        assert torch.equal(loaded.module(input_ids=new)[0], inside(wrapped.eval())(input_ids=new)[0])
    assert keeps_base(loaded.reference) == kept


def test_an_adapter_of_a_deeper_model_is_refused(base, tmp_path):
    deep = save_decoder(tmp_path / "deep", "llama", num_hidden_layers=LAYERS + 1)
    save_lora(tmp_path / "adapter", deep, "AutoModelForCausalLM", "CAUSAL_LM")
    name_base(tmp_path / "adapter", base)
    with pytest.raises(ModelError, match=r"does not fit its base .*4 of its 12 weights have no place .*layers\.2\."):
        load(tmp_path / "adapter")


def test_an_adapter_on_an_adapter_is_refused(base, tmp_path):
    save_lora(tmp_path / "one", base, "AutoModel", None)
    save_lora(tmp_path / "two", base, "AutoModel", None)
    name_base(tmp_path / "two", tmp_path / "one")
    with pytest.raises(ModelError, match="is an adapter too; merge"):
        resolve(tmp_path / "two")


def test_a_base_that_lies_elsewhere_is_told_with_where_to_write_it(base, tmp_path):
    save_lora(tmp_path / "adapter", base, "AutoModel", None, named="/home/somebody/llama")
    with pytest.raises(ModelError, match=r"base_model_name_or_path of .*adapter_config\.json"):
        resolve(tmp_path / "adapter")


def test_a_base_of_another_name_with_the_same_weights_is_the_same(base, tmp_path):
    copied = shutil.copytree(base, tmp_path / "copy")
    save_lora(tmp_path / "adapter", base, "AutoModel", None, named=str(copied))
    few = decoder_corpus(6)
    study = ig.compare(base, tmp_path / "adapter", few, out=tmp_path / "run", **SIMILARITY)
    assert not any("another model" in note for note in study.notes)


def test_an_adapter_on_another_model_than_the_base_is_told(base, tmp_path):
    other = save_decoder(tmp_path / "other", "llama", seed=5)
    save_lora(tmp_path / "adapter", other, "AutoModel", None)
    few = decoder_corpus(6)
    study = ig.compare(base, tmp_path / "adapter", few, out=tmp_path / "run", **SIMILARITY)
    assert any("was fine-tuned from another model" in note for note in study.notes)
    alone = ig.extract(base, few, tmp_path / "alone")
    kept = ig.ActivationStore(tmp_path / "run" / "activations" / "base")
    assert np.array_equal(alone.layer(1), kept.layer(1))


def test_several_adapters_in_one_directory_are_listed(base, tmp_path):
    for name in ("first", "second"):
        save_lora(tmp_path / "both" / name, base, "AutoModel", None)
    with pytest.raises(ModelError, match=r"holds no model of its own, but .*first, .*second; give one of these"):
        resolve(tmp_path / "both")


def test_classes_without_names_are_numbers_where_the_corpus_has_numbers(base, tmp_path):
    save_lora(tmp_path / "adapter", base)
    reference = resolve(tmp_path / "adapter")
    assert TunedClassifier(reference, "cpu", numbered=True).classes == ("0", "1")
    assert TunedClassifier(reference, "cpu").classes == ("LABEL_0", "LABEL_1")


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_a_decoders_classifier_without_a_padding_token_reads_the_last_token(architecture, tmp_path):
    tokenizer = decoder_tokenizer(architecture, padding=False)
    path = save_decoder(tmp_path, architecture, 0, "AutoModelForSequenceClassification", tokenizer=tokenizer)
    texts = ["Bad acting", "a quiet film", "Bad acting", "she sings"]
    ours = Classifier(load(path, head=True))(texts)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(path).eval()
    for text, row in zip(texts, ours, strict=True):
        with torch.no_grad():
            logits = model(input_ids=tokenizer(text, return_tensors="pt")["input_ids"]).logits[0]
        np.testing.assert_allclose(row, logits.double().softmax(-1).numpy(), rtol=1e-5)


@pytest.mark.parametrize("given", ["files", "module"])
def test_rotary_frequencies_keep_their_precision_in_a_coarser_type(given, base):
    model = transformers.AutoModel.from_pretrained(base)
    loaded = load(base if given == "files" else (model, decoder_tokenizer("llama")), dtype="bfloat16")
    assert loaded.dtype == torch.bfloat16
    assert torch.equal(loaded.module.rotary_emb.inv_freq, model.rotary_emb.inv_freq)
    assert model.dtype == torch.float32


def test_shards_with_an_index_are_one_model(base, tmp_path):
    transformers.AutoModelForCausalLM.from_pretrained(base).save_pretrained(tmp_path, max_shard_size="60KB")
    decoder_tokenizer("llama").save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert torch.equal(hidden(load(tmp_path).module), hidden(load(base).module))


def test_quantised_weights_that_cannot_be_read_are_called_so(base, tmp_path):
    path = shutil.copytree(base, tmp_path / "quantised")
    config = json.loads((path / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"cannot be loaded: .*quantised: gptq; give the model that it was made from"):
        load(path)


PARTS = ("embed_tokens", "layers.0", "layers.1", "norm", "rotary_emb")


@pytest.mark.parametrize(
    ("device_map", "half"),
    [
        ("auto", False),
        (dict.fromkeys(PARTS, "cpu"), False),
        (dict.fromkeys(PARTS, "cpu") | {"layers.1": "disk"}, False),
        (dict.fromkeys(PARTS, "cpu") | {"embed_tokens": "disk", "layers.0": "disk"}, True),
    ],
    ids=["auto", "cpu", "a block on disk", "embeddings on disk, from bfloat16"],
)
def test_a_model_that_is_spread_gives_the_same_vectors(device_map, half, base, tmp_path, capfd):
    path = base
    if half:
        path = tmp_path / "half"
        transformers.AutoModel.from_pretrained(base).bfloat16().save_pretrained(path)
        decoder_tokenizer("llama").save_pretrained(path)
    few = decoder_corpus(8)
    capfd.readouterr()
    loaded = load(path, device_map=device_map)
    assert capfd.readouterr() == ("", "")
    on_disk = isinstance(device_map, dict) and "disk" in device_map.values()
    assert any(parameter.is_meta for parameter in loaded.module.parameters()) == on_disk
    assert loaded.device == torch.device("cpu")
    spread = extract_loaded(loaded, resolve(path), few, tmp_path / "spread", ExtractOptions())
    whole = ig.extract(path, few, tmp_path / "whole")
    for layer in whole.layers:
        # Where weights come and go, torch multiplies; elsewhere perhaps oneDNN.
        np.testing.assert_allclose(spread.layer(layer), whole.layer(layer), rtol=1e-5, atol=1e-6)


def test_a_device_map_is_no_part_of_what_a_run_is_about(base, tmp_path):
    save_lora(tmp_path / "adapter", base)
    few = decoder_corpus(6)
    (tmp_path / "few.csv").write_text(
        "text,label\n" + "".join(f'"{t}",{i % 2}\n' for i, t in enumerate(few.sentences["text"]))
    )
    asked = ["compare", str(base), str(tmp_path / "adapter"), "--data", str(tmp_path / "few.csv"), "--quiet"]
    asked += ["--analyses", "similarity", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*asked, "--device-map", "auto"])
    assert done.exit_code == 0, done.output
    again = CliRunner().invoke(app, asked)
    assert again.exit_code == 0, again.output
    single = ["extract", str(base), "--data", str(tmp_path / "few.csv"), "--quiet", "--out", str(tmp_path / "store")]
    assert CliRunner().invoke(app, [*single, "--device-map", "cpu"]).exit_code == 0
    assert CliRunner().invoke(app, single).exit_code == 0


def test_a_device_map_that_cannot_be_followed_is_refused(base, tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        load(base, device_map="nowhere")
    with pytest.raises(OptionError, match="in memory already"):
        load((decoder("llama"), decoder_tokenizer("llama")), device_map="auto")
    save_lora(tmp_path / "adapter", base, "AutoModel", None)
    with pytest.raises(ModelError, match=r"cannot be put on a base that is spread .*merge"):
        load(tmp_path / "adapter", device_map=dict.fromkeys(PARTS, "cpu") | {"layers.1": "disk"})


def test_doctor_says_what_a_decoder_and_an_adapter_are(base, tmp_path):
    def said(path):
        done = CliRunner().invoke(app, ["doctor", str(path), "--analyses", "none"], env={"COLUMNS": "300"})
        assert done.exit_code == 0, done.output
        return done.output

    save_lora(tmp_path / "adapter", base)
    text = said(tmp_path / "adapter")
    assert "(adapter)" in text
    assert f"LORA of rank 4 on q_proj, v_proj, task SEQ_CLS; its base is {base}: both are one copy in memory" in text
    assert "a token only what stands before it (a decoder)" in text
    assert f"layer {LAYERS}: the block output differs: hidden_states is after the final norm" in text
    transformers.AutoModel.from_pretrained(base).bfloat16().save_pretrained(tmp_path / "half")
    decoder_tokenizer("llama").save_pretrained(tmp_path / "half")
    assert "bfloat16 on disk, float32 here" in said(tmp_path / "half")
