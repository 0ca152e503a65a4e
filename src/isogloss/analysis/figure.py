"""What a figure shows, as plain data. Drawing it is the report's work; choosing it is the analysis's.

Every figure becomes JSON (`figures/*.json` in a run directory), so nothing here holds arrays, colours or HTML.
A kind of figure that no analysis needs yet is added here together with its drawing in `report/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from itertools import chain
from typing import Any, ClassVar


@dataclass(frozen=True)
class Figure:
    """What all figures have in common.

    Attributes
    ----------
    name : unique within the run, letters, digits and hyphens; the file name.
    title : a few words.
    caption : one or two sentences: how to read it, and what the bands mean.
    """

    kind: ClassVar[str] = ""
    name: str
    title: str
    caption: str

    def as_dict(self) -> dict[str, Any]:
        """Plain types with the kind beside them; `figure_from_dict` reads it back."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Line:
    """One curve: `y` over `x`; `low`/`high` its 95% interval; None where there is no value."""

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Band:
    """A shaded region over `x` that says what noise alone would give."""

    name: str
    x: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@dataclass(frozen=True)
class LinesFigure(Figure):
    """Curves over layers (or steps), with intervals and noise bands."""

    kind: ClassVar[str] = "lines"
    x_label: str = "layer"
    y_label: str = ""
    lines: tuple[Line, ...] = ()
    bands: tuple[Band, ...] = ()
    y_min: float | None = None
    y_max: float | None = None


@dataclass(frozen=True)
class HeatmapFigure(Figure):
    """A matrix of values in [`low`, `high`]: `values[row][column]`."""

    kind: ClassVar[str] = "heatmap"
    row_label: str = ""
    column_label: str = ""
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    values: tuple[tuple[float | None, ...], ...] = ()
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class TableFigure(Figure):
    """A table; numbers stay numbers so that the page can sort and format them.

    With `group_by`, a column name, the page shows one group at a time and lets the reader choose (e.g. the layer).
    A column named `examples` holds tuples of sentences; words to mark in them are between two U+0001 characters.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    group_by: str | None = None


@dataclass(frozen=True)
class BarPart:
    """One part of every bar: its size in each bar, none below 0, None where there is no value.

    Attributes
    ----------
    name : what the part holds, e.g. "kept".
    values : one per bar.
    noise : one text per bar that says what noise alone would give, or nothing at all.
    """

    name: str
    values: tuple[float | None, ...]
    noise: tuple[str, ...] = ()


@dataclass(frozen=True)
class BarsFigure(Figure):
    """Stacked bars, e.g. one per layer; `bars` names them, `parts` are stacked in order.

    Raises
    ------
    ValueError : a part has not one value (or noise text) per bar, or a value below 0.
    """

    kind: ClassVar[str] = "bars"
    x_label: str = "layer"
    y_label: str = ""
    bars: tuple[str, ...] = ()
    parts: tuple[BarPart, ...] = ()
    horizontal: bool = False

    def __post_init__(self) -> None:
        for part in self.parts:
            if len(part.values) != len(self.bars) or len(part.noise) not in (0, len(self.bars)):
                raise ValueError(
                    f"figure {self.name!r} has {len(self.bars)} bars; its part {part.name!r} has "
                    f"{len(part.values)} values and {len(part.noise)} noise texts"
                )
            if any(value is not None and value < 0 for value in part.values):
                raise ValueError(f"part {part.name!r} of figure {self.name!r} has a value below 0; bars are stacked")


@dataclass(frozen=True)
class ExplorerLevel:
    """The concepts of one model at one layer.

    All tuples but `merges` are as long as there are concepts, K, in the order of the concepts' ids 0 .. K-1.

    Attributes
    ----------
    model : "base" or "tuned".
    layer : 0 = embeddings.
    names : readable names.
    n_tokens, n_types : how many words, and how many different ones.
    cohesion : None where a concept has none (e.g. a single word).
    fates : "kept", "split", "merged", "dissolved"; "inherited", "new" for the tuned model.
    labels : what it is aligned to, each as "family=value": "upos=NOUN", "casing=title".
    shares : share of its tokens in each of the figure's `classes`; empty without classes.
    polar : the class it is polar for, or "".
    words : (place in the figure's `vocabulary`, count), commonest first.
    contexts : (place in the figure's `sentences`, first character of the word in it, one past its last).
    links : (concept of the other model at this layer, share of this one's tokens in it), largest first.
    merges : the K-1 merges above the concepts as (one, other, height): ids below K are concepts, K+i is what the
        i-th merge made; heights never fall.
    """

    model: str
    layer: int
    names: tuple[str, ...] = ()
    n_tokens: tuple[int, ...] = ()
    n_types: tuple[int, ...] = ()
    cohesion: tuple[float | None, ...] = ()
    fates: tuple[str, ...] = ()
    labels: tuple[tuple[str, ...], ...] = ()
    shares: tuple[tuple[float, ...], ...] = ()
    polar: tuple[str, ...] = ()
    words: tuple[tuple[tuple[int, int], ...], ...] = ()
    contexts: tuple[tuple[tuple[int, int, int], ...], ...] = ()
    links: tuple[tuple[tuple[int, float], ...], ...] = ()
    merges: tuple[tuple[int, int, float], ...] = ()


@dataclass(frozen=True)
class ExplorerFigure(Figure):
    """What was clustered, to search and to walk through: every concept of every layer of both models.

    Attributes
    ----------
    levels : at most one per model and layer.
    classes : names of the sentence classes; empty where sentences have none.
    priors : share of all clustered tokens in each class; empty where that is not known.
    vocabulary, sentences : the words and sentences that levels point into.

    Raises
    ------
    ValueError : a level comes twice, its tuples differ in length, or it points at what is not there.
    """

    kind: ClassVar[str] = "explorer"
    levels: tuple[ExplorerLevel, ...] = ()
    classes: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    priors: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        sizes: dict[tuple[str, int], int] = {}
        for level in self.levels:
            if (level.model, level.layer) in sizes:
                raise ValueError(f"figure {self.name!r} has {_level_name(level)} twice")
            sizes[level.model, level.layer] = len(level.names)
        if len(self.priors) not in (0, len(self.classes)):
            raise ValueError(f"figure {self.name!r} has {len(self.classes)} classes and {len(self.priors)} priors")
        for level in self.levels:
            try:
                self._check(level, sizes)
            except ValueError as error:
                raise ValueError(f"{_level_name(level)} of figure {self.name!r}: {error}") from None

    def _check(self, level: ExplorerLevel, sizes: dict[tuple[str, int], int]) -> None:
        size = len(level.names)
        for field in fields(level):
            value = getattr(level, field.name)
            if isinstance(value, tuple) and field.name != "merges" and len(value) != size:
                raise ValueError(f"{size} names but {len(value)} {field.name}")
        if any(len(shares) not in (0, len(self.classes)) for shares in level.shares):
            raise ValueError(f"shares must be one for each of {len(self.classes)} classes")
        if unknown := set(level.polar) - {"", *self.classes}:
            raise ValueError(f"polar for {sorted(unknown)[0]!r}; classes: {', '.join(self.classes) or 'none'}")
        others = [n for (model, layer), n in sizes.items() if layer == level.layer and model != level.model]
        _within((word for word, _ in chain(*level.words)), len(self.vocabulary), "words in the vocabulary")
        _within((sentence for sentence, _, _ in chain(*level.contexts)), len(self.sentences), "sentences")
        _within((concept for concept, _ in chain(*level.links)), max(others, default=0), "concepts of the other model")
        if size and len(level.merges) not in (0, size - 1):
            raise ValueError(f"{size} concepts have {size - 1} merges above them; got {len(level.merges)}")
        for i, (one, other, _) in enumerate(level.merges):
            _within((one, other), size + i, "clusters made so far")

    def as_dict(self) -> dict[str, Any]:
        """As for every figure; levels are large, so their tuples are handed out as they are, not copied."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind, **plain, "levels": tuple(dict(vars(level)) for level in self.levels)}


def _level_name(level: ExplorerLevel) -> str:
    return f"layer {level.layer} of the {level.model} model"


def _within(places: Iterable[int], count: int, what: str) -> None:
    known = list(places)
    if known and (max(known) >= count or min(known) < 0):
        wrong = max(known) if max(known) >= count else min(known)
        raise ValueError(f"number {wrong} where there are {count} {what}")


MARK = "\u0001"
"""Stands on both sides of a marked word in an example sentence."""

KINDS: dict[str, type[Figure]] = {
    f.kind: f for f in (LinesFigure, BarsFigure, HeatmapFigure, TableFigure, ExplorerFigure)
}

_PARTS: dict[str, dict[str, type[Any]]] = {
    LinesFigure.kind: {"lines": Line, "bands": Band},
    BarsFigure.kind: {"parts": BarPart},
    ExplorerFigure.kind: {"levels": ExplorerLevel},
}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def figure_from_dict(data: dict[str, Any]) -> Figure:
    """Read back what `Figure.as_dict` wrote (after a trip through JSON).

    Raises
    ------
    ValueError : the kind is not known.
    """
    given = dict(data)
    kind = given.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"unknown kind of figure {kind!r}; known: {', '.join(KINDS)}")
    for name, part in _PARTS.get(kind, {}).items():
        given[name] = [part(**{k: _tuples(v) for k, v in whole.items()}) for whole in given[name]]
    return KINDS[kind](**{k: _tuples(v) for k, v in given.items()})
