import json
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import Band, Line, LinesFigure, figure_from_dict
from isogloss.report import figure_svg
from isogloss.report.draw import lines, logarithmic
from isogloss.report.draw.logarithmic import LogScale
from isogloss.report.text import significant
from tests.report.test_drawing import SVG, curve_points, drawn, labels

REMOVED = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
POWERS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def removal(**changes):
    y = tuple(0.9 - 0.05 * i for i in range(len(REMOVED)))
    low, high = tuple(v - 0.02 for v in y), tuple(v + 0.02 for v in y)
    made = {"lines": (Line("top", REMOVED, y, low, high),), "x_label": "directions removed", "log_x": True}
    return LinesFigure("f", "t", "c", **(made | changes))


def spectrum(values, **changes):
    x = tuple(float(i + 1) for i in range(len(values)))
    return LinesFigure("f", "t", "c", lines=(Line("a", x, tuple(values)),), **({"log_y": True} | changes))


def tick_value(text):
    """A tick's label as a person reads it."""
    mantissa, _, power = text.replace(",", "").partition("10")
    if any(letter in power for letter in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"):
        return float(mantissa.rstrip("·") or 1) * 10.0 ** int(power.translate(POWERS))
    return float(text.replace(",", ""))


def value_at(root, y):
    ticks = [(float(t.get("y")) - 4.2, tick_value(t.text)) for t in labels(root, "end")]
    (y0, v0), (y1, v1) = ticks[0], ticks[-1]
    return v0 * (v1 / v0) ** ((y - y0) / (y1 - y0))


@given(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=20).filter(lambda v: max(v) > 1.5 * min(v)))
@settings(max_examples=40)
def test_values_on_a_logarithmic_y_can_be_read_back(values):
    root = drawn(spectrum(values))
    assert len(labels(root, "end")) >= 2
    (run,), _ = curve_points(root, "a")
    for (_, y), value in zip(run, values, strict=True):
        assert math.log10(value_at(root, y)) == pytest.approx(math.log10(value), abs=0.01)


def test_equal_factors_are_equally_long_and_0_stands_left_of_a_break():
    root = drawn(removal())
    group = next(g for g in root.iter(f"{SVG}g") if g.get("data-series") == "top")
    solid, over = group.iter(f"{SVG}path")
    places = [float(p.split()[0]) for p in solid.get("d").strip("M").split("L")]
    for (a, b), (x, y) in zip(pairwise(REMOVED[1:]), pairwise(places), strict=True):
        factor = (places[-1] - places[0]) / math.log(500)
        assert y - x == pytest.approx(math.log(b / a) * factor, abs=0.05)
    zero, first = (float(p.split()[0]) for p in over.get("d").strip("M").split("L"))
    assert first == places[0]
    assert first - zero == pytest.approx(logarithmic.BREAK)
    assert over.get("stroke-dasharray")
    assert [float(x) for x in root.get("data-x").split()] == [zero, *places]
    axis = next(p.get("d") for p in root.iter(f"{SVG}path") if "l6-12" in p.get("d"))
    ends = [float(part.split("H")[1].split("M")[0]) for part in ("M" + axis.split("M", 1)[1]).split("M")[1:2]]
    assert zero < ends[0] < first


@pytest.mark.parametrize("width", [720, 340])
def test_every_place_has_a_tick_and_their_labels_do_not_touch(width):
    ticks = [t for t in labels(drawn(removal(), width), "middle") if "tick" in t.get("class")]
    assert {"0", "1", "10", "100"} <= {t.text for t in ticks} <= {f"{x:.0f}" for x in REMOVED}
    places = [(float(t.get("x")), len(t.text) * 7) for t in ticks]
    assert all(b - a > (wide + more) / 2 for (a, wide), (b, more) in pairwise(places))


def test_many_places_are_ticked_by_round_numbers():
    root = drawn(spectrum([1000 / i for i in range(1, 769)], log_x=True))
    shown = [t.text for t in labels(root, "middle") if "tick" in t.get("class")]
    assert {"1", "10", "100"} <= set(shown) <= {"1", "2", "5", "10", "20", "50", "100", "200", "500"}


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0.9, 1100, ["1", "10", "100", "1,000"]),
        (0.02, 0.9, ["0.02", "0.05", "0.1", "0.2", "0.5"]),
        (0.31, 0.47, ["0.35", "0.40", "0.45"]),
        (1e-9, 1e9, ["10⁻⁸", "10⁻⁶", "10⁻⁴", "10⁻²", "10⁰", "10²", "10⁴", "10⁶", "10⁸"]),
        (1e-8, 3e-7, ["10⁻⁸", "2·10⁻⁸", "5·10⁻⁸", "10⁻⁷", "2·10⁻⁷"]),
    ],
)
def test_ticks_are_round_and_labelled_alike(low, high, wanted):
    assert logarithmic.labels(logarithmic.ticks(low, high, 10 if high == 1e9 else 5)) == wanted


@given(st.floats(1e-12, 1e12), st.floats(1.001, 1e15))
@settings(max_examples=60)
def test_there_are_always_ticks_and_they_lie_inside(low, factor):
    ticks = logarithmic.ticks(low, low * factor)
    assert 1 <= len(ticks) <= 12
    assert all(low * 0.999 <= tick <= low * factor * 1.001 for tick in ticks)
    assert ticks == sorted(set(ticks))
    assert len(set(logarithmic.labels(ticks))) == len(ticks)


def test_values_of_0_and_below_are_left_out_and_the_drawing_says_so():
    figure = spectrum([10.0, 1.0, 0.0, -0.5, 0.1])
    root = drawn(figure)
    runs, dots = curve_points(root, "a")
    assert [len(run) for run in runs] == [2]
    assert len(dots) == 3
    said = [t.text for t in labels(root, "name")]
    assert "2 values of 0 or below: no place on a logarithmic scale" in said
    assert [row[0] for row in lines.numbers(figure).cells] == ["10", "1.00", "0", "−0.500", "0.100"]
    assert "no place" not in figure_svg(spectrum([10.0, 1.0]))


def test_an_interval_that_reaches_0_ends_at_the_edge_of_the_plot():
    x = (1.0, 2.0)
    figure = LinesFigure("f", "t", "c", lines=(Line("a", x, (1.0, 2.0), (-1.0, 1.5), (3.0, 4.0)),), log_y=True)
    root = drawn(figure)
    _, _, _, bottom = map(float, root.get("data-box").split())
    ribbon = next(p for p in root.iter(f"{SVG}path") if "ribbon s1" in (p.get("class") or ""))
    assert max(float(p.split()[1]) for p in ribbon.get("d").strip("MZ").split("L")) == pytest.approx(bottom, abs=0.01)


def test_an_interval_near_0_does_not_stretch_the_scale():
    low, high = logarithmic.value_range(
        LinesFigure("f", "t", "c", lines=(Line("a", (1.0,), (1.0,), (1e-30,), (2.0,)),), log_y=True)
    )
    assert 0.01 < low < 0.2
    assert high > 2


@pytest.mark.parametrize("values", [(), (None, None), (0.0, -1.0), (3.0, 3.0)])
@pytest.mark.parametrize("log_x", [False, True])
def test_constant_and_missing_values_are_drawn(values, log_x):
    x = tuple(map(float, range(len(values))))
    bands = (Band("noise", x, (0.1,) * len(x), (0.2,) * len(x)),)
    text = figure_svg(LinesFigure("f", "t", "c", lines=(Line("a", x, values),), bands=bands, log_x=log_x, log_y=True))
    assert "nan" not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lines": (Line("a", (-1.0, 2.0), (1.0, 1.0)),)}, r"figure 'f' has x = -1.0; a logarithmic x starts at 0"),
        ({"log_y": True, "y_min": 0.0}, r"figure 'f' has a limit of 0.0; a logarithmic y is above 0"),
    ],
)
def test_what_has_no_logarithm_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        removal(**changes)
    with pytest.raises(ValueError, match="both must be above 0"):
        LogScale(0.0, 1.0, 0.0, 1.0)


def test_logarithmic_axes_survive_json_and_are_off_where_they_are_not_written():
    made = removal(log_y=True)
    data = json.loads(json.dumps(made.as_dict()))
    assert figure_from_dict(data) == made
    del data["log_x"], data["log_y"]
    assert not figure_from_dict(data).log_y


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0012345, "0.00123"), (1.234567, "1.23"), (123456.0, "123,456"), (4.2e-9, "4.20e-09"), (-0.05, "−0.0500")],
)
def test_numbers_of_a_logarithmic_figure_keep_three_digits(value, shown):
    assert significant(value) == shown
