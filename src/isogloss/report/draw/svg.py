"""SVG elements as strings: everything that is not already markup is cleaned and escaped."""

from __future__ import annotations

from markupsafe import Markup, escape

from isogloss.report.text import plain

Child = str | Markup


def element(name: str, /, *children: Child, **attributes: str | float | None) -> Markup:
    """One element. `class_`, `stroke_width` stand for `class`, `stroke-width`; None omits an attribute."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(child if isinstance(child, Markup) else escape(plain(child)) for child in children)
    tag = Markup(name)
    return (
        Markup("<{0}{1}>{2}</{0}>").format(tag, written, inside) if inside else Markup("<{0}{1}/>").format(tag, written)
    )


def _value(value: str | float) -> str:
    return plain(value) if isinstance(value, str) else short(value)


def short(value: float) -> str:
    """A coordinate with at most two decimals and no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def points(pairs: list[tuple[float, float]]) -> str:
    """Path commands through the points."""
    return "M" + "L".join(f"{short(x)} {short(y)}" for x, y in pairs)


def document(
    width: float, height: float, name: str, title: str, description: str, *children: Child, **data: str
) -> Markup:
    """The outermost `svg`: a drawing with a text alternative, as wide as its place allows."""
    ids = f"{name}-{short(width)}"
    return element(
        "svg",
        element("title", title, id=f"{ids}-title"),
        element("desc", description, id=f"{ids}-desc"),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        class_="drawing",
        viewBox=f"0 0 {short(width)} {short(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{ids}-title",
        aria_describedby=f"{ids}-desc",
        **{f"data_{key}": value for key, value in data.items()},
    )
