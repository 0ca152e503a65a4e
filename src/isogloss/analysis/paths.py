"""How labels move over the steps of fine-tuning, layer by layer, as plain data. Does not choose the directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import hypot
from typing import Any, ClassVar

from isogloss.analysis.figure import Figure

SHOWN = ("paths", "arrows", "directions")
"""What may be seen of the same places: the whole path; an arrow from the first place to that of the step chosen; the
same arrows, all from one point."""
_FARTHEST = 1e300


@dataclass(frozen=True)
class PathLabel:
    """A label that moves.

    Attributes
    ----------
    name, group : what it is and what it belongs to, e.g. "NOUN" of "train"; a group may be "". Both together differ
        from those of all other labels.
    count : number of points whose middle it is; None where that is not known.
    """

    name: str
    group: str = ""
    count: int | None = None


@dataclass(frozen=True)
class PathsLayer:
    """Where the labels lie in one layer.

    Attributes
    ----------
    layer : 0 = embeddings.
    x, y : `x[label][step]`, the coordinate along the first and along the second direction, in the units of the
        vectors. Both directions are those of the layer, the same at every step. The page shows some 8,600 steps of
        each, so that five digits are enough.
    shares : share of the variance along each of the two; empty where that is not known.
    distances : `distances[label][step]`, the least distance to another label; None where there is none; or empty.
    """

    layer: int
    x: tuple[tuple[float, ...], ...] = ()
    y: tuple[tuple[float, ...], ...] = ()
    shares: tuple[float, ...] = ()
    distances: tuple[tuple[float | None, ...], ...] = ()

    def moved(self, label: int) -> float:
        """How far a label lies at the last step from where it was at the first."""
        x, y = self.x[label], self.y[label]
        return hypot(x[-1] - x[0], y[-1] - y[0])


@dataclass(frozen=True)
class PathsFigure(Figure):
    """Labels as points that move over the steps of fine-tuning: the same labels and steps in every layer.

    Attributes
    ----------
    labels : at most some 50 can be told apart.
    steps : names of at least two steps in their order, e.g. ("base", "step 50", "tuned").
    layers : each layer at most once.
    show : what is seen first, one of `SHOWN`; None: the arrows where there are just two steps, else the paths.

    Raises
    ------
    ValueError : a label, step or layer comes twice, lengths differ, a coordinate is not finite or beyond 1e300, a
        distance is below 0, a share is outside [0, 1], a count is below 0, or there are fewer than two steps.
    """

    kind: ClassVar[str] = "paths"
    labels: tuple[PathLabel, ...] = ()
    steps: tuple[str, ...] = ()
    layers: tuple[PathsLayer, ...] = ()
    show: str | None = None

    def __post_init__(self) -> None:
        try:
            self._check_names()
        except ValueError as error:
            raise ValueError(f"figure {self.name!r}: {error}") from None
        for layer in self.layers:
            try:
                self._check_layer(layer)
            except ValueError as error:
                raise ValueError(f"layer {layer.layer} of figure {self.name!r}: {error}") from None

    @property
    def shown_first(self) -> str:
        """What is seen first."""
        return self.show or ("arrows" if len(self.steps) == 2 else "paths")

    def _check_names(self) -> None:
        if self.show is not None and self.show not in SHOWN:
            raise ValueError(f"nothing to show is called {self.show!r}; there are: {', '.join(SHOWN)}")
        if self.layers and len(self.steps) < 2:
            raise ValueError(f"{len(self.steps)} steps; a path has at least two")
        for what, names in (
            ("label", [(label.name, label.group) for label in self.labels]),
            ("step", list(self.steps)),
            ("layer", [layer.layer for layer in self.layers]),
        ):
            if double := [name for i, name in enumerate(names) if name in names[:i]]:
                raise ValueError(f"the {what} {double[0]!r} comes twice")
        if wrong := [label for label in self.labels if label.count is not None and label.count < 0]:
            raise ValueError(f"the label {wrong[0].name!r} has {wrong[0].count} points; a count is not below 0")

    def _check_layer(self, layer: PathsLayer) -> None:
        for axis, rows in (("x", layer.x), ("y", layer.y)):
            self._check_shape(rows, f"{axis} coordinates")
            if wrong := [value for row in rows for value in row if not abs(value) <= _FARTHEST]:
                raise ValueError(f"the {axis} coordinate {wrong[0]}; it is finite and at most {_FARTHEST:g} from 0")
        if layer.distances:
            self._check_shape(layer.distances, "distances")
            known = [value for row in layer.distances for value in row if value is not None]
            if below := [value for value in known if not 0 <= value <= _FARTHEST]:
                raise ValueError(f"the distance {below[0]}; it is from 0 to {_FARTHEST:g}, or None for none")
        if len(layer.shares) not in (0, 2) or any(not 0 <= share <= 1 for share in layer.shares):
            raise ValueError(f"shares of variance {layer.shares}; there are two, each from 0 to 1, or none")

    def _check_shape(self, rows: Sequence[Sequence[float | None]], what: str) -> None:
        if len(rows) != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels but {len(rows)} rows of {what}")
        for label, row in zip(self.labels, rows, strict=True):
            if len(row) != len(self.steps):
                raise ValueError(f"{len(self.steps)} steps but {len(row)} {what} of the label {label.name!r}")

    def as_dict(self) -> dict[str, Any]:
        """As for every figure; layers are large, so their numbers are handed out as they are, not copied."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = {name: tuple(dict(vars(one)) for one in getattr(self, name)) for name in ("labels", "layers")}
        return {"kind": self.kind, **plain, **parts}
