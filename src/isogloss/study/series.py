"""Models beside the one that a run is about: checkpoints of its training, and other tunings of the same base.

Says which there are and what each is called. Runs nothing: that is `members`; what is made of their tables is
`series_results`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.analysis import By
from isogloss.errors import OptionError
from isogloss.models import ModelReference, resolve
from isogloss.models.checkpoints import checkpoints_of
from isogloss.study.places import called

BASE = "base"
"""What the base model is called among tunings."""


@dataclass(frozen=True)
class Member:
    """One model beside the principal one.

    Attributes
    ----------
    by, value : its place: `step` and a number (0: the base model in the tuned one's place), or `task` and a name.
    model : what runs.
    """

    by: By
    value: int | str
    model: ModelReference

    @property
    def called(self) -> str:
        """`step 100`, `tuning POS`."""
        return called(self.by, self.value)

    def as_dict(self) -> dict[str, Any]:
        """Plain types for a manifest."""
        return {self.by: self.value, **self.model.as_dict()}


@dataclass(frozen=True)
class Series:
    """The members, and where the principal tuned model stands among them.

    Attributes
    ----------
    step : of the principal tuned model; None where there are no checkpoints.
    task : its name; None where there are no other tunings.
    members : the others; the i-th is tuned model i + 1 of the run.
    """

    step: int | None = None
    task: str | None = None
    members: tuple[Member, ...] = ()

    def places(self, by: By) -> dict[int | str, int]:
        """Every place and which tuned model stands there (0: the principal), steps in order; empty if there are none.

        The principal comes first among tunings.
        """
        own: int | str | None = self.step if by == "step" else self.task
        if own is None:
            return {}
        found = {own: 0} | {m.value: i for i, m in enumerate(self.members, start=1) if m.by == by}
        return dict(sorted(found.items())) if by == "step" else found

    def as_dict(self) -> dict[str, Any]:
        """What decides tables, for the question of a run; nothing where there is no series."""
        if not self.members:
            return {}
        return {
            "step": self.step,
            "task": self.task,
            "members": [member.as_dict() for member in self.members if member.value != 0],
        }


NO_SERIES = Series()


def series_of(
    base: ModelReference,
    tuned: list[ModelReference],
    checkpoints: bool | int | Mapping[int, Any],
    also: Sequence[tuple[str, Any]],
    *,
    allow_pickle: bool = False,
) -> Series:
    """The series that is asked for.

    Parameters
    ----------
    checkpoints : what `checkpoints_of` takes; False for none.
    also : other tunings, (name, model).

    Raises
    ------
    OptionError : there are several tuned models, a name comes twice or is taken, or a step does.
    ModelError : there are no checkpoints, or one cannot be compared.
    """
    if checkpoints is False and not also:
        return NO_SERIES
    if len(tuned) > 1:
        raise OptionError(
            f"{len(tuned)} tuned models are given, which are the seeds of one tuning; a series of checkpoints or of "
            "other tunings has one tuned model: compare seeds in a run of their own"
        )
    principal = tuned[0]
    step, members = None, []
    if checkpoints is not False:
        step, found = checkpoints_of(principal, checkpoints, allow_pickle=allow_pickle)
        members += [Member("step", number, model) for number, model in {0: base, **found}.items()]
    task = _name(principal) if also else None
    taken = {task: f"the tuned model {principal.spec}", BASE: "the base model"}
    for name, spec in also:
        if not isinstance(name, str) or not name.strip():
            raise OptionError(f"another tuning needs a name, such as POS; got {name!r}")
        if name in taken:
            raise OptionError(f"the name {name!r} is that of {taken[name]} already; give {spec} another one")
        taken[name] = f"the tuning {spec}"
        members.append(Member("task", name, resolve(spec, allow_pickle=allow_pickle)))
    return Series(step, task, tuple(members))


def _name(model: ModelReference) -> str:
    """What a model is called where nobody named it: the last part of its directory or id."""
    spec = model.spec.removeprefix("package:").partition("@")[0].rstrip("/\\")
    return Path(spec.replace("\\", "/")).name or spec
