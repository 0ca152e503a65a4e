import re
from dataclasses import replace
from math import hypot

import pytest

from isogloss.report import write_report
from tests.report import example, label_paths, word_maps
from tests.report.browsing import choose, opened, until
from tests.report.test_paths import hostile

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quiet")]
MADE = label_paths.paths(9, 5, 3)
BIG = label_paths.paths(50, 60, 13, groups=("open class", "closed class"))
SPACE, ENTER, ESCAPE, RIGHT = (" ", 32), ("Enter", 13), ("Escape", 27), ("ArrowRight", 39)
PLAY = "document.querySelector('.paths-play')"
STEP = "Number(document.querySelector('[name=step]').value)"
HEAD = "document.querySelector('.paths-plot text.key').textContent"
POINTS = """[...document.querySelectorAll('.paths-heads path')].map(path =>
    path.getAttribute('transform').match(/-?[\\d.]+/g).map(Number))"""
STARTS = """[...document.querySelectorAll('.paths-trails circle')].map(ring =>
    ['cx', 'cy'].map(name => Number(ring.getAttribute(name))))"""
NAMED = """[...document.querySelectorAll('.paths-names text')].filter(text => getComputedStyle(text).visibility ===
    'visible').map(text => text.textContent)"""
LISTED = "[...document.querySelectorAll('.paths-table tbody th')].map(head => head.textContent.trim())"
READOUT = "document.querySelector('.paths-readout').innerText"
MARKED = "document.querySelector('.paths-plot .wordmap-at').checkVisibility()"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("paths"), MADE)


def written(folder, *figures):
    return write_report(example.run(figures={"similarity": list(figures)}), folder / "report.html")


def by_movement(layer):
    return sorted(range(len(layer.x)), key=lambda i: -layer.moved(i))


def assert_lie(pixels, places):
    """Pixels are the places, but for one place, one unit, and y that grows upwards."""
    ends = max(places), min(places)
    unit = (pixels[places.index(ends[0])][0] - pixels[places.index(ends[1])][0]) / (ends[0][0] - ends[1][0])
    assert unit > 0
    for (a, b), (x, y) in zip(pixels, places, strict=True):
        assert a - pixels[0][0] == pytest.approx((x - places[0][0]) * unit, abs=0.5)
        assert b - pixels[0][1] == pytest.approx(-(y - places[0][1]) * unit, abs=0.5)


def places_at(layer, step):
    return [(layer.x[i][step], layer.y[i][step]) for i in by_movement(layer)[::-1]]


def test_it_opens_at_the_last_step_of_the_last_layer_and_does_not_play(page, report):
    opened(page, report)
    assert page.evaluate(HEAD) == "layer 2, base → tuned"
    assert page.evaluate(PLAY + ".textContent") == "Play"
    assert_lie(page.evaluate(POINTS), places_at(MADE.layers[2], 4))
    order = [MADE.labels[i].name for i in by_movement(MADE.layers[2])]
    assert page.evaluate(LISTED) == order
    assert set(order[:8]) <= set(page.evaluate(NAMED))
    said = page.evaluate("document.querySelector('.paths-plot svg').getAttribute('aria-label')")
    assert said.startswith("Layer 2, base to tuned.")
    assert f"what moved farthest: {order[0]}" in said
    assert not page.evaluate("document.querySelector('.paths-static').checkVisibility()")
    page.evaluate("new Promise(done => setTimeout(done, 300))")
    assert page.evaluate(STEP) == 4


def test_the_sliders_move_the_points_on_axes_that_stay(page, report):
    opened(page, report)
    ticks = "[...document.querySelectorAll('.paths-grid text')].map(text => text.textContent).join()"
    starts, axes = page.evaluate(STARTS), page.evaluate(ticks)
    choose(page, "step", "1")
    assert page.evaluate(HEAD) == "layer 2, base → step 50"
    pixels = page.evaluate(POINTS)
    assert_lie(starts + pixels, places_at(MADE.layers[2], 0) + places_at(MADE.layers[2], 1))
    assert page.evaluate(STARTS) == starts
    assert page.evaluate(ticks) == axes
    assert page.evaluate("document.querySelector('[name=step]').getAttribute('aria-valuetext')") == "step 50"
    choose(page, "layer", "0")
    until(page, f"{HEAD} === 'layer 0, base → step 50'")
    assert_lie(page.evaluate(POINTS), places_at(MADE.layers[0], 1))
    until(page, f"{LISTED}[0] === '{MADE.labels[by_movement(MADE.layers[0])[0]].name}'")


def test_arrow_keys_move_the_sliders(page, report):
    opened(page, report)
    page.evaluate("document.querySelector('[name=step]').focus()")
    page.press("ArrowLeft", 37)
    assert page.evaluate(HEAD) == "layer 2, base → step 150"


def test_play_runs_from_the_first_step_to_the_end_and_passes_between_steps(page, report):
    opened(page, report)
    between = page.evaluate(f"""(async () => {{ {PLAY}.click(); const seen = new Set(), steps = new Set();
        while ({PLAY}.textContent === 'Pause') {{ await new Promise(requestAnimationFrame);
            seen.add(JSON.stringify({POINTS})); steps.add({STEP}); }}
        return [seen.size, [...steps]]; }})()""")
    assert between[0] > 8
    assert between[1] == sorted(between[1])
    assert between[1][0] == 0
    assert page.evaluate(STEP) == 4
    assert_lie(page.evaluate(POINTS), places_at(MADE.layers[2], 4))


def test_space_plays_and_pauses_and_a_hand_on_the_slider_stops_it(page, report):
    opened(page, report)
    page.evaluate("document.querySelector('.paths-plot').focus()")
    page.press(*SPACE)
    assert page.evaluate(PLAY + ".textContent") == "Pause"
    until(page, f"{STEP} === 1")
    page.press(*SPACE)
    assert page.evaluate(PLAY + ".textContent") == "Play"
    assert_lie(page.evaluate(POINTS), places_at(MADE.layers[2], page.evaluate(STEP)))
    page.press(*SPACE)
    choose(page, "step", "3")
    assert page.evaluate(PLAY + ".textContent") == "Play"
    assert page.evaluate(HEAD) == "layer 2, base → step 150"


def test_who_wants_less_motion_sees_the_steps_and_nothing_between(page, tmp_path):
    path = written(tmp_path, label_paths.paths(4, 3, 1))
    opened(page, path)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    seen = page.evaluate(f"""(async () => {{ {PLAY}.click(); const seen = new Set();
        while ({PLAY}.textContent === 'Pause') {{ await new Promise(requestAnimationFrame);
            seen.add(JSON.stringify({POINTS})); }}
        return seen.size; }})()""")
    page.call("Emulation.setEmulatedMedia", features=[])
    assert seen == 3
    assert page.evaluate(STEP) == 2


def test_difference_vectors_begin_in_one_point_and_end_where_labels_moved_to(page, report):
    opened(page, report)
    choose(page, "show", "directions")
    layer = MADE.layers[2]
    moved = [(layer.x[i][-1] - layer.x[i][0], layer.y[i][-1] - layer.y[i][0]) for i in by_movement(layer)[::-1]]
    assert_lie(page.evaluate(POINTS), moved)
    assert len({tuple(start) for start in page.evaluate(STARTS)}) == 1
    choose(page, "show", "arrows")
    assert_lie(page.evaluate(POINTS), places_at(layer, 4))
    shafts = page.evaluate("[...document.querySelectorAll('.paths-trails .arrow')].map(p => p.getAttribute('d'))")
    assert all(re.fullmatch(r"(M-?[\d.]+ -?[\d.]+L-?[\d.]+ -?[\d.]+)?", d) for d in shafts)


def test_a_label_is_named_and_read_out_when_pointed_at_and_picked_out_by_a_click(page, report):
    opened(page, report)
    layer = MADE.layers[2]
    first = by_movement(layer)[0]
    where = page.evaluate(f"""(() => {{ const svg = document.querySelector('.paths-plot svg');
        svg.scrollIntoView({{behavior: 'instant', block: 'center'}}); const edge = svg.getBoundingClientRect();
        const [x, y] = {POINTS}.at(-1); return [edge.x + x, edge.y + y]; }})()""")
    mouse = {"x": where[0], "y": where[1]}
    page.call("Input.dispatchMouseEvent", type="mouseMoved", **mouse)
    assert page.evaluate(MARKED)
    said = page.evaluate(READOUT)
    assert said.startswith(MADE.labels[first].name)
    assert f"{MADE.labels[first].count} points" in said
    assert f"{layer.moved(first):.3g}"[:3] in said
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **mouse)
    assert page.evaluate("document.querySelectorAll('.paths-heads .off').length") == 8
    page.evaluate("document.querySelector('.paths-clear').click()")
    assert page.evaluate("document.querySelectorAll('.paths-heads .off').length") == 0


def test_the_keyboard_alone_goes_from_label_to_label(page, report):
    opened(page, report)
    page.evaluate("document.querySelector('.paths-plot').focus()")
    for _ in range(12):
        page.press(*RIGHT)
    layer = MADE.layers[2]
    assert page.evaluate(READOUT).split()[0] in {label.name for label in MADE.labels}
    x = page.evaluate("parseFloat(document.querySelector('.paths-plot .wordmap-at').style.left)")
    assert x > sorted(a for a, _ in page.evaluate(POINTS))[len(layer.x) // 2]
    page.press(*ENTER)
    assert page.evaluate("document.querySelectorAll('.paths-table .chosen-label').length") == 1
    page.press(*ESCAPE)
    assert not page.evaluate(MARKED)
    assert page.evaluate("document.querySelectorAll('.paths-table .chosen-label').length") == 0


@pytest.mark.parametrize("dark", [False, True])
def test_points_and_names_have_the_colours_of_the_theme(page, report, dark):
    opened(page, report, dark=dark)
    colours = page.evaluate("""['.paths-heads .s1', '.paths-names text.s1'].map(where =>
        getComputedStyle(document.querySelector(where)).fill)""")
    assert colours == [f"rgb({'99, 179, 238' if dark else '11, 104, 164'})"] * 2


def test_groups_are_a_legend_that_picks_out_one(page, tmp_path):
    opened(page, written(tmp_path, BIG), width=390)
    assert page.evaluate("document.querySelectorAll('.wordmap-legend button').length") == 2
    page.evaluate("document.querySelector('.wordmap-legend button').click()")
    assert page.evaluate("document.querySelectorAll('.paths-heads .off').length") == 25
    shown = {label.name for label in BIG.labels if label.group == "open class"}
    assert set(page.evaluate(NAMED)) <= shown
    assert len(page.evaluate(NAMED)) >= 8


def test_full_size_opens_a_layer_quickly_and_draws_a_moment_quickly(page, tmp_path):
    opened(page, written(tmp_path, BIG))
    layers, moments = page.evaluate(f"""(async () => {{ const taken = [];
        const put = (name, value) => {{ const field = document.querySelector(`[name=${{name}}]`);
            field.value = value; field.dispatchEvent(new Event('input', {{bubbles: true}})); }};
        for (const layer of [11, 3, 7, 0]) {{ const start = performance.now(); put('layer', layer);
            while (!{HEAD}.startsWith(`layer ${{layer}},`)) await new Promise(done => setTimeout(done));
            taken.push(performance.now() - start); }}
        const start = performance.now(); for (let step = 0; step < 60; step += 1) put('step', step);
        return [taken, (performance.now() - start) / 60]; }})()""")
    assert min(layers) < 400, layers  # milliseconds, here and below; an eighth of it where nothing else runs
    assert moments < 30, moments


def test_a_saved_drawing_holds_what_is_seen(page, report):
    opened(page, report)
    choose(page, "step", "2")
    saved = page.evaluate("""(async () => { let text = null; const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { text = blob.text(); return make(blob); };
        document.querySelector('[data-save=svg]').click(); URL.createObjectURL = make; return text; })()""")
    assert "layer 2, base → step 100" in saved
    assert "rgb(11, 104, 164)" in saved
    assert saved.count("<circle") == 9


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_nothing_scrolls_sideways_and_targets_are_large_enough(page, report, width):
    opened(page, report, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    heights = page.evaluate("""[...document.querySelectorAll('.paths-controls :is(button, input, select)')].map(one =>
        one.getBoundingClientRect().height)""")
    assert min(heights) >= (44 if width <= 640 else 32)
    boxes = page.evaluate("""[...document.querySelectorAll('.paths-controls > *')].map(one => {
        const r = one.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; })""")
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def test_hostile_text_is_shown_and_runs_nothing(page, tmp_path):
    opened(page, written(tmp_path, hostile()), width=400)
    for show in ("arrows", "directions", "paths"):
        choose(page, "show", show)
    choose(page, "step", "0")
    assert page.evaluate("window.owned") is None
    assert page.evaluate("document.images.length") == 0
    for place in (".paths-table bdi", ".paths-step output", ".wordmap-legend bdi"):
        assert "<img src=x" in page.evaluate(
            f"[...document.querySelectorAll('{place}')].map(one => one.textContent).join()"
        )
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_it_shares_a_page_with_others_that_a_reader_walks_through(page, tmp_path):
    opened(page, written(tmp_path, word_maps.word_map(40), MADE, replace(MADE, name="b")))
    until(page, "document.querySelectorAll('[data-ready]').length === 3")


def test_without_scripts_the_drawing_and_the_table_stand_and_in_print_what_is_seen(page, report):
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(report)
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert page.evaluate("document.querySelector('.paths-static svg').checkVisibility()")
    assert not page.evaluate("document.querySelector('.paths').checkVisibility()")
    opened(page, report)
    choose(page, "layer", "1")
    until(page, f"{HEAD}.startsWith('layer 1,')")
    page.call("Emulation.setEmulatedMedia", media="print")
    shown = page.evaluate("document.querySelector('#figure-separability-paths').innerText")
    controls = page.evaluate("document.querySelector('.paths-controls').checkVisibility()")
    page.call("Emulation.setEmulatedMedia", media="")
    assert "layer 1, base → tuned" in shown
    assert not controls
    assert "Space plays" not in shown
    assert max(hypot(x, y) for x, y in page.evaluate(POINTS)) > 0
