"""Strings and numbers as a reader sees them: safe to put in HTML, SVG, Markdown or a terminal.

Escaping for a format is done where that format is written; here only what no format can show is replaced.
"""

from __future__ import annotations

import math
import re
from typing import Any

from isogloss.analysis import MARK

_SPACES = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029]+")
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_WIDE = re.compile(
    r"[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\U0001f000-\U0003fffd]"
)
_MINUS = "\u2212"
_MOST_DECIMALS = 6


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def clean(text: str) -> str:
    """The same text without characters that HTML, XML or a terminal must not hold.

    Line breaks become spaces, other control characters their pictures (NUL is shown as a small "NUL"), lone
    surrogates and noncharacters U+FFFD. Everything else, emoji and right-to-left letters included, stays.
    """
    return _UNSHOWABLE.sub(_picture, _SPACES.sub(" ", text))


def plain(text: str) -> str:
    """`clean`, and without the invisible characters that change the direction of what follows.

    For places that cannot isolate text as HTML's `bdi` does: a drawing, a terminal, Markdown.
    """
    return _BIDI.sub("", clean(text))


def shorten(text: str, length: int) -> str:
    """At most `length` characters; what was cut from the end is said by an ellipsis."""
    return text if len(text) <= length else text[: max(length - 1, 1)].rstrip() + "…"


def number(value: Any, digits: int = 3) -> str:
    """A number for people: `digits` decimals, thousands separated, a true minus, a dash for none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", _MINUS)
    if math.isinf(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    size = abs(value)
    if value == 0:
        shown = "0"
    elif size < 0.5 * 10**-digits or size >= 1e7:
        shown = f"{value:.2e}"
    elif (size >= 2 and value == int(value) and size < 1e7) or size >= 1000:
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:.{digits if size < 100 else 1}f}"
    return shown.replace("-", _MINUS) if "e" not in shown else shown


def interval(value: Any, low: Any = None, high: Any = None, digits: int = 3) -> str:
    """`0.430 [0.410, 0.450]`; without brackets where there is no interval."""
    if low is None or high is None:
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def counted(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """As `interval`, of whole numbers: `2 [1, 3]`."""
    whole = [int(part) if part is not None and math.isfinite(part) else part for part in (value, low, high)]
    return interval(whole[0], whole[1], whole[2])


def significant(value: Any, low: Any = None, high: Any = None) -> str:
    """As `interval`, but with three significant digits each, for values of very different size: `0.00123`."""

    def one(part: Any) -> str:
        if not isinstance(part, float) or not math.isfinite(part) or part == 0:
            return number(part)
        decimals = 2 - math.floor(math.log10(abs(part)))
        return (
            number(part, max(decimals, 0))
            if decimals <= _MOST_DECIMALS
            else f"{part:.2e}".replace("-", _MINUS, part < 0)
        )

    return one(value) if low is None or high is None else f"{one(value)} [{one(low)}, {one(high)}]"


def words_of(name: str) -> str:
    """A column or key as words: `n_words` reads "n words"."""
    return plain(name).replace("_", " ").strip()


def text_width(text: str, size: float) -> float:
    """Width in pixels of text set in a common sans-serif at `size` pixels; errs on the wide side."""
    wide = len(_WIDE.findall(text))
    narrow = sum(c in " .,:;|!'iljtfrI[]()" for c in text)
    broad = sum(c in "mwMW@%" or ("A" <= c <= "Z" and c != "I") for c in text)
    return size * (1.05 * wide + 0.34 * narrow + 0.75 * broad + 0.59 * (len(text) - wide - narrow - broad))


def excerpt(sentence: str, around: int = 150) -> list[tuple[str, bool]]:
    """Cut an example sentence to what surrounds its first marked word.

    Parameters
    ----------
    sentence : text in which marked words stand between two `MARK` characters.
    around : characters kept on each side of the first marked word.

    Returns
    -------
    list of (text, marked), cleaned; ellipses say where text was cut.
    """
    pieces = [(piece, i % 2 == 1) for i, piece in enumerate(sentence.split(MARK))]
    if len(pieces) % 2 == 0:
        pieces[-1] = (pieces[-1][0], False)
    first = next((i for i, (_, marked) in enumerate(pieces) if marked), None)
    start = sum(len(piece) for piece, _ in pieces[:first]) if first is not None else 0
    end = start + (len(pieces[first][0]) if first is not None else 0)
    keep_from, keep_to = max(0, start - around), min(end, start + 80) + around
    shown: list[tuple[str, bool]] = []
    at = 0
    for piece, marked in pieces:
        part = piece[max(0, keep_from - at) : max(0, keep_to - at)]
        at += len(piece)
        if part:
            shown.append((clean(part), marked))
    if keep_from > 0:
        shown.insert(0, ("… ", False))
    if at > keep_to:
        shown.append((" …", False))
    return shown
