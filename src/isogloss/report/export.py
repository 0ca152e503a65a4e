"""Figures as files of their own: SVG with its colours written in, and PNG where `resvg-py` is installed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from isogloss.analysis import Figure
from isogloss.errors import OptionError
from isogloss.report.assets import figure_style
from isogloss.report.draw import palette, renderer
from isogloss.sealed import write_bytes

FORMATS = ("svg", "png")
_ROLE = re.compile(r"var\(--([a-z0-9-]+)\)")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def figure_svg(figure: Figure, theme: str = "light", width: int = 720) -> str:
    """A complete SVG document of one figure, `width` pixels wide.

    Needs no style sheet, script or font beside it; title and caption become its title and description.

    Raises
    ------
    OptionError : no such theme.
    """
    colours = palette.theme(theme)
    style = _ROLE.sub(lambda role: colours[role[1]], figure_style())
    drawing = str(renderer(figure).svg(figure, width))
    opening = drawing.index(">") + 1
    dress = Markup('<style>{}</style><rect width="100%" height="100%" fill="{}"/>').format(
        Markup(style), colours["card"]
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing[:opening]}{dress}{drawing[opening:]}\n'


def figure_png(figure: Figure, theme: str = "light", width: int = 720, zoom: float = 2.0) -> bytes:
    """One figure as PNG bytes, `width * zoom` pixels wide.

    Raises
    ------
    OptionError : `resvg-py` is not installed, or no such theme.
    """
    return bytes(_resvg().svg_to_bytes(svg_string=figure_svg(figure, theme, width), zoom=zoom))


def _resvg() -> Any:
    try:
        return importlib.import_module("resvg_py")
    except ImportError as error:
        message = (
            "PNG figures need the package resvg-py; install it with: pip install 'isogloss[png]', or ask for SVG only"
        )
        raise OptionError(message) from error


def export_figures(
    figures: Iterable[Figure],
    directory: str | Path,
    formats: Sequence[str] = FORMATS,
    theme: str = "light",
) -> list[Path]:
    """Write each figure as `NAME.svg` and/or `NAME.png` into a directory, which is made where it is missing.

    Returns
    -------
    list of Path : the files written, in order. Everything is drawn before the first file is written.

    Raises
    ------
    OptionError : an unknown format or theme, a figure whose name is no file name, or PNG without `resvg-py`.
    StoreError : a file cannot be written.
    """
    if unknown := [name for name in formats if name not in FORMATS]:
        raise OptionError(
            f"figures cannot be written as {', '.join(map(repr, unknown))}; formats: {', '.join(FORMATS)}"
        )
    drawn: dict[str, bytes] = {}
    for figure in figures:
        if not _SAFE_NAME.fullmatch(figure.name):
            raise OptionError(f"the figure name {figure.name!r} is no file name: letters, digits and hyphens only")
        for name in formats:
            drawn[f"{figure.name}.{name}"] = (
                figure_svg(figure, theme).encode() if name == "svg" else figure_png(figure, theme)
            )
    files = [Path(directory) / name for name in drawn]
    for file, content in zip(files, drawn.values(), strict=True):
        write_bytes(file, content)
    return files
