"""What options of an analysis may be, refused in the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isogloss.errors import OptionError


def refuse_below(analysis: str, options: Any, least: Mapping[str, float]) -> None:
    """Refuse options below their least values.

    Raises
    ------
    OptionError : one of them is, or is NaN; which, and what it is.
    """
    for name, low in least.items():
        if not getattr(options, name) >= low:
            raise OptionError(f"{analysis}: {name} should be at least {low}. Got {getattr(options, name)} instead.")


def comma_names(text: str | None) -> tuple[str, ...] | None:
    """Names with commas between them; None stays None."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def named(analysis: str, names: Sequence[str] | None, known: Iterable[str]) -> tuple[str, ...]:
    """The labels that are asked for, of those there are; all where None is asked for.

    Raises
    ------
    OptionError : there is no such label; which there are.
    """
    there = tuple(known)
    if unknown := [name for name in names or () if name not in there]:
        raise OptionError(f"{analysis}: no label {', '.join(unknown)}; there are {', '.join(there) or 'none'}")
    return there if names is None else tuple(names)
