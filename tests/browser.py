"""Opens a page in headless Chromium over its debugging pipe, with nothing but the standard library."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0
_START = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
# The browser expects its debugging pipe on file descriptors 3 and 4; this small program puts it there.


class Page:
    """One open page. `problems` has console errors, exceptions and policy violations; `requests` every URL asked."""

    def __init__(self, process: subprocess.Popen[bytes], send: int, receive: int) -> None:
        self._process, self._send, self._receive = process, send, receive
        self._buffer = b""
        self._next = 0
        self._session: str | None = None
        self._events: list[str] = []
        self.problems: list[str] = []
        self.requests: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command of the DevTools protocol and wait for its answer."""
        self._next += 1
        number = self._next
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._message(deadline, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _message(self, deadline: float, waiting_for: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._receive], [], [], max(deadline - time.monotonic(), 0))
            chunk = os.read(self._receive, 1 << 20) if ready else b""
            if not chunk:
                raise TimeoutError(f"Chromium did not answer {waiting_for}")
            self._buffer += chunk
        raw, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(raw)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        method, params = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"].get("exception", params))[:400])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(str([a.get("value") for a in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def attach(self) -> None:
        """Make a tab and listen to what it complains about."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, path: Path, width: int = 1200, height: int = 900, *, dark: bool = False, media: str = "") -> None:
        """Load a file and wait until it has."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme], media=media)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        deadline = time.monotonic() + PATIENCE
        while "Page.loadEventFired" not in self._events:
            self._message(deadline, "Page.navigate")
        # The page scrolls smoothly: on a busy machine a pointer would meet what is still moving.
        self.evaluate("document.documentElement.style.scrollBehavior = 'auto'; 0")

    def evaluate(self, expression: str) -> Any:
        """The JSON value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:400])
        return answer["result"].get("value")

    def dom(self) -> str:
        """The document as it stands now."""
        return self.evaluate("document.documentElement.outerHTML")

    def press(self, key: str, code: int) -> None:
        """Press and release a key by its DOM name and Windows key code."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def screenshot(self, png: Path, *, whole: bool = True, clip: dict[str, float] | None = None) -> None:
        """Write a PNG of the whole page, of the window, or of a part."""
        extra = {"clip": clip | {"scale": 1}} if clip else {}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png", **extra)
        png.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path: Path) -> None:
        """Print the page to PDF."""
        answer = self.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def chromium() -> Iterator[Page]:
    """A fresh headless Chromium with one tab; skips the test where Chromium is not installed."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    to_child, send = os.pipe()
    receive, from_child = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [sys.executable, "-c", _START, str(to_child), str(from_child)]
        command += [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            command, pass_fds=(to_child, from_child), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_child)
        os.close(from_child)
        try:
            page = Page(process, send, receive)
            page.attach()
            yield page
        finally:
            os.close(send)
            os.close(receive)
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def without_problems(page: Page) -> Iterator[None]:
    """Fail if what happens to the page makes it complain, or ask for anything but files."""
    page.problems.clear()
    page.requests.clear()
    yield
    page.evaluate("new Promise(done => setTimeout(done, 50))")
    assert page.problems == []
    assert all(url.startswith("file:") for url in page.requests)


def screenshot(path_html: Path, png: Path, width: int = 1200, height: int = 900, *, dark: bool = False) -> None:
    """One picture of a whole page."""
    with chromium() as page:
        page.open(path_html, width, height, dark=dark)
        page.screenshot(png)


def dump_dom(path_html: Path) -> str:
    """The document after its scripts have run."""
    with chromium() as page:
        page.open(path_html)
        return page.dom()


def console_errors(path_html: Path) -> list[str]:
    """What the page complains about while loading."""
    with chromium() as page:
        page.open(path_html)
        page.evaluate("new Promise(done => setTimeout(done, 100))")
        return page.problems
