"""The neurons of every layer of both models: how salient each is for each label, and a page for the foremost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, ClassVar

from isogloss.analysis.figure import Figure
from isogloss.analysis.places import level_name, within

FATES = ("", "kept", "changed", "lost", "new")
"""What may have become of a neuron; "" where that was not asked."""


@dataclass(frozen=True)
class NeuronEntry:
    """What is known of one neuron that has a page.

    Attributes
    ----------
    neuron : its place in the layer's vectors.
    ranks : for each of the figure's `labels`, for each of its `methods`: its rank among the layer's neurons,
        0 = first; None where that ranking has no place for it.
    salient : (place in the figure's `labels`, place in that label's `values`) of what it is salient for.
    fate : one of "", "kept", "changed", "lost", "new".
    words : (place in the figure's `vocabulary`, mean z-scored activation over its occurrences, their count); of both
        signs, strongest first.
    contexts : (place in the figure's `sentences`, first character of the word in it, one past its last, z-scored
        activation).
    """

    neuron: int
    ranks: tuple[tuple[int | None, ...], ...] = ()
    salient: tuple[tuple[int, int], ...] = ()
    fate: str = ""
    words: tuple[tuple[int, float, int], ...] = ()
    contexts: tuple[tuple[int, int, int, float], ...] = ()


@dataclass(frozen=True)
class NeuronsLevel:
    """The neurons of one model at one layer.

    Attributes
    ----------
    model : "base" or "tuned".
    layer : 0 = embeddings.
    saliency : for each of the figure's `labels`, one number in [0, 1] per neuron of the layer: its saliency as a
        share of the largest that any neuron of the model has for that label. The page ranks all neurons by it, so it
        should be what the first of the figure's `methods` ranks by.
    neurons : those with a page, in any order, each at most once.
    """

    model: str
    layer: int
    saliency: tuple[tuple[float, ...], ...] = ()
    neurons: tuple[NeuronEntry, ...] = ()

    @property
    def hidden(self) -> int:
        """How many neurons the layer has."""
        return len(self.saliency[0]) if self.saliency else 0


@dataclass(frozen=True)
class NeuronsFigure(Figure):
    """A map of layer by neuron for each label, and what each of the foremost neurons stands for.

    Attributes
    ----------
    labels : families of labels that were probed, e.g. "upos"; the first is shown first.
    values : for each label, its values, e.g. "NOUN".
    methods : names of the rankings, e.g. "lca".
    levels : at most one per model and layer.
    vocabulary, sentences : the words and sentences that neurons point into.

    Raises
    ------
    ValueError : a level or a neuron comes twice, lengths differ, a saliency is outside [0, 1], a fate is unknown, or
        something is pointed at that is not there.
    """

    kind: ClassVar[str] = "neurons"
    labels: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()
    methods: tuple[str, ...] = ()
    levels: tuple[NeuronsLevel, ...] = ()
    vocabulary: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.values) != len(self.labels):
            raise ValueError(f"figure {self.name!r} has {len(self.labels)} labels and values of {len(self.values)}")
        if twice := _repeated((level.model, level.layer) for level in self.levels):
            raise ValueError(f"figure {self.name!r} has {level_name(*twice)} twice")
        for level in self.levels:
            try:
                self._check(level)
                for entry in level.neurons:
                    self._check_entry(entry)
            except ValueError as error:
                raise ValueError(f"{level_name(level.model, level.layer)} of figure {self.name!r}: {error}") from None

    def _check(self, level: NeuronsLevel) -> None:
        if len(level.saliency) != len(self.labels):
            raise ValueError(f"saliency for {len(level.saliency)} of {len(self.labels)} labels")
        for label, row in zip(self.labels, level.saliency, strict=True):
            if len(row) != level.hidden:
                raise ValueError(f"{level.hidden} neurons for {self.labels[0]!r} but {len(row)} for {label!r}")
            if wrong := [value for value in row if not 0 <= value <= 1]:
                raise ValueError(f"a saliency of {wrong[0]} for {label!r}; it is a share, from 0 to 1")
        within((entry.neuron for entry in level.neurons), level.hidden, "neurons")
        if twice := _repeated((entry.neuron,) for entry in level.neurons):
            raise ValueError(f"neuron {twice[0]} has two pages")

    def _check_entry(self, entry: NeuronEntry) -> None:
        try:
            if len(entry.ranks) != len(self.labels) or any(len(row) != len(self.methods) for row in entry.ranks):
                raise ValueError(f"ranks must be one per label and method, {len(self.labels)} x {len(self.methods)}")
            if any(rank is not None and rank < 0 for rank in chain(*entry.ranks)):
                raise ValueError("a rank below 0; the first neuron of a layer has rank 0")
            if entry.fate not in FATES:
                raise ValueError(f"unknown fate {entry.fate!r}; known: {', '.join(filter(None, FATES))}, or none")
            within((label for label, _ in entry.salient), len(self.labels), "labels")
            for label, value in entry.salient:
                within((value,), len(self.values[label]), f"values of {self.labels[label]!r}")
            within((word for word, _, _ in entry.words), len(self.vocabulary), "words in the vocabulary")
            within((sentence for sentence, *_ in entry.contexts), len(self.sentences), "sentences")
        except ValueError as error:
            raise ValueError(f"neuron {entry.neuron}: {error}") from None

    def as_dict(self) -> dict[str, Any]:
        """As for every figure; levels are large, so their numbers are handed out as they are, not copied."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        levels = tuple({**vars(one), "neurons": tuple(map(vars, one.neurons))} for one in self.levels)
        return {"kind": self.kind, **plain, "levels": levels}


def _repeated(keys: Iterable[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The first key that comes a second time."""
    seen: set[tuple[Any, ...]] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None
