import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.analysis import Band, HeatmapFigure, Line, LinesFigure, TableFigure
from isogloss.report import figure_svg
from isogloss.report.draw import heatmap, lines, strip, table
from isogloss.report.draw.palette import contrast, ink_on, luminance, sequential
from isogloss.report.draw.scale import nice_ticks, spread, thinned, tick_labels
from isogloss.report.text import excerpt, number
from tests.report import example

SVG = "{http://www.w3.org/2000/svg}"


def drawn(figure, width=720):
    return ElementTree.fromstring(figure_svg(figure, width=width))


def labels(root, class_):
    return [t for t in root.iter(f"{SVG}text") if class_ in (t.get("class") or "").split()]


def value_at(root, y):
    """Read a value off the drawing by its y ticks, as a person with a ruler would."""
    ticks = [(float(t.get("y")) - 4.2, float(t.text.replace("−", "-").replace(",", ""))) for t in labels(root, "end")]
    (y0, v0), (y1, v1) = ticks[0], ticks[-1]
    return v0 + (y - y0) / (y1 - y0) * (v1 - v0)


def curve_points(root, name):
    group = next(g for g in root.iter(f"{SVG}g") if g.get("data-series") == name)
    runs = []
    for path in group.iter(f"{SVG}path"):
        written = filter(None, path.get("d").split("M"))
        runs += [[tuple(map(float, p.split())) for p in run.split("L")] for run in written]
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in group.iter(f"{SVG}circle")]
    return runs, dots


@given(
    st.lists(st.floats(-1e4, 1e4, allow_subnormal=False), min_size=2, max_size=30).filter(
        lambda v: max(v) - min(v) > 1e-3
    )
)
def test_values_can_be_read_back_from_the_drawing(values):
    x = tuple(map(float, range(len(values))))
    root = drawn(LinesFigure("f", "t", "c", lines=(Line("a", x, tuple(values)),)))
    (run,), _ = curve_points(root, "a")
    span = max(values) - min(values)
    for (_, y), value in zip(run, values, strict=True):
        assert value_at(root, y) == pytest.approx(value, abs=span * 0.002 + 1e-9)


def test_interval_and_band_edges_can_be_read_back():
    x = (0.0, 1.0)
    figure = LinesFigure(
        "f",
        "t",
        "c",
        lines=(Line("a", x, (0.5, 0.6), (0.4, 0.55), (0.7, 0.65)),),
        bands=(Band("noise", x, (0.1, 0.2), (0.3, 0.25)),),
        y_min=0.0,
        y_max=1.0,
    )
    root = drawn(figure)

    def corners(class_):
        area = next(p for p in root.iter(f"{SVG}path") if class_ in (p.get("class") or "").split())
        return [value_at(root, float(p.split()[1])) for p in area.get("d").strip("MZ").split("L")]

    assert corners("ribbon") == pytest.approx([0.7, 0.65, 0.55, 0.4], abs=0.002)
    assert corners("band") == pytest.approx([0.3, 0.25, 0.2, 0.1], abs=0.002)


@pytest.mark.parametrize("hole", [None, float("nan"), float("inf")])
def test_a_gap_splits_the_curve_and_a_lone_value_is_a_dot(hole):
    y = (1.0, 0.9, hole, 0.5, hole, 0.3, 0.2)
    root = drawn(LinesFigure("f", "t", "c", lines=(Line("a", tuple(map(float, range(7))), y),)))
    runs, dots = curve_points(root, "a")
    assert [len(run) for run in runs] == [2, 2]
    assert len(dots) == 5
    assert "nan" not in figure_svg(LinesFigure("f", "t", "c", lines=(Line("a", (0.0, 1.0), (1.0, hole)),)))


def test_one_layer_is_a_point_with_an_error_bar_and_a_band_across():
    figure = LinesFigure(
        "f",
        "t",
        "c",
        lines=(Line("a", (6.0,), (0.5,), (0.4,), (0.6,)),),
        bands=(Band("noise", (6.0,), (0.9,), (1.0,)),),
    )
    root = drawn(figure)
    _, dots = curve_points(root, "a")
    assert len(dots) == 1
    assert any("whisker" in (p.get("class") or "") for p in root.iter(f"{SVG}path"))
    bands = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "band"]
    assert max(float(r.get("width")) for r in bands) > 400


@pytest.mark.parametrize("constant", [0.0, 1.0, -3.0, 1e6])
def test_equal_values_lie_inside_the_plot(constant):
    x = tuple(map(float, range(4)))
    root = drawn(LinesFigure("f", "t", "c", lines=(Line("a", x, (constant,) * 4),)))
    (run,), _ = curve_points(root, "a")
    _, top, _, bottom = map(float, root.get("data-box").split())
    assert all(top < y < bottom for _, y in run)


def test_layer_ticks_are_integers_and_do_not_collide_on_100_layers():
    x = tuple(map(float, range(100)))
    for width in (720, 340):
        root = drawn(LinesFigure("f", "t", "c", lines=(Line("a", x, tuple(1 - i / 100 for i in range(100))),)), width)
        ticks = [t for t in labels(root, "middle") if "tick" in t.get("class")]
        assert all(t.text.isdigit() for t in ticks)
        places = [float(t.get("x")) for t in ticks]
        assert min(b - a for a, b in pairwise(places)) > 18


def test_curves_are_named_at_their_ends_without_touching():
    x = (0.0, 1.0)
    figure = LinesFigure("f", "t", "c", lines=tuple(Line(f"line {i}", x, (1.0, 0.5 + i / 1000)) for i in range(6)))
    places = sorted(float(t.get("y")) for t in labels(drawn(figure), "label"))
    assert len(places) == 6
    assert min(b - a for a, b in pairwise(places)) >= 14.9
    assert labels(drawn(figure, 340), "label") == []
    assert {"line 0", "line 5"} <= {t.text for t in labels(drawn(figure, 340), "key")}


def test_long_names_are_cut_and_stay_inside_the_drawing():
    figure = LinesFigure("f", "t", "c", lines=(Line("n" * 500, (0.0, 1.0), (0.0, 1.0)),) * 2)
    for width in (720, 340):
        assert all(
            len(t.text) < 60 for t in labels(drawn(figure, width), "key") + labels(drawn(figure, width), "label")
        )


def test_a_figure_without_values_says_so():
    assert "no values" in figure_svg(LinesFigure("f", "t", "c"))
    assert "no values" in figure_svg(LinesFigure("f", "t", "c", lines=(Line("a", (0.0,), (None,)),)))
    assert "no values" in figure_svg(HeatmapFigure("f", "t", "c"))


def test_numbers_of_a_curve_stand_beside_their_layers():
    grid = lines.numbers(example.figures()[0])
    assert grid.rows == ("0", "1", "2", "3", "4", "5", "6")
    assert grid.columns[0] == "CKA"
    assert grid.cells[6][0].startswith("0.431 [0.4")
    assert grid.cells[6][-1] == "0.985 to 1.000"


def cell_colours(root):
    cells = {}
    for path in root.iter(f"{SVG}path"):
        for c, r in re.findall(r"M(\d+) (\d+)h1v1h-1z", path.get("d")):
            cells[int(r), int(c)] = path.get("fill")
    return cells


def test_heatmap_cells_have_the_colour_of_their_value_and_readable_numbers():
    values = ((0.0, 0.5), (None, 1.0), (float("nan"), 2.0))
    figure = HeatmapFigure("f", "t", "c", rows=("a", "b", "c"), columns=("x", "y"), values=values)
    root = drawn(figure)
    colours = cell_colours(root)
    assert colours[0, 0] == sequential(0)
    assert colours[1, 1] == colours[2, 1] == sequential(1)
    assert colours[1, 0] is None
    assert colours[2, 0] is None
    assert [t.text for t in labels(root, "cell")] == ["0.00", "0.50", "1.00", "2.00"]
    dark = labels(root, "on-dark")
    assert [t.text for t in dark] == ["0.00"]


def test_large_heatmaps_stay_small_and_have_no_numbers():
    n = 100
    names = tuple(map(str, range(n)))
    values = tuple(tuple(1 / (1 + abs(i - j)) for j in range(n)) for i in range(n))
    figure = HeatmapFigure("f", "t", "c", "base", "tuned", names, names, values)
    root = drawn(figure)
    assert len(cell_colours(root)) == n * n
    assert labels(root, "cell") == []
    assert len(figure_svg(figure)) < 200_000


def test_heatmap_values_without_range_and_negative_values_are_drawn():
    one = HeatmapFigure("f", "t", "c", rows=("a",), columns=("b",), values=((0.3,),), low=0.3, high=0.3)
    assert drawn(one) is not None
    below = HeatmapFigure("f", "t", "c", rows=("a",), columns=("b",), values=((-0.5,),), low=-1, high=0)
    assert labels(drawn(below), "cell")[0].text == "−.50"
    assert heatmap.numbers(below).cells == (("−0.500",),)


def test_the_heat_scale_gets_lighter_all_the_way_and_numbers_on_it_are_readable():
    steps = [sequential(i / 63) for i in range(64)]
    assert all(luminance(a) < luminance(b) for a, b in pairwise(steps))
    assert min(contrast(colour, ink_on(colour)) for colour in steps) >= 4.5


def test_tables_group_in_order_and_open_at_the_deepest_layer():
    rows = ((0, "a", 0.5), (3, "b", 0.25), (0, "c", None))
    shown = table.view(TableFigure("f", "t", "c", columns=("layer", "word", "cosine"), rows=rows, group_by="layer"))
    assert [group.name for group in shown.groups] == ["0", "3"]
    assert [[cell.text for cell in row] for row in shown.groups[0].rows] == [["a", "0.500"], ["c", "–"]]
    assert shown.first == 1
    assert shown.chooser == "layer"
    assert [column.numeric for column in shown.columns] == [False, True]


def test_rows_are_named_by_their_word_and_only_one_column_has_bars():
    figure = TableFigure(
        "f",
        "t",
        "c",
        columns=("moved", "word", "cosine", "low"),
        rows=(("most", "a", 0.5, 0.4), ("least", "b", 0.9, 0.8)),
    )
    columns = table.view(figure).columns
    assert [c.name for c in columns if c.heads] == ["word"]
    assert [c.name for c in columns if c.bars] == ["cosine"]


def test_a_table_grouped_by_a_column_it_lacks_is_refused():
    with pytest.raises(ValueError, match="'depth'; its columns: layer"):
        table.view(TableFigure("f", "t", "c", columns=("layer",), group_by="depth"))


def test_a_long_table_drawn_for_export_says_what_it_left_out():
    figure = TableFigure("f", "t", "c", columns=("i",), rows=tuple((i,) for i in range(100)))
    assert "and 40 more rows" in figure_svg(figure)


def test_the_strip_places_value_interval_and_noise_on_one_scale():
    finding = example.findings()[1]
    root = ElementTree.fromstring(str(strip(finding)))
    dot = float(root.find("circle").get("cx"))
    floor = root.find("rect")
    assert dot == pytest.approx(5 + finding.value * 110)
    assert float(floor.get("x")) > dot
    assert strip(example.findings()[-1]) == ""


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e6), st.integers(2, 9))
def test_ticks_are_inside_evenly_spaced_and_told_apart(low, span, count):
    ticks = nice_ticks(low, low + span, count)
    assert all(low - span * 1e-6 <= t <= low + span * (1 + 1e-6) for t in ticks)
    assert len(ticks) <= 2.5 * count + 1
    if span > abs(low) * 1e-4:
        assert len(set(tick_labels(ticks))) == len(ticks)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_spread_labels_keep_their_distance_order_and_room(wanted):
    placed = spread(wanted, 15, 0, 100)
    assert all(b - a >= 15 - 1e-9 for a, b in pairwise(sorted(placed)))
    assert all(-1e-9 <= p <= 100 + 1e-9 for p in placed)
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    assert [placed[i] for i in order] == sorted(placed)


@given(st.integers(0, 500), st.integers(0, 60))
def test_thinned_labels_fit_and_start_at_the_first(count, room):
    kept = thinned(count, room)
    assert len(kept) <= max(room, 1)
    assert kept[:1] == ([0] if count else [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.98765, "0.988"),
        (-0.5, "−0.500"),
        (12345, "12,345"),
        (0.0, "0"),
        (1e-9, "1.00e-09"),
        (True, "yes"),
        (float("-inf"), "−∞"),
        (123.456, "123.5"),
    ],
)
def test_numbers_are_written_for_people(value, shown):
    assert number(value) == shown


@given(st.text(alphabet="ab\u0001 ", max_size=60))
def test_an_excerpt_of_a_short_sentence_loses_nothing(sentence):
    pieces = excerpt(sentence)
    assert "".join(text for text, _ in pieces) == sentence.replace("\u0001", "")


def test_whole_numbers_are_written_as_such_and_shares_of_one_as_shares():
    counts = LinesFigure(
        name="n", title="t", caption="c", x_label="layer", y_label="concepts",
        lines=(Line("a", (0, 1), (1.0, 3.0), low=(0.0, 2.0), high=(2.0, 4.0)),),
        bands=(Band("chance", (0, 1), (0.0, 1.0), (1.0, 2.0)),),
    )  # fmt: skip
    assert lines.numbers(counts).cells == (("1 [0, 2]", "0 to 1"), ("3 [2, 4]", "1 to 2"))
    shares = replace(counts, lines=(Line("a", (0, 1), (1.0, 0.0)),), bands=())
    assert lines.numbers(shares).cells == (("1.000",), ("0",))
