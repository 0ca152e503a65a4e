"""Puts short sequences together into frames of the lengths that a processor's attention likes.

Attention over a few tokens is a product too small to be worth its call: 32 tokens in one frame, masked so that each
sees its own sequence only, cost a third of eight sequences of four. Frames are filled to the last token, so nothing is
computed for padding; a sequence that fits into none stays by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch

from isogloss.models.blocks import Blocks

FRAMES = ((64, 33), (32, 1))
"""Tokens of a frame, and of the shortest sequence that begins one."""


def gains(blocks: Blocks, longest: int | None = None) -> bool:
    """Whether a model's attention is faster over frames.

    In float32 a causal mask saves as much where sequences stand by themselves.

    Parameters
    ----------
    blocks : of the model, on its device and in its precision.
    longest : tokens of the longest sequence that can be packed; None for any.
    """
    parameter = next(blocks.encoder.parameters())
    saved = blocks.causal and parameter.dtype == torch.float32
    return parameter.device.type == "cpu" and not saved and (longest is None or longest >= FRAMES[0][0])


def framed(lengths: Sequence[int]) -> list[list[int]]:
    """Put sequences into frames.

    Parameters
    ----------
    lengths : (n,) tokens of each sequence.

    Returns
    -------
    Numbers of sequences, frame by frame, each sequence once: first those of several sequences, of 64 and then of 32
    tokens in all, then what is left one by one, short ones first. It depends on the lengths alone.
    """
    waiting: dict[int, list[int]] = defaultdict(list)
    for number in range(len(lengths) - 1, -1, -1):
        waiting[int(lengths[number])].append(number)
    frames: list[list[int]] = []
    for size, least in FRAMES:
        for longest in range(size - 1, least - 1, -1):
            while waiting[longest]:
                first = waiting[longest].pop()
                others = _filling(waiting, size - longest, size - longest)
                if others is None:
                    waiting[longest].append(first)
                    break
                frames.append([first, *others])
    return frames + [[number] for length in sorted(waiting) for number in reversed(waiting[length])]


def _filling(waiting: dict[int, list[int]], tokens: int, longest: int) -> list[int] | None:
    """Waiting sequences, none longer than `longest`, that have exactly so many tokens together; taken out."""
    if tokens == 0:
        return []
    for length in range(min(tokens, longest), 0, -1):
        if waiting[length]:
            one = waiting[length].pop()
            others = _filling(waiting, tokens - length, length)
            if others is not None:
                return [one, *others]
            waiting[length].append(one)
    return None
