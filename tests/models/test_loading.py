import json
import logging

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers.utils import logging as chatter

from isogloss.errors import ModelError, OptionError
from isogloss.models.loading import load
from isogloss.models.reference import resolve
from tests.tiny import ARCHITECTURES, save_tiny, tiny_model, tiny_tokenizer

# PEFT still asks transformers for an attribute under its old name when an adapter is made.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")

TEXT = "She sings beautifully, nobody notices."


def hidden(loaded) -> torch.Tensor:
    inputs = loaded.tokenizer(TEXT, return_tensors="pt")
    inputs = {name: value for name, value in inputs.items() if name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        output = loaded.module(**inputs)
    return output.logits if hasattr(output, "logits") else output.last_hidden_state


def rewrite(directory, change) -> None:
    path = directory / "model.safetensors"
    tensors = load_file(path)
    save_file(change(tensors), path, metadata={"format": "pt"})


def save_adapter(path, base_path, auto="AutoModelForSequenceClassification", task="SEQ_CLS", seed=1, **options):
    """A LoRA adapter with random, non-zero weights on a tiny BERT."""
    base = tiny_model("bert", auto=auto, **({"num_labels": 3} if auto != "AutoModel" else {}))
    base.base_model.load_state_dict(tiny_model("bert").state_dict())
    torch.manual_seed(seed)
    wrapped = get_peft_model(base, LoraConfig(task_type=task, target_modules=["query", "value"], r=4, **options))
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.normal_(0, 0.3)
    save_peft(wrapped, path, base_path)
    return wrapped.eval()


def save_peft(wrapped, path, base_path) -> None:
    wrapped.save_pretrained(path, save_embedding_layers=False)
    name_base(path, base_path)


def name_base(adapter, base_path) -> None:
    settings = adapter / "adapter_config.json"
    written = json.loads(settings.read_text()) | {"base_model_name_or_path": str(base_path)}
    settings.write_text(json.dumps(written))


@pytest.fixture
def base_path(tmp_path):
    return save_tiny(tmp_path / "base", "bert")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_loaded_encoder_computes_what_transformers_computes(architecture, tmp_path):
    path = save_tiny(tmp_path, architecture)
    loaded = load(resolve(path))
    if loaded.config.is_encoder_decoder:
        inputs = loaded.tokenizer(TEXT, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            ours = loaded.module.get_encoder()(inputs).last_hidden_state
            theirs = tiny_model(architecture).get_encoder()(inputs).last_hidden_state
        assert torch.equal(ours, theirs)
        return
    model = tiny_model(architecture)
    inputs = loaded.tokenizer(TEXT, return_tensors="pt")
    inputs = {name: value for name, value in inputs.items() if name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        assert torch.equal(hidden(loaded), model(**inputs).last_hidden_state)
    assert not loaded.module.training
    assert not any(parameter.requires_grad for parameter in loaded.module.parameters())


def test_classifier_checkpoint_gives_encoder_and_classifier(tmp_path):
    path = save_tiny(tmp_path, "bert", auto="AutoModelForSequenceClassification", num_labels=3)
    assert hidden(load(path)).shape[-1] == 32
    assert hidden(load(path, head=True)).shape == (1, 3)


def test_token_classifier_is_loaded_with_its_head(tmp_path):
    path = save_tiny(tmp_path, "bert", auto="AutoModelForTokenClassification", num_labels=5)
    assert hidden(load(path, head=True)).shape[-1] == 5


def test_masked_language_model_without_pooler_is_accepted_as_encoder(tmp_path):
    path = save_tiny(tmp_path, "bert", auto="AutoModelForMaskedLM")
    assert not any("pooler" in name for name in load_file(path / "model.safetensors"))
    assert hidden(load(path)).shape[-1] == 32


def test_head_of_a_bare_encoder_is_refused(base_path):
    with pytest.raises(ModelError, match=r"no classification head .*BertModel"):
        load(base_path, head=True)


def test_missing_encoder_weights_are_an_error_and_named(base_path):
    rewrite(base_path, lambda t: {n: v for n, v in t.items() if "layer.1." not in n})
    with pytest.raises(ModelError, match=r"lacks weights .*encoder\.layer\.1\..* and \d+ more.*random"):
        load(base_path)


def test_weights_of_another_shape_are_an_error(base_path):
    def widen(tensors):
        name = next(n for n in tensors if n.endswith("layer.0.output.dense.weight"))
        return tensors | {name: torch.zeros(32, 50)}

    rewrite(base_path, widen)
    with pytest.raises(ModelError):
        load(base_path)


def test_missing_head_weights_are_an_error_where_the_head_is_wanted(tmp_path):
    path = save_tiny(tmp_path, "bert", auto="AutoModelForSequenceClassification")
    rewrite(path, lambda t: {n: v for n, v in t.items() if not n.startswith("classifier")})
    with pytest.raises(ModelError, match="classification head"):
        load(path, head=True)
    assert hidden(load(path)).shape[-1] == 32


def test_pickle_weights_load_when_allowed_and_never_run_code(base_path, tmp_path):
    model = tiny_model("bert")
    (base_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), base_path / "pytorch_model.bin")
    loaded = load(resolve(base_path, allow_pickle=True))
    assert torch.equal(next(loaded.module.parameters()), next(model.parameters()))

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"weight": Trap()}, base_path / "pytorch_model.bin")
    with pytest.raises(ModelError):
        load(resolve(base_path, allow_pickle=True))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weights_have_the_type_asked_for(base_path, dtype):
    assert load(base_path, dtype=dtype).dtype == getattr(torch, dtype)


@pytest.mark.parametrize(
    "options", [{"dtype": "int8"}, {"dtype": torch.float64}, {"device": "tpux"}, {"device": "cuda:99"}]
)
def test_unknown_device_or_type_is_refused(base_path, options):
    with pytest.raises(OptionError):
        load(base_path, **options)


def test_loading_says_nothing_and_leaves_the_loggers_as_they_were(base_path, capfd):
    before = (chatter.get_verbosity(), chatter.is_progress_bar_enabled())
    load(base_path)
    save_tiny(base_path / "mlm", auto="AutoModelForMaskedLM")
    capfd.readouterr()
    load(base_path / "mlm")
    assert capfd.readouterr() == ("", "")
    assert (chatter.get_verbosity(), chatter.is_progress_bar_enabled()) == before
    assert logging.getLogger("transformers").level != logging.CRITICAL


def test_given_module_is_left_as_it_was():
    module = tiny_model("bert", auto="AutoModelForSequenceClassification").train()
    loaded = load((module, tiny_tokenizer("wordpiece")))
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert not loaded.module.training
    assert next(loaded.module.parameters()).data_ptr() == next(module.base_model.parameters()).data_ptr()
    half = load((module, tiny_tokenizer("wordpiece")), dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    assert next(module.parameters()).dtype == torch.float32


def test_given_module_needs_a_head_where_one_is_wanted():
    with pytest.raises(ModelError, match="BertModel has no classification head"):
        load((tiny_model("bert"), tiny_tokenizer("wordpiece")), head=True)


def test_decoder_classifier_learns_its_padding_token(tmp_path):
    path = save_tiny(tmp_path, "llama", auto="AutoModelForSequenceClassification", pad_token_id=None)
    loaded = load(path, head=True)
    assert loaded.config.pad_token_id == loaded.tokenizer.pad_token_id


@pytest.mark.parametrize("named", [True, False], ids=["absolute base", "relative base"])
def test_adapter_is_resolved_with_its_base(base_path, tmp_path, named):
    save_adapter(tmp_path / "adapter", base_path if named else "../base")
    found = resolve(tmp_path / "adapter")
    assert found.kind == "adapter"
    assert found.base.weights_sha256 == resolve(base_path).weights_sha256
    assert found.weights_sha256 != found.base.weights_sha256
    assert found.tokenizer_sha256 == found.base.tokenizer_sha256


def test_adapted_classifier_computes_what_peft_computes(base_path, tmp_path):
    theirs = save_adapter(tmp_path / "adapter", base_path)
    classifier = load(tmp_path / "adapter", head=True)
    inputs = classifier.tokenizer(TEXT, return_tensors="pt")
    with torch.no_grad():
        assert torch.allclose(hidden(classifier), theirs(**inputs).logits, atol=1e-5)
        encoder = theirs.get_base_model().bert(**inputs).last_hidden_state
    assert torch.allclose(hidden(load(tmp_path / "adapter")), encoder, atol=1e-5)


@pytest.mark.parametrize(("auto", "task"), [("AutoModelForSequenceClassification", "SEQ_CLS"), ("AutoModel", None)])
def test_disabled_adapter_computes_exactly_what_the_base_computes(base_path, tmp_path, auto, task):
    save_adapter(tmp_path / "adapter", base_path, auto, task)
    loaded, base = load(tmp_path / "adapter"), load(base_path)
    adapted = hidden(loaded)
    assert not torch.allclose(adapted, hidden(base), atol=1e-2)
    with loaded.adapter_disabled():
        assert torch.equal(hidden(loaded), hidden(base))
    assert torch.equal(hidden(loaded), adapted)
    assert not any(parameter.requires_grad for parameter in loaded.peft.parameters())
    assert torch.equal(hidden(load(tmp_path / "adapter", adapter=False)), hidden(base))


def test_disabling_without_an_adapter_is_refused(base_path):
    with pytest.raises(ModelError, match="no adapter"), load(base_path).adapter_disabled():
        pass


def test_adapter_that_lost_weights_is_refused(base_path, tmp_path):
    save_adapter(tmp_path / "adapter", base_path)
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file({n: v for n, v in tensors.items() if "layer.2" not in n}, path)
    with pytest.raises(ModelError, match="lacks weights"):
        load(tmp_path / "adapter")


def test_adapter_on_a_base_of_another_size_is_refused(base_path, tmp_path):
    save_adapter(tmp_path / "adapter", base_path)
    save_tiny(tmp_path / "wide", "bert", hidden_size=48)
    name_base(tmp_path / "adapter", tmp_path / "wide")
    with pytest.raises(ModelError, match="does not fit its base"):
        load(tmp_path / "adapter")


def test_adapter_whose_base_is_gone_says_so(base_path, tmp_path):
    save_adapter(tmp_path / "adapter", "./no/such/base")
    with pytest.raises(ModelError, match="the base of the adapter"):
        resolve(tmp_path / "adapter")


def test_prompt_adapters_are_refused(base_path, tmp_path):
    model = tiny_model("bert", auto="AutoModelForSequenceClassification")
    wrapped = get_peft_model(model, PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2))
    save_peft(wrapped, tmp_path / "prompt", base_path)
    with pytest.raises(ModelError, match="virtual tokens"):
        load(tmp_path / "prompt")
