"""Makes the model that is about to be fine-tuned: a base with a new head or none, fewer layers, or frozen ones."""

from __future__ import annotations

import copy
import re
from typing import Any

import torch
from torch import nn

from isogloss.errors import ModelError, OptionError
from isogloss.models.blocks import discover_blocks
from isogloss.models.finetune_data import pad_id
from isogloss.models.finetune_protocol import Task
from isogloss.models.pretrained import POOLER, configuration, pretrained
from isogloss.models.reference import ModelReference

_EMBEDDINGS = re.compile(r"embed|(^|\.)(wte|wpe|shared)\.")
# Every name under which configurations keep the number of layers that `keep_layers` must change.
_DEPTHS = ("num_hidden_layers", "encoder_layers")


def trainable_model(
    reference: ModelReference,
    task: Task,
    tokenizer: Any,
    *,
    keep_layers: int | None,
    freeze_layers: int | None,
) -> Any:
    """Give a base what the task needs around it; on the CPU, in float32, in training mode.

    A head that the base already has is kept if it has the same shape; another is new, drawn from torch's
    random state.

    Parameters
    ----------
    reference : the base; not an adapter.
    task : gives the head and the labels.
    tokenizer : its padding token is written into the configuration where that names none.
    keep_layers : number of blocks to keep, from the first; None for all.
    freeze_layers : keep the embeddings and this many blocks as they are; 0 freezes the embeddings alone.

    Raises
    ------
    ModelError : the base cannot carry the head, or cannot be loaded.
    OptionError : more layers are to be kept or frozen than there are, or nothing is left to train.
    """
    if reference.kind == "adapter":
        raise ModelError(
            f"{reference.spec} is an adapter; to fine-tune further, merge it into its base (merge_and_unload)"
        )
    given: Any = reference.module
    config: Any = copy.deepcopy(given.config) if given is not None else configuration(reference)
    task.configure(config)
    if config.pad_token_id is None:
        config.pad_token_id = pad_id(tokenizer)
    if keep_layers is not None:
        _shorten(config, keep_layers)
    if given is not None:
        module = _around(given, task, config)
    else:
        module = pretrained(
            task.model_class(config), reference, may_lack=POOLER, may_lack_head=True, config=config,
            dtype=torch.float32,
        )  # fmt: skip
    if keep_layers is not None and (found := discover_blocks(module.eval()).n_layers) != keep_layers:
        raise ModelError(
            f"{type(module).__name__} still has {found} layers after asking for the first {keep_layers}; "
            "shortening is not supported for this architecture"
        )
    if freeze_layers is not None:
        _freeze(module, freeze_layers)
    return task.around(module.train())


def _shorten(config: Any, keep: int) -> None:
    depth = config.num_hidden_layers
    if not 1 <= keep <= depth:
        raise OptionError(f"cannot keep {keep} layers of {depth}")
    for name in _DEPTHS:
        if hasattr(config, name):
            setattr(config, name, keep)
    # Newer configurations also say what each layer is.
    if isinstance(kinds := getattr(config, "layer_types", None), list):
        config.layer_types = kinds[:keep]


def _around(given: Any, task: Task, config: Any) -> Any:
    kind = task.model_class(config)
    try:
        module = kind.from_config(config) if hasattr(kind, "from_config") else kind(config)
    except ValueError as error:
        raise ModelError(f"{type(given).__name__} has no {task.name} head in transformers") from error
    source = given.get_base_model() if hasattr(given, "get_base_model") else given
    weights = getattr(source, "base_model", source).state_dict()
    report = module.base_model.load_state_dict(weights, strict=False)
    if missing := [name for name in report.missing_keys if not POOLER.search(name)]:
        raise ModelError(f"{type(given).__name__} lacks weights that a {task.name} head needs: {missing[0]}")
    return module.float()


def _freeze(module: nn.Module, count: int) -> None:
    blocks = discover_blocks(module)
    if not 0 <= count <= blocks.n_layers:
        raise OptionError(f"cannot freeze {count} layers of {blocks.n_layers}")
    shared = len(blocks.modules) != blocks.n_layers
    if shared and 0 < count < blocks.n_layers:
        raise OptionError(
            f"{type(module).__name__} uses one block for all its layers, so {count} of {blocks.n_layers} "
            f"cannot be frozen; freeze 0 (embeddings alone) or {blocks.n_layers} (all)"
        )
    inside = {id(parameter) for block in blocks.modules for parameter in block.parameters()}
    for name, parameter in blocks.encoder.named_parameters():
        if id(parameter) not in inside and _EMBEDDINGS.search(name):
            parameter.requires_grad_(False)
    for block in blocks.modules[:count] if not shared else blocks.modules[: min(count, 1)]:
        block.requires_grad_(False)
