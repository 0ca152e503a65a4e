import base64
import json
import re
import zlib
from dataclasses import replace
from itertools import combinations
from math import hypot
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import PathLabel, PathsFigure, PathsLayer, figure_from_dict
from isogloss.report import export_figures, figure_svg, render
from isogloss.report.draw import paths as drawn
from isogloss.report.draw import paths_parts, paths_svg
from isogloss.report.draw.paths_places import MUST, Dot, names
from tests.report import example, label_paths
from tests.report.test_page import HOSTILE, outline

MADE = label_paths.paths()
GROUPED = label_paths.paths(6, 4, 1, groups=("train", "test"))
SVG = "{http://www.w3.org/2000/svg}"
TOP = paths_parts.STEPS


def page_of(*figures):
    return render(example.run(figures={"similarity": list(figures)}))


def part(page, name):
    """A part of the page, opened as the page's script opens it."""
    text = re.search(rf'data-part="{name}">([^<]*)<', page)[1]
    return json.loads(zlib.decompress(base64.b64decode(text)))


def read_back(text, labels, steps, low, high, top=TOP):
    """What the page's script reads from a part's first `labels * steps` values."""
    count = labels * steps
    digits = paths_parts.DIGITS
    ways = [digits.index(text[i]) * len(digits) + digits.index(text[count + i]) for i in range(count)]
    values, at = [], 0
    for i, way in enumerate(ways):
        at = way if i % steps == 0 else (at + (-(way + 1) // 2 if way % 2 else way // 2)) % (TOP + 1)
        values.append(None if at > top else low + at / top * (high - low))
    return [values[k : k + steps] for k in range(0, count, steps)]


def hostile():
    return PathsFigure(
        "paths",
        HOSTILE,
        HOSTILE,
        labels=(PathLabel(HOSTILE, HOSTILE, 3), PathLabel("w" * 50_000, "b"), PathLabel("", "", 0)),
        steps=(HOSTILE, "s" * 50_000, ""),
        layers=(PathsLayer(0, ((0.0, 1e-300, 1e300),) * 3, ((-1e300, 0.0, 0.0),) * 3, (), ((None, 1e300, 0.0),) * 3),),
    )


def test_paths_survive_json():
    read = figure_from_dict(json.loads(json.dumps(GROUPED.as_dict())))
    assert read == GROUPED
    assert isinstance(read.labels[0], PathLabel)
    assert isinstance(read.layers[0], PathsLayer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"labels": MADE.labels[:-1]},
            "layer 0 of figure 'separability-paths': 16 labels but 17 rows of x coordinates",
        ),
        ({"steps": MADE.steps[:-1]}, "20 steps but 21 x coordinates of the label 'NOUN'"),
        ({"steps": ("base",)}, "figure 'separability-paths': 1 steps; a path has at least two"),
        ({"steps": ("base",) * 21}, "the step 'base' comes twice"),
        ({"labels": (MADE.labels[0],) * 17}, r"the label \('NOUN', ''\) comes twice"),
        ({"labels": (PathLabel("a", "", -1), *MADE.labels[1:])}, "the label 'a' has -1 points"),
        ({"layers": MADE.layers[:1] * 2}, "the layer 0 comes twice"),
        ({"show": "film"}, "called 'film'; there are: paths, arrows, directions"),
    ],
)
def test_paths_that_contradict_themselves_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MADE, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": MADE.layers[0].y[:-1]}, "17 labels but 16 rows of y coordinates"),
        ({"x": (MADE.layers[0].x[0][:-1], *MADE.layers[0].x[1:])}, "21 steps but 20 x coordinates of the label 'NOUN'"),
        ({"x": ((float("nan"),) * 21,) * 17}, "the x coordinate nan"),
        ({"y": ((float("-inf"),) * 21,) * 17}, "the y coordinate -inf"),
        ({"distances": ((0.0,) * 20,) * 17}, "21 steps but 20 distances"),
        ({"distances": ((-1.0,) * 21,) * 17}, "the distance -1.0"),
        ({"shares": (0.5,)}, "shares of variance"),
        ({"shares": (0.5, 1.5)}, "each from 0 to 1"),
    ],
)
def test_a_layer_that_contradicts_itself_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(MADE, layers=(replace(MADE.layers[0], **change),))


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=8))
@settings(max_examples=40)
def test_places_are_kept_to_a_step(rows):
    n = len(rows)
    text = paths_parts.coded(PathsLayer(0, tuple(map(tuple, rows)), ((0.0,) * 3,) * n))
    low, high = min(map(min, rows)), max(map(max, rows))
    for read, row in zip(read_back(text, n, 3, low, high), rows, strict=True):
        assert read == pytest.approx(row, abs=(high - low) / TOP + 1e-9)


def test_the_page_holds_every_layer_with_its_distances_and_where_there_are_none():
    first, *others = MADE.layers[1].distances
    layer = replace(MADE.layers[1], distances=((None, *first[1:-1], None), *others))
    page = page_of(replace(MADE, layers=(MADE.layers[0], layer)))
    text = part(page, "path-1")
    about = drawn.view(replace(MADE, layers=(MADE.layers[0], layer))).about
    number, limits, shares = about["layers"][1]
    assert (number, shares) == (1, [320, 120])
    count = 17 * 21 * 2
    for k, (rows, top) in enumerate(((layer.x, TOP), (layer.y, TOP), (layer.distances, TOP - 1))):
        read = read_back(text[k * count : (k + 1) * count], 17, 21, *limits[2 * k : 2 * k + 2], top)
        room = (limits[2 * k + 1] - limits[2 * k]) / TOP
        for got, wanted in zip(read, rows, strict=True):
            assert [v is None for v in got] == [v is None for v in wanted]
            assert [v or 0 for v in got] == pytest.approx([v or 0 for v in wanted], abs=room)


def test_the_table_says_what_moved_most_and_how():
    table = drawn.view(GROUPED).table
    layer = GROUPED.layers[0]
    rows = table.groups[0].rows
    far = [hypot(x[-1] - x[0], y[-1] - y[0]) for x, y in zip(layer.x, layer.y, strict=True)]
    order = sorted(range(6), key=lambda i: -far[i])
    assert [row[0].text for row in rows] == [GROUPED.labels[i].name for i in order]
    assert [row[1].text for row in rows] == [GROUPED.labels[i].group for i in order]
    assert [float(row[3].key) for row in rows] == pytest.approx([far[i] for i in order], rel=1e-3)
    x, y = layer.x[order[0]], layer.y[order[0]]
    length = sum(hypot(x[k + 1] - x[k], y[k + 1] - y[k]) for k in range(3))
    assert float(rows[0][4].key) == pytest.approx(length, rel=1e-3)
    assert float(rows[0][6].key) == layer.distances[order[0]][-1]
    assert outline(page_of(GROUPED)).faults == []


def starts_and_ends(figure, width=720):
    """Pixels of the rings and of the points of a drawing, in the order in which they are drawn."""
    root = ElementTree.fromstring(figure_svg(figure, width=width))
    rings = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{SVG}circle") if "start" in c.get("class")]
    found = [p.get("transform") for p in root.iter(f"{SVG}path") if (p.get("class") or "").startswith("dot ")]
    return root, rings, [tuple(map(float, re.findall(r"-?[\d.]+", at))) for at in found]


@pytest.mark.parametrize("width", [340, 720])
def test_the_drawing_shows_where_labels_began_and_ended_in_true_shape(width):
    root, rings, points = starts_and_ends(MADE, width)
    layer = MADE.layers[-1]
    order = paths_svg.by_movement(layer)[::-1]
    places = [(layer.x[i][0], layer.y[i][0]) for i in order] + [(layer.x[i][-1], layer.y[i][-1]) for i in order]
    pixels = rings + points
    across = max(range(34), key=lambda k: places[k][0]), min(range(34), key=lambda k: places[k][0])
    unit = (pixels[across[0]][0] - pixels[across[1]][0]) / (places[across[0]][0] - places[across[1]][0])
    for (a, b), (x, y) in zip(pixels, places, strict=True):
        assert a - pixels[0][0] == pytest.approx((x - places[0][0]) * unit, abs=0.1)
        assert b - pixels[0][1] == pytest.approx(-(y - places[0][1]) * unit, abs=0.1)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "layer 2, base → tuned" in texts
    assert {MADE.labels[i].name for i in order[::-1][:MUST]} <= set(texts)
    assert "direction 1, 34% of variance" in " ".join(texts)


def test_the_trail_of_a_label_goes_through_all_its_places():
    root, rings, points = starts_and_ends(MADE)
    trail = next(p for p in root.iter(f"{SVG}path") if (p.get("class") or "").startswith("trail "))
    numbers = list(map(float, re.findall(r"-?[\d.]+", trail.get("d"))))
    assert len(numbers) == 2 * len(MADE.steps)
    assert tuple(numbers[:2]) == pytest.approx(rings[0], abs=0.06)
    assert (sum(numbers[::2]), sum(numbers[1::2])) == pytest.approx(points[0], abs=0.06)


def test_two_steps_are_arrows_and_difference_vectors_begin_in_one_point():
    two = label_paths.paths(9, 2, 1)
    assert two.shown_first == "arrows"
    root = ElementTree.fromstring(figure_svg(two))
    shafts = [p.get("d") for p in root.iter(f"{SVG}path") if "arrow" in (p.get("class") or "")]
    assert len({d.split("L")[0] for d in shafts}) == len(shafts) > 5
    root = ElementTree.fromstring(figure_svg(replace(two, show="directions")))
    shafts = [p.get("d") for p in root.iter(f"{SVG}path") if "arrow" in (p.get("class") or "")]
    assert len({d.split("L")[0] for d in shafts}) == 1
    assert len(shafts) > 5


def test_labels_of_a_group_share_a_colour_and_the_groups_are_named():
    root = ElementTree.fromstring(figure_svg(GROUPED))
    assert {"train (3)", "test (3)"} <= {text.text for text in root.iter(f"{SVG}text")}
    dots = [p.get("class") for p in root.iter(f"{SVG}path") if (p.get("class") or "").startswith("dot ")]
    assert sorted(dots) == ["dot s1"] * 3 + ["dot s2"] * 3


@given(
    st.lists(
        st.tuples(st.floats(40, 660), st.floats(40, 400), st.floats(3, 9), st.floats(10, 80)), min_size=1, max_size=40
    )
)
@settings(max_examples=25, deadline=None)
def test_names_stand_apart_and_the_first_eight_always_stand(given_dots):
    dots = [Dot(*one) for one in given_dots]
    placed = names(dots, range(len(dots)), (0, 0, 700, 440))
    assert set(range(min(MUST, len(dots)))) <= set(placed)
    for (i, one), (k, other) in combinations(placed.items(), 2):
        beside = abs(one.x - other.x) >= (dots[i].name_width + dots[k].name_width) / 2
        assert beside or abs(one.y - other.y) >= 15 or max(i, k) < MUST
    for i in placed:
        assert i < MUST or not placed[i].led


def test_without_a_crowd_no_name_covers_a_point_or_another_name():
    root, _, points = starts_and_ends(MADE)
    placed = [t for t in root.iter(f"{SVG}text") if "label" in (t.get("class") or "")]
    assert len(placed) >= 14
    for text in placed:
        x, y = float(text.get("x")), float(text.get("y")) - 4.3
        assert all(abs(a - x) > 3 * len(text.text) or abs(b - y) > 7 for a, b in points), text.text


def test_hostile_text_stays_text():
    page = page_of(hostile())
    read = outline(page)
    assert read.faults == []
    assert read.open == []
    assert "img" not in [tag for tag, _ in read.tags]
    assert "w" * 100 not in page
    for show in ("paths", "arrows", "directions"):
        ElementTree.fromstring(figure_svg(replace(hostile(), show=show)))


@pytest.mark.parametrize("at", [0.0, 1e300, -7.25])
@pytest.mark.parametrize("show", ["paths", "directions"])
def test_labels_that_never_move_and_lie_in_one_place_are_drawn(at, show):
    rows = ((at, at),) * 2
    still = PathsFigure(
        "still", "t", "c", (PathLabel("a"), PathLabel("b")), ("base", "tuned"), (PathsLayer(3, rows, rows),), show
    )
    assert "nan" not in figure_svg(still)
    assert "layer 3, base → tuned" in page_of(still)


@pytest.mark.parametrize("change", [{"layers": ()}, {"labels": (), "layers": (PathsLayer(0),)}])
def test_paths_without_labels_say_so(change):
    empty = replace(MADE, **change)
    assert "There are no labels to show." in page_of(empty)
    assert "no labels" in figure_svg(empty)


def test_two_figures_share_no_ids_and_the_glossary_explains_them():
    page = page_of(MADE, replace(MADE, name="other"))
    ids = [attrs["id"] for _, attrs in outline(page).tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert "<dt>Paths of labels</dt>" in page


def test_it_is_exported_as_svg_in_both_themes(tmp_path):
    for theme, colour in (("light", "#0b68a4"), ("dark", "#63b3ee")):
        (path,) = export_figures([MADE], tmp_path / theme, ["svg"], theme)
        assert colour in path.read_text()
        assert "var(" not in path.read_text()


def test_it_is_exported_as_png(tmp_path):
    pytest.importorskip("resvg_py")
    (path,) = export_figures([MADE], tmp_path, ["png"])
    assert path.read_bytes().startswith(b"\x89PNG")


def test_full_size_stays_small():
    made = label_paths.paths(50, 60, 13, groups=("open", "closed"))
    without = len(page_of(replace(made, layers=())).encode())
    assert len(page_of(made).encode()) - without < 300_000
    assert len(figure_svg(made)) < 60_000
