"""How numbers and layers read in a sentence. Knows no tables."""

from __future__ import annotations

from collections.abc import Sequence

MOST_DIGITS = 4


def stated(value: float, digits: int | None = None) -> str:
    """Write a value as in a paper: no leading zero, three digits near 0 and 1, never rounded up to 1.

    Examples
    --------
    >>> stated(0.4321), stated(0.9934), stated(0.99996), stated(1.0), stated(0.0), stated(-0.25)
    ('.43', '.993', '>.999', '1', '0', '-.25')
    """
    if value == round(value):
        return f"{value:.0f}"
    size = abs(value)
    if digits is None:
        digits = 3 if size < 0.01 or 0.985 <= size < 1 else 2
    text, unit = f"{size:.{digits}f}", 10.0**-digits
    sign, more, less = ("-", "<", ">") if value < 0 else ("", ">", "<")
    bound = ""
    if float(text) == 1 and size < 1:
        bound, text = more, f"{1 - unit:.{digits}f}"
    elif float(text) == 0:
        bound, text = less, f"{unit:.{digits}f}"
    return bound + sign + text.removeprefix("0")


def digits_of(*values: float) -> int:
    """Fewest digits that write all of these values as `stated` would, so that they can stand side by side."""
    return max(_digits(value) for value in values)


def with_interval(value: float, low: float | None, high: float | None) -> str:
    """Write a value and its 95% interval, with as many digits as tell its ends apart: .43 [.42, .45]."""
    shown, *ends = side_by_side(value, low, high)
    return f"{shown} [{ends[0]}, {ends[1]}]" if ends else shown


def side_by_side(value: float, low: float | None, high: float | None) -> tuple[str, ...]:
    """Value, low and high with the same digits; the value alone where there is no interval to see."""
    if low is None or high is None or low == value == high:
        return (stated(value),)
    digits = digits_of(value, low, high)
    while digits < MOST_DIGITS and stated(low, digits) == stated(high, digits):
        digits += 1
    if stated(low, digits) == stated(high, digits):
        return (stated(value),)
    return (stated(value, digits), stated(low, digits), stated(high, digits))


def from_to(before: float, after: float) -> str:
    """Write two values that differ so that they look different: .93 to .90, .889 to .894."""
    digits = digits_of(before, after)
    while digits < MOST_DIGITS and stated(before, digits) == stated(after, digits):
        digits += 1
    return f"{stated(before, digits)} to {stated(after, digits)}"


def listed(names: Sequence[str], most: int | None = None) -> str:
    """Write `a`, `a and b`, `a, b and c`; beyond `most` only how many more."""
    shown = list(names) if most is None or len(names) <= most else [*names[:most], f"{len(names) - most} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def _digits(value: float) -> int:
    text = stated(value).lstrip("<>-")
    return len(text) - 1 if text.startswith(".") else 2


def layers(numbers: Sequence[int]) -> str:
    """Write a list of layers: "Layer 3", "Layers 0-3", "Layers 0-2, 5"."""
    runs: list[list[int]] = []
    for i in sorted(numbers):
        if runs and i == runs[-1][-1] + 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return f"Layer{'s' * (len(numbers) > 1)} {', '.join(parts)}"
