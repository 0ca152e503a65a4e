"""What checkpoints and other tunings of a run are called, from what its manifest says of them; knows no models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isogloss.analysis import listed


def called(by: str, value: int | str) -> str:
    """`step 100`, `tuning POS`."""
    return f"step {value}" if by == "step" else f"tuning {value}"


def described(series: Mapping[str, Any]) -> list[str]:
    """A sentence on its checkpoints and one on its tunings, from `Series.as_dict`."""
    steps, tasks = placed(series, "step"), placed(series, "task")
    found = []
    if steps:
        found.append(f"Drawn over steps of the training: 0 (base), {listed([str(step) for step in steps])}.")
    if tasks:
        found.append(f"Tunings side by side: {listed([str(task) for task in tasks])}.")
    return found


def placed(series: Mapping[str, Any], by: str) -> list[Any]:
    """The places of `Series.as_dict`: steps in order without that of the base, or names, the principal's first."""
    if series.get(by) is None:
        return []
    found = [series[by], *(member[by] for member in series["members"] if by in member)]
    return sorted(found) if by == "step" else found
