"""Every colour of the page and of exported figures, by role, for light and dark. Style sheets use roles only.

Series colours follow Okabe and Ito's colour-blind-safe set, adjusted so that each has at least 3:1 contrast
on the paper of its theme; text roles have at least 4.5:1. The heat map's scale is viridis (Smith and van der
Walt, 2015): perceptually uniform, monotone in lightness, readable without colour vision.
"""

from __future__ import annotations

from isogloss.errors import OptionError

THEMES: dict[str, dict[str, str]] = {
    "light": {
        "paper": "#fbfaf6",
        "card": "#ffffff",
        "sunk": "#f3f0e8",
        "ink": "#1e1c19",
        "soft": "#5d584e",
        "rule": "#e3ded2",
        "grid": "#ece8de",
        "axis": "#8b8577",
        "noise": "#8b8577",
        "accent": "#a8401a",
        "mark": "#fbe3b8",
        "mark-ink": "#4a2a00",
        "warn": "#fdf3dc",
        "warn-rule": "#d9a63a",
        "s1": "#0b68a4",
        "s2": "#c24a10",
        "s3": "#127a5b",
        "s4": "#9c3f8c",
        "s5": "#836400",
        "s6": "#5c5f6d",
    },
    "dark": {
        "paper": "#141517",
        "card": "#1b1d20",
        "sunk": "#202328",
        "ink": "#ece8df",
        "soft": "#aca79b",
        "rule": "#33363b",
        "grid": "#292c31",
        "axis": "#858378",
        "noise": "#8f8c82",
        "accent": "#ff9c70",
        "mark": "#5a4214",
        "mark-ink": "#ffe9bd",
        "warn": "#2b2415",
        "warn-rule": "#a37b25",
        "s1": "#63b3ee",
        "s2": "#ff9562",
        "s3": "#4fcea2",
        "s4": "#e592d4",
        "s5": "#dfbe4c",
        "s6": "#b3b6c2",
    },
}
SERIES = 6

_VIRIDIS = [
    "#440154",
    "#481a6c",
    "#472f7d",
    "#414487",
    "#39568c",
    "#31688e",
    "#2a788e",
    "#23888e",
    "#1f988b",
    "#22a884",
    "#35b779",
    "#54c568",
    "#7ad151",
    "#a5db36",
    "#d2e21b",
    "#fde725",
]


def theme(name: str) -> dict[str, str]:
    """Colours by role of the theme `light` or `dark`.

    Raises
    ------
    OptionError : there is no such theme.
    """
    if name not in THEMES:
        raise OptionError(f"no theme called {name!r}; there are: {', '.join(THEMES)}")
    return THEMES[name]


def rgb(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` as three integers from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2, definition of relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def sequential(fraction: float) -> str:
    """The heat map's colour at `fraction` of its scale; below 0 and above 1 the ends."""
    place = min(max(fraction, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    below = min(int(place), len(_VIRIDIS) - 2)
    part = place - below
    mixed = (round(a + (b - a) * part) for a, b in zip(rgb(_VIRIDIS[below]), rgb(_VIRIDIS[below + 1]), strict=True))
    return "#" + "".join(f"{c:02x}" for c in mixed)


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on `colour`; at least 4.58:1 on any colour."""
    return "#000000" if contrast("#000000", colour) >= contrast("#ffffff", colour) else "#ffffff"


def tokens_css() -> str:
    """The themes as CSS custom properties: light, dark by the reader's system or choice, light in print."""

    def block(selector: str, name: str) -> str:
        return selector + "{color-scheme:" + name + ";" + "".join(f"--{k}:{v};" for k, v in THEMES[name].items()) + "}"

    dark_system = "@media (prefers-color-scheme: dark){" + block(':root:not([data-theme="light"])', "dark") + "}"
    on_paper = "@media print{" + block(":root:not(#_)", "light") + "}"
    return "\n".join([block(":root", "light"), dark_system, block(':root[data-theme="dark"]', "dark"), on_paper])
