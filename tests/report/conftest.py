"""A page of the browser for the modules that look at reports."""

import pytest

from tests.browser import chromium, without_problems


@pytest.fixture(scope="module")
def page():
    with chromium() as opened:
        yield opened


@pytest.fixture
def quiet(page):
    """The pointer out of the way before a test; afterwards no error and no request beyond the disk."""
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    with without_problems(page):
        yield
