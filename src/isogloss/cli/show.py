"""`isogloss show` and `isogloss report`: what a finished run holds, in the terminal and as a page."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from isogloss.cli import options as o
from isogloss.cli.console import out as console
from isogloss.cli.console import print_findings, print_table, user_errors
from isogloss.errors import OptionError, printable


class TableFormat(StrEnum):
    """How a table is printed."""

    table = "table"
    csv = "csv"
    json = "json"


FORMAT_HELP = (
    "table, csv or json. In csv a text that a spreadsheet would run as a formula (=, +, -, @ first) has a ' before it; "
    "json and the Parquet files have it as it is."
)
ROWS = 60
"""Rows of a table that are printed unless more are asked for."""
SHOWN = 60
"""Values that a message lists."""
LONG = ("examples",)
"""Columns too wide for a terminal."""


def show(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    table: Annotated[str | None, typer.Argument(help="A table of the run; without one, findings and names.")] = None,
    layer: Annotated[int | None, typer.Option("--layer", help="Only this layer.")] = None,
    measure: Annotated[str | None, typer.Option("--measure", help="Only this measure.")] = None,
    subset: Annotated[str | None, typer.Option("--subset", help="Only this subset, e.g. all or upos=NOUN.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B,...", help="Only these columns, in this order.")
    ] = None,
    all_columns: Annotated[
        bool,
        typer.Option("--all-columns", help="Also columns with one value only and examples, which a table leaves out."),
    ] = False,
    step: Annotated[int | None, typer.Option("--step", help="Only this step, of a table over steps.")] = None,
    task: Annotated[str | None, typer.Option("--task", help="Only this tuning, of a table of tunings.")] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="So many rows; if not given, 60 of a table and all of csv, json."),
    ] = None,
    format: Annotated[TableFormat, typer.Option("--format", help=FORMAT_HELP)] = TableFormat.table,  # noqa: A002
) -> None:
    """Print the findings of a run, or one of its tables."""
    with user_errors():
        from isogloss.api import load
        from isogloss.report import spreadsheet_csv, table_view

        results = load(run)
        if table is None:
            print_findings(results.findings)
            for sentence in results.series:
                console.print(sentence, markup=False)
            for note in results.notes:
                console.print(f"note: {note}", markup=False, style="yellow")
            for name, frame in results.tables.items():
                console.print(f"table {name}: {frame.height:,} rows", markup=False)
            return
        frame = results.table(table)
        given = {"layer": layer, "measure": measure, "subset": subset, "step": step, "task": task}
        for column, wanted in given.items():
            if wanted is not None:
                frame = _only(frame, table, column, wanted)
        if columns is not None:
            frame = _chosen(frame, table, columns)
        if format is TableFormat.table:
            aside = ""
            if columns is None and not all_columns:
                frame, aside = _narrowed(frame)
            print_table(table_view(frame, limit=limit or ROWS))
            if aside:
                console.print(aside, markup=False, style="dim")
            if frame.height > (limit or ROWS):
                console.print(
                    "--layer, --measure and --subset choose rows, --limit shows more", markup=False, style="dim"
                )
            return
        frame = frame if limit is None else frame.head(limit)
        text = spreadsheet_csv(frame) if format is TableFormat.csv else frame.write_json()
        # A file gets what is there (`color` keeps echo from taking escapes away); a terminal nothing it would obey.
        typer.echo(printable(text) if console.is_terminal else text, nl=False, color=True)


def _chosen(frame: pl.DataFrame, table: str, columns: str) -> pl.DataFrame:
    names = list(dict.fromkeys(name.strip() for name in columns.split(",") if name.strip()))
    if unknown := [name for name in names if name not in frame.columns]:
        raise OptionError(f"the table {table} has no column {', '.join(unknown)}; it has {', '.join(frame.columns)}")
    if not names:
        raise OptionError(f"no column is named; the table {table} has {', '.join(frame.columns)}")
    return frame.select(names)


def _narrowed(frame: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """The columns that tell rows apart, and a line on those left out; a table of one row keeps them."""
    long = [name for name in frame.columns if name in LONG]
    rest = frame.drop(long)
    same = [name for name in rest.columns if frame.height > 1 and rest[name].n_unique() == 1]
    if len(same) == len(rest.columns):
        same = []
    said = [f"{name} {rest[name][0]}" for name in same if rest[name][0] is not None]
    parts = [f"in every row: {', '.join(said)}"] if said else []
    parts += [f"not shown: {', '.join(long)} (--all-columns shows all)"] if long else []
    return rest.drop(same), "; ".join(parts)


def _only(frame: pl.DataFrame, table: str, column: str, wanted: int | str) -> pl.DataFrame:
    from isogloss.corpus.labels import suggestion

    if column not in frame.columns:
        raise OptionError(f"the table {table} has no column {column}; it has {', '.join(frame.columns)}")
    kept = frame.filter(pl.col(column) == wanted)
    if kept.is_empty():
        held = [str(value) for value in frame[column].unique().sort().drop_nulls().to_list()]
        more = f" and {len(held) - SHOWN:,} more" if len(held) > SHOWN else ""
        meant = suggestion(str(wanted), held)
        raise OptionError(
            f"no row of {table} has {column} {wanted!r}; there are {', '.join(held[:SHOWN])}{more}{meant}"
        )
    return kept


def report(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The page; report.html in the run directory if not given.")
    ] = None,
    figures: Annotated[
        str | None,
        typer.Option("--figures", help="Also write every figure as svg, png or svg,png into RUN/figures."),
    ] = None,
) -> None:
    """Write the page of a finished run again, and its figures as files."""
    with user_errors():
        from isogloss.api import load
        from isogloss.report import export_figures

        formats = tuple(f.strip().lower() for f in (figures or "").split(",") if f.strip())
        if set(formats) - {"svg", "png"} or (figures is not None and not formats):
            raise OptionError(f"figures can be written as svg, png or both; got {figures!r}")
        study = load(run)
        console.print(f"page: {o.shown(study.report(out))}", markup=False)
        if formats:
            every = [figure for result in study.values() for figure in result.figures]
            for path in export_figures(every, study.directory / "figures", formats=formats):
                console.print(f"figure: {o.shown(path)}", markup=False)
