"""Whether the values of a label moved apart: their least distances, all together and one by one."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from isogloss.analysis import Finding, from_to, layers
from isogloss.analysis.finding_rows import Row, beyond, doubt, of_both, rows_of
from isogloss.separability.finding_words import noise_of, of_layer, signed


def apart(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """Whether values moved apart: their mean least distance."""
    changes = rows_of(own, "min_distance_change", label)
    if not changes:
        return
    where = layers([row["layer"] for row in changes])
    more = {"figure": f"{name}-distance"}
    widest = max([abs(row["value"]) for row in changes] + [row["null_high"] or 0 for row in changes]) or 1.0
    more_scale = {"scale": (-widest, widest)}
    if all(row["value"] == 0 for row in changes):
        yield Finding.of_rows(
            f"{where}: the values of {label} lie exactly as far apart as before.", changes, changes[0], 0.6,
            **more, **more_scale,
        )  # fmt: skip
        return
    moved = [row for row in changes if beyond(row, len(changes))]
    if not moved:
        most = max(changes, key=lambda row: abs(row["value"]))
        judged = any(row["null_high"] is not None for row in changes)
        verdict = "lie as far apart as before, as far as can be told" if judged else "have no noise to judge changes by"
        yield Finding.of_rows(
            f"{where}: the values of {label} {verdict}; their mean least distance changed most at layer "
            f"{most['layer']}, by {signed(most['value'])} ({noise_of(most['null_high'])}){doubt(most, len(changes))}.",
            changes, most, 0.4, **more, **more_scale,
        )  # fmt: skip
        return
    still = [row["layer"] for row in changes if row not in moved and row["null_high"] is not None]
    widened = f", which is widened since {len(changes)} layers are looked at" if len(changes) > 1 else ""
    rest = f" At {layers(still).lower()} no change is beyond noise{widened}." if still else ""
    for sign, verb in ((1, "moved apart"), (-1, "moved together")):
        those = [row for row in moved if row["value"] * sign > 0]
        if not those:
            continue
        most = max(those, key=lambda row: abs(row["value"]))
        pair = of_both(own, "min_distance", label, most["layer"])
        if len(pair) < 2:
            continue
        scaled, of_spread = in_spread(own, label, most, len(changes))
        caveat, of_parts = in_parts(own, label, [row["layer"] for row in those], most["layer"])
        at = f"at layer {most['layer']} " if len(those) > 1 else ""
        yield Finding.of_rows(
            f"The values of {label} {verb} at {layers([row['layer'] for row in those]).lower()}: {at}the mean of their "
            f"least distances goes from {from_to(pair['base']['value'], pair['tuned']['value'])}, by "
            f"{signed(most['value'])} ({noise_of(most['null_high'])}){scaled}{caveat}.{rest}",
            [most, *pair.values(), *[row for row in those if row is not most], *of_spread, *of_parts],
            most,
            0.75,
            **more,
            **more_scale,
        )
        rest = ""


def in_spread(own: pl.DataFrame, label: str, change: Row, n: int) -> tuple[str, list[Row]]:
    """What to say of a change of distances, of n looked at, in units of the spread; the rows it is said of."""
    relative = of_layer(own, "min_distance_relative_change", label, change["layer"])
    scaled = of_both(own, "min_distance_relative", label, change["layer"])
    if relative is None or len(scaled) < 2:
        return "", []
    rows = [relative, *scaled.values()]
    ends, noise = from_to(scaled["base"]["value"], scaled["tuned"]["value"]), noise_of(relative["null_high"])
    about = "; in units of the spread of all vectors"
    if not beyond(relative, n):
        return f"{about} the change is within noise ({ends}, {noise})", rows
    if relative["value"] * change["value"] < 0:
        return f"{about}, though, it {'fell' if relative['value'] < 0 else 'rose'} from {ends} ({noise})", rows
    return f"{about} from {ends} ({noise})", rows


def in_parts(own: pl.DataFrame, label: str, told: list[int], layer: int) -> tuple[str, list[Row]]:
    """What to say of changes at the layers told, one of them in numbers, where values lie in other clusters now.

    Returns
    -------
    ". These are ..." or nothing; the rows it is said of.
    """
    parts = {at: of_both(own, "clusters", label, at) for at in told}
    other = {at: two for at, two in parts.items() if len(two) == 2 and two["base"]["value"] != two["tuned"]["value"]}
    rows = [row for two in other.values() for row in two.values()]
    if layer in other:
        base, tuned = (other[layer][model]["value"] for model in ("base", "tuned"))
        counts = f"{base:,.0f} clusters of the base model and {tuned:,.0f} of the tuned one"
        rest = [at for at in other if at != layer]
        also = f" ({layers(rest).lower()} likewise)" * bool(rest)
        return f". These are distances between {counts}, so between parts of values{also}", rows
    if other:
        return (
            f". At {layers(list(other)).lower()} values lie in other numbers of clusters than before, so there it is "
            "parts of values that moved"
        ), rows
    return "", []


def single_values(own: pl.DataFrame, label: str, name: str) -> Iterator[Finding]:
    """How many values moved away from, or closer to, their nearest other value, at the last layer."""
    rows = own.filter(
        (pl.col("measure") == "min_distance_change")
        & pl.col("subset").str.starts_with(f"{label}=")
        & pl.col("value").is_not_null()
    )
    if rows.is_empty():
        return
    last = [row for row in rows.iter_rows(named=True) if row["layer"] == rows["layer"].max()]
    sure_ones = [row for row in last if beyond(row, len(last))]
    if len(last) < 3 or not sure_ones:
        return
    grew, shrank = ([row for row in sure_ones if row["value"] * sign > 0] for sign in (1, -1))
    most = max(sure_ones, key=lambda row: abs(row["value"]))
    pair = of_both(own, "min_distance", most["subset"], most["layer"])
    if len(pair) < 2:
        return
    widest = max(abs(row["value"]) for row in last)
    caveat, parts = in_parts(own, label, [most["layer"]], most["layer"])
    yield Finding.of_rows(
        f"At layer {most['layer']}, of {len(last)} values of {label}, {len(grew)} lie farther from their nearest other "
        f"value than before and {len(shrank)} closer, beyond noise; most {most['subset'].partition('=')[2]}, from "
        f"{from_to(pair['base']['value'], pair['tuned']['value'])}, by {signed(most['value'])} "
        f"({noise_of(most['null_high'])}){caveat}.",
        [most, *pair.values(), *[row for row in sure_ones if row is not most], *parts],
        most,
        0.45,
        scale=(-widest, widest),
        figure=f"{name}-values",
    )
