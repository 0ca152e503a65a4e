"""Which layers are meant by what a user writes."""

from __future__ import annotations

from collections.abc import Iterable

from isogloss.errors import OptionError

Layers = str | int | Iterable[int]


def choose_layers(wanted: Layers, n_layers: int, *, present_only: bool = False) -> tuple[int, ...]:
    """Layer numbers, increasing, from `all`, `last`, `0,3,6`, `0-6`, a number or numbers; -1 is the last.

    Parameters
    ----------
    wanted : what the user wrote.
    n_layers : number of blocks; layers run from 0 (embeddings) to this.
    present_only : leave out layers that do not exist, as long as one does.

    Raises
    ------
    OptionError : it is none of these, or a layer does not exist.
    """
    found = _numbers(wanted, n_layers)
    if not found:
        raise OptionError("no layers chosen")
    if present_only and (present := [n for n in found if 0 <= n <= n_layers]):
        found = present
    if found[0] < 0 or found[-1] > n_layers:
        bad = found[0] if found[0] < 0 else found[-1]
        raise OptionError(f"there is no layer {bad}: this model has layers 0 (embeddings) to {n_layers}")
    return tuple(found)


def absent_layers(wanted: Layers, n_layers: int) -> tuple[int, ...]:
    """Layer numbers that were asked for and that a model of so many blocks does not have."""
    return tuple(n for n in _numbers(wanted, n_layers) if not 0 <= n <= n_layers)


def _numbers(wanted: Layers, n_layers: int) -> list[int]:
    if isinstance(wanted, str):
        numbers = _parsed(wanted.strip().lower(), n_layers)
    else:
        numbers = [wanted] if isinstance(wanted, int) else [int(n) for n in wanted]
    return sorted({n + n_layers + 1 if n < 0 else n for n in numbers})


def _parsed(text: str, n_layers: int) -> list[int]:
    if text == "all":
        return list(range(n_layers + 1))
    if text == "last":
        return [n_layers]
    numbers: list[int] = []
    for piece in text.replace(" ", ",").split(","):
        if not piece:
            continue
        low, dash, high = piece.partition("-") if not piece.startswith("-") else (piece, "", "")
        try:
            numbers.extend(range(int(low), int(high) + 1) if dash else [int(low)])
        except ValueError:
            raise OptionError(f"layers are 'all', 'last', '0,3,6' or '0-6'; got {text!r}") from None
    return numbers
