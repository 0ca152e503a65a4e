"""The page's ornament: a dialect map in two kinds of dots, and the isogloss that parts them."""

from __future__ import annotations

from math import sin

from markupsafe import Markup

from isogloss.report.draw.svg import element, points, short

_WIDTH, _HEIGHT, _STEP = 960, 96, 16


def _line_at(y: float) -> float:
    """Where the isogloss crosses height `y`."""
    return _WIDTH * 0.6 - (y - _HEIGHT / 2) * 2.1 + 26 * sin(y / 13 + 0.6) + 9 * sin(y / 5.5)


def motif() -> Markup:
    """A wide, low SVG; decorative, the same on every page."""
    left: list[str] = []
    right: list[str] = []
    for row, y in enumerate(range(8, _HEIGHT, _STEP)):
        for column, x in enumerate(range(8 + (row % 2) * _STEP // 2, _WIDTH, _STEP)):
            at = (x + 2.6 * sin(3.1 * row + 1.7 * column), y + 2.6 * sin(2.3 * row + 2.9 * column))
            off = at[0] - _line_at(at[1])
            if abs(off) > 9:
                (left if off < 0 else right).append(f"M{short(at[0])} {short(at[1])}h0")
    line = points([(_line_at(y), y) for y in range(-4, _HEIGHT + 5, 2)])
    return element(
        "svg",
        element("path", d="".join(left), class_="dots-base"),
        element("path", d="".join(right), class_="dots-tuned"),
        element("path", d=line, class_="isogloss"),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="xMidYMid slice",
        class_="motif",
        aria_hidden="true",
    )
