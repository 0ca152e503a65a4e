"""The concepts of every layer of both models, to search and to walk through, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import chain
from typing import Any, ClassVar

from isogloss.analysis.figure import Figure
from isogloss.analysis.places import level_name, within


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
                raise ValueError(f"figure {self.name!r} has {level_name(level.model, level.layer)} twice")
            sizes[level.model, level.layer] = len(level.names)
        if len(self.priors) not in (0, len(self.classes)):
            raise ValueError(f"figure {self.name!r} has {len(self.classes)} classes and {len(self.priors)} priors")
        for level in self.levels:
            try:
                self._check(level, sizes)
            except ValueError as error:
                raise ValueError(f"{level_name(level.model, level.layer)} of figure {self.name!r}: {error}") from None

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
        within((word for word, _ in chain(*level.words)), len(self.vocabulary), "words in the vocabulary")
        within((sentence for sentence, _, _ in chain(*level.contexts)), len(self.sentences), "sentences")
        within((concept for concept, _ in chain(*level.links)), max(others, default=0), "concepts of the other model")
        if size and len(level.merges) not in (0, size - 1):
            raise ValueError(f"{size} concepts have {size - 1} merges above them; got {len(level.merges)}")
        for i, (one, other, _) in enumerate(level.merges):
            within((one, other), size + i, "clusters made so far")

    def as_dict(self) -> dict[str, Any]:
        """As for every figure; levels are large, so their tuples are handed out as they are, not copied."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind, **plain, "levels": tuple(dict(vars(level)) for level in self.levels)}
