"""A finding's number as a small strip: a point, its interval, and the noise floor behind it."""

from __future__ import annotations

from markupsafe import Markup

from isogloss.analysis import Finding
from isogloss.report.draw.scale import Scale, finite, value_range
from isogloss.report.draw.svg import element, short

WIDTH, HEIGHT = 120, 22


def strip(finding: Finding) -> Markup:
    """The strip, 120 x 22 pixels, decorative (its numbers are in the text beside it); empty without a value.

    The scale is the measure's own where the finding says it, 0 to 1 where all numbers lie there, else just wide enough.
    """
    value = finite(finding.value)
    if value is None:
        return Markup("")
    low, high = finite(finding.ci_low), finite(finding.ci_high)
    floor, ceiling = finite(finding.null_low), finite(finding.null_high)
    known = [v for v in (value, low, high, floor, ceiling) if v is not None]
    least, greatest = finding.scale or (0.0, 1.0)
    fits = all(least <= v <= greatest for v in known)
    x = Scale(*((least, greatest) if fits else value_range(known)), 5, WIDTH - 5)
    drawn = [element("path", d=f"M5 11H{WIDTH - 5}M5 7v8M{WIDTH - 5} 7v8", class_="axis")]
    if floor is not None and ceiling is not None:
        start, end = sorted((x(floor), x(ceiling)))
        drawn.append(element("rect", x=start - 1, y=4, width=end - start + 2, height=14, rx=1.5, class_="floor"))
    if low is not None and high is not None:
        drawn.append(element("path", d=f"M{short(x(low))} 11H{short(x(high))}", class_="span"))
    drawn.append(element("circle", cx=x(value), cy=11, r=4.2, class_="point"))
    return element(
        "svg",
        *drawn,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        class_="strip",
        aria_hidden="true",
    )
