import polars as pl
import pytest

from isogloss.analysis import tidy
from isogloss.study.series_figures import over_steps, side_by_side
from isogloss.study.series_findings import half_way
from isogloss.study.series_results import headline
from tests.study.test_run import NormAnalysis

STEPS = (0, 100, 200, 400)


def series(values, width=0.01, by="step", places=STEPS, extra=(), **more):
    """A tidy table of one measure of the tuned model, with intervals of the given half width, None for none."""
    rows = []
    for value in values:
        ends = {} if width is None else {"ci_low": value - width, "ci_high": value + width}
        rows.append({"analysis": "a", "measure": "m", "model": "tuned", "layer": 2, "value": value, **ends, **more})
    table = tidy([*rows, *extra])
    kinds = [*places, *[places[-1]] * len(extra)]
    return table.insert_column(0, pl.Series(by, kinds))


def said(table, **names):
    return [f.text for f in half_way("a", table, names or {"m": "measure"})]


def test_half_of_a_planted_change_is_said_to_be_there_at_its_step():
    assert said(series([1.0, 0.9, 0.55, 0.4])) == [
        "Over 400 steps of training, measure (layer 2) went from 1 to .40 [.39, .41]; half of that was there by step "
        "200 (it was not at step 100)."
    ]
    assert "by step 100 (the first checkpoint)" in said(series([0.1, 0.6, 0.7, 0.8]))[0]
    assert "less than half of that was there at step 200" in said(series([0.1, 0.1, 0.2, 0.8]))[0]
    assert "no checkpoint lies between" in said(series([0.1, 0.8], places=(0, 400)))[0]


@pytest.mark.parametrize(
    "table",
    [
        series([0.5, 0.5, 0.5, 0.5]),
        series([0.5, 0.9, 0.9, 0.51]),
        series([0.5, 0.6, 0.7, 0.8], width=None),
        series([1.0, 0.99, 0.98, 0.97], width=0.001, null_low=0.95, null_high=1.0),
        series([0.5, 0.6, 0.7, 0.8], width=None, null_low=0.1, null_high=0.2),
        series([0.5, 0.6, 0.7, 0.8], extra=[{"analysis": "a", "measure": "m_change", "model": "tuned", "layer": 2,
                                             "value": 0.3, "ci_low": -0.1, "ci_high": 0.7}]),
    ],
    ids=["none", "back again", "no noise known", "within the floor", "both beyond chance", "paired interval holds 0"],
)  # fmt: skip
def test_nothing_is_said_of_a_change_that_may_be_noise(table):
    assert said(table) == []


def test_a_change_judged_by_noise_about_0_is_held_against_it_and_against_the_number_of_labels():
    change = {"analysis": "a", "measure": "m_change", "model": "tuned", "layer": 2, "value": 0.3}
    values = [0.5, 0.6, 0.7, 0.8]
    for noise, spoken in ((0.1, 1), (0.29, 1), (0.31, 0)):
        band = change | {"null_low": -noise, "null_high": noise}
        assert len(said(series(values, width=None, extra=[band]))) == spoken
    band = change | {"null_low": -0.29, "null_high": 0.29, "subset": "x"}
    table = series(values, width=None, subset="x", extra=[band])
    still = [series([0.5, 0.5, 0.5, 0.5], width=None, subset=name) for name in "yzvw"]
    assert len(said(table)) == 1
    assert said(pl.concat([table, *still])) == [], "one of five may be so large by chance"


def test_a_paired_change_or_a_floor_between_the_ends_is_beyond_noise():
    change = {"analysis": "a", "measure": "m_change", "model": "tuned", "layer": 2, "value": 0.1}
    paired = series([0.5, 0.5, 0.6, 0.6], width=0.2, extra=[{**change, "ci_low": 0.05, "ci_high": 0.15}])
    assert len(said(paired)) == 1
    floor = series([1.0, 0.7, 0.65, 0.4], width=None, null_low=0.8, null_high=0.95)
    assert "less than half of what lies beyond the noise floor of .80 was there at step 200" in said(floor)[0]
    of_base = series([1.0, 1.0, 1.0, 1.0], width=None, null_low=0.8, null_high=0.95, model="base")
    assert said(floor.vstack(of_base)) == [], "the null of one model's measure is not that of a change"


def test_of_labels_the_one_that_changed_most_is_spoken_of_and_all_are_drawn():
    few, many = series([0.5, 0.5, 0.5, 0.6], subset="x"), series([0.5, 0.5, 0.8, 0.9], subset="y")
    table = few.vstack(many).vstack(series([0.0, 0.0, 0.0, 1.0], subset="x=1"))
    assert "measure (layer 2, y)" in said(table)[0]
    [figure] = over_steps("a", table, {"m": "measure"})
    assert [line.name for line in figure.lines] == ["x", "y"]
    assert figure.lines[1].y == (0.5, 0.5, 0.8, 0.9)


def test_layers_that_a_step_lacks_are_not_drawn():
    whole, part = series([1.0, 0.9, 0.55, 0.4]), series([1.0, 0.9, 0.5], places=STEPS[:3], layer=9)
    [figure] = over_steps("a", whole.vstack(part), {"m": "measure", "other": "none"})
    assert [line.name for line in figure.lines] == ["layer 2"]
    assert len(said(whole.vstack(part))) == 1


def test_a_table_of_tunings_begins_with_the_base_where_it_has_the_measure():
    table = series([0.4, 0.6], by="task", places=("X", "Y"))
    table = table.vstack(series([0.3, 0.3], by="task", places=("X", "Y"), model="base"))
    [figure] = side_by_side("a", table, {"m": "measure"})
    assert figure.columns == ("layer", "tuning", "measure", "measure: interval")
    assert figure.rows == ((2, "base", 0.3, "[.29, .31]"), (2, "X", 0.4, "[.39, .41]"), (2, "Y", 0.6, "[.59, .61]"))
    assert side_by_side("a", table, {"other": "other"}) == []


def test_headline_measures_are_named_or_those_of_findings_or_the_first():
    class Named(NormAnalysis):
        headline = ("top_share",)

    table = tidy([{"measure": name} for name in "abcd"])
    assert headline(Named(), table, []) == {"top_share": "top share"}
    assert headline(NormAnalysis(), table, []) == {"a": "a", "b": "b", "c": "c"}
    spoken = half_way("a", series([0.1, 0.2, 0.8, 0.9], measure="c"), {"c": "c"})
    assert list(headline(NormAnalysis(), table, spoken)) == ["c"]
