"""Finds the transformer blocks of any model and reads the residual stream at their outputs.

Layer 0 is what enters the first block (the embeddings as the blocks see them); layer i is what block i returns,
before any final norm. transformers' `hidden_states[-1]` is *after* the final norm in Llama-type decoders: `sites`
says, layer by layer, whether the two agree.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isogloss.errors import ModelError

OnLayer = Callable[[int, Tensor], Tensor | None]
"""Called with a layer's number and its tokens (n_tokens, hidden), sentence after sentence; what it returns, if
anything, takes their place."""


_GUESSED = "the longest list of equal modules"
_UNREPORTED = "not reported by the model"


@dataclass(frozen=True)
class Stream:
    """What only running a model tells of its residual stream.

    Attributes
    ----------
    n_layers : how many block outputs one forward pass gives (layers are 0 ... n_layers).
    hidden : width of the residual stream.
    time_major : the blocks see (tokens, sentences, hidden) instead of (sentences, tokens, hidden).
    causal : the first token sees only itself, as in a decoder.
    """

    n_layers: int
    hidden: int
    time_major: bool
    causal: bool


@dataclass(frozen=True)
class Blocks(Stream):
    """Where the layers of a model are, and what they hand on.

    Attributes
    ----------
    encoder : the module to call with token ids (of an encoder-decoder, its encoder).
    modules : the distinct block modules, in order of first use; ALBERT has one, called many times.
    names : their names inside `encoder`.
    found_by : how the blocks were recognised, in words.
    """

    encoder: nn.Module
    modules: tuple[nn.Module, ...]
    names: tuple[str, ...]
    found_by: str

    @property
    def stream(self) -> Stream:
        """What they hand on, without the modules."""
        return Stream(self.n_layers, self.hidden, self.time_major, self.causal)

    @contextmanager
    def reading(self, on_layer: OnLayer) -> Iterator[None]:
        """While open, every forward pass of `encoder` hands each layer's tokens to `on_layer`, in order."""
        handles: list[Any] = []
        calls = 0

        def restart(*_: Any) -> None:
            nonlocal calls
            calls = 0

        def before(_: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict] | None:
            if calls:
                return None
            key, hidden = _hidden_argument(args, kwargs)
            changed = self._hand_over(0, hidden, on_layer)
            if changed is None:
                return None
            if isinstance(key, str):
                return args, {**kwargs, key: changed}
            return (*args[:key], changed, *args[key + 1 :]), kwargs

        def after(_: nn.Module, __: Any, output: Any) -> Any:
            nonlocal calls
            calls += 1
            changed = self._hand_over(calls, _first_tensor(output), on_layer)
            if changed is None:
                return None
            return changed if isinstance(output, Tensor) else (changed, *output[1:])

        try:
            handles.append(self.encoder.register_forward_pre_hook(restart))
            for module in self.modules:
                handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
                handles.append(module.register_forward_hook(after))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _hand_over(self, layer: int, hidden: Tensor, on_layer: OnLayer) -> Tensor | None:
        batched = hidden.transpose(0, 1) if self.time_major else hidden
        changed = on_layer(layer, batched.reshape(-1, batched.shape[-1]))
        if changed is None:
            return None
        batched = changed.reshape(batched.shape)
        return batched.transpose(0, 1) if self.time_major else batched


def discover_blocks(module: nn.Module, stream: Stream | None = None) -> Blocks:
    """Find the blocks of a model: by what its class declares, else as its longest list of equal modules.

    Parameters
    ----------
    module : a transformers model, with or without a head, or a PEFT model around one.
    stream : what is known of it from a copy of the model; if None, the model is run twice on a few tokens.

    Raises
    ------
    ModelError : no blocks are found, or what they return is not a residual stream, or not the model's.
    """
    encoder: nn.Module = inner_encoder(module)
    found, found_by = _found(encoder)
    if not found:
        raise ModelError(
            f"no transformer blocks found in {type(encoder).__name__}: it declares none and has no list of modules"
        )
    names, modules = zip(*found, strict=True)
    known = stream or _run_through(encoder, modules, names[0])
    handed_on = (known.n_layers, known.hidden, known.time_major, known.causal)
    blocks = Blocks(*handed_on, encoder=encoder, modules=modules, names=names, found_by=found_by)
    if stream is None and found_by == _GUESSED and not _are_reported(blocks):
        raise ModelError(
            f"{type(encoder).__name__} declares no blocks, and its longest list of equal modules ({names[0]} ...) "
            "holds parts of blocks: what they return is not what the model reports as hidden states"
        )
    return blocks


def blocks_of(encoder: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of an encoder, in order, found without running it: its weights need not be there.

    Raises
    ------
    ModelError : no blocks are found.
    """
    found, _ = _found(encoder)
    if not found:
        raise ModelError(f"no transformer blocks found in {type(encoder).__name__}")
    return tuple(module for _, module in found)


def _found(encoder: nn.Module) -> tuple[list[tuple[str, nn.Module]], str]:
    declared = _declared(encoder)
    if declared:
        return declared, "declared by the architecture"
    return _longest_list(encoder), _GUESSED


def inner_encoder(module: Any) -> Any:
    """The part of a model that turns token ids into hidden states: no head, no adapter wrapper, no decoder."""
    if hasattr(module, "get_base_model"):
        module = module.get_base_model()
    base = getattr(module, "base_model", module)
    if getattr(getattr(base, "config", None), "is_encoder_decoder", False):
        return base.get_encoder()
    return base


def input_device(module: Any) -> torch.device:
    """Where a model takes its token ids: the device of its weights, or of its first part if it is spread over several.

    Parts that wait on disk have weights without a device; what brings them says where they run.
    """
    first = next(module.parameters()).device
    if first.type != "meta":
        return first
    for part in module.modules():
        if (device := getattr(getattr(part, "_hf_hook", None), "execution_device", None)) is not None:
            return torch.device(device)
    return torch.device("cpu")


def is_spread(module: nn.Module) -> bool:
    """Whether parts of a model are moved, or their weights fetched, while it runs (accelerate's hooks)."""
    return any(hasattr(part, "_hf_hook") for part in module.modules())


def sites(blocks: Blocks) -> list[str]:
    """For each layer, how the block output relates to transformers' `hidden_states`: "same", or "differs: ...".

    Layer `n_layers` differs where the architecture applies a final norm before it reports its last hidden state.
    """
    seen, reported = _seen_and_reported(blocks)
    found = []
    for layer in range(blocks.n_layers + 1):
        if layer >= len(reported):
            found.append(_UNREPORTED)
        elif _same(seen[layer], reported[layer]):
            found.append("same")
        else:
            last = layer == blocks.n_layers
            found.append("differs: hidden_states is after the final norm" if last else "differs from hidden_states")
    return found


def _are_reported(blocks: Blocks) -> bool:
    """Whether the model reports what an inner block returns, under whatever number; if it reports too few, yes."""
    seen, reported = _seen_and_reported(blocks)
    inner = seen[1:-1]
    too_few = not inner or len(reported) < blocks.n_layers
    return too_few or any(_same(ours, theirs) for ours in inner for theirs in reported)


def _seen_and_reported(blocks: Blocks) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """Each layer's tokens (n_tokens, hidden) in one pass, and the hidden states that the model reports, if any."""
    parameters = inspect.signature(blocks.encoder.forward).parameters.values()
    asked = any(p.name == "output_hidden_states" or p.kind is p.VAR_KEYWORD for p in parameters)
    seen: list[Tensor] = []
    with blocks.reading(lambda _, tokens: seen.append(tokens.clone())):
        output = run_probe(blocks.encoder, **({"output_hidden_states": True} if asked else {}))
    reported: Any = getattr(output, "hidden_states", None)
    given = isinstance(reported, (tuple, list)) and all(isinstance(states, Tensor) for states in reported)
    return seen, tuple(reported) if given else ()


def _same(ours: Tensor, theirs: Tensor) -> bool:
    theirs = theirs.reshape(-1, theirs.shape[-1])
    ours = ours[: len(theirs)]  # some models pad inside
    return theirs.shape == ours.shape and torch.allclose(theirs, ours, rtol=1e-4, atol=1e-5)


def _declared(encoder: Any) -> list[tuple[str, nn.Module]]:
    recorded = getattr(encoder, "can_record_outputs", None) or {}
    declared = recorded.get("hidden_states")
    targets = declared if isinstance(declared, list | tuple) else [declared]
    classes: list[type] = []
    for target in targets:
        target = getattr(target, "target_class", None) or target
        if isinstance(target, type):
            classes.append(target)
    if not classes:
        return []
    modules: list[tuple[str, nn.Module]] = list(encoder.named_modules())
    return _outermost([(name, module) for name, module in modules if isinstance(module, tuple(classes))])


def _longest_list(encoder: nn.Module) -> list[tuple[str, nn.Module]]:
    best: list[tuple[str, nn.Module]] = []
    for name, module in encoder.named_modules():
        if not isinstance(module, nn.ModuleList) or len(module) == 0:
            continue
        alike = len({type(m) for m in module}) == 1 and next(module[0].parameters(), None) is not None
        if alike and len(module) > len(best):
            prefix = f"{name}." if name else ""
            best = [(f"{prefix}{i}", m) for i, m in enumerate(module)]
    return best


def _outermost(found: list[tuple[str, nn.Module]]) -> list[tuple[str, nn.Module]]:
    names = {name for name, _ in found}
    return [
        (name, module)
        for name, module in found
        if not any(name.startswith(f"{other}.") for other in names if other != name)
    ]


def _run_through(encoder: nn.Module, modules: tuple[nn.Module, ...], name: str) -> Stream:
    """Run it on a few tokens, and again with other ones after the first."""
    passes: list[list[Tensor]] = []

    def remember(_: nn.Module, __: Any, output: Any) -> None:
        passes[-1].append(_first_tensor(output))

    handles = [module.register_forward_hook(remember) for module in modules]
    try:
        for shift in (0, 3):
            passes.append([])
            run_probe(encoder, shift)
    finally:
        for handle in handles:
            handle.remove()
    shapes = [tuple(output.shape) for output in passes[0]]
    if not shapes or len({shape[-1] for shape in shapes}) != 1 or any(len(shape) != 3 for shape in shapes):
        raise ModelError(
            f"the blocks of {type(encoder).__name__} ({name} ...) do not return one residual stream; "
            f"their outputs have the shapes {sorted(set(shapes))}"
        )
    one, other = (outputs[-1][0, 0].float() for outputs in passes)
    same = (one - other).abs().max() <= 2 * torch.finfo(passes[0][-1].dtype).eps * one.abs().max()
    return Stream(len(shapes), shapes[0][-1], time_major=shapes[0][:2] == (_PROBE_TOKENS, 1), causal=bool(same))


_PROBE_TOKENS = 5


@torch.inference_mode()
def run_probe(encoder: nn.Module, shift: int = 0, **options: Any) -> Any:
    """A pass over a few tokens; `shift` changes all but the first."""
    config: Any = getattr(encoder, "config", None)
    vocabulary = int(getattr(config, "vocab_size", 0) or 100)
    device = input_device(encoder)
    ids = (torch.arange(_PROBE_TOKENS, device=device) * 7 + 5).remainder(max(vocabulary, 1))[None]
    ids[:, 1:] = (ids[:, 1:] + shift).remainder(max(vocabulary, 1))
    return encoder(input_ids=ids, attention_mask=torch.ones_like(ids), return_dict=True, **options)


def _hidden_argument(args: tuple, kwargs: dict) -> tuple[int | str, Tensor]:
    for place, value in [*enumerate(args), *kwargs.items()]:
        if isinstance(value, Tensor) and value.dim() == 3:
            return place, value
    raise ModelError("a block is not called with a residual stream (sentences, tokens, hidden)")


def _first_tensor(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    first = next(iter(output.values())) if isinstance(output, dict) else output[0]
    if not isinstance(first, Tensor):
        raise ModelError(f"a block returns {type(first).__name__} where its hidden state is expected")
    return first
