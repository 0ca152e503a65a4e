"""Puts PEFT adapters around their bases: each on a copy that shares the base's weights, so that a base serves many.

Trains nothing, and merges nothing: an adapter that is on computes what PEFT computes, and one that is off what the base
computes, to the last bit. Where an adapter changes its base's own weights, that cannot be, and is said.
"""

from __future__ import annotations

import copy
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from safetensors import safe_open

from isogloss.errors import ModelError
from isogloss.models.pretrained import HEADS, POOLER, configuration, has_head, pretrained
from isogloss.models.reference import ModelReference
from isogloss.models.tokenizers import quiet
from isogloss.sealed import first_line

_ADAPTER_TASKS = {
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "TOKEN_CLS": transformers.AutoModelForTokenClassification,
    "CAUSAL_LM": transformers.AutoModelForCausalLM,
    "SEQ_2_SEQ_LM": transformers.AutoModelForSeq2SeqLM,
    "QUESTION_ANS": transformers.AutoModelForQuestionAnswering,
    "FEATURE_EXTRACTION": transformers.AutoModel,
}
_HEAD_WEIGHT = re.compile(r"\.(classifier|score|classifier\.out_proj|out_proj|logits_proj)\.weight$")
_EMBEDDING = re.compile(
    r"\.(embed_tokens|wte|word_embeddings|embed_in|embeddings|lm_head|embed_out)"
    r"(\.(base_layer|original_module|modules_to_save))?\.weight$"
)
_KEEP_BASE = (None, True, False, "gaussian", "eva", "orthogonal")
"""Beginnings of LoRA that leave the weights of the base as they are; others (PiSSA, OLoRA ...) subtract from them."""


@dataclass
class Shelf:
    """The base that was loaded last, without any adapter."""

    key: tuple | None = None
    core: Any = None


_shelf: ContextVar[Shelf | None] = ContextVar("the base that adapters share", default=None)


@contextmanager
def sharing_base(shelf: Shelf | None = None) -> Iterator[None]:
    """While open, a base that an adapter was loaded with stays in memory, and the next adapter on it loads no weights.

    One base is kept: that of the last adapter. Inside another one that is open this does nothing.

    Parameters
    ----------
    shelf : where the base stays when this is closed; if None it goes.
    """
    if _shelf.get() is not None:
        yield
        return
    token = _shelf.set(Shelf() if shelf is None else shelf)
    try:
        yield
    finally:
        _shelf.reset(token)


def keeps_base(reference: ModelReference) -> bool:
    """Whether an adapter leaves the weights of its base as they are, so that without it there is the base again.

    It does not where it learnt the base's own biases, repeats its layers, began by taking a part out of its weights
    (LoRA's `bias`, `layer_replication`, and `init_lora_weights` such as PiSSA), or brings embeddings in their place.
    """
    assert reference.path is not None
    settings = json.loads((reference.path / "adapter_config.json").read_text("utf-8"))
    # What was trained beside the base's own part (`modules_to_save`) can be switched off like the rest.
    beside = settings.get("modules_to_save") or []
    embeddings = [name for name in _shapes(reference) if _EMBEDDING.search(name)]
    instead = [name for name in embeddings if not set(name.split(".")) & set(beside)]
    return settings_keep_base(settings) and not instead


def settings_keep_base(settings: Mapping[str, Any]) -> bool:
    """`keeps_base`, of the settings of an adapter."""
    return (
        settings.get("bias", "none") in (None, "none")
        and settings.get("init_lora_weights") in _KEEP_BASE
        and not settings.get("layer_replication")
    )


def described(reference: ModelReference) -> str:
    """An adapter in words: its kind, rank, what it is on, and whether its base can be had by switching it off."""
    assert reference.base is not None
    assert reference.path is not None
    settings = json.loads((reference.path / "adapter_config.json").read_text("utf-8"))
    rank = f" of rank {settings['r']}" if settings.get("r") else ""
    targets = settings.get("target_modules")
    on = f" on {', '.join(sorted(targets)) if isinstance(targets, list) else targets}" if targets else ""
    task = f", task {settings['task_type']}" if settings.get("task_type") else ""
    toggled = (
        "both are one copy in memory" if keeps_base(reference) else "it changes the base's weights, so both are loaded"
    )
    return f"{settings.get('peft_type', 'unknown kind')}{rank}{on}{task}; its base is {reference.base.spec}: {toggled}"


def with_adapter(
    reference: ModelReference,
    *,
    head: bool,
    dtype: torch.dtype,
    device: torch.device,
    device_map: Any = None,
) -> tuple[Any, Any]:
    """The model that an adapter makes of its base, and PEFT's wrapper around it.

    Parameters
    ----------
    reference : the adapter.
    head : with its classification head; else the encoder alone.
    device_map : see `load`.

    Raises
    ------
    ModelError : PEFT is not installed, the adapter is of a kind that cannot be compared, lacks weights or has too many,
        or does not fit its base.
    """
    try:
        import peft
    except ImportError as error:
        raise ModelError(
            f"{reference.spec} is a PEFT adapter, which needs `peft`: pip install 'isogloss[peft]'"
        ) from error
    assert reference.base is not None
    assert reference.path is not None
    try:
        settings = peft.PeftConfig.from_pretrained(str(reference.path))
    except Exception as error:
        raise ModelError(f"{reference.path}/adapter_config.json cannot be used: {first_line(error)}") from error
    if settings.is_prompt_learning:
        raise ModelError(
            f"{reference.spec} is a {settings.peft_type.value} adapter: it adds virtual tokens instead of "
            "changing layers, so its words cannot be compared with its base's"
        )
    shapes = _shapes(reference)
    auto = _adapter_class(reference, settings, shapes)
    head_classes = tuple(HEADS.values())
    if head and auto not in head_classes:
        raise ModelError(f"the adapter {reference.spec} has no classification head (task {settings.task_type})")
    options: dict[str, Any] = {"dtype": dtype}
    heads = [shape[0] for name, shape in shapes.items() if _HEAD_WEIGHT.search(name)]
    if auto in head_classes and heads:
        options["num_labels"] = heads[-1]
    own_embeddings = any(_EMBEDDING.search(name) for name in shapes)
    shared = device_map is None and not own_embeddings and keeps_base(reference)
    core = _core(auto, reference.base, options, device, device_map, shared=shared)
    if head and not heads and not has_head((core.config.architectures or [""])[0]):
        raise ModelError(f"neither the adapter {reference.spec} nor its base has a classification head's weights")
    _make_room(core, shapes)
    of_base = {id(parameter) for parameter in core.parameters()}
    with quiet(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            wrapped = peft.PeftModel.from_pretrained(
                core, str(reference.path), is_trainable=False, torch_device=str(device)
            )
        except Exception as error:
            if device_map is not None:
                raise ModelError(
                    f"the adapter {reference.spec} cannot be put on a base that is spread over devices or disk "
                    f"(device_map={device_map!r}): {first_line(error)}; leave device_map out, or merge the adapter "
                    "into its base (merge_and_unload) and give that model"
                ) from error
            raise ModelError(f"the adapter {reference.spec} does not fit its base: {first_line(error)}") from error
        held = set(peft.get_peft_model_state_dict(wrapped, save_embedding_layers=False))
    if lost := [str(w.message) for w in said if "missing adapter keys" in str(w.message)]:
        raise ModelError(f"the adapter {reference.spec} lacks weights: {lost[0].splitlines()[0][:300]}")
    if extra := sorted(name for name in shapes if name not in held and not _EMBEDDING.search(name)):
        raise ModelError(
            f"the adapter {reference.spec} does not fit its base {reference.base.spec}: {len(extra)} of its "
            f"{len(shapes)} weights have no place there ({extra[0]})"
        )
    with torch.no_grad():
        for parameter in wrapped.parameters():
            # The base has its type already, in which some of its weights may stay by its own wish.
            if id(parameter) not in of_base and parameter.is_floating_point():
                parameter.data = parameter.data.to(dtype)
    inner = wrapped.get_base_model()
    return (inner if head else inner.base_model), wrapped


def _core(
    auto: Any, base: ModelReference, options: dict[str, Any], device: torch.device, device_map: Any, *, shared: bool
) -> Any:
    """The base's model without its adapter; if `shared`, with the weights of the one on the shelf."""
    shelf = _shelf.get()

    def fresh() -> Any:
        core = pretrained(
            auto, base, may_lack=POOLER, may_lack_head=True, device_map=device_map, **options
        ).requires_grad_(False)
        return core if device_map is not None else core.to(device)

    if shelf is None or not shared:
        return fresh()
    key = (base.weights_sha256, str(base.path), auto.__name__, str(device), tuple(options.items()))
    if shelf.key != key:
        # What was there goes before the other one comes.
        shelf.key = shelf.core = None
        shelf.core = fresh()
        shelf.key = key
    weights = {id(tensor): tensor for tensor in (*shelf.core.parameters(), *shelf.core.buffers())}
    return copy.deepcopy(shelf.core, weights)


def _make_room(core: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Grow the base's vocabulary to that of an adapter that was trained with more tokens and holds embeddings."""
    rows = {shape[0] for name, shape in shapes.items() if _EMBEDDING.search(name)}
    own = core.get_input_embeddings().weight.shape[0]
    if len(rows) == 1 and rows != {own}:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            core.resize_token_embeddings(rows.pop(), mean_resizing=False)


def _shapes(reference: ModelReference) -> dict[str, tuple[int, ...]]:
    assert reference.path is not None
    file = reference.path / "adapter_model.safetensors"
    if file.is_file():
        with safe_open(str(file), "pt") as stream:
            return {name: tuple(stream.get_slice(name).get_shape()) for name in stream.keys()}  # noqa: SIM118
    tensors = torch.load(reference.path / "adapter_model.bin", map_location="cpu", weights_only=True)
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _adapter_class(reference: ModelReference, settings: Any, names: Iterable[str]) -> Any:
    task = getattr(settings.task_type, "value", settings.task_type)
    if task in _ADAPTER_TASKS:
        return _ADAPTER_TASKS[task]
    # No task is named: the weights' names say whether the adapted model had a head around its encoder.
    assert reference.base is not None
    base = configuration(reference.base)
    named = getattr(transformers, (base.architectures or [""])[0], None)
    prefix = getattr(named, "base_model_prefix", "")
    if named is not None and prefix and all(name.startswith(f"base_model.model.{prefix}.") for name in names):
        return named
    return transformers.AutoModel
