"""Opens and uses, in a browser, what a reader walks through on a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.browser import Page

READY = """new Promise((done, fail) => { const t0 = Date.now(); const look = setInterval(() => {
    if (%s) { clearInterval(look); done(true); }
    if (Date.now() - t0 > 20000) { clearInterval(look); fail(new Error('never: ' + %s)); } }, 5); })"""


def until(page: Page, condition: str) -> None:
    """Wait until a JavaScript expression holds in the page."""
    page.evaluate(READY % (condition, json.dumps(condition)))


def opened(page: Page, path: Path, *, address: str = "", **how: Any) -> None:
    """Load a page and wait until what a reader walks through is ready."""
    page.call("Page.navigate", url="about:blank")
    page.open(path, **how)
    if address:
        page.evaluate(f"location.hash = {address!r}")
    until(page, "document.querySelector('[data-ready]')")


def opening_time(page: Page, path: Path) -> float:
    """Milliseconds until a page is ready: the least of three openings, for the machine may be busy in one of them."""
    taken = []
    for _ in range(3):
        opened(page, path)
        taken.append(page.evaluate("performance.now()"))
    return min(taken)


def choose(page: Page, name: str, value: str) -> None:
    """Set a control by its name, as a reader does."""
    page.evaluate(
        f"""(() => {{ const field = document.querySelector('.explorer [name="{name}"]'); field.value = {value!r};
        field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"""
    )
