"""Payloads at every place that a user or a file can name, through a whole run, clicked through in a browser."""

import csv
import io
import json
from dataclasses import replace
from itertools import cycle, islice

import pytest

import isogloss as ig
from isogloss.analysis import TableFigure
from isogloss.report import write_report
from tests.browser import chromium
from tests.report import example
from tests.report.browsing import opened
from tests.tiny import TEXTS, save_tiny

pytestmark = pytest.mark.browser

# Names of labels hold no "=", names of directories no "/".
RUNS = "<script>window.owned++;alert(1)</script>"
PAYLOADS = (
    RUNS,
    "</script><script>window.owned++</script>",
    "<img src=x onerror=window.owned++>",
    '"><svg onload=window.owned++>',
    "'onmouseover='window.owned++",
    "javascript:window.owned++",
    "[x](javascript:window.owned++)",
    "\u2028window.owned++//\u2029",
    "{{7*7}}",
    "{% raw %}",
    "${window.owned++}",
    "__proto__",
    "constructor",
    "toString",
    "<!--<script>",
    "]]><svg/onload=window.owned++>",
    "\\u003cscript\\u003ewindow.owned++",
    "&lt;img src=x onerror=window.owned++&gt;",
)
UNNAMED = tuple(payload for payload in PAYLOADS if "=" not in payload)
DIRECTORY = "<img src=x onerror=window.owned++>"
QUICK = {
    "similarity": {"bootstrap": 20, "neighbour_words": 200, "min_count": 1},
    "concepts": {"clusters": "6", "permutations": 5, "bootstrap": 5, "halves": False, "labels": RUNS},
    "probing": {
        "labels": RUNS,
        "strengths": "100",
        "controls": 0,
        "bootstrap": 0,
        "min_count": 5,
        "rankings": "lca",
        "pages": 3,
        "together": False,
        "minimal_neurons": False,
        "minimal_layers": False,
    },
}


def planted(folder):
    """A corpus whose words, labels, names of labels, ids and file are payloads."""
    path = folder / f'{DIRECTORY}"><svg onload=window.owned++>.jsonl'
    values = cycle(PAYLOADS)
    with path.open("w", encoding="utf-8") as file:
        for i in range(60):
            words = [*TEXTS[i % len(TEXTS)].split(), *islice(values, 3)]
            row = {
                "text": words,
                "id": PAYLOADS[i % len(PAYLOADS)],
                "split": "<script>" if i % 4 else '"><svg onload=window.owned++>',
                RUNS: [PAYLOADS[(i + k) % 4] for k in range(len(words))],
                "__proto__": [UNNAMED[k % 2] for k in range(len(words))],
                UNNAMED[1]: PAYLOADS[i % 3],
            }
            file.write(json.dumps(row) + "\n")
    return ig.Corpus.read(path, label=[RUNS, "__proto__", UNNAMED[1]])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    home = tmp_path_factory.mktemp("planted")
    base = save_tiny(home / f"base{DIRECTORY}", "bert", seed=0)
    tuned = save_tiny(home / "tuned{{7*7}}'onmouseover='window.owned++", "bert", seed=1)
    return ig.compare(
        base,
        tuned,
        planted(home),
        out=home / f"run{DIRECTORY}",
        also={RUNS: base},
        layers="3",
        analyses=list(QUICK),
        options=QUICK,
        command=f"isogloss compare {' '.join(PAYLOADS)}",
    )


@pytest.fixture(scope="module")
def page():
    with chromium() as opened_page:
        opened_page.call("Browser.setDownloadBehavior", behavior="deny")
        yield opened_page


CLICK = """(async () => {
    const pause = () => new Promise(done => setTimeout(done, 5));
    let clicked = 0;
    for (const fold of document.querySelectorAll('details')) fold.open = true;
    const chosen = 'button, summary, label, th, [role=option], [role=treeitem], [role=tab], [data-index], '
        + '.concept-row, a[href^="#"], circle, rect[tabindex]';
    const many = [...document.querySelectorAll(chosen)].slice(0, %d);
    for (const one of many) {
        if (!one.isConnected) continue;
        for (const kind of ['pointerover', 'mouseover', 'pointermove', 'mousemove', 'focusin', 'click'])
            one.dispatchEvent(new MouseEvent(kind, {bubbles: true, cancelable: true}));
        clicked += 1;
        if (clicked %% 20 === 0) await pause();
    }
    for (const field of document.querySelectorAll('input, select')) {
        const values = field.tagName === 'SELECT' ? [...field.options].map(o => o.value).slice(0, 12)
            : field.type === 'range' ? [field.min, field.max]
            : field.type === 'checkbox' || field.type === 'radio' ? [field.value]
            : %s;
        for (const value of values) {
            if (field.type === 'checkbox' || field.type === 'radio') field.click(); else field.value = value;
            for (const kind of ['input', 'change', 'search']) field.dispatchEvent(new Event(kind, {bubbles: true}));
            await pause();
        }
    }
    await new Promise(done => setTimeout(done, 200));
    return clicked;
})()"""


def nothing_ran(page, title):
    assert page.evaluate("'owned' in window") is False
    assert page.evaluate("document.title") == title
    assert page.evaluate("document.images.length + document.querySelectorAll('iframe, object, embed').length") == 0
    assert (
        page.evaluate("[...document.scripts].filter(s => !['application/json', 'text/plain'].includes(s.type)).length")
        == 1
    )
    assert page.evaluate("Object.keys(Object.prototype).length") == 0
    assert page.evaluate("[...document.querySelectorAll('a')].every(a => !a.href.startsWith('javascript:'))")
    handlers = "[...document.querySelectorAll('*')].some(e => [...e.attributes].some(a => a.name.startsWith('on')))"
    assert page.evaluate(handlers) is False
    assert "Page.javascriptDialogOpening" not in page._events
    assert page.problems == []
    assert all(url.startswith(("file:", "blob:")) for url in page.requests)


def clicked_through(page, path, most=1500):
    page.problems.clear()
    page.requests.clear()
    opened(page, path)
    title = page.evaluate("document.title")
    nothing_ran(page, title)
    assert page.evaluate(CLICK % (most, json.dumps(["film", *PAYLOADS]))) > 100
    nothing_ran(page, title)


def test_payloads_through_a_whole_run_are_shown_and_never_run(page, study):
    clicked_through(page, study.report())
    text = page.evaluate("document.body.textContent")
    for payload in (RUNS, DIRECTORY, "{{7*7}}", "__proto__", '"><svg onload=window.owned++>'):
        assert payload in text


def test_payloads_as_names_of_analyses_tables_and_measures_never_run(page, study, tmp_path):
    given = study.as_report_input()
    names = dict(zip(given.questions, PAYLOADS, strict=False))
    renamed = replace(
        given,
        title=PAYLOADS[1],
        questions={names[name]: RUNS for name in given.questions},
        figures={names[name]: figures for name, figures in given.figures.items()},
        findings=[
            replace(f, analysis=names[f.analysis], measure=RUNS, table=RUNS, text=PAYLOADS[2]) for f in given.findings
        ],
        tables={
            f"{payload}{name}": t for (name, t), payload in zip(given.tables.items(), cycle(PAYLOADS), strict=False)
        },
        manifest={payload: {payload: payload} for payload in PAYLOADS} | {"models": {RUNS: {RUNS: RUNS}}},
        notes=list(PAYLOADS),
    )
    clicked_through(page, write_report(renamed, tmp_path / "page.html"))


def test_only_the_script_and_the_style_of_the_page_itself_are_allowed(page, study):
    page.problems.clear()
    opened(page, study.report())
    policy = page.evaluate("document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for name in ("script-src", "style-src"):
        assert rules[name].startswith("'sha256-")
        assert " " not in rules[name]
    # What a payload would do if it ever became markup, the policy stops.
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"owned=1\"><svg onload=\"owned=1\">')"
    )
    page.evaluate(
        "(() => { const s = document.createElement('script'); s.text = 'window.owned=1'; document.body.append(s); })()"
    )
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    assert page.evaluate("'owned' in window") is False
    assert any("Content Security Policy" in problem for problem in page.problems)
    assert not page.evaluate("fetch('data:,x').then(() => true, () => false)")
    page.problems.clear()


def test_numbers_saved_from_the_page_hold_no_formula(page, tmp_path):
    cells = ("=1+1", "+1", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "＝1", "'=1", "-", "film")
    table = TableFigure("words", "t", "c", columns=("word", "value"), rows=tuple((cell, -0.5) for cell in cells))
    opened_at = write_report(example.run(figures={"similarity": [table]}), tmp_path / "page.html")
    page.problems.clear()
    page.open(opened_at)
    page.evaluate("URL.createObjectURL = blob => { window.saved = blob; return '#'; }")
    page.evaluate("document.querySelector('#figure-words [data-save=csv]').click()")
    rows = list(csv.reader(io.StringIO(page.evaluate("window.saved.text()"))))[1:]
    assert [row[0] for row in rows] == ["'" + cell for cell in cells[:-1]] + ["film"]
    assert {row[1] for row in rows} == {"-0.500"}
