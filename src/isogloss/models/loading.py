"""Puts a resolved model into memory: bare encoder or classifier, in eval mode, never with random layers.

transformers fills weights that a checkpoint lacks with random numbers and says so in a log line. A study of
random layers would look like a result, so here it is an error.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from safetensors import safe_open
from torch import nn

from isogloss.errors import ModelError, OptionError
from isogloss.models.reference import ModelReference, resolve
from isogloss.models.tokenizers import first_line, freed, load_tokenizer, quiet
from isogloss.numerics.devices import choose_device

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

_HEADS = {
    "ForSequenceClassification": transformers.AutoModelForSequenceClassification,
    "ForTokenClassification": transformers.AutoModelForTokenClassification,
}
_ADAPTER_TASKS = {
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "TOKEN_CLS": transformers.AutoModelForTokenClassification,
    "CAUSAL_LM": transformers.AutoModelForCausalLM,
    "SEQ_2_SEQ_LM": transformers.AutoModelForSeq2SeqLM,
    "FEATURE_EXTRACTION": transformers.AutoModel,
}
_HEAD_WEIGHT = re.compile(r"\.(classifier|score|classifier\.out_proj|out_proj|logits_proj)\.weight$")


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
        """Where the weights are."""
        return next(self.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Type of the weights."""
        return next(self.module.parameters()).dtype

    @contextmanager
    def adapter_disabled(self) -> Iterator[LoadedModel]:
        """While open, this same copy in memory computes what the adapter's base computes.

        Raises
        ------
        ModelError : the model has no adapter.
        """
        if self.peft is None:
            raise ModelError(f"{self.reference.spec} has no adapter to disable")
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

    Raises
    ------
    ModelError : weights of the encoder (or of the head, if asked for) are missing or have other shapes, the
        tokenizer cannot be read, or the adapter does not fit its base.
    OptionError : no such device or dtype.
    """
    reference = resolve(reference)
    where, kind = choose_device(device), choose_dtype(dtype)
    if reference.kind == "adapter" and not adapter:
        assert reference.base is not None
        return load(reference.base, head=head, device=where, dtype=kind)
    peft: Any = None
    tokenizer = tokenizer_of(reference)
    if reference.kind == "module":
        module, peft = _given(reference, head, where, kind)
    else:
        if reference.kind == "adapter":
            module, peft = _with_adapter(reference, head, kind)
        else:
            module = _from_files(reference, head, kind)
        (peft or module).requires_grad_(False)
        (peft or module).to(device=where, dtype=kind).eval()
    if head and module.config.pad_token_id is None and tokenizer.pad_token_id is not None:
        # Decoders find the last real token of a padded sentence through it.
        module.config.pad_token_id = tokenizer.pad_token_id
    return LoadedModel(module, tokenizer, reference, module.config, peft)


def pretrained(
    auto: Any,
    reference: ModelReference,
    *,
    may_lack: re.Pattern[str] | None,
    may_lack_head: bool,
    **options: Any,
) -> Any:
    """`auto.from_pretrained` on a reference's files, silent, with missing weights as errors.

    Parameters
    ----------
    auto : a transformers model class.
    may_lack : names of weights that the checkpoint may lack.
    may_lack_head : anything outside the encoder may be missing or have other shapes.
    **options : for `from_pretrained`.

    Raises
    ------
    ModelError : the files cannot be loaded, or would leave random weights.
    """
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module, report = auto.from_pretrained(
                reference.path,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=False,
                weights_only=True,
                use_safetensors=None if reference.allow_pickle else True,
                ignore_mismatched_sizes=may_lack_head,
                **options,
            )
    except Exception as error:
        raise ModelError(f"{reference.spec} cannot be loaded: {first_line(error)}") from error
    mismatched = {entry[0] for entry in report["mismatched_keys"]}
    missing = sorted(set(report["missing_keys"]) | mismatched)
    if may_lack is not None:
        missing = [name for name in missing if not may_lack.search(name)]
    if may_lack_head:
        missing = [name for name in missing if _in_encoder(name, module)]
    if missing:
        _refuse(reference, module, missing)
    return module


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


def has_head(architecture: str) -> bool:
    """Whether a class name is that of a sequence or token classifier."""
    return architecture.endswith(tuple(_HEADS))


def _from_files(reference: ModelReference, head: bool, dtype: torch.dtype) -> Any:
    config = configuration(reference)
    architectures = list(config.architectures or [])
    if head:
        for ending, auto in _HEADS.items():
            if any(name.endswith(ending) for name in architectures):
                return pretrained(auto, reference, may_lack=None, may_lack_head=False, dtype=dtype)
        raise ModelError(
            f"{reference.spec} has no classification head (its architecture is "
            f"{', '.join(architectures) or 'not named'}); fine-tune it first"
        )
    return pretrained(bare_class(config), reference, may_lack=_POOLER, may_lack_head=False, dtype=dtype)


def bare_class(config: Any) -> Any:
    """Choose transformers' class without a head: `AutoModel`, or that of an encoder that was saved alone.

    To such an encoder `AutoModel` would add a random decoder.
    """
    names = list(config.architectures or [])
    if names and names[0].endswith("EncoderModel"):
        return getattr(transformers, names[0], transformers.AutoModel)
    return transformers.AutoModel


_POOLER = re.compile(r"(^|\.)pooler\.")


def configuration(reference: ModelReference) -> Any:
    """Read the transformers configuration of a reference with files.

    Raises
    ------
    ModelError : config.json has values that its architecture does not take.
    """
    assert reference.path is not None
    try:
        with quiet():
            return transformers.AutoConfig.from_pretrained(
                reference.path, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:
        raise ModelError(f"{reference.path}/config.json cannot be used: {first_line(error)}") from error


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


def _with_adapter(reference: ModelReference, head: bool, dtype: torch.dtype) -> tuple[Any, Any]:
    try:
        import peft
    except ImportError as error:
        raise ModelError(
            f"{reference.spec} is a PEFT adapter, which needs `peft`: pip install 'isogloss[peft]'"
        ) from error
    assert reference.base is not None
    assert reference.path is not None
    settings = peft.PeftConfig.from_pretrained(str(reference.path))
    if settings.is_prompt_learning:
        raise ModelError(
            f"{reference.spec} is a {settings.peft_type.value} adapter: it adds virtual tokens instead of "
            "changing layers, so its words cannot be compared with its base's"
        )
    shapes = _adapter_shapes(reference)
    auto = _adapter_class(reference, settings, shapes)
    head_classes = tuple(_HEADS.values())
    if head and auto not in head_classes:
        raise ModelError(f"the adapter {reference.spec} has no classification head (task {settings.task_type})")
    options: dict[str, Any] = {"dtype": dtype}
    heads = [shape[0] for name, shape in shapes.items() if _HEAD_WEIGHT.search(name)]
    if auto in head_classes and heads:
        options["num_labels"] = heads[-1]
    core = pretrained(auto, reference.base, may_lack=_POOLER, may_lack_head=True, **options)
    if head and not heads and not has_head((core.config.architectures or [""])[0]):
        raise ModelError(f"neither the adapter {reference.spec} nor its base has a classification head's weights")
    with quiet(), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            wrapped = peft.PeftModel.from_pretrained(core, str(reference.path), is_trainable=False)
        except Exception as error:
            raise ModelError(f"the adapter {reference.spec} does not fit its base: {first_line(error)}") from error
    if lost := [str(w.message) for w in said if "missing adapter keys" in str(w.message)]:
        raise ModelError(f"the adapter {reference.spec} lacks weights: {lost[0].splitlines()[0][:300]}")
    inner = wrapped.get_base_model()
    return (inner if head else inner.base_model), wrapped


def _adapter_shapes(reference: ModelReference) -> dict[str, tuple[int, ...]]:
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


def _given(reference: ModelReference, head: bool, device: torch.device, dtype: torch.dtype) -> tuple[Any, Any]:
    given: Any = reference.module
    first = next(given.parameters())
    # The caller's module is left as it is (it may be in training): a copy that shares its weights where
    # nothing about them changes, with its own mode and hooks.
    memo = {}
    if first.device == device and first.dtype == dtype:
        memo = {id(tensor): tensor for tensor in (*given.parameters(), *given.buffers())}
    with torch.no_grad():
        module = copy.deepcopy(given, memo).to(device=device, dtype=dtype).eval()
    peft = module if hasattr(module, "get_base_model") else None
    if peft is not None:
        module = peft.get_base_model()
    if not head:
        return getattr(module, "base_model", module), peft
    if not has_head(type(module).__name__):
        raise ModelError(f"{type(module).__name__} has no classification head")
    return module, peft


def _in_encoder(name: str, module: nn.Module) -> bool:
    prefix = getattr(module, "base_model_prefix", "")
    return not prefix or not hasattr(module, prefix) or name.startswith(f"{prefix}.")


def _refuse(reference: ModelReference, module: nn.Module, missing: list[str]) -> None:
    shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
    where = "weights" if any(_in_encoder(name, module) for name in missing) else "weights of the classification head"
    raise ModelError(
        f"{reference.spec} lacks {where} that its architecture {type(module).__name__} needs, or has them in "
        f"another shape: {shown}. They would be random numbers"
    )
