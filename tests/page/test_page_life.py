"""The viewer's page over time and for everybody: login, a server that goes and comes, words, looks, accessibility."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import DESKTOP, ELSEWHERE, PHONE, Visitor, visit
from tests.support.servers import PORT_FOR_BROWSERS, Server, running_supervisor
from tests.support.waits import eventually

pytestmark = pytest.mark.interop

STATIC = Path(__file__).resolve().parents[2] / "mpvnc/web/static"
PANELS = ("keys", "clipboard", "settings")
DEMO = (
    f"server.hosts=[{ELSEWHERE}]",
    "source.kind=demo",
    "source.width=640",
    "source.height=400",
    "source.frame_rate=10",
    "server.workers=1",
    "timeouts.drain_s=0.2",
)


@pytest.fixture(scope="module")
def demo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_supervisor(tmp_path_factory.mktemp("demo"), *DEMO, PORT_FOR_BROWSERS) as server:
        yield server


@pytest.fixture(scope="module")
def demo(demo_server: Server) -> str:
    """The URL of the page of a server that shows the demo."""
    return demo_server.page


@pytest.fixture(scope="module")
def shared_desk(demo: str, browser: Browser) -> Iterator[Visitor]:
    with visit(browser, demo) as visitor:
        yield visitor


@pytest.fixture
def desk(shared_desk: Visitor) -> Visitor:
    """The demo's page on a desktop; all panels closed, and the keyboard with the remote screen."""
    shared_desk.page.set_viewport_size(DESKTOP["viewport"])
    for button in shared_desk.page.query_selector_all(".tools [aria-expanded=true]"):
        button.click()
    shared_desk.page.focus("#screen canvas")
    return shared_desk


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Any]:
    """Start demos with a password, one after the other."""
    with ExitStack() as stack:

        def start(port: int = 0) -> Server:
            settings = (*DEMO, "security.auth_delay_s=0.05", f"server.listeners=[web:127.0.0.1:{port}]")
            return stack.enter_context(
                running_supervisor(tmp_path, *settings, env={"MPVNC_PASSWORD": "sesame"})
            )

        yield start


def log_in(visitor: Visitor, password: str) -> None:
    visitor.page.fill("#login-password", password)
    visitor.page.click("#login-form [type=submit]")


def test_a_password_is_asked_for_and_kept_over_a_restart(servers: Any, browser: Browser) -> None:
    server = servers()
    with visit(browser, server.page, state="asking") as visitor:
        page = visitor.page
        assert not page.is_visible("#login-user")
        assert page.evaluate("document.activeElement.id") == "login-password"
        assert visitor.faults() == []
        page.keyboard.press("Escape")
        visitor.wait_state("ended")
        page.click("#notice-action")
        visitor.wait_state("asking")
        log_in(visitor, "wrong")
        visitor.wait_text("#login-why", "password was not accepted")
        log_in(visitor, "sesame")
        visitor.wait_state("connected")
        eventually(lambda: visitor.pixels().any(), what="a picture")

        server.stop()
        visitor.wait_state("waiting")
        assert page.is_visible("#ghost"), "the last picture stays"
        visitor.wait_text("#notice-text", "does not answer|connection|stopping")
        visitor.wait_text("#notice-countdown", r"Trying again in \d+ s")
        visitor.wait_text("#spoken", "Not connected")
        visitor.picture("lost")
        servers(urlsplit(server.page).port)
        visitor.wait_state("connected")
        eventually(lambda: not page.is_visible("#ghost"), what="a new picture")


def silent_for(visitor: Visitor, milliseconds: int) -> bool:
    """Let the page's clock run on; whether it has given the server up."""
    visitor.page.clock.run_for(milliseconds)
    return "does not answer" in (visitor.page.text_content("#notice-text") or "")


def test_a_server_that_falls_silent_is_given_up(demo_server: Server, browser: Browser) -> None:
    with visit(browser, demo_server.page, prepare=lambda page: page.clock.install()) as visitor:
        visitor.wait_text("dd[data-reading=delay]", "ms")
        (worker,) = demo_server.children_of_role("encoder")
        os.kill(worker, signal.SIGSTOP)
        try:
            # What was under way when the worker stopped may still arrive, and puts off the end.
            eventually(lambda: silent_for(visitor, 4000), timeout_s=20, what="the page to give up")
        finally:
            os.kill(worker, signal.SIGCONT)
        visitor.page.click("#notice-action")
        visitor.wait_state("connected")


def test_a_full_server_says_so_and_lets_in_who_waits(tmp_path: Path, browser: Browser) -> None:
    settings = (*DEMO, PORT_FOR_BROWSERS, "clients.max_connections=1")
    with (
        running_supervisor(tmp_path, *settings) as server,
        server.connect() as seated,
        visit(browser, server.page, state="waiting") as visitor,
    ):
        page = visitor.page
        visitor.wait_text("#notice-text", "The server refuses: Too many viewers")
        visitor.wait_text("#notice-countdown", r"Trying again in \d+ s")
        visitor.picture("full")
        page.focus("#notice-action")
        with page.expect_websocket():
            page.keyboard.press("Enter")
        visitor.wait_state("waiting")
        assert page.evaluate("document.activeElement.id") == "notice-action"
        seated.close()
        visitor.wait_state("connected")
        assert page.evaluate("document.activeElement.tagName") == "CANVAS"


def test_over_plain_http_from_elsewhere_the_clipboard_is_passed_by_hand(demo: str, browser: Browser) -> None:
    with visit(browser, demo.replace("127.0.0.1", ELSEWHERE)) as visitor:
        page = visitor.page
        assert not page.evaluate("isSecureContext")
        page.click("#clipboard-button")
        assert page.is_hidden("#clipboard-fetch") and page.is_hidden("#clipboard-sync-label")
        page.fill("#clipboard-text", "by hand")
        page.click("#clipboard-copy")
        visitor.wait_text("#clipboard-note", "^(Copied|The text is selected)")
        # noVNC warns of what it does not need with this server.
        (warning,) = visitor.errors
        assert "noVNC requires a secure context" in warning
        visitor.errors.clear()


def test_a_page_of_which_a_part_is_missing_loads_again(demo: str, browser: Browser) -> None:
    missing = itertools.chain([True], itertools.repeat(False))

    def prepare(page: Page) -> None:
        page.route(
            "**/novnc/core/rfb.js", lambda route: route.abort() if next(missing) else route.continue_()
        )

    with visit(browser, demo, prepare=prepare) as visitor:
        visitor.errors.remove("Failed to load resource: net::ERR_FAILED")
        assert not next(missing), "it was asked for twice"


def test_axe_finds_no_serious_fault_in_either_scheme(desk: Visitor) -> None:
    page = desk.page
    desk.wait_text("dd[data-reading=delay]", "ms")
    desk.picture("desktop")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert desk.faults() == []
        for panel in PANELS:
            page.click(f"#{panel}-button")
            desk.picture(f"{scheme}-{panel}")
            assert desk.faults() == [], panel
        page.click("#settings-button")


def test_a_phone_has_room_for_everything(demo: str, browser: Browser) -> None:
    with visit(browser, demo, **PHONE) as visitor:
        page = visitor.page
        visitor.picture("phone")
        for panel in PANELS:
            page.tap(f"#{panel}-button")
            visitor.picture(f"phone-{panel}")
            box = page.locator(f"#{panel}-panel").bounding_box()
            assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
            assert box["y"] + box["height"] <= 640
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        for button in page.query_selector_all(".tools button"):
            box = button.bounding_box()
            assert (
                box is not None and box["x"] + box["width"] <= 360 and min(box["width"], box["height"]) >= 36
            )
        assert visitor.faults() == []


def test_an_actual_size_on_a_phone_is_moved_by_dragging(demo: str, browser: Browser) -> None:
    with visit(browser, demo + "?fit=actual", **PHONE) as visitor:
        visitor.page.tap("#settings-button")
        visitor.page.wait_for_selector("#drag", state="visible")
        visitor.page.check("#drag")
        box = visitor.page.locator("#screen canvas").bounding_box()
        assert box is not None and box["width"] == 360
        before = visitor.pixels()
        visitor.page.tap("#settings-button")
        visitor.page.mouse.move(200, 300)
        visitor.page.mouse.down()
        visitor.page.mouse.move(50, 300, steps=3)
        visitor.page.mouse.up()
        # The demo has a clock on the right.
        eventually(lambda: (visitor.pixels()[:, :100] != before[:, :100]).mean() > 0.2, what="another part")


def test_the_keyboard_gets_out_of_the_screen_and_around(desk: Visitor) -> None:
    page = desk.page
    focused = "document.activeElement.id || document.activeElement.tagName"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "CANVAS", "the remote screen gets the tab key"
    page.keyboard.press("Control+Alt+Shift")
    assert page.evaluate(focused) == "keys-button"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Ctrl"
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "keys-button" and page.is_hidden("#keys-panel")
    reached = set()
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(focused))
    assert {
        "clipboard-button",
        "view-only-button",
        "settings-button",
        "full-screen-button",
        "CANVAS",
    } <= reached


def test_full_screen_leaves_the_picture_alone(desk: Visitor) -> None:
    page = desk.page
    page.click("#full-screen-button")
    page.wait_for_selector("#handle", state="visible")
    assert page.evaluate("document.fullscreenElement !== null")
    page.wait_for_selector("#bar", state="hidden")
    page.click("#handle")
    page.wait_for_selector("#bar", state="visible")
    page.click("#full-screen-button")
    page.wait_for_selector("#handle", state="hidden")


def test_fit_and_actual_size(desk: Visitor) -> None:
    page = desk.page
    width = "document.querySelector('#screen canvas').getBoundingClientRect().width"
    eventually(lambda: page.evaluate(width) > 1000, what="a picture that fits")
    page.click("#settings-button")
    page.check("[name=fit][value=actual]")
    eventually(lambda: page.evaluate(width) == 640, what="the actual size")
    page.set_viewport_size({"width": 400, "height": 300})
    scrolls = "(() => { const s = document.querySelector('#screen > div'); return s.scrollWidth > s.clientWidth; })()"
    eventually(lambda: page.evaluate(scrolls), what="something to scroll")
    page.reload()
    desk.wait_state("connected")
    assert page.is_checked("[name=fit][value=actual]"), "the choice is kept"


def test_errors_are_told_in_plain_words(desk: Visitor) -> None:
    words = desk.page.evaluate("""async () => {
        const m = await import('./app/words.js');
        return {
            lost: m.whyClosed({code: 1006, reason: ''}),
            restart: m.whyClosed({code: 1001, reason: ''}),
            other: m.whyClosed({code: 4711, reason: 'Too slow'}),
            nonsense: m.whyClosed(null),
            offline: m.whyNotOpened('desk:5900', null, false),
            away: m.whyNotOpened('desk:5900', null, true),
            proxy: m.whyNotOpened('desk:5900', {status: 200, said: 'ok'}, true),
            early: m.whyNotOpened('desk:5900', {status: 503, said: 'no frame yet'}, true),
            stage: m.whyNotOpened('desk:5900', {status: 503, said: 'not published'}, true, 'stage'),
            name: m.whyNotOpened('desk:5900', {status: 421, said: 'This name is not known here.'}, true),
            gateway: m.whyNotOpened('desk:5900', {status: 502, said: ''}, true),
            login: m.whyNotOpened('desk:5900', {status: 401, said: ''}, true),
            full: m.whyRefused('Too many viewers'),
            clear: m.whyRefused('This server wants encryption: use https, or a viewer that knows VeNCrypt with TLS'),
            slow: m.whyLong('desk:5900', 'opening', null),
            judged: m.whyLong('desk:5900', 'judging', {status: 200, said: 'ok'}),
            down: m.whyLong('desk:5900', 'showing', {status: 503, said: 'the source is down'}),
            wrong: m.whyWrong('Authentication failed', true),
            late: m.whyWrong('Too many attempts', false),
        };
    }""")
    assert words["lost"] == "The connection was lost."
    assert "starting anew" in words["restart"]
    assert words["other"] == "The server has closed the connection. It says: Too slow."
    assert "does not understand" in words["nonsense"]
    assert words["offline"] == "This device is offline."
    assert "desk:5900 does not answer" in words["away"]
    assert "WebSockets" in words["proxy"]
    assert words["early"] == "The server has no picture yet. It comes by itself when there is one."
    assert words["stage"] == "No program shows “stage” yet. The picture comes by itself when one does."
    assert words["name"] == "The server refuses: This name is not known here."
    assert "in front of the server does not reach it" in words["gateway"]
    assert "asks for a login" in words["login"]
    assert "takes long" in words["slow"] and "checking the password" in words["judged"]
    assert "not running" in words["down"] and "encrypted connection: https" in words["clear"]
    assert words["full"] == "The server refuses: Too many viewers."
    assert words["wrong"] == "This user name and password were not accepted."
    assert words["late"] == "This password was not accepted. The server says: Too many attempts."


def test_only_the_server_itself_says_no_for_good(desk: Visitor) -> None:
    final = desk.page.evaluate("""async () => {
        const { isFinal } = await import('./app/words.js');
        const answers = [[403, 'no'], [404, 'no'], [421, 'no'], [404, ''], [503, 'no'], [200, 'ok']];
        return [null, ...answers.map(([status, said]) => ({status, said}))].map(isFinal);
    }""")
    assert final == [False, True, True, True, False, False, False]


def test_attempts_grow_rarer_and_spread(desk: Visitor) -> None:
    delays = desk.page.evaluate("""async () => {
        const { delay } = await import('./app/retry.js');
        return [1, 2, 3, 20].map((n) => [delay(n, 0), delay(n, 1)]);
    }""")
    assert delays == [[0.375, 0.625], [0.75, 1.25], [1.5, 2.5], [11.25, 18.75]]


def test_novnc_is_as_it_came() -> None:
    """scripts/update_novnc writes the checksums."""
    lines = (STATIC / "novnc/SHA256SUMS").read_text().splitlines()
    wanted = {name.removeprefix("./"): digest for digest, name in (line.split("  ") for line in lines)}
    found = {
        path.relative_to(STATIC / "novnc").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (STATIC / "novnc").rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert found == wanted
