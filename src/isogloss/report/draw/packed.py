"""Writes an explorer's concepts as compressed text inside the page, for the page's script to open piece by piece.

A part is JSON in columns, deflated (zlib, RFC 1950) and in base64. Rows of unequal length are one flat column and a
column of their lengths; shares are per mille. What it cannot do: be read without the page's script.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, TypedDict

from markupsafe import Markup

from isogloss.analysis import ExplorerFigure, ExplorerLevel
from isogloss.report.draw.scale import finite
from isogloss.report.text import clean, shorten

_LONGEST_WORD = 60
_LONGEST_NAME = 120
_LONGEST_SENTENCE = 20_000
_ONE_SPACE_EACH = str.maketrans(dict.fromkeys("\t\n\r\v\f\x85\u2028\u2029", " "))


class About(TypedDict):
    """What the script knows before it opens a part; `levels` are (model, layer, number of concepts)."""

    levels: list[tuple[str, int, int]]
    start: int
    classes: list[str]
    priors: list[int]
    fates: list[str]
    labels: list[str]


def short_word(word: str) -> str:
    """A word as the explorer shows it."""
    return shorten(clean(word), _LONGEST_WORD)


def short_name(name: str) -> str:
    """A concept's name as the explorer shows it."""
    return shorten(clean(name), _LONGEST_NAME)


def short_label(label: str) -> str:
    """A label as the explorer shows it; the part before its first "=" stays its family."""
    family, equals, value = label.partition("=")
    return shorten(clean(family), _LONGEST_WORD) + equals + shorten(clean(value), _LONGEST_NAME)


def same_length(sentence: str) -> str:
    """`clean`, but every character stays one character, so that places in the sentence stay right."""
    return clean(sentence.translate(_ONE_SPACE_EACH))


def _part(content: object) -> Markup:
    plain = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(base64.b64encode(zlib.compress(plain.encode("ascii"), 9)).decode("ascii"))


def _per_mille(shares: Iterable[float]) -> list[int]:
    return [round(1000 * (finite(share) or 0.0)) for share in shares]


def _flat(rows: Sequence[Sequence[Any]]) -> tuple[list[Any], list[int]]:
    return list(chain.from_iterable(rows)), [len(row) for row in rows]


def _digits(value: float | None, digits: int) -> float | None:
    known = finite(value)
    return None if known is None else float(f"{known:.{digits}g}")


def _head(level: ExplorerLevel, about: About, fates: dict[str, int], labels: dict[str, int]) -> dict[str, Any]:
    """What search, filters and the list need."""
    classes = {name: i for i, name in enumerate(about["classes"])}
    words, n_words = _flat([[word for word, _ in row] for row in level.words])
    of, n_labels = _flat([[labels[short_label(label)] for label in row] for row in level.labels])
    return {
        "names": [short_name(name) for name in level.names],
        "tokens": level.n_tokens,
        "types": level.n_types,
        "cohesion": [_digits(value, 4) for value in level.cohesion],
        "fates": [fates.get(fate, -1) for fate in level.fates],
        "labels": of,
        "nLabels": n_labels,
        "shares": [share for row in level.shares for share in _per_mille(row or [0.0] * len(classes))],
        "polar": [classes.get(clean(name), -1) if name else -1 for name in level.polar],
        "words": words,
        "nWords": n_words,
        "counts": [count for row in level.words for _, count in row],
    }


def _rest(level: ExplorerLevel) -> dict[str, Any]:
    """What only an open concept needs."""
    contexts, n_contexts = _flat([list(chain.from_iterable(row)) for row in level.contexts])
    return {
        "contexts": contexts,
        "nContexts": n_contexts,
        "links": [concept for row in level.links for concept, _ in row],
        "linkShares": [share for row in level.links for share in _per_mille(share for _, share in row)],
        "nLinks": [len(row) for row in level.links],
        "merges": [side for one, other, _ in level.merges for side in (one, other)],
        "heights": [_digits(height, 5) or 0.0 for _, _, height in level.merges],
    }


def pack(figure: ExplorerFigure, fates: Sequence[str], start: int) -> tuple[About, tuple[tuple[str, Markup], ...]]:
    """Compress a figure's levels, words and sentences.

    Parameters
    ----------
    fates : all fates that occur, in the order in which they are offered.
    start : place of the level shown first.

    Returns
    -------
    what the script must know at once, and (name, text) of each part: `words`, `sentences`, and for the i-th level
    `head-i` (for search and list) and `rest-i` (for an open concept). Contexts count characters as Python does.
    """
    found = {short_label(label) for level in figure.levels for row in level.labels for label in row}
    labels = sorted(found, key=lambda label: (label.partition("=")[0], label))
    about: About = {
        "levels": [(clean(level.model), level.layer, len(level.names)) for level in figure.levels],
        "start": start,
        "classes": [clean(name) for name in figure.classes],
        "priors": _per_mille(figure.priors),
        "fates": [clean(fate) for fate in fates],
        "labels": labels,
    }
    fate_place = {fate: i for i, fate in enumerate(fates)}
    label_place = {label: i for i, label in enumerate(labels)}
    parts = [
        ("words", _part([short_word(word) for word in figure.vocabulary])),
        ("sentences", _part([same_length(sentence)[:_LONGEST_SENTENCE] for sentence in figure.sentences])),
    ]
    for i, level in enumerate(figure.levels):
        parts.append((f"head-{i}", _part(_head(level, about, fate_place, label_place))))
        parts.append((f"rest-{i}", _part(_rest(level))))
    return about, tuple(parts)
