"""The command line. Arguments in, calls of the library, messages out."""


def main() -> None:
    """Entry point of the `isogloss` command."""
    from isogloss.cli.app import app

    app()


__all__ = ["main"]
