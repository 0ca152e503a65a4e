"""Options that name layers: `last`, `all`, `none`, or numbers with commas."""

from __future__ import annotations

from collections.abc import Iterable

from isogloss.analysis.protocol import ModelPair
from isogloss.errors import OptionError

WORDS = ("last", "all", "none")


def layer_numbers(option: str, text: str) -> tuple[int, ...]:
    """The layers that an option names by number, increasing; () where it is one of the words.

    Raises
    ------
    OptionError : it is written otherwise; `option` says which it is.
    """
    if text in WORDS:
        return ()
    try:
        return tuple(sorted({int(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        raise OptionError(f"{option} is last, all, none, or layers with commas. Got {text!r}.") from None


def is_chosen(option: str, text: str, layer: int, last: int) -> bool:
    """Whether an option's layers hold this one; `last` is the last there is."""
    return text == "all" or (text == "last" and layer == last) or layer in layer_numbers(option, text)


def absent_layers(option: str, text: str, there: Iterable[int]) -> list[int]:
    """Layers that an option names by number and that a run does not have."""
    return sorted(set(layer_numbers(option, text)) - set(there))


def last_layer(pair: ModelPair, default: int) -> int:
    """The last layer that both models have; that either has, where they share none."""
    both = set(pair.base_layers) & set(pair.tuned_layers)
    return max(both or {*pair.base_layers, *pair.tuned_layers}, default=default)
