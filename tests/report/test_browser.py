import struct
import time

import pytest

from isogloss.analysis import Line, LinesFigure
from isogloss.report import write_report
from tests.browser import chromium, without_problems
from tests.report import example
from tests.report.test_page import HOSTILE, hostile_run

pytestmark = pytest.mark.browser
TAB = ("Tab", 9)


@pytest.fixture(scope="module")
def page():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(example.run(), tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(autouse=True)
def quiet(page):
    with without_problems(page):
        yield
    assert len(set(page.requests)) == 1


def visible(page, selector):
    return page.evaluate(
        f"[...document.querySelectorAll({selector!r})].filter(e => e.checkVisibility()).map(e => e.innerText)"
    )


def test_findings_are_visible(page, report):
    page.open(report)
    shown = visible(page, ".finding .sentence")
    assert shown[0].startswith("Layer 6 was rewritten")
    assert len(shown) == len(example.findings())


@pytest.mark.parametrize("width", [360, 400, 768, 1280, 1920])
def test_the_page_never_scrolls_sideways(page, report, width):
    page.open(report, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 1280])
def test_text_in_drawings_is_large_enough_and_inside(page, report, width):
    page.open(report, width=width)
    sizes = page.evaluate("""[...document.querySelectorAll('.plot svg')].filter(s => s.checkVisibility()).map(s => {
        const box = s.getBoundingClientRect();
        const texts = [...s.querySelectorAll('text')].map(t => t.getBoundingClientRect());
        return [box.width / s.viewBox.baseVal.width,
                Math.max(...texts.map(t => t.right - box.right), ...texts.map(t => box.left - t.left))];
    })""")
    assert sizes
    assert all(scale > 0.75 and outside < 2 for scale, outside in sizes)


def test_system_dark_and_the_toggle_change_the_paper(page, report):
    paper = "getComputedStyle(document.body).backgroundColor"
    page.open(report)
    page.evaluate("localStorage.clear()")
    page.open(report)
    light = page.evaluate(paper)
    page.evaluate("document.getElementById('theme').click()")
    dark = page.evaluate(paper)
    assert dark != light
    page.open(report)
    assert page.evaluate(paper) == dark
    page.evaluate("localStorage.clear()")
    page.open(report, dark=True)
    assert page.evaluate(paper) == dark
    page.evaluate("document.getElementById('theme').click()")
    assert page.evaluate(paper) == light
    page.evaluate("localStorage.clear()")


def test_screenshots_in_light_and_dark_differ(page, report, tmp_path):
    for name, dark in (("light", False), ("dark", True)):
        page.open(report, dark=dark)
        page.screenshot(tmp_path / f"{name}.png")
        assert struct.unpack(">I", (tmp_path / f"{name}.png").read_bytes()[16:20]) == (1200,)
    assert (tmp_path / "light.png").read_bytes() != (tmp_path / "dark.png").read_bytes()


def test_tab_reaches_skip_link_figures_and_layer_chooser_in_order(page, report):
    page.open(report)
    reached = []
    for _ in range(60):
        page.press(*TAB)
        reached.append(
            page.evaluate("(e => e.type === 'radio' ? 'layer' : e.dataset.kind || e.className)(document.activeElement)")
        )
        if reached[-1] == "layer":
            break
    assert reached[0] == "skip"
    assert reached[-1] == "layer"
    assert reached.index("lines") < reached.index("heatmap") < reached.index("layer")


def test_the_layer_chooser_shows_one_layer_and_obeys_the_arrow_keys(page, report):
    page.open(report)
    chosen = "[...document.querySelectorAll('#figure-similarity-words-moved .group')].map(g => !g.hidden).indexOf(true)"
    assert page.evaluate(chosen) == 6
    page.evaluate("document.querySelector('#figure-similarity-words-moved input:checked').focus()")
    page.press("ArrowLeft", 37)
    assert page.evaluate(chosen) == 5
    assert len(visible(page, "#figure-similarity-words-moved .group")) == 1


def test_arrow_keys_read_a_curve_aloud(page, report):
    page.open(report)
    page.evaluate("document.querySelector('#figure-similarity-curve .plot').focus()")
    for _ in range(7):
        page.press("ArrowRight", 39)
    said = page.evaluate("document.querySelector('#figure-similarity-curve .readout').innerText")
    assert "layer 6" in said
    assert "0.431" in said
    page.press("Escape", 27)
    assert page.evaluate("document.querySelector('#figure-similarity-curve .readout').innerText") == ""


def test_pointing_at_a_heatmap_cell_reads_its_value(page, report):
    page.open(report)
    place = page.evaluate("""(() => {
        const svg = [...document.querySelectorAll('#figure-similarity-map svg')].find(s => s.checkVisibility());
        svg.scrollIntoView({block: 'center', behavior: 'instant'});
        const [l, t, r, b] = svg.dataset.box.split(' ').map(Number);
        const box = svg.getBoundingClientRect(), k = box.width / svg.viewBox.baseVal.width;
        return [box.left + k * (l + (r - l) * 4.5 / 7), box.top + k * (t + (b - t) * 2.5 / 7)];
    })()""")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
    said = page.evaluate("document.querySelector('#figure-similarity-map .readout').innerText")
    expected = example.figures()[1].values[2][4]
    assert said.split() == [f"{expected:.3f}", "base", "layer", "2", "tuned", "layer", "4"]


def test_columns_sort_by_value(page, report):
    page.open(report)
    words = "[...document.querySelectorAll('.group:not([hidden]) tbody tr')].map(r => Number(r.cells[2].dataset.key))"
    button = "document.querySelectorAll('.group:not([hidden]) .sort')[2].click()"
    page.evaluate(button)
    falling = page.evaluate(words)
    assert falling == sorted(falling, reverse=True)
    page.evaluate(button)
    assert page.evaluate(words) == falling[::-1]


def test_saved_numbers_and_drawing_are_whole(page, report):
    page.open(report)
    page.evaluate("""(() => { window.saved = []; URL.createObjectURL = blob => { saved.push(blob.text()); return '#'; };
        HTMLAnchorElement.prototype.click = () => {}; })()""")
    page.evaluate(
        "document.querySelectorAll('#figure-similarity-words-moved [data-save], "
        "#figure-similarity-curve [data-save=svg]').forEach(b => b.click())"
    )
    drawing, rows = page.evaluate("Promise.all(saved)")
    lines = rows.split("\r\n")
    assert lines[0] == '"layer","word","occurrences","cosine","in its sentences"'
    assert len(lines) == 1 + len(example.moved_rows())
    assert lines[1].startswith('"0","gorgeous","4","1.000"')
    assert drawing.startswith("<svg")
    assert "rgb(" in drawing
    assert "var(" not in drawing


def test_hostile_text_runs_nothing_and_is_shown(page, tmp_path):
    page.open(write_report(hostile_run(), tmp_path / "hostile.html"), width=400)
    assert page.evaluate("window.owned") is None
    assert page.evaluate("document.images.length") == 0
    assert "<img src=x onerror" in page.evaluate("document.querySelector('h1').innerText")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert "\ufffd" in page.evaluate("document.body.innerText")
    assert "<img" in HOSTILE


def test_everything_can_be_read_without_scripts(page, report):
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(report)
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert len(visible(page, "#figure-similarity-words-moved .group")) == 7
    assert visible(page, "fieldset, #theme, [data-save]") == []


def test_print_is_light_whatever_the_screen(page, report, tmp_path):
    page.open(report, dark=True, media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')").strip() == "#1e1c19"
    assert visible(page, ".figure-tools, #theme, nav") == []
    page.pdf(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def many_figures():
    names = [f"curve-{i}" for i in range(9)]
    return [LinesFigure(name=name, title=f"Curve {name}", caption="", lines=(Line("a", (0.0, 1.0), (0.1, 0.2)),))
            for name in names]  # fmt: skip


def test_what_is_not_first_is_folded_and_opened_by_a_link(page, tmp_path):
    page.open(write_report(example.run(figures={"similarity": many_figures()}), tmp_path / "report.html"))
    assert [name for name in visible(page, ".figure h3") if name.startswith("Curve")] == [
        f"Curve curve-{i}" for i in range(6)
    ]
    (summary,) = visible(page, "details.more > summary")
    assert summary.startswith("3 more figures")
    assert "Curve curve-8" in summary
    page.evaluate("location.hash = '#figure-curve-7'")
    seen = "document.querySelector('#figure-curve-7').getBoundingClientRect().top < innerHeight"
    deadline = time.monotonic() + 5
    while not page.evaluate(seen) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert page.evaluate(seen)
    assert "Curve curve-7" in visible(page, ".figure h3")


def test_curves_on_logarithmic_axes_are_read_where_the_reader_points(page, tmp_path):
    x = (0.0, 1.0, 10.0, 100.0)
    curve = Line("a", x, (9.0, 4.0, 0.02, 0.001))
    figure = LinesFigure("f", "t", "c", x_label="removed", lines=(curve,), log_x=True, log_y=True)
    page.open(write_report(example.run(figures={"isotropy": [figure]}), tmp_path / "report.html"))
    shown = []
    for place in map(float, page.evaluate("document.querySelector('.plot svg').dataset.x").split()):
        where = page.evaluate(f"""(() => {{ const svg = document.querySelector('.plot svg');
            svg.scrollIntoView({{behavior: 'instant', block: 'center'}}); const r = svg.getBoundingClientRect();
            return [r.x + {place} / svg.viewBox.baseVal.width * r.width, r.y + r.height / 2]; }})()""")
        page.call("Input.dispatchMouseEvent", type="mouseMoved", x=where[0], y=where[1])
        shown.append(page.evaluate("document.querySelector('.readout').innerText").split())
    wanted = [["0", "9"], ["1", "4"], ["10", "0.0200"], ["100", "0.00100"]]
    assert shown == [["removed", at, "a", value] for at, value in wanted]
