"""Runs many sentences through a model as one sequence without padding, where the architecture allows it.

Every matrix product then sees all tokens at once; attention is computed per group of equally long frames, of one
sentence or of several short ones, by torch's scaled-dot-product function. Whether a model allows it is not looked up
in a list: it is tried once on a few short sequences, and packing is used only if the vectors come out the same as one
sequence at a time.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, count, groupby, pairwise, product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface

from isogloss.models.blocks import Blocks, input_device
from isogloss.models.in_place import activations_in_place

IMPLEMENTATION = "isogloss_packed"
TOLERANCE = 1e-4

_LANES = 16

_pass: ContextVar[_Pass] = ContextVar("what attention is told of the pass")

# What attention may be told besides queries, keys and values without changing its result.
_HARMLESS = {
    "dropout",
    "scaling",
    "is_causal",
    "position_ids",
    "use_cache",
    "cache_position",
    "output_attentions",
}
_HARMLESS |= {
    "output_hidden_states",
    "return_dict",
    "position_embeddings",
    "num_items_in_batch",
    "num_key_value_groups",
}

_WINDOWS = ("sliding_window", "attention_chunk_size", "original_max_position_embeddings")
"""Lengths, as configurations name them, beyond which a sequence is not run as shorter ones are."""


@dataclass
class _Group:
    """Equally long frames that stand together.

    Attributes
    ----------
    length, count : tokens of a frame, number of frames.
    longest : tokens of the longest sequence.
    owners : (count, length) which of its frame's sequences a token belongs to; None where each is one sequence.
    """

    length: int
    count: int
    longest: int
    owners: Tensor | None = None
    _masks: dict[tuple[torch.device, bool], Tensor] = field(default_factory=dict)

    def mask(self, states: Tensor, *, causal: bool) -> Tensor | None:
        """(count, 1, length, length) what is added to the scores of states like these; made once for all layers."""
        if self.owners is None:
            return None
        key = states.device, causal
        if key not in self._masks:
            owners = self.owners.to(states.device)
            apart = owners[:, :, None] != owners[:, None, :]
            if causal:
                apart |= torch.ones_like(apart[0]).triu_(1)
            self._masks[key] = states.new_zeros(apart.shape).masked_fill_(apart, -torch.inf)[:, None]
        return self._masks[key]


@dataclass
class _Pass:
    """Groups of frames, one after the other, and how often attention was asked for."""

    groups: list[_Group]
    asked: int = 0


class CannotPackError(Exception):
    """The architecture asks of attention what packed attention does not do."""


def packed_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """Attention within each packed sequence; queries and keys are (1, heads, n_tokens, head width)."""
    through = _pass.get()
    through.asked += 1
    window = kwargs.pop("sliding_window", None)
    odd = [name for name, given in kwargs.items() if given is not None and name not in _HARMLESS]
    if (
        attention_mask is not None
        or odd
        or (window is not None and window < max(group.longest for group in through.groups))
    ):
        raise CannotPackError(f"attention is given {odd or 'a mask or a window'}")
    causal = kwargs.get("is_causal")
    causal = getattr(module, "is_causal", None) if causal is None else causal
    if causal is None:
        raise CannotPackError("attention does not say whether tokens see later ones")
    if (shared := query.shape[1] // key.shape[1]) > 1:
        key, value = key.repeat_interleave(shared, 1), value.repeat_interleave(shared, 1)
    by_token = [states[0].transpose(0, 1) for states in (query, key, value)]
    attended: list[Tensor] = []
    at = 0
    for group in through.groups:
        stop = at + group.length * group.count
        frames = (states[at:stop].view(group.count, group.length, *states.shape[1:]) for states in by_token)
        q, k, v = (states.transpose(1, 2) for states in frames)
        mask = group.mask(query, causal=causal)
        if mask is None:
            one = _attended(q, k, v, kwargs.get("scaling"), causal=causal and group.length > 1)
        else:
            one = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=kwargs.get("scaling"))
        attended.append(one.transpose(1, 2).flatten(0, 1))
        at = stop
    return torch.cat(attended)[None], None


def _attended(query: Tensor, key: Tensor, value: Tensor, scale: float | None, *, causal: bool) -> Tensor:
    """Attention of equally long sequences; all are (count, heads, length, head width).

    A CPU takes exponentials of 16 numbers at once, and those that are left over in a row one by one: with 8 of them or
    more, keys that are masked cost less.
    """
    length = query.shape[2]
    over = length % _LANES
    if causal or over < _LANES // 2 or query.device.type != "cpu":
        return scaled_dot_product_attention(query, key, value, scale=scale, is_causal=causal)
    more = _LANES - over
    mask = query.new_zeros(1, 1, 1, length + more)
    mask[..., length:] = -torch.inf
    key, value = (pad(states, (0, 0, 0, more)) for states in (key, value))
    return scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)


def _grouped(lengths: Sequence[int], frames: Sequence[int] | None) -> list[_Group]:
    """Runs of equally long frames; `frames` are the numbers of their sequences."""
    ends = list(accumulate([1] * len(lengths) if frames is None else frames))
    framed = [lengths[start:stop] for start, stop in pairwise([0, *ends])]
    groups = []
    for (length, alone), run in groupby(framed, key=lambda frame: (sum(frame), len(frame) == 1)):
        those = list(run)
        owners = None if alone else torch.tensor([_owners(frame) for frame in those])
        groups.append(_Group(length, len(those), max(map(max, those)), owners))
    return groups


def _owners(frame: Sequence[int]) -> list[int]:
    return [number for number, length in enumerate(frame) for _ in range(length)]


@contextmanager
def packing(blocks: Blocks) -> Iterator[None]:
    """While open, the model attends within packed sequences only; `packed_forward` runs it."""
    AttentionInterface.register(IMPLEMENTATION, packed_attention)
    # Set on the configurations directly: the public setter refuses implementations it cannot pre-verify.
    configs: dict[int, Any] = {id(m.config): m.config for m in blocks.encoder.modules() if hasattr(m, "config")}
    before = {key: getattr(config, "_attn_implementation", None) for key, config in configs.items()}
    try:
        for config in configs.values():
            config._attn_implementation = IMPLEMENTATION
        yield
    finally:
        for key, config in configs.items():
            config._attn_implementation = before[key]


def packed_forward(
    blocks: Blocks,
    ids: Tensor,
    lengths: Sequence[int],
    positions: Tensor,
    types: Tensor | None,
    frames: Sequence[int] | None = None,
) -> Tensor:
    """One forward pass over packed sequences, inside `packing`; hidden states are read by `Blocks.reading`.

    Parameters
    ----------
    ids : (n_tokens,) token ids of all sequences, one after the other.
    lengths : tokens of each sequence; equal lengths should stand together.
    positions : (n_tokens,) position numbers as the model counts them.
    types : (n_tokens,) token types, for models that have them.
    frames : numbers of sequences that attention takes together, one after the other; equally long frames should stand
        together. If None, each sequence by itself.

    Returns
    -------
    (n_tokens, hidden) the model's last hidden state, after its final norm if it has one.

    Raises
    ------
    CannotPackError : a block asks of packed attention what it does not do.
    """
    token = _pass.set(_Pass(_grouped(lengths, frames)))
    try:
        extra = {} if types is None else {"token_type_ids": types[None]}
        output = blocks.encoder(
            input_ids=ids[None], position_ids=positions[None], use_cache=False, return_dict=True, **extra
        )
    finally:
        _pass.reset(token)
    return output.last_hidden_state[0]


@dataclass(frozen=True)
class PackingPlan:
    """How a model is run packed.

    Attributes
    ----------
    first_position : number of the first position.
    types : token types must be given.
    longest : sequences with more tokens cannot be packed, since some layer looks through a window of so many or its
        rotary positions stretch beyond; None where neither is so.
    in_place : activation functions may write over what they are given.
    """

    first_position: int
    types: bool
    longest: int | None = None
    in_place: bool = False


def positions_of(ids: Tensor, lengths: Sequence[int], first: int) -> Tensor:
    """(n_tokens,) position numbers of packed sequences, as their model counts them.

    RoBERTa counts from the number after the padding id, passes over tokens of padding and gives them that number.
    """
    positions = torch.cat([torch.arange(length, device=ids.device) for length in lengths])
    if not first:
        return positions
    counted = ids != first - 1
    until = counted.cumsum(0)
    starts = torch.arange(len(ids), device=ids.device) - positions
    before = until[starts] - counted[starts].long()
    return (until - before) * counted + first - 1


@torch.inference_mode()
def plan_packing(blocks: Blocks) -> PackingPlan | None:
    """How packing gives this model's own vectors; None where it does not.

    Tries positions from 0 and, as RoBERTa counts, from the number after the padding id; with token types (all 0) and
    without. The model is run on four short sequences both ways; every layer must agree to 1e-4 of how far its tokens
    lie apart (or to what the model's own precision allows, if that is coarser), and every block must have asked for
    packed attention. Activations are tried in place first. Two of the sequences share a frame, and one holds the
    token of padding, which is a word like others where a text has it.
    """
    config: Any = blocks.encoder.config
    vocabulary = int(getattr(config, "vocab_size", 0) or 0)
    # Llama 4 scales attention by the place in the pass, whatever the position.
    if getattr(config, "attn_temperature_tuning", None):
        return None
    if blocks.time_major or not hasattr(config, "_attn_implementation") or vocabulary < 16:
        return None
    device = input_device(blocks.encoder)
    lengths, frames = [3, 3, 7, 12], [1, 1, 2]
    ids = torch.randint(5, vocabulary, (sum(lengths),), generator=torch.Generator().manual_seed(0)).to(device)
    padding = getattr(config, "pad_token_id", None)
    if padding is not None and 0 <= padding < vocabulary:
        ids[8] = padding
    plain = _plain_layers(blocks, ids, lengths)
    accepts_types = "token_type_ids" in inspect.signature(blocks.encoder.forward).parameters
    firsts = dict.fromkeys((0, 0 if padding is None else padding + 1))
    for in_place, first, types in product((True, False), firsts, (True, False) if accepts_types else (False,)):
        positions = positions_of(ids, lengths, first)
        given = torch.zeros_like(ids) if types else None
        run = partial(packed_forward, blocks, ids, lengths, positions, given, frames)
        if _gives(plain, blocks, run, in_place=in_place):
            return PackingPlan(first, types, _window(blocks), in_place)
    return None


def _gives(plain: list[Tensor], blocks: Blocks, run: Callable[[], Tensor], *, in_place: bool) -> bool:
    """Whether a packed run gives these vectors, layer by layer."""
    layers: list[Tensor] = []
    asked: list[int] = []

    def remember(_: int, tokens: Tensor) -> None:
        layers.append(tokens.clone())
        asked.append(_pass.get().asked)

    try:
        with (
            packing(blocks),
            activations_in_place(blocks.encoder) if in_place else nullcontext(),
            blocks.reading(remember),
        ):
            run()
    except Exception:
        return False
    # What mixes tokens elsewhere mixes those of other sequences: too little to be seen where weights are random.
    if any(before == after for before, after in pairwise(asked)):
        return False
    return len(layers) == len(plain) and all(map(_agree, layers, plain, count()))


def _window(blocks: Blocks) -> int | None:
    """The narrowest window of attention that a configuration names, or the length that changes its positions.

    A window is a mask, and packed attention has none: within the window there is nothing to mask. Rotary positions that
    stretch with the longest sequence of a pass would stretch for all of them.
    """
    configs = {id(m.config): m.config for m in blocks.encoder.modules() if hasattr(m, "config")}
    owners = [*configs.values(), *blocks.encoder.modules()]
    found = [getattr(owner, name, None) for owner in owners for name in _WINDOWS]
    rotary = [getattr(owner, name, None) for owner in configs.values() for name in ("rope_scaling", "rope_parameters")]
    found += [rope.get(name) for rope in rotary if isinstance(rope, dict) for name in _WINDOWS]
    return min((int(window) for window in found if isinstance(window, int) and window > 0), default=None)


def _plain_layers(blocks: Blocks, ids: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    layers: list[list[Tensor]] = [[] for _ in range(blocks.n_layers + 1)]
    with blocks.reading(lambda layer, tokens: layers[layer].append(tokens.clone())):
        for sequence in ids.split(list(lengths)):
            blocks.encoder(input_ids=sequence[None], attention_mask=torch.ones_like(sequence[None]))
    return [torch.cat(parts) for parts in layers]


def _agree(ours: Tensor, theirs: Tensor, layer: int) -> bool:
    """Whether they are the same to the tolerance, beside how far tokens lie apart: what all share hides nothing.

    Coarse numbers lose about a fifth of their last digit in every block; more than that is something else.
    """
    coarse = max(TOLERANCE, min(8.0, 1 + layer / 2) * torch.finfo(theirs.dtype).eps)
    ours, theirs = ours.float(), theirs.float()
    return bool((ours - theirs).norm() <= coarse * (theirs - theirs.mean(0)).norm())
