"""Headless Chromium, and what the tests ask of a viewer's page.

    with chromium() as browser, visit(browser, url) as visitor: ...

A visit ends in a check that nothing went wrong unseen: no error on the console, no request to anybody else.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.pixelformat import Image
from tests.support.waits import TIME_FACTOR, eventually

NAMES = ("chromium", "chromium-browser", "google-chrome")
ELSEWHERE = "desk.test"
"""This machine under a name that does not say so: browsers trust what comes from 127.0.0.1 even over plain HTTP."""
AXE = Path(__file__).with_name("axe") / "axe.min.js"
PICTURES = Path(__file__).resolve().parents[2] / "build/page"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2,
}  # fmt: skip
# What the browser and noVNC say of a server that is away or refuses: the page has its own words for that.
_AWAY = re.compile(
    r"net::ERR_(CONNECTION|EMPTY|SOCKET|NETWORK)|status of 503|WebSocket connection to|^Failed (when|while) connect"
)
_PIXELS = """() => {
    const {data} = document.querySelector('#screen canvas').getContext('2d').getImageData(0, 0, SIZE);
    let text = '';
    for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
    return btoa(text);
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the Chromium that MPVNC_CHROMIUM names, else the one that is installed, else playwright's own."""
    path = os.environ.get("MPVNC_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    flags = ["--disable-gpu", "--disable-dev-shm-usage", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"]
    # Chromium's sandbox refuses to run as root.
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One tab on the viewer's page. `page` is playwright's; `errors` is what went wrong in it so far."""

    def __init__(self, page: Page, url: str):
        self.page = page
        self.url = url
        self.errors: list[str] = []
        self.sockets: list[str] = []
        page.on("console", lambda one: self._note(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("request", lambda request: self._look(request.url))
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.goto(url)

    def wait_state(self, state: str, timeout_s: float = 10.0) -> None:
        """Wait until the page tells this state of its connection."""
        self.page.wait_for_selector(f"body[data-state={state}]", timeout=timeout_s * 1000 * TIME_FACTOR)

    def pixels(self) -> Image:
        """Return what the canvas holds, as 0x00RRGGBB."""
        width, height = self.page.evaluate(
            "() => { const c = document.querySelector('#screen canvas'); return [c.width, c.height]; }"
        )
        data = base64.b64decode(self.page.evaluate(_PIXELS.replace("SIZE", f"{width}, {height}")))
        red, green, blue, _ = np.frombuffer(data, np.uint8).reshape(height, width, 4).astype(np.uint32).T
        shown: Image = (red << 16 | green << 8 | blue).T
        return shown

    def shows(self, picture: Image) -> bool:
        """Whether the canvas holds exactly this picture."""
        return np.array_equal(self.pixels(), picture)

    def reading(self, name: str) -> str:
        """Return what the page tells of "size", "rate" or "delay"."""
        return str(self.page.text_content(f"dd[data-reading={name}]"))

    def faults(self) -> list[str]:
        """Return what axe finds to be a serious or critical fault for people with a handicap."""
        self.page.evaluate(AXE.read_text() + "\n;undefined")
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [
            f"{one['id']}: {one['help']}: {node['html'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def picture(self, name: str) -> None:
        """Keep a picture of the page for a person to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")

    def wait_text(self, selector: str, pattern: str, timeout_s: float = 5.0) -> str:
        """Wait until the text of an element matches; return the text."""

        def matching() -> str | None:
            text = self.page.text_content(selector) or ""
            return text if re.search(pattern, text) else None

        return eventually(matching, timeout_s, what=f"{pattern!r} in {selector}")

    def _note(self, error: str) -> None:
        if not _AWAY.search(error):
            self.errors.append(error)

    def _look(self, url: str) -> None:
        asked, own = urlsplit(url), urlsplit(self.url)
        if asked.scheme in ("http", "https") and asked.netloc != own.netloc:
            self.errors.append(f"asked {url}")


@contextmanager
def visit(browser: Browser, url: str, **options: Any) -> Iterator[Visitor]:
    """Open the page in a fresh profile and wait until it is connected.

    Args:
        options: of playwright's `new_context`; `state` to wait for another one; `prepare`, called with the empty page.
    """
    state = options.pop("state", "connected")
    prepare: Callable[[Page], None] = options.pop("prepare", lambda page: None)
    context = browser.new_context(**{**DESKTOP, "ignore_https_errors": True, **options})
    try:
        context.set_default_timeout(10_000 * TIME_FACTOR)
        page = context.new_page()
        prepare(page)
        visitor = Visitor(page, url)
        visitor.wait_state(state)
        yield visitor
        assert not visitor.errors, visitor.errors
    finally:
        context.close()
