"""The same words in two dimensions at every layer of both models, as plain data. Does not choose the directions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from typing import Any, ClassVar

from isogloss.analysis.figure import Figure
from isogloss.analysis.places import level_name, within


@dataclass(frozen=True)
class WordColouring:
    """One way of colouring the words of a map: by a class of each, or by a number of each.

    Attributes
    ----------
    name : what is shown, e.g. "upos" or "log frequency".
    values : names of the classes; empty where words have numbers.
    of : for each word of the figure the place of its class in `values`, or its number; None where it has none.
    """

    name: str
    values: tuple[str, ...] = ()
    of: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class WordMapLevel:
    """Where the words lie in one model at one layer.

    Attributes
    ----------
    model : "base" or "tuned".
    layer : 0 = embeddings.
    x, y : for each word of the figure its coordinate along the first and along the second direction, in the units of
        the vectors. The page shows some 8,600 steps of each, so that five digits are enough.
    shares : share of the layer's variance along each of the two; empty where that is not known.
    """

    model: str
    layer: int
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class WordMapFigure(Figure):
    """Words as points, base beside tuned: the same words in every level, in the two directions of that level.

    Each direction's sign is free: the analysis should give it one by which base and tuned are alike.

    Attributes
    ----------
    words : for each word shown its place in `vocabulary`.
    contexts : for each word (place in `sentences`, first character of the word in it, one past its last); or empty.
    colourings : ways of colouring the words; the first is shown first.
    levels : at most one per model and layer.
    vocabulary, sentences : what `words` and `contexts` point into.

    Raises
    ------
    ValueError : a level comes twice, lengths differ, a coordinate is not finite, a share is outside [0, 1], or
        something is pointed at that is not there.
    """

    kind: ClassVar[str] = "wordmap"
    words: tuple[int, ...] = ()
    contexts: tuple[tuple[int, int, int], ...] = ()
    colourings: tuple[WordColouring, ...] = ()
    levels: tuple[WordMapLevel, ...] = ()
    vocabulary: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen: set[tuple[str, int]] = set()
        try:
            within(self.words, len(self.vocabulary), "words in the vocabulary")
            within((sentence for sentence, _, _ in self.contexts), len(self.sentences), "sentences")
            if len(self.contexts) not in (0, len(self.words)):
                raise ValueError(f"{len(self.words)} words but {len(self.contexts)} contexts")
            for colouring in self.colourings:
                self._check_colouring(colouring)
        except ValueError as error:
            raise ValueError(f"figure {self.name!r}: {error}") from None
        for level in self.levels:
            if (level.model, level.layer) in seen:
                raise ValueError(f"figure {self.name!r} has {level_name(level.model, level.layer)} twice")
            seen.add((level.model, level.layer))
            try:
                self._check_level(level)
            except ValueError as error:
                raise ValueError(f"{level_name(level.model, level.layer)} of figure {self.name!r}: {error}") from None

    def _check_colouring(self, colouring: WordColouring) -> None:
        if len(colouring.of) != len(self.words):
            raise ValueError(f"{len(self.words)} words but {len(colouring.of)} in the colouring {colouring.name!r}")
        known = [of for of in colouring.of if of is not None]
        if wrong := [of for of in known if not isfinite(of)]:
            raise ValueError(f"a number {wrong[0]} in the colouring {colouring.name!r}; None says that there is none")
        if colouring.values:
            if broken := [of for of in known if of != int(of)]:
                raise ValueError(f"the place {broken[0]} in the colouring {colouring.name!r}; places are whole numbers")
            within(map(int, known), len(colouring.values), f"values of {colouring.name!r}")

    def _check_level(self, level: WordMapLevel) -> None:
        for axis, row in (("x", level.x), ("y", level.y)):
            if len(row) != len(self.words):
                raise ValueError(f"{len(self.words)} words but {len(row)} {axis} coordinates")
            if wrong := [value for value in row if not isfinite(value)]:
                raise ValueError(f"the {axis} coordinate {wrong[0]}")
        if len(level.shares) not in (0, 2) or any(not 0 <= share <= 1 for share in level.shares):
            raise ValueError(f"shares of variance {level.shares}; there are two, each from 0 to 1, or none")

    def as_dict(self) -> dict[str, Any]:
        """As for every figure; levels are large, so their numbers are handed out as they are, not copied."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = {name: tuple(dict(vars(one)) for one in getattr(self, name)) for name in ("colourings", "levels")}
        return {"kind": self.kind, **plain, **parts}
