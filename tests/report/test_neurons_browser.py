from dataclasses import replace
from statistics import median

import pytest

from isogloss.analysis import NeuronsLevel
from isogloss.report import write_report
from tests.report import concepts, example, neurons
from tests.report.browsing import choose, opened, opening_time, until
from tests.report.test_neurons import hostile

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quiet")]
MADE = neurons.neurons()
TUNED = [level for level in MADE.levels if level.model == "tuned"]
LAST = TUNED[-1]
ENTER, LEFT, RIGHT, UP, DOWN, HOME = (
    ("Enter", 13),
    ("ArrowLeft", 37),
    ("ArrowRight", 39),
    ("ArrowUp", 38),
    ("ArrowDown", 40),
    ("Home", 36),
)
NAME = "document.querySelector('.concept-name').innerText"
ROWS = "[...document.querySelectorAll('.neuron-row')].map(r => r.dataset.address)"
STATUS = "document.querySelector('.explorer-status').innerText"
READOUT = "document.querySelector('.neuron-readout').innerText"
FOCUS_MAP = "document.querySelector('.neuron-map').focus()"
READ = """(() => { const map = document.querySelector('.neuron-map canvas');
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [map.width, map.height];
    const paint = copy.getContext('2d', {willReadFrequently: true}); paint.drawImage(map, 0, 0);
    return %s; })()"""
# A copy is read: a canvas that is itself read again and again makes the browser complain.
COLOURS = READ % "new Set(new Uint32Array(paint.getImageData(0, 0, map.width, map.height).data.buffer)).size"
LIGHTNESS = (
    READ % "paint.getImageData(31, 26, 300, 1).data.reduce((sum, value, i) => sum + (i % 4 < 3 ? value / 900 : 0), 0)"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return written(tmp_path_factory.mktemp("neurons"), MADE)


def written(folder, *figures):
    return write_report(example.run(figures={"probing": list(figures)}), folder / "report.html")


def address(level, neuron):
    return f"#neuron-{level.model}-{level.layer}-{neuron}"


def foremost(levels, label):
    """(level, neuron) by saliency for a label, as the list has them."""
    places = [(level, i) for level in levels for i in range(96) if level.saliency[label][i] > 0]
    return sorted(places, key=lambda place: -place[0].saliency[label][place[1]])


def rank(level, neuron, label):
    row = level.saliency[label]
    return 1 + sum(share > row[neuron] for share in row)


def test_it_opens_with_the_most_salient_neuron_of_the_tuned_model(page, report):
    opened(page, report)
    order = foremost(TUNED, 0)
    assert page.evaluate(ROWS) == [address(*place) for place in order[:24]]
    assert page.evaluate(STATUS) == f"24 of {len(order)} neurons, most salient first"
    level, neuron = order[0]
    assert page.evaluate(NAME) == f"Layer {level.layer}, neuron {neuron}"
    assert page.evaluate("document.querySelector('.neuron-row[aria-current]').dataset.address") == address(*order[0])
    assert page.evaluate("location.hash") == ""
    assert page.evaluate(COLOURS) > 20
    assert not page.evaluate("document.querySelector('.explorer-table').checkVisibility()")
    page.evaluate("document.querySelector('.neuron-more').click()")
    assert page.evaluate(ROWS) == [address(*place) for place in order[:48]]


def test_label_value_fate_model_and_layer_choose_what_is_listed(page, report):
    opened(page, report)
    choose(page, "label", "1")
    until(page, f"{STATUS}.includes('{len(foremost(TUNED, 1))}')")
    assert page.evaluate(ROWS)[:9] == [address(*place) for place in foremost(TUNED, 1)[:9]]
    choose(page, "model", "all")
    choose(page, "layer", "2")
    both = [level for level in MADE.levels if level.layer == 2]
    until(page, f"{STATUS}.includes(' {len(foremost(both, 1))} ')")
    assert page.evaluate(ROWS)[:9] == [address(*place) for place in foremost(both, 1)[:9]]
    choose(page, "layer", "all")
    choose(page, "value", "0")
    salient = {(level, e.neuron) for level in MADE.levels for e in level.neurons if (1, 0) in e.salient}
    order = [place for place in foremost(MADE.levels, 1) if place in salient]
    until(page, f"{STATUS}.includes(' {len(order)} ')")
    assert page.evaluate(ROWS) == [address(*place) for place in order[:24]]
    choose(page, "fate", "0")
    kept = {(level, e.neuron) for level in MADE.levels for e in level.neurons if e.fate == "kept"}
    until(page, f"{STATUS}.includes(' {len(salient & kept)} ')")
    assert page.evaluate(ROWS) == [address(*place) for place in order if place in kept][:24]


def test_the_map_shows_the_chosen_label_and_value_only(page, tmp_path):
    lone = tuple(0.3 if i == 7 else 0.0 for i in range(96))
    level = NeuronsLevel("tuned", 0, ((0.0,) * 96, lone, lone), ())
    opened(page, written(tmp_path, replace(MADE, levels=(level,))))
    before = page.evaluate(COLOURS)
    assert page.evaluate(STATUS) == "No neuron is salient for that here."
    choose(page, "label", "1")
    until(page, f"{COLOURS} > {before}")
    assert page.evaluate(ROWS) == ["#neuron-tuned-0-7"]
    choose(page, "value", "0")
    until(page, f"{ROWS}.length === 0")


def test_the_keyboard_alone_reads_the_map_and_opens_a_neuron(page, report):
    level, neuron = LAST, 50
    opened(page, report, address=address(level, neuron))
    until(page, f"{NAME} === 'Layer 3, neuron 50'")
    page.evaluate(FOCUS_MAP)
    page.press(*RIGHT)
    assert page.evaluate(READOUT) == f"tuned, layer 3, neuron 50: rank {rank(LAST, 50, 0)} of 96 for upos"
    page.press(*LEFT)
    page.press(*UP)
    said = page.evaluate(READOUT)
    place = rank(TUNED[2], 49, 0)
    assert said == (
        f"tuned, layer 2, neuron 49: rank {place} of 96 for upos"
        if TUNED[2].saliency[0][49]
        else "tuned, layer 2, neuron 49: no saliency for upos"
    )
    for _ in range(3):
        page.press(*UP)
    assert page.evaluate(READOUT).startswith("base, layer 3, neuron 49: ")
    page.press(*HOME)
    page.press(*DOWN)
    assert page.evaluate(READOUT).startswith("tuned, layer 0, neuron 0: ")
    page.press(*ENTER)
    until(page, "location.hash === '#neuron-tuned-0-0'")
    until(page, f"{NAME} === 'Layer 0, neuron 0'")
    assert page.evaluate("document.activeElement.className") == "concept-name"


@pytest.mark.parametrize(("hidden", "width"), [(96, 1200), (2000, 400)])
def test_pointing_reads_the_most_salient_neuron_there_and_a_click_opens_it(page, tmp_path, hidden, width):
    neuron = hidden // 3
    row = tuple(0.8 if i == neuron else 0.01 for i in range(hidden))
    levels = tuple(NeuronsLevel(model, layer, (row,) * 3) for model in ("base", "tuned") for layer in range(3))
    opened(page, written(tmp_path, replace(MADE, levels=levels)), width=width)
    where = page.evaluate("""(() => { document.querySelector('.neuron-map').scrollIntoView({behavior: 'instant'});
        const r = document.querySelector('.neuron-here').getBoundingClientRect();
        return [r.x + r.width / 2, r.y + r.height / 2]; })()""")
    assert page.evaluate(NAME) == f"Layer 0, neuron {neuron}"
    x, y = where
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert page.evaluate(READOUT) == f"tuned, layer 0, neuron {neuron}: rank 1 of {hidden:,} for upos"
    for kind in ("mousePressed", "mouseReleased"):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y + 40, button="left", clickCount=1)
    until(page, f"{NAME} === 'Layer 2, neuron {neuron}'")


def test_an_open_neuron_shows_what_is_known_of_it(page, report):
    entry = next(e for e in LAST.neurons if e.salient)
    opened(page, report, address=address(LAST, entry.neuron))
    until(page, f"{NAME} === 'Layer 3, neuron {entry.neuron}'")
    facts = page.evaluate("document.querySelector('.concept-facts').innerText")
    assert f"{rank(LAST, entry.neuron, 0)} of 96" in facts
    assert entry.fate in facts
    chips = page.evaluate("[...document.querySelectorAll('.concept-labels li')].map(c => c.innerText)")
    assert chips == [f"{MADE.labels[label]} {MADE.values[label][value]}" for label, value in entry.salient]
    rows = page.evaluate("""[...document.querySelectorAll('.neuron-ranks tbody tr')].map(
        row => [...row.cells].map(cell => cell.innerText.trim()))""")
    assert [row[0] for row in rows] == list(MADE.labels)
    assert [row[2:] for row in rows] == [["–" if r is None else str(r + 1) for r in ranks] for ranks in entry.ranks]
    for side, sign in ((0, 1), (1, -1)):
        shown = page.evaluate(f"[...document.querySelectorAll('.neuron-words')[{side}].children].map(w => w.innerText)")
        words = [(MADE.vocabulary[w], mean, n) for w, mean, n in entry.words if mean * sign > 0]
        assert [" ".join(row.split()).replace("−", "-") for row in shown] == [
            f"{mean:+.1f} {word} × {count}" for word, mean, count in words
        ]
    place, start, end, value = entry.contexts[0]
    marked = page.evaluate("document.querySelector('.example mark').innerText")
    assert marked == MADE.sentences[place][start:end]
    assert page.evaluate("document.querySelector('.activation').innerText") == f"{value:+.1f}".replace("-", "−")


def test_the_same_neuron_is_found_in_the_other_model_and_back(page, report):
    opened(page, report)
    choose(page, "label", "2")
    start = foremost(TUNED, 2)[3]
    until(page, f"{ROWS}[3] === '{address(*start)}'")
    page.evaluate("document.querySelectorAll('.neuron-row')[3].click()")
    until(page, f"document.querySelector('.neuron-twin')?.hash === '#neuron-base-{start[0].layer}-{start[1]}'")
    base = next(level for level in MADE.levels if (level.model, level.layer) == ("base", start[0].layer))
    said = page.evaluate("document.querySelector('.neuron-twin').parentElement.innerText")
    assert f"rank {rank(base, start[1], 2)} of 96 for supersense" in said or "no saliency" in said
    page.evaluate("(a => { a.focus(); a.click(); })(document.querySelector('.neuron-twin'))")
    until(page, "document.querySelector('.model-name.base')?.closest('.eyebrow')")
    assert page.evaluate("document.activeElement.className") == "concept-name"
    page.evaluate("history.back()")
    until(page, "document.querySelector('.eyebrow .model-name').innerText === 'tuned'")


def test_a_neuron_is_opened_by_its_place_and_a_wrong_place_is_explained(page, report):
    opened(page, report)
    field = "document.querySelector('[name=direct]')"
    for text, message in (
        ("2:96", "Layer 2 of the tuned model has neurons 0 to 95."),
        ("9:1", "The tuned model has no layer 9 here."),
        ("many", "Write a layer and a neuron, as in 5:123."),
    ):
        page.evaluate(f"{field}.value = '{text}'; document.querySelector('.neuron-direct').click()")
        assert page.evaluate("document.querySelector('.neuron-wrong').innerText") == message
    choose(page, "model", "base")
    choose(page, "direct", "2:90")
    assert not page.evaluate("document.querySelector('.neuron-wrong').checkVisibility()")
    page.evaluate(f"{field}.focus()")
    page.press(*ENTER)
    until(page, "location.hash === '#neuron-base-2-90'")
    until(page, f"{NAME} === 'Layer 2, neuron 90'")
    assert ("kept for the most salient" in page.evaluate("document.querySelector('.concept-detail').innerText")) == (
        90 not in {entry.neuron for entry in MADE.levels[2].neurons}
    )


def test_an_address_opens_its_neuron_and_a_wrong_one_does_no_harm(page, report):
    level, neuron = foremost(TUNED, 0)[0]
    for wrong in ("#neuron-tuned-3-96", "#neuron-other-3-1", "#neuron-tuned-77-1", "#concept-tuned-1-1"):
        opened(page, report, address=wrong)
        assert page.evaluate(NAME) == f"Layer {level.layer}, neuron {neuron}"
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url=f"{report.resolve().as_uri()}#neuron-base-1-7")
    until(page, "document.querySelector('[data-ready]')")
    assert page.evaluate(NAME) == "Layer 1, neuron 7"
    assert page.evaluate("document.querySelector('.neurons [name=model]').value") == "base"


def test_the_map_follows_the_theme(page, report):
    opened(page, report)
    assert page.evaluate(LIGHTNESS) > 180
    page.evaluate("document.getElementById('theme').click()")
    until(page, f"{LIGHTNESS} < 90")
    page.evaluate("document.getElementById('theme').click(); localStorage.clear()")
    until(page, f"{LIGHTNESS} > 180")


def test_an_explorer_and_neurons_share_a_page(page, tmp_path):
    opened(page, written(tmp_path, concepts.explorer(size=9, layers=2), MADE))
    until(page, "document.querySelectorAll('[data-ready]').length === 2")
    page.evaluate("location.hash = '#neuron-base-0-5'")
    until(page, "document.querySelector('.neurons .concept-name').innerText === 'Layer 0, neuron 5'")
    page.evaluate("location.hash = '#concept-base-0-5'")
    until(page, "document.querySelector('.eyebrow').innerText.includes('concept 5')")
    assert page.evaluate("document.querySelector('.neurons .concept-name').innerText") == "Layer 0, neuron 5"


def test_hostile_text_is_shown_and_runs_nothing(page, tmp_path):
    opened(page, written(tmp_path, hostile()), width=400)
    assert page.evaluate("window.owned") is None
    assert page.evaluate("document.images.length") == 0
    for place in (".neuron-word", ".concept-labels", ".example mark", ".neuron-ranks", ".neuron-what"):
        assert "<img src=x onerror" in page.evaluate(f"document.querySelector('{place}').innerText")
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("width", [360, 700, 1200])
def test_nothing_scrolls_sideways(page, report, width):
    opened(page, report, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_in_an_old_browser_and_in_print_the_table_stands(page, report):
    old = page.call("Page.addScriptToEvaluateOnNewDocument", source="delete window.DecompressionStream")["identifier"]
    page.open(report)
    page.call("Page.removeScriptToEvaluateOnNewDocument", identifier=old)
    assert page.evaluate("document.querySelector('.explorer-table').checkVisibility()")
    assert "newer browser" in page.evaluate("document.querySelector('#figure-probing-neurons').innerText")
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.open(report)
    finally:
        page.call("Emulation.setScriptExecutionDisabled", value=False)
    assert page.evaluate("document.querySelector('.explorer-table').checkVisibility()")
    assert not page.evaluate("document.querySelector('.neurons').checkVisibility()")
    opened(page, report)
    page.call("Emulation.setEmulatedMedia", media="print")
    shown = page.evaluate("document.querySelector('#figure-probing-neurons').innerText")
    page.call("Emulation.setEmulatedMedia", media="")
    assert "tuned, layer 3, for upos" in shown
    assert "Point at the map" not in shown


def test_full_size_opens_and_changes_its_label_quickly(page, tmp_path):
    made = neurons.neurons(hidden=768, layers=13, pages=58, words=10_000, sentences=6_000, labels=6)
    ready = opening_time(page, written(tmp_path, made))
    taken = page.evaluate("""(async () => { const field = document.querySelector('[name=label]'); const taken = [];
        const list = document.querySelector('.neuron-list');
        for (const label of [1, 2, 3, 4, 5, 0]) {
            const old = list.firstElementChild; const start = performance.now();
            field.value = label; field.dispatchEvent(new Event('input', {bubbles: true}));
            while (list.firstElementChild === old) await new Promise(done => setTimeout(done));
            taken.push(performance.now() - start);
        } return taken; })()""")
    assert ready < 2000, ready  # milliseconds, here and below; a quarter of it where nothing else runs
    assert median(taken) < 250, taken
