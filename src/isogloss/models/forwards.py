"""Gives parts of a model another forward for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

Forward = Callable[[Tensor], Tensor]


@contextmanager
def other_forwards(module: nn.Module, forward_of: Callable[[nn.Module], Forward | None]) -> Iterator[None]:
    """While open, parts of `module` for which there is another forward run that one.

    A part whose forward somebody else has replaced, as `accelerate` does, keeps it.
    """
    changed: list[nn.Module] = []
    try:
        for part in module.modules():
            if "forward" not in vars(part) and (forward := forward_of(part)) is not None:
                part.forward = forward
                changed.append(part)
        yield
    finally:
        for part in changed:
            del part.forward
