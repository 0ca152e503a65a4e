"""Tiny decoders, LoRA adapters on them, and a corpus and options with which all five analyses take a moment."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import LoraConfig, get_peft_model

from isogloss.corpus import Corpus
from tests.tiny import HEADS, HIDDEN, LIMIT, TEXTS, random_model, tiny_tokenizer

LAYERS = 2
_COMMON = {
    "vocab_size": 420,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 48,
    "max_position_embeddings": LIMIT,
    "num_key_value_heads": 2,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "pad_token_id": None,
}
_GPT2 = {"vocab_size": 420, "n_embd": HIDDEN, "n_layer": LAYERS, "n_head": HEADS, "n_positions": LIMIT}
DECODERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", "metaspace", _COMMON),
    "gpt2": ("GPT2Config", "bytelevel-prefix", _GPT2 | {"bos_token_id": 3, "eos_token_id": 3}),
    "qwen2": ("Qwen2Config", "bytelevel-prefix", _COMMON),
    "qwen3": ("Qwen3Config", "bytelevel-prefix", _COMMON | {"head_dim": 8}),
    "mistral": ("MistralConfig", "metaspace", _COMMON | {"sliding_window": 16}),
    "gemma": ("GemmaConfig", "metaspace", _COMMON | {"head_dim": 8}),
    "gemma3": ("Gemma3TextConfig", "metaspace", _COMMON | {"head_dim": 8, "sliding_window": 16}),
    "llama4": (
        "Llama4TextConfig",
        "metaspace",
        _COMMON | {"head_dim": 8, "num_local_experts": 2, "intermediate_size_mlp": 48, "attention_chunk_size": 16},
    ),
}
"""Configuration, tokenizer (`metaspace` writes a beginning-of-text token, `bytelevel-prefix` none), sizes."""

QUICK: dict[str, dict[str, Any]] = {
    "similarity": {"bootstrap": 10, "neighbour_words": 50},
    "concepts": {
        "clusters": 12,
        "min_count": 1,
        "permutations": 5,
        "bootstrap": 5,
        "trigger_sentences": 4,
        "trigger_words": 2,
        "polarity_threshold": 0.6,
        "halves": False,
    },
    "probing": {
        "l1": 0.01,
        "l2": 1.0,
        "strengths": "1",
        "together": False,
        "controls": 1,
        "min_count": 3,
        "bootstrap": 5,
        "rankings": "probeless",
        "minimal_neurons": False,
        "minimal_layers": False,
        "task_random": 1,
        "task_sentences": 6,
        "pages": 0,
    },
    "isotropy": {
        "bootstrap": 5,
        "local_words": 60,
        "clusters": "1,3",
        "permutations": 3,
        "dimension_words": 40,
        "dimension_neighbours": 5,
        "counts": "0,2",
        "draws": 1,
        "treatments": False,
        "labels": "label",
        "probes": "frozen",
        "contextuality": False,
        "head_sentences": 6,
        "map_words": 0,
    },
    "separability": {"bootstrap": 5, "halves": 1, "permutations": 20, "memorise_splits": 1, "classifier": "linear"},
}


def decoder_corpus(n: int = 32) -> Corpus:
    """Sentences of two classes, called 0 and 1, with word labels."""
    texts = [f"{TEXTS[i % len(TEXTS)]} Take {i}." for i in range(n)]
    return Corpus.from_texts(texts, labels=[str(i // 2 % 2) for i in range(n)]).annotate("casing")


def decoder_tokenizer(architecture: str, *, side: str = "right", padding: bool = True) -> Any:
    """The architecture's tokenizer, with its padding on one side or without a padding token."""
    tokenizer = copy.deepcopy(tiny_tokenizer(DECODERS[architecture][1], side))
    tokenizer.cls_token = None
    if not padding:
        tokenizer.pad_token = None
    return tokenizer


def decoder(architecture: str, seed: int = 0, auto: str = "AutoModelForCausalLM", **sizes: Any) -> Any:
    """`random_model` of a small configuration of that kind."""
    name, _, own = DECODERS[architecture]
    return random_model(getattr(transformers, name)(**(own | sizes)), seed, auto)


def save_decoder(
    path: Path,
    architecture: str,
    seed: int = 0,
    auto: str = "AutoModelForCausalLM",
    *,
    tokenizer: Any = None,
    **sizes: Any,
) -> Path:
    """A decoder's directory."""
    decoder(architecture, seed, auto, **sizes).save_pretrained(path)
    (tokenizer or decoder_tokenizer(architecture)).save_pretrained(path)
    return path


def save_lora(
    path: Path,
    base: Path,
    auto: str = "AutoModelForSequenceClassification",
    task: str | None = "SEQ_CLS",
    *,
    seed: int = 1,
    scale: float = 0.3,
    b_scale: float | None = None,
    named: str | None = None,
    **options: Any,
) -> Any:
    """A LoRA adapter with random weights; its B matrices are of their own scale if one is given.

    Returns
    -------
    PEFT's model, in eval mode: what the files mean.
    """
    kind = getattr(transformers, auto)
    labels = {"num_labels": 2} if "Classification" in auto else {}
    core = kind.from_pretrained(base, **labels)
    torch.manual_seed(seed)
    gpt2 = core.config.model_type == "gpt2"
    given = {"target_modules": ["c_attn"] if gpt2 else ["q_proj", "v_proj"], "fan_in_fan_out": gpt2, "r": 4}
    wrapped = get_peft_model(core, LoraConfig(**({"task_type": task} | given | options)))
    with torch.no_grad():
        for name, parameter in wrapped.named_parameters():
            if parameter.requires_grad and "magnitude" not in name:
                parameter.normal_(0, b_scale if b_scale is not None and "lora_B" in name else scale)
    wrapped.save_pretrained(path, save_embedding_layers=False)
    name_base(path, named or base)
    return wrapped.eval()


def name_base(adapter: Path, base: Path | str) -> None:
    """Write what an adapter sits on into its settings."""
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": str(base)}))
