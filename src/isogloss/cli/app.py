"""The command line: one command per file, registered here."""

from __future__ import annotations

import typer

from isogloss.cli.compare import WithOptionalNumber, compare, extract
from isogloss.cli.demo import demo
from isogloss.cli.doctor import doctor
from isogloss.cli.finetune import finetune
from isogloss.cli.show import report, show

app = typer.Typer(
    name="isogloss",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command(cls=WithOptionalNumber)(compare)
for command in (finetune, extract, show, report, doctor, demo):
    app.command()(command)


def _version(wanted: bool) -> None:
    if wanted:
        from isogloss import __version__

        typer.echo(f"isogloss {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """What fine-tuning did to a language model: what changed, what stayed, and how sure that is."""
