"""The concept explorer: what its template needs, and a plain table of it for print, for export and without a script.

The explorer itself lives in the page's script, which reads the concepts from the parts made by `explorer_parts`.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from isogloss.analysis import ExplorerFigure, ExplorerLevel, TableFigure
from isogloss.report.draw import explorer_parts, packed, table
from isogloss.report.draw.table import TableView

_IN_TABLE = 12
_DRAWN = 20
_WORDS_IN_TABLE = 8
_WORDS_DRAWN = 4
_FATES = ("kept", "split", "merged", "dissolved", "inherited", "new")


@dataclass(frozen=True)
class ExplorerView:
    """What the explorer's template needs.

    Attributes
    ----------
    about : what the script must know before it opens any part; plain JSON.
    parts : (name, text) of the compressed parts.
    models, layers, fates, families, classes : what there is to choose from; families of labels in order of name.
    start : (model, layer) shown first; None without concepts.
    table : the largest concepts of the last layer, one group per model.
    """

    about: explorer_parts.About
    parts: tuple[tuple[str, Markup], ...]
    models: tuple[str, ...]
    layers: tuple[int, ...]
    fates: tuple[str, ...]
    families: tuple[str, ...]
    classes: tuple[str, ...]
    start: tuple[str, int] | None
    table: TableView


def _ordered(figure: ExplorerFigure) -> ExplorerFigure:
    """The figure's levels without empty ones, base before tuned, by layer."""
    levels = sorted((level for level in figure.levels if level.names), key=lambda level: (level.model, level.layer))
    return ExplorerFigure(**{**vars(figure), "levels": tuple(levels)})


def _first(figure: ExplorerFigure) -> ExplorerLevel | None:
    """The level a reader sees first: the deepest of the tuned model, else the deepest there is."""
    return max(figure.levels, key=lambda level: (level.model == "tuned", level.layer), default=None)


def _fates(figure: ExplorerFigure) -> tuple[str, ...]:
    found = {fate for level in figure.levels for fate in level.fates if fate}
    return (*(fate for fate in _FATES if fate in found), *sorted(found.difference(_FATES)))


def _largest(level: ExplorerLevel, count: int) -> list[int]:
    return sorted(range(len(level.names)), key=lambda i: -level.n_tokens[i])[:count]


def _words(figure: ExplorerFigure, level: ExplorerLevel, concept: int, count: int) -> str:
    words = [packed.short_word(figure.vocabulary[word]) for word, _ in level.words[concept]]
    return ", ".join(words[:count]) + (" …" if len(words) > count else "")


def largest(figure: ExplorerFigure) -> TableFigure:
    """The largest concepts of the last layer of each model as a table, grouped by model."""
    rows: list[tuple[object, ...]] = []
    for model in sorted({level.model for level in figure.levels}):
        level = max((one for one in figure.levels if one.model == model), key=lambda one: one.layer)
        rows += [
            (
                f"{model}, layer {level.layer}",
                packed.short_name(level.names[i]),
                level.n_tokens[i],
                level.n_types[i],
                level.fates[i],
                _words(figure, level, i, _WORDS_IN_TABLE),
            )
            for i in _largest(level, _IN_TABLE)
        ]
    columns = ("model", "concept", "tokens", "types", "fate", "its words")
    return TableFigure(figure.name, figure.title, figure.caption, columns, tuple(rows), "model")


def view(figure: ExplorerFigure) -> ExplorerView:
    """Everything the template needs; the concepts themselves as compressed text."""
    whole = _ordered(figure)
    start = _first(whole)
    fates = _fates(whole)
    about, parts = explorer_parts.pack(whole, fates, whole.levels.index(start) if start else 0)
    return ExplorerView(
        about=about,
        parts=parts,
        models=tuple(dict.fromkeys(level.model for level in whole.levels)),
        layers=tuple(sorted({level.layer for level in whole.levels})),
        fates=fates,
        families=tuple(dict.fromkeys(label.partition("=")[0] for label in about["labels"])),
        classes=tuple(about["classes"]),
        start=(start.model, start.layer) if start else None,
        table=table.view(largest(whole)),
    )


def svg(figure: ExplorerFigure, width: int = 720) -> Markup:
    """The largest concepts of the last layer of the tuned model with their commonest words, as one SVG element."""
    whole = _ordered(figure)
    level = _first(whole)
    rows: list[tuple[object, ...]] = []
    if level is not None:
        rows = [
            (
                packed.short_name(level.names[i]),
                level.n_tokens[i],
                level.fates[i],
                _words(whole, level, i, _WORDS_DRAWN),
            )
            for i in _largest(level, _DRAWN)
        ]
    where = f" Here: the largest of layer {level.layer}, {level.model} model." if level else ""
    columns = ("concept", "tokens", "fate", "its words")
    return table.svg(TableFigure(figure.name, figure.title, figure.caption + where, columns, tuple(rows)), width)
