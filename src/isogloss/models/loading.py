"""Puts a resolved model into memory: bare encoder or classifier, in eval mode, never with random layers.

transformers fills weights that a checkpoint lacks with random numbers and says so in a log line. A study of
random layers would look like a result, so here it is an error.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from isogloss.errors import ModelError, OptionError
from isogloss.models.adapters import keeps_base, settings_keep_base, with_adapter
from isogloss.models.blocks import input_device
from isogloss.models.pretrained import HEADS, POOLER, bare_class, configuration, has_head, pretrained
from isogloss.models.reference import ModelReference, resolve
from isogloss.models.tokenizers import freed, load_tokenizer
from isogloss.numerics.devices import choose_device

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
NO_TOKEN = -1
"""A padding token that no text holds, for a classifier that has none: nothing is padded, so its last token counts."""


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, ready to run.

    Attributes
    ----------
    module : in eval mode; the encoder alone, or with its classification head. Run it under `torch.no_grad()`.
    tokenizer : adds neither padding nor truncation unless told.
    reference : where it came from.
    config : its transformers configuration.
    peft : the adapter's wrapper, for a PEFT model.
    """

    module: Any
    tokenizer: Any
    reference: ModelReference
    config: Any
    peft: Any = field(default=None, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are; of a model on several devices, where its token ids go."""
        return input_device(self.module)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.module.parameters()).dtype

    @contextmanager
    def adapter_disabled(self) -> Iterator[LoadedModel]:
        """While open, this same copy in memory computes what the adapter's base computes.

        Raises
        ------
        ModelError : the model has no adapter, or one that changes the weights of its base.
        """
        if self.peft is None:
            raise ModelError(f"{self.reference.spec} has no adapter to disable")
        kept = (
            keeps_base(self.reference)
            if self.reference.kind == "adapter"
            else all(settings_keep_base(settings.to_dict()) for settings in self.peft.peft_config.values())
        )
        if not kept:
            raise ModelError(
                f"the adapter {self.reference.spec} changes weights of its base (`bias`, `layer_replication`, "
                "`init_lora_weights` such as PiSSA, or embeddings that it brings), so its base cannot be had by "
                "disabling it; load the base by itself"
            )
        try:
            with self.peft.disable_adapter():
                yield self
        finally:
            # PEFT marks adapter weights as trainable again when it re-enables them.
            self.peft.requires_grad_(False)


def load(
    reference: ModelReference | Any,
    *,
    head: bool = False,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | str = torch.float32,
    adapter: bool = True,
    device_map: str | Mapping[str, Any] | None = None,
) -> LoadedModel:
    """Load a model.

    Parameters
    ----------
    reference : from `resolve`, or anything that `resolve` takes.
    head : with its sequence or token classification head; else the bare encoder, for a checkpoint of any
        kind.
    device : `cpu`, `cuda`, `cuda:1`, `mps`, or `auto` for an accelerator where there is one.
    dtype : float32, bfloat16 or float16.
    adapter : for an adapter, load it; False loads its base alone.
    device_map : instead of one device, where each part goes, as transformers takes it: `auto` fills the accelerators,
        then memory, then the disk. Not for a module that is in memory already.

    Raises
    ------
    ModelError : weights of the encoder (or of the head, if asked for) are missing or have other shapes, the
        tokenizer cannot be read, or the adapter does not fit its base.
    OptionError : no such device or dtype, or `device_map` for a module in memory.
    """
    reference = resolve(reference)
    where, kind = choose_device(device), choose_dtype(dtype)
    if reference.kind == "adapter" and not adapter:
        assert reference.base is not None
        return load(reference.base, head=head, device=where, dtype=kind, device_map=device_map)
    peft: Any = None
    tokenizer = tokenizer_of(reference)
    if reference.kind == "module":
        if device_map is not None:
            raise OptionError(f"{reference.spec} is in memory already, so device_map has no effect; leave it out")
        module, peft = _given(reference, head, where, kind)
    else:
        if reference.kind == "adapter":
            module, peft = with_adapter(reference, head=head, dtype=kind, device=where, device_map=device_map)
        else:
            module = _from_files(reference, head, kind, device_map)
        (peft or module).requires_grad_(False)
        if device_map is None:
            (peft or module).to(where)
        (peft or module).eval()
    if head and module.config.pad_token_id is None:
        # Decoders find the last real token of a padded sentence through it.
        own = tokenizer.pad_token_id
        module.config.pad_token_id = NO_TOKEN if own is None else own
    return LoadedModel(module, tokenizer, reference, module.config, peft)


def choose_dtype(dtype: torch.dtype | str) -> torch.dtype:
    """Choose a floating-point type by itself or by name.

    Raises
    ------
    OptionError : not one of float32, bfloat16, float16.
    """
    chosen = DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if chosen is None or chosen not in DTYPES.values():
        raise OptionError(f"no compute type {dtype!r}; there are {', '.join(DTYPES)}")
    return chosen


def _from_files(reference: ModelReference, head: bool, dtype: torch.dtype, device_map: Any) -> Any:
    config = configuration(reference)
    architectures = list(config.architectures or [])
    options = {"dtype": dtype, "device_map": device_map}
    if head:
        for ending, auto in HEADS.items():
            if any(name.endswith(ending) for name in architectures):
                return pretrained(auto, reference, may_lack=None, may_lack_head=False, **options)
        raise ModelError(
            f"{reference.spec} has no classification head (its architecture is "
            f"{', '.join(architectures) or 'not named'}); fine-tune it first"
        )
    return pretrained(bare_class(config), reference, may_lack=POOLER, may_lack_head=False, **options)


def tokenizer_of(reference: ModelReference) -> Any:
    """A model's tokenizer, its own or lent; adds neither padding nor truncation unless told.

    Raises
    ------
    ModelError : it cannot be read.
    """
    if reference.kind == "module":
        return freed(copy.deepcopy(reference.tokenizer))
    lender = reference.lender
    if lender is not None and lender.module is not None:
        return freed(copy.deepcopy(lender.tokenizer))
    assert reference.tokenizer_path is not None
    return load_tokenizer(reference.tokenizer_path)


def _given(reference: ModelReference, head: bool, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any]:
    given: Any = reference.module
    first = next(given.parameters())
    # The caller's module is left as it is (it may be in training): a copy that shares its weights where
    # nothing about them changes, with its own mode and hooks.
    memo = {}
    if first.device == device and first.dtype == dtype:
        memo = {id(tensor): tensor for tensor in (*given.parameters(), *given.buffers())}
    with torch.no_grad():
        module = _cast(copy.deepcopy(given, memo), dtype).to(device).eval()
    peft = module if hasattr(module, "get_base_model") else None
    if peft is not None:
        module = peft.get_base_model()
    if not head:
        return getattr(module, "base_model", module), peft
    if not has_head(type(module).__name__):
        raise ModelError(f"{type(module).__name__} has no classification head")
    return module, peft


def _cast(module: Any, dtype: torch.dtype) -> Any:
    """Give a module a type as transformers does when it loads one: frequencies of rotary positions keep theirs."""
    kept = {
        (owner, name): buffer
        for owner in module.modules()
        for name, buffer in owner.named_buffers(recurse=False)
        if name.endswith("inv_freq")
    }
    module.to(dtype=dtype)
    for (owner, name), buffer in kept.items():
        setattr(owner, name, buffer)
    return module
