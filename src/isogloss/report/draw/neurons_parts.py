"""The neurons of a figure as compressed parts of the page.

A saliency becomes three characters that hold its square root in some 800,000 steps: the many small ones keep their
order, so that the page's script can count ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from math import sqrt
from typing import Any, TypedDict

from markupsafe import Markup

from isogloss.analysis import NeuronsFigure, NeuronsLevel
from isogloss.report.draw.packed import flat, part, shared, short_name, short_word
from isogloss.report.draw.scale import finite
from isogloss.report.glossary import ranking_name
from isogloss.report.text import clean

DIGITS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\')
"""The characters that stand for 0 .. 92 in a map; none needs an escape in JSON."""
_PLACES = 3
STEPS = len(DIGITS) ** _PLACES - 1
_HUNDREDTH = 100
_LARGEST = 1e6


class About(TypedDict):
    """What the script knows before it opens a part; `levels` are (model, layer, number of neurons)."""

    levels: list[tuple[str, int, int]]
    start: int
    labels: list[str]
    values: list[list[str]]
    methods: list[str]
    fates: list[str]
    digits: str
    places: int


def cells(saliency: Sequence[float]) -> str:
    """One level's saliency for one label: the first digits of all neurons, then the second ones, then the last."""
    codes = [round(sqrt(share) * STEPS) for share in saliency]
    units = [len(DIGITS) ** place for place in reversed(range(_PLACES))]
    return "".join(DIGITS[code // unit % len(DIGITS)] for unit in units for code in codes)


def _hundredths(value: float) -> int:
    return round(_HUNDREDTH * min(max(finite(value) or 0.0, -_LARGEST), _LARGEST))


def _heads(levels: Sequence[NeuronsLevel], fates: Sequence[str]) -> list[dict[str, Any]]:
    """What the lists need: which neurons have a page, what they are salient for, what became of them."""
    made = []
    for level in levels:
        salient, n_salient = flat([list(chain.from_iterable(entry.salient)) for entry in level.neurons])
        made.append(
            {
                "neurons": [entry.neuron for entry in level.neurons],
                "fates": [fates.index(entry.fate) if entry.fate else -1 for entry in level.neurons],
                "salient": salient,
                "nSalient": n_salient,
            }
        )
    return made


def _rest(level: NeuronsLevel) -> dict[str, Any]:
    """What only an open neuron needs; activations in hundredths of a standard deviation."""
    words, n_words = flat(
        [[n for word, mean, count in entry.words for n in (word, _hundredths(mean), count)] for entry in level.neurons]
    )
    contexts, n_contexts = flat(
        [
            [n for place, start, end, value in entry.contexts for n in (place, start, end, _hundredths(value))]
            for entry in level.neurons
        ]
    )
    return {
        "ranks": [-1 if rank is None else rank for entry in level.neurons for row in entry.ranks for rank in row],
        "words": words,
        "nWords": n_words,
        "contexts": contexts,
        "nContexts": n_contexts,
    }


def pack(figure: NeuronsFigure, fates: Sequence[str], start: int) -> tuple[About, tuple[tuple[str, Markup], ...]]:
    """Compress a figure's maps, neurons, words and sentences.

    Parameters
    ----------
    fates : all fates that occur but "", in the order in which they are offered.
    start : place of the level whose model is shown first.

    Returns
    -------
    what the script must know at once, and (name, text) of each part: `words`, `sentences`, `map-k` with the k-th
    label's saliency at every level, `heads` with what the lists need, `rest-i` with the i-th level's open neurons.
    Contexts count characters as Python does.
    """
    about: About = {
        "levels": [(clean(level.model), level.layer, level.hidden) for level in figure.levels],
        "start": start,
        "labels": [short_word(label) for label in figure.labels],
        "values": [[short_name(value) for value in values] for values in figure.values],
        "methods": [short_word(ranking_name(method)) for method in figure.methods],
        "fates": list(fates),
        "digits": DIGITS,
        "places": _PLACES,
    }
    parts = shared(figure.vocabulary, figure.sentences)
    parts += [
        (f"map-{k}", part([cells(level.saliency[k]) for level in figure.levels])) for k in range(len(figure.labels))
    ]
    parts.append(("heads", part(_heads(figure.levels, fates))))
    parts += [(f"rest-{i}", part(_rest(level))) for i, level in enumerate(figure.levels)]
    return about, tuple(parts)
