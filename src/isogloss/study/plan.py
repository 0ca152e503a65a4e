"""What a run will do, decided before anything runs: the question, and the tasks it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_type_hints

from isogloss.analysis import Analysis, WholeModelAnalysis
from isogloss.corpus.labels import suggestion
from isogloss.errors import OptionError


@dataclass(frozen=True)
class Task:
    """One analysis of one layer, or of all of them together, of one pair of models: the unit of work and of resumption.

    Attributes
    ----------
    layer : None for all layers together.
    """

    analysis: str
    layer: int | None
    tuned_index: int

    @property
    def name(self) -> str:
        """Directory of its tables."""
        return f"{self.analysis}-{self.tuned_index}-{'all' if self.layer is None else f'{self.layer:02d}'}"


@dataclass(frozen=True)
class Question:
    """Everything that decides the tables of a run. Two runs with equal questions give equal tables."""

    base: Mapping[str, Any]
    tuned: tuple[Mapping[str, Any], ...]
    corpus: Mapping[str, Any]
    analyses: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]]
    extraction: Mapping[str, Any]
    seed: int = field(default=0)
    series: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain types for a manifest."""
        return _plain(asdict(self))


def build_options(analysis: Analysis, given: Mapping[str, Any] | None) -> Any:
    """An analysis's options from what the user gave by name.

    Raises
    ------
    OptionError : there is no such option, or a value is refused.
    """
    known = {f.name for f in fields(analysis.Options)} if is_dataclass(analysis.Options) else set()
    if unknown := sorted(set(given or {}) - known):
        raise OptionError(
            f"the analysis {analysis.name!r} has no option {', '.join(unknown)}; it has "
            f"{', '.join(sorted(known))}{suggestion(unknown[0], sorted(known))}"
        )
    kinds = get_type_hints(analysis.Options) if known else {}
    fitting = {name: _spelled(value, kinds[name]) for name, value in (given or {}).items()}
    for name, value in fitting.items():
        if not _is(value, kinds[name]):
            wanted = getattr(kinds[name], "__name__", str(kinds[name]))
            raise OptionError(f"{analysis.name}.{name} takes {wanted}; got {value!r}")
    return analysis.Options(**fitting)


def _spelled(value: Any, kind: Any) -> Any:
    """A number as text where the option is text, such as a list of numbers of which only one is given."""
    allowed = get_args(kind) or (kind,)
    return str(value) if type(value) in (int, float) and str in allowed and type(value) not in allowed else value


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of an option's declared type; types other than the plain ones are not judged."""
    allowed = get_args(kind) or (kind,)
    plain = {int, float, bool, str, type(None)}
    if not set(allowed) <= plain:
        return True
    # A bool is an int to Python, but not to a user; an int is a float to both.
    return type(value) in allowed or (type(value) is int and float in allowed)


def tasks(analyses: Iterable[Analysis], layers_of: Iterable[tuple[int, ...]]) -> list[Task]:
    """All tasks: analysis by analysis, tuned model by tuned model, layer by layer, all layers together last."""
    per_model = list(layers_of)
    return [
        task
        for analysis in analyses
        for index, layers in enumerate(per_model)
        for task in tasks_of(analysis, layers, index)
    ]


def tasks_of(analysis: Analysis, layers: Iterable[int], index: int) -> list[Task]:
    """The tasks of one analysis with one tuned model."""
    whole: tuple[int | None, ...] = (None,) if isinstance(analysis, WholeModelAnalysis) else ()
    return [Task(analysis.name, layer, index) for layer in (*layers, *whole)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
