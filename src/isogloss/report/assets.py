"""The page's style sheet and script, read from the package, and the policy that allows only them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from isogloss.report.draw.palette import tokens_css

STYLES = ("figure.css", "page.css", "explorer.css", "neurons.css", "wordmap.css", "paths.css")
EXPLORER = tuple(f"explorer-{part}.js" for part in ("store", "search", "list", "tree", "concept", "page"))
NEURONS = tuple(f"neurons-{part}.js" for part in ("store", "map", "list", "neuron", "page"))
WORD_MAP = tuple(f"wordmap-{part}.js" for part in ("store", "panel", "legend", "list", "page"))
PATHS = tuple(f"paths-{part}.js" for part in ("store", "places", "plot", "list", "page"))
SCRIPTS = (
    "theme.js",
    "fold.js",
    "choose.js",
    "sort.js",
    "readout.js",
    "save.js",
    "packed.js",
    *EXPLORER,
    *NEURONS,
    *WORD_MAP,
    *PATHS,
)


def _read(*path: str) -> str:
    return files("isogloss.report").joinpath("static", *path).read_text(encoding="utf-8")


@cache
def style() -> str:
    """The whole style sheet: colours, then figures, then the page."""
    return "\n".join([tokens_css(), *(_read(name) for name in STYLES)])


@cache
def script() -> str:
    """The whole script: one small closed module after another."""
    return '"use strict";\n' + "\n".join(_read("js", name) for name in SCRIPTS)


@cache
def figure_style() -> str:
    """The style sheet of drawings alone, its colours still by role."""
    return _read("figure.css")


def _source(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy() -> str:
    """A content security policy under which only this style sheet and this script run; nothing is fetched."""
    rules = {
        "default-src": "'none'",
        "style-src": _source(style()),
        "script-src": _source(script()),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
