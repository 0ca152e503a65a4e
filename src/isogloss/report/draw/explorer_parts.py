"""The concepts of an explorer as compressed parts of the page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, TypedDict

from markupsafe import Markup

from isogloss.analysis import ExplorerFigure, ExplorerLevel
from isogloss.report.draw.packed import flat, part, per_mille, rounded, shared, short_label, short_name
from isogloss.report.text import clean


class About(TypedDict):
    """What the script knows before it opens a part; `levels` are (model, layer, number of concepts)."""

    levels: list[tuple[str, int, int]]
    start: int
    classes: list[str]
    priors: list[int]
    fates: list[str]
    labels: list[str]


def _head(level: ExplorerLevel, about: About, fates: dict[str, int], labels: dict[str, int]) -> dict[str, Any]:
    """What search, filters and the list need."""
    classes = {name: i for i, name in enumerate(about["classes"])}
    words, n_words = flat([[word for word, _ in row] for row in level.words])
    of, n_labels = flat([[labels[short_label(label)] for label in row] for row in level.labels])
    return {
        "names": [short_name(name) for name in level.names],
        "tokens": level.n_tokens,
        "types": level.n_types,
        "cohesion": [rounded(value, 4) for value in level.cohesion],
        "fates": [fates.get(fate, -1) for fate in level.fates],
        "labels": of,
        "nLabels": n_labels,
        "shares": [share for row in level.shares for share in per_mille(row or [0.0] * len(classes))],
        "polar": [classes.get(clean(name), -1) if name else -1 for name in level.polar],
        "words": words,
        "nWords": n_words,
        "counts": [count for row in level.words for _, count in row],
    }


def _rest(level: ExplorerLevel) -> dict[str, Any]:
    """What only an open concept needs."""
    contexts, n_contexts = flat([list(chain.from_iterable(row)) for row in level.contexts])
    return {
        "contexts": contexts,
        "nContexts": n_contexts,
        "links": [concept for row in level.links for concept, _ in row],
        "linkShares": [share for row in level.links for share in per_mille(share for _, share in row)],
        "nLinks": [len(row) for row in level.links],
        "merges": [side for one, other, _ in level.merges for side in (one, other)],
        "heights": [rounded(height, 5) or 0.0 for _, _, height in level.merges],
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
        "priors": per_mille(figure.priors),
        "fates": [clean(fate) for fate in fates],
        "labels": labels,
    }
    fate_place = {fate: i for i, fate in enumerate(fates)}
    label_place = {label: i for i, label in enumerate(labels)}
    parts = shared(figure.vocabulary, figure.sentences)
    for i, level in enumerate(figure.levels):
        parts.append((f"head-{i}", part(_head(level, about, fate_place, label_place))))
        parts.append((f"rest-{i}", part(_rest(level))))
    return about, tuple(parts)
