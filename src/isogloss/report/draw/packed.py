"""Writes what a reader walks through as compressed text inside the page, for its script to open piece by piece.

A part is JSON in columns, deflated (zlib, RFC 1950) and in base64. Rows of unequal length are one flat column and a
column of their lengths; shares are per mille. What it cannot do: be read without the page's script.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from markupsafe import Markup

from isogloss.report.draw.scale import finite
from isogloss.report.text import clean, shorten

_LONGEST_WORD = 60
_LONGEST_NAME = 120
_LONGEST_SENTENCE = 20_000
_ONE_SPACE_EACH = str.maketrans(dict.fromkeys("\t\n\r\v\f\x85\u2028\u2029", " "))


def short_word(word: str) -> str:
    """A word as the page shows it."""
    return shorten(clean(word), _LONGEST_WORD)


def short_name(name: str) -> str:
    """A concept's name as the page shows it."""
    return shorten(clean(name), _LONGEST_NAME)


def short_label(label: str) -> str:
    """A label as the page shows it; the part before its first "=" stays its family."""
    family, equals, value = label.partition("=")
    return shorten(clean(family), _LONGEST_WORD) + equals + shorten(clean(value), _LONGEST_NAME)


def same_length(sentence: str) -> str:
    """`clean`, but every character stays one character, so that places in the sentence stay right."""
    return clean(sentence.translate(_ONE_SPACE_EACH))


def part(content: object) -> Markup:
    """Plain data as one compressed part."""
    plain = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(base64.b64encode(zlib.compress(plain.encode("ascii"), 9)).decode("ascii"))


def per_mille(shares: Iterable[float]) -> list[int]:
    """Shares as whole numbers, 0 where there is none."""
    return [round(1000 * (finite(share) or 0.0)) for share in shares]


def flat(rows: Sequence[Sequence[Any]]) -> tuple[list[Any], list[int]]:
    """Rows one after another, and the length of each."""
    return list(chain.from_iterable(rows)), [len(row) for row in rows]


def rounded(value: float | None, digits: int) -> float | None:
    """A number to so many significant digits; None where there is none."""
    known = finite(value)
    return None if known is None else float(f"{known:.{digits}g}")


def shared(vocabulary: Iterable[str], sentences: Iterable[str]) -> list[tuple[str, Markup]]:
    """The parts `words` and `sentences`, which all levels point into."""
    return [
        ("words", part([short_word(word) for word in vocabulary])),
        ("sentences", part([same_length(sentence)[:_LONGEST_SENTENCE] for sentence in sentences])),
    ]
