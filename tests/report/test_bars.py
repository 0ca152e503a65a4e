import json
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.analysis import BarPart, BarsFigure, figure_from_dict
from isogloss.report import figure_svg, write_report
from isogloss.report.draw import bars
from tests.browser import chromium
from tests.report import concepts, example
from tests.report.test_page import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"


def drawn(figure, width=720):
    return ElementTree.fromstring(figure_svg(figure, width=width))


def rects(root, name):
    return [
        tuple(float(r.get(k)) for k in ("x", "y", "width", "height"))
        for r in root.iter(f"{SVG}rect")
        if r.get("data-part") == name
    ]


def texts(root, class_):
    return [t for t in root.iter(f"{SVG}text") if class_ in (t.get("class") or "").split()]


def figure(*parts, **more):
    n = len(parts[0][1]) if parts else 0
    made = tuple(BarPart(name, tuple(values)) for name, values in parts)
    return BarsFigure("f", "t", "c", bars=tuple(str(i) for i in range(n)), parts=made, **more)


@pytest.mark.parametrize("horizontal", [False, True])
def test_bars_survive_json(horizontal):
    made = concepts.bars(horizontal=horizontal)
    assert figure_from_dict(json.loads(json.dumps(made.as_dict()))) == made


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(1, 1e4), st.floats(1, 1e4)), min_size=1, max_size=8), st.booleans())
def test_parts_are_as_long_as_their_values_and_touch(pairs, horizontal):
    root = drawn(figure(("a", [a for a, _ in pairs]), ("b", [b for _, b in pairs]), horizontal=horizontal))
    left, top, right, bottom = map(float, root.get("data-box").split())
    longest = max(a + b for a, b in pairs)
    room = (right - 6 - left) if horizontal else (bottom - top)
    for (a, b), one, other in zip(pairs, rects(root, "a"), rects(root, "b"), strict=True):
        lengths = (one[2], other[2]) if horizontal else (one[3], other[3])
        assert lengths == pytest.approx((a / longest * room, b / longest * room), abs=0.03)
        seam = (one[0] + one[2], other[0]) if horizontal else (one[1], other[1] + other[3])
        assert seam[0] == pytest.approx(seam[1], abs=0.03)


@pytest.mark.parametrize("horizontal", [False, True])
def test_ticks_read_the_values_back(horizontal):
    root = drawn(figure(("a", [25.0, 100.0]), horizontal=horizontal))
    ticks = texts(root, "middle" if horizontal else "end")
    ticks = {
        t.text: float(t.get("x")) if horizontal else float(t.get("y")) - 4.2 for t in ticks if "tick" in t.get("class")
    }
    x, y, wide, _ = rects(root, "a")[1]
    assert (x + wide if horizontal else y) == pytest.approx(ticks["100"], abs=0.05)


@pytest.mark.parametrize("hole", [None, float("nan"), 0.0])
def test_what_has_no_value_is_not_drawn(hole):
    root = drawn(figure(("a", [hole, 3.0]), ("b", [2.0, hole])))
    assert len(rects(root, "a")) == len(rects(root, "b")) == 1
    assert "nan" not in figure_svg(figure(("a", [hole, 3.0])))


def test_bars_without_values_say_so():
    assert "no values" in figure_svg(BarsFigure("f", "t", "c"))
    assert "no values" in figure_svg(figure(("a", [None, None])))


def test_parts_of_another_length_and_values_below_zero_are_refused():
    with pytest.raises(ValueError, match="'f' has 2 bars; its part 'a' has 1 values"):
        BarsFigure("f", "t", "c", bars=("0", "1"), parts=(BarPart("a", (1.0,)),))
    with pytest.raises(ValueError, match="'a' of figure 'f' has a value below 0"):
        figure(("a", [-1.0]))


def test_numbers_stand_beside_their_bars_with_noise_and_sum():
    made = concepts.bars()
    grid = bars.numbers(made)
    assert grid.corner == "layer"
    assert grid.columns == ("kept", "split", "merged", "dissolved", "together")
    assert grid.rows == made.bars
    assert grid.cells[3][0] == f"{int(made.parts[0].values[3])} ({made.parts[0].noise[3]})"
    assert all(row[-1] == "600" for row in grid.cells)
    assert bars.numbers(figure(("a", [1.5]))).cells == (("1.500",),)


def test_numbers_in_parts_fit_inside_them():
    for width in (720, 340):
        root = drawn(concepts.bars(layers=13), width)
        for t in texts(root, "in-part"):
            x, y = float(t.get("x")), float(t.get("y"))
            assert any(
                rx < x < rx + rw and ry + 8 <= y <= ry + rh
                for part in ("kept", "split", "merged", "dissolved")
                for rx, ry, rw, rh in rects(root, part)
            )


def test_names_of_100_bars_do_not_collide():
    for horizontal in (False, True):
        root = drawn(figure(("a", [1.0] * 100), horizontal=horizontal), 340)
        names = [t for t in texts(root, "end" if horizontal else "middle") if "tick" in t.get("class")]
        places = sorted(float(t.get("y" if horizontal else "x")) for t in names if horizontal or t.text.isdigit())
        assert min(b - a for a, b in pairwise(places)) >= 13


def test_hostile_names_stay_text():
    root = drawn(BarsFigure("f", HOSTILE, HOSTILE, HOSTILE, HOSTILE, (HOSTILE,), (BarPart(HOSTILE, (1.0,)),)))
    assert root.find(".//{*}img") is None
    assert root.find(".//{*}script") is None


@pytest.mark.browser
@pytest.mark.parametrize(("horizontal", "key"), [(False, ("ArrowRight", 39)), (True, ("ArrowDown", 40))])
def test_arrow_keys_and_pointer_read_a_bar_aloud(tmp_path, horizontal, key):
    made = concepts.bars(horizontal=horizontal)
    path = write_report(example.run(figures={"concepts": [made]}), tmp_path / "report.html")
    said = "document.querySelector('#figure-concepts-fates .readout').innerText"
    with chromium() as page:
        page.open(path)
        page.evaluate("document.querySelector('#figure-concepts-fates .plot').focus()")
        for _ in range(3):
            page.press(*key)
        spoken = page.evaluate(said)
        assert spoken.startswith("layer 2")
        assert f"{int(made.parts[0].values[2])} ({made.parts[0].noise[2]})" in spoken
        place = page.evaluate("""(() => {
            const svg = [...document.querySelectorAll('#figure-concepts-fates svg')].find(s => s.checkVisibility());
            svg.scrollIntoView({block: 'center', behavior: 'instant'});
            const [l, t, r, b] = svg.dataset.box.split(' ').map(Number);
            const box = svg.getBoundingClientRect(), k = box.width / svg.viewBox.baseVal.width;
            return [box.left + k * (l + (r - l) * 4.5 / 7), box.top + k * (t + (b - t) * 4.5 / 7)];
        })()""")
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
        assert page.evaluate(said).startswith("layer 4")
        page.press("Escape", 27)
        assert page.evaluate(said) == ""
        assert page.problems == []
