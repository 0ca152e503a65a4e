"""`--list-options`: what the installed analyses can be asked, from the fields of their options."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, NamedTuple

import typer


class AnalysisOption(NamedTuple):
    """One option of one analysis.

    Attributes
    ----------
    name : `ANALYSIS.NAME`, as `--option` takes it.
    default : as `--option` takes it; "" where there is none.
    help : what it is.
    """

    name: str
    default: str
    help: str


def analysis_options() -> dict[str, list[AnalysisOption]]:
    """The options of every installed analysis, by the analysis's name."""
    from isogloss.analysis import available

    return {
        name: [
            AnalysisOption(f"{name}.{field.name}", _written(field.default), field.metadata.get("help", ""))
            for field in fields(analysis.Options)
        ]
        for name, analysis in available().items()
    }


def list_options(wanted: bool) -> None:
    """Print them and leave."""
    if not wanted:
        return
    for name, options in analysis_options().items():
        typer.echo(f"{name}\n")
        width = max((len(f"{option.name}={option.default}") for option in options), default=0)
        for option in options:
            typer.echo(f"  --option {f'{option.name}={option.default}':{width}}  {option.help}")
        typer.echo("")
    raise typer.Exit


def _written(value: Any) -> str:
    if value is MISSING:
        return ""
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
