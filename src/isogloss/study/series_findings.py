"""What is said of any analysis over steps: when half of the final change was there. Draws nothing."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from isogloss.analysis import Finding, from_to, stated, with_interval
from isogloss.analysis.finding_rows import Row, beyond, sure
from isogloss.study.series_rows import common_layers, rows_of_measure

FIRST_WEIGHT, NEXT_WEIGHT = 0.72, 0.35
"""Of the finding on the first headline measure of an analysis, and on each further one."""


def half_way(analysis: str, table: pl.DataFrame, measures: Mapping[str, str]) -> list[Finding]:
    """For each measure that changed beyond its noise, the step by which half of its final change was reached.

    At the last layer that all steps have; of a measure of labels, the label that changed most. Looked at is what the
    checkpoints show: between two of them nothing is known, so the step before is named too.

    Parameters
    ----------
    table : tidy with a column `step`.
    measures : with what each is called, the most important first.
    """
    found: list[Finding] = []
    numbered = table.with_row_index("row")
    for measure, words in measures.items():
        rows = rows_of_measure(numbered, measure)
        layers = common_layers(rows, "step")
        if not layers:
            continue
        here = rows.filter(pl.col("layer") == layers[-1])
        by_subset = here.sort("step").group_by("subset", maintain_order=True)
        curves = [list(part.iter_rows(named=True)) for _, part in by_subset]
        # Of a measure of one model alone the null says what labels without meaning give, not what no change gives.
        of_pair = numbered.filter(pl.col("measure") == measure)["model"].n_unique() == 1
        changed = [curve for curve in curves if _beyond_noise(curve, len(curves), numbered, of_pair)]
        if changed:
            curve = max(changed, key=lambda rows: abs(rows[-1]["value"] - rows[0]["value"]))
            weight = NEXT_WEIGHT if found else FIRST_WEIGHT
            # Where the change has a noise of its own, the measure's null is what chance gives, not what no change does.
            judged = numbered.filter(pl.col("measure") == f"{measure}_change", pl.col("null_high").is_not_null())
            found.append(_finding(analysis, measure, words, curve, weight, of_pair and judged.is_empty()))
    return found


def _finding(analysis: str, measure: str, words: str, curve: list[Row], weight: float, of_pair: bool) -> Finding:
    first, last = curve[0], curve[-1]
    floor = _floor_between(first, last) if of_pair else None
    start = first["value"] if floor is None else floor
    change = last["value"] - start
    reached = next(i for i, row in enumerate(curve) if i and (row["value"] - start) / change >= 0.5)
    that = "that" if floor is None else f"what lies beyond the noise floor of {stated(floor)}"
    where = f"layer {last['layer']}" + ("" if last["subset"] == "all" else f", {last['subset']}")
    before = f"it was not at step {curve[reached - 1]['step']:,}" if reached > 1 else "the first checkpoint"
    if reached == len(curve) - 1 and reached > 1:
        when = f"less than half of {that} was there at step {curve[reached - 1]['step']:,}"
    elif reached == len(curve) - 1:
        when = "no checkpoint lies between"
    else:
        when = f"half of {that} was there by step {curve[reached]['step']:,} ({before})"
    interval = with_interval(last["value"], last["ci_low"], last["ci_high"]).partition(" ")[2]
    text = (
        f"Over {last['step']:,} steps of training, {words} ({where}) went from "
        f"{_from_to(first['value'], last['value'])}{f' {interval}' if interval else ''}; {when}."
    )
    return Finding(
        text=text,
        analysis=analysis,
        measure=measure,
        value=last["value"],
        ci_low=last["ci_low"],
        ci_high=last["ci_high"],
        null_low=last["null_low"] if of_pair else None,
        null_high=last["null_high"] if of_pair else None,
        layers=(last["layer"],),
        table=f"{analysis}_steps",
        rows=tuple(row["row"] for row in curve),
        weight=weight,
        scale=_scale(curve),
        figure=f"{analysis}-{measure.replace('_', '-')}-over-steps",
    )


def _from_to(before: float, after: float) -> str:
    return from_to(before, after) if before != after else f"{stated(before)} to {stated(after)}"


def _scale(curve: list[Row]) -> tuple[float, float] | None:
    """What the curve needs where that is not 0 to 1."""
    parts = ("value", "ci_low", "ci_high", "null_low", "null_high")
    numbers = [row[part] for row in curve for part in parts if row[part] is not None]
    low, high = min(0.0, *numbers), max(1.0, *numbers)
    return None if (low, high) == (0.0, 1.0) else (low, high)


def _beyond_noise(curve: list[Row], n: int, table: pl.DataFrame, of_pair: bool) -> bool:
    """Whether the last value of a curve differs from the first by more than what is known of its noise.

    Where the analysis has the paired change (`MEASURE_change`), its interval decides, or its noise; else the two
    intervals must not touch; without intervals, the noise floor of a measure of the pair must lie between the two. What
    is inside it at both ends is no change. Of `n` curves that are looked at, one may be beyond noise by
    chance: a paired change is held against what that allows.
    """
    first, last = curve[0], curve[-1]
    if len(curve) < 2 or last["value"] == first["value"]:
        return False
    has_null = last["null_low"] is not None and last["null_high"] is not None
    inside = has_null and all(last["null_low"] <= row["value"] <= last["null_high"] for row in (first, last))
    if inside:
        return False
    same = [pl.col(column) == last[column] for column in ("step", "layer", "subset")]
    for paired in table.filter(*same, pl.col("measure") == f"{last['measure']}_change").iter_rows(named=True):
        if paired["ci_low"] is not None:
            return sure(paired, n)
        if paired["null_high"] is not None:
            return beyond(paired, n)
    ends = [_interval(row) for row in (first, last)]
    if any(end is not None for end in ends):
        (low, high), (other_low, other_high) = (
            end or (row["value"], row["value"]) for end, row in zip(ends, (first, last), strict=True)
        )
        return bool(high < other_low or other_high < low)
    return of_pair and _floor_between(first, last) is not None


def _floor_between(first: Row, last: Row) -> float | None:
    """The limit of the noise floor that a curve crossed on its way from the first value to the last, if it did."""
    low, high = last["null_low"], last["null_high"]
    if low is not None and last["value"] < low <= first["value"]:
        return float(low)
    if high is not None and first["value"] <= high < last["value"]:
        return float(high)
    return None


def _interval(row: Row) -> tuple[float, float] | None:
    return None if row["ci_low"] is None or row["ci_high"] is None else (row["ci_low"], row["ci_high"])
