"""Prints what a study will take (`isogloss compare --dry-run`). Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from isogloss.cli.console import out as console
from isogloss.cli.console import print_table

if TYPE_CHECKING:
    from isogloss.study.costs import Plan

_BYTES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_OPERATIONS = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_TIMES = ((1.0, 90.0, "s"), (60.0, 5400.0, "min"), (3600.0, 48 * 3600.0, "h"), (86400.0, 700 * 86400.0, "days"))
_YEAR = 365.25 * 86400


def print_plan(plan: Plan) -> None:
    """The stages of a plan as a table, then its totals, what it does not fit, and what is assumed."""
    said = " and ".join(
        f"{model['layers']} layers x {model['hidden']:,} ({model['parameters']:,} parameters)"
        for model in {str(m["parameters"]): m for m in plan.models}.values()
    )
    console.print(
        f"{plan.words:,.0f} words in {plan.sentences:,.0f} sentences, {plan.tokens:,.0f} tokens; "
        f"{len(plan.models)} models of {said}",
        markup=False,
    )
    print_table(stage_table(plan))
    for limit in plan.limits:
        needs = f"{size(limit.needed)} of {limit.resource}, {limit.ratio:.3g} of {size(limit.there)}"
        if limit.ratio > 1:
            console.print(f"does not fit: {limit.stage} makes it {needs}", markup=False, style="bold red")
        else:
            console.print(f"fits: {needs} ({limit.stage})", markup=False, style="green")
    console.print(plan.breaks_first, markup=False)
    console.print(f"with --memory: at least {size(plan.least_memory)} for each process", markup=False)
    for note in plan.notes:
        console.print(f"note: {note}", markup=False, style="yellow")


def stage_table(plan: Plan) -> Table:
    """One row per stage, and their totals."""
    table = Table()
    table.add_column("stage")
    for name in ("passes", "FLOP", "read", "written", "on disk", "memory", "GPU memory", "time"):
        table.add_column(name, justify="right")
    total = plan.total
    for row in [*(vars(stage) for stage in plan.rows), {"stage": "total", **total}]:
        cells = [
            f"{row['passes']:.3g}" if row["passes"] else "",
            operations(row["flops"]),
            *(size(row[name]) for name in ("bytes_read", "bytes_written", "bytes_on_disk", "memory", "gpu_memory")),
            duration(row["seconds"]),
        ]
        style = "bold" if row["stage"] == "total" else ""
        table.add_row(*(Text(cell, style=style) for cell in (row["stage"], *cells)))
    return table


def size(n_bytes: float) -> str:
    """`3.2 GiB`; nothing for 0."""
    return _scaled(n_bytes, 1024, _BYTES)


def operations(n: float) -> str:
    """`149 G`; nothing for 0."""
    return _scaled(n, 1000, _OPERATIONS)


def duration(seconds: float) -> str:
    """`under 1 s`, `12 s`, `3.4 min`, `2.1 h`, `5.0 days`, `12 years`."""
    if seconds < 1:
        return "under 1 s"
    for unit, below, name in _TIMES:
        if seconds < below:
            return f"{seconds:.0f} {name}" if unit == 1 else f"{seconds / unit:.1f} {name}"
    return f"{seconds / _YEAR:,.3g} years"


def _scaled(n: float, step: float, units: tuple[str, ...]) -> str:
    if n <= 0:
        return ""
    at = 0
    while n >= step and at < len(units) - 1:
        n, at = n / step, at + 1
    return f"{n:.3g} {units[at]}".strip() if n < 1000 else f"{n:,.0f} {units[at]}".strip()
