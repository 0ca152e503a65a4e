"""The shape of what a run directory's JSON files hold, checked when they are read: any of them may be forged."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from isogloss.analysis import Figure, Finding, figure_from_dict
from isogloss.errors import StoreError
from isogloss.shapes import shaped

_MOST_LAYERS = 100_000


class _AskedCorpus(TypedDict):
    name: str


class _Series(TypedDict):
    step: NotRequired[int | None]
    task: NotRequired[str | None]
    members: NotRequired[list[_Member]]


class _Member(TypedDict):
    step: NotRequired[int]
    task: NotRequired[str]


class _Question(TypedDict):
    corpus: _AskedCorpus
    options: dict[str, dict[str, Any]]
    seed: int
    series: NotRequired[_Series | None]


class _Model(TypedDict):
    spec: str
    layers: list[int]
    hidden: int
    coverage: float | None
    step: NotRequired[int]
    task: NotRequired[str]


class _Models(TypedDict):
    base: _Model
    tuned: list[_Model]
    series: NotRequired[list[_Model]]


class _Corpus(TypedDict):
    sentences: int
    compared_words: int
    token_labels: list[str]
    sentence_labels: list[str]


class _Entry(TypedDict):
    question: str
    tables: dict[str, str]


class Manifest(TypedDict):
    """What the manifest of a finished run says, as far as it is read."""

    finished: bool
    question: _Question
    command: str | list[str] | None
    started: str
    versions: dict[str, Any]
    machine: dict[str, Any]
    models: _Models
    corpus: _Corpus
    notes: list[str]
    seconds: dict[str, float]
    results: dict[str, _Entry]


class Sealed(TypedDict):
    """What the seal of a task says: checksums by name of table."""

    tables: dict[str, str]


class Facts(TypedDict):
    """What is kept of a member of a series."""

    described: dict[str, Any]
    layers: tuple[int, ...]
    notes: tuple[str, ...]


class _Shown(TypedDict):
    findings: list[Finding]
    figures: list[dict[str, Any]]


def checked_manifest(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """The manifest of a finished run.

    Raises
    ------
    StoreError : something is missing from it or has another shape; says what and where.
    """
    manifest: dict[str, Any] = shaped(content, Manifest, str(path))
    series = manifest["question"].get("series") or {}
    for by in ("step", "task"):
        if series.get(by) is not None and "members" not in series:
            raise StoreError(f"{path}, 'question', 'series': there is no 'members'")
    models = manifest["models"]
    for model in (models["base"], *models["tuned"], *models.get("series", [])):
        if any(not 0 <= layer < _MOST_LAYERS for layer in model["layers"]):
            raise StoreError(f"{path}, 'models': a layer is a number from 0 and below {_MOST_LAYERS}")
    if stage := next((stage for stage, took in manifest["seconds"].items() if not 0 <= took < inf), None):
        raise StoreError(f"{path}, 'seconds': {stage!r} took {manifest['seconds'][stage]} s")
    for model in models.get("series", []):
        if not {"step", "task"} & model.keys():
            raise StoreError(f"{path}, 'models', 'series': a model has neither 'step' nor 'task'")
    return manifest


def findings_and_figures(content: dict[str, Any], path: Path) -> tuple[tuple[Finding, ...], tuple[Figure, ...]]:
    """What an analysis found and draws, from `figures/NAME.json`.

    Raises
    ------
    StoreError : a finding or a figure has another shape; says which and where.
    """
    shown = shaped(content, _Shown, str(path))
    figures = []
    for number, figure in enumerate(shown["figures"]):
        try:
            figures.append(figure_from_dict(figure))
        except (StoreError, ValueError) as error:
            reason = error.message if isinstance(error, StoreError) else error
            raise StoreError(f"{path}, figure {number}: {reason}") from None
    return tuple(shown["findings"]), tuple(figures)
