"""The viewer's page in a real browser, on a real server: picture, input, view-only, clipboard, readings."""

from __future__ import annotations

import itertools
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import cairo
import pytest
from playwright.sync_api import Browser, Page

import mpvnc
from mpvnc import ClickEvent, ClipboardEvent, KeyEvent, MoveEvent, ScrollEvent
from tests.interop.stage import Stage
from tests.support import golden
from tests.support.browser import PHONE, Visitor, visit
from tests.support.proxy import HeaderRules, proxy
from tests.support.tls import make_pem, write_pair
from tests.support.waits import eventually

pytestmark = pytest.mark.interop

TEXT = "Grüße, 你好, 😀"
EXACT = "?quality=lossless&fit=actual"
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {
    "README.md": r"^    server \{\n.*?^    map .*?\}$",
    "docs/proxy.md": r"^```nginx\n(.*?)^```$",
}
CONTROL, ALT, META, DELETE, TAB, ESCAPE, BACKSPACE, RETURN = (
    0xFFE3, 0xFFE9, 0xFFEB, 0xFFFF, 0xFF09, 0xFF1B, 0xFF08, 0xFF0D,
)  # fmt: skip


@pytest.fixture(scope="module")
def shared_visitor(browser: Browser, url: str) -> Iterator[Visitor]:
    with visit(browser, url + EXACT) as one:
        yield one


@pytest.fixture
def visitor(stage: Stage, shared_visitor: Visitor) -> Visitor:
    """The page, showing the golden surface, with the keyboard; all panels closed."""
    eventually(lambda: shared_visitor.shows(stage.picture), what="the golden surface")
    for button in shared_visitor.page.query_selector_all(".tools [aria-expanded=true]"):
        button.click()
    shared_visitor.page.focus("#screen canvas")
    return shared_visitor


def keys(stage: Stage, count: int) -> list[tuple[int, bool]]:
    """Return the next so many keys as (keysym, down)."""
    events = [stage.event(KeyEvent) for _ in range(count)]
    return [(event.key, event.down) for event in events]


def test_the_canvas_holds_the_surface_exactly(stage: Stage, visitor: Visitor) -> None:
    for scene in (golden.photo, golden.text, golden.noise):
        picture = stage.show(scene())
        eventually(lambda: visitor.shows(picture), what=scene.__name__)  # noqa: B023


def test_a_surface_is_asked_for_by_its_name(stage: Stage, browser: Browser, url: str) -> None:
    with visit(browser, url + "?surface=default&quality=lossless") as one:
        assert [address.partition("/websockify")[2] for address in one.sockets] == ["?surface=default"]
        href = one.page.evaluate("document.getElementById('snapshot').href")
        assert href == f"{url}snapshot.png?surface=default"
        eventually(lambda: one.shows(stage.picture))


def test_a_surface_that_nobody_publishes_is_waited_for_and_told_of(
    stage: Stage, browser: Browser, url: str
) -> None:
    def without_waiting(page: Page) -> None:
        page.clock.install()

    address = url + "?surface=later&quality=lossless"
    with visit(browser, address, state="connecting", prepare=without_waiting) as one:

        def is_told() -> bool:
            one.page.clock.run_for(2500)
            return "No program shows “later” yet" in str(one.page.text_content("#spoken"))

        eventually(is_told, what="words")
        assert one.page.text_content("#notice-title") == "Waiting for a picture"
        one.picture("nothing-published")
        surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 64, 48)
        with mock.patch.dict(os.environ, MPVNC_RUNTIME_DIR=str(stage.server.runtime_dir)):
            later = mpvnc.publish(surface, name="later")
        with later:
            later.publish_frame()
            one.wait_state("connected")
            assert one.pixels().shape == (48, 64)
        one.errors.clear()


def test_the_canvas_follows_the_size(stage: Stage, visitor: Visitor) -> None:
    picture = stage.show(golden.golden(400, 150))
    eventually(lambda: visitor.shows(picture), what="400x150")
    eventually(lambda: visitor.reading("size") == "400 × 150")


def test_a_lossy_picture_is_exact_when_it_rests(stage: Stage, browser: Browser, url: str) -> None:
    with visit(browser, url + "?quality=0") as lossy:
        picture = stage.show(golden.photo())
        eventually(lambda: lossy.shows(picture), what="the photograph")


def test_rate_and_delay_are_told(stage: Stage, visitor: Visitor) -> None:
    scenes = itertools.count()

    def rate_is_told() -> bool:
        stage.show(golden.noise(seed=next(scenes)))
        return re.fullmatch(r"([3-9]|\d\d+) updates/s", visitor.reading("rate")) is not None

    eventually(rate_is_told, what="a rate of 3 or more")
    visitor.wait_text("dd[data-reading=delay]", r"^\d+ ms$")
    assert "updates/s" in visitor.page.inner_text(".readings")


def test_keys_reach_the_animator(stage: Stage, visitor: Visitor) -> None:
    visitor.page.keyboard.press("a")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("F1")
    down_and_up = [
        (ord("a"), True),
        (ord("a"), False),
        (TAB, True),
        (TAB, False),
        (0xFFBE, True),
        (0xFFBE, False),
    ]
    assert keys(stage, 6) == down_and_up


def test_pointer_and_wheel_reach_the_animator(stage: Stage, visitor: Visitor) -> None:
    box = visitor.page.locator("#screen canvas").bounding_box()
    assert box is not None and (box["width"], box["height"]) == (320, 200)
    visitor.page.mouse.click(box["x"] + 40, box["y"] + 50)
    down, up = stage.event(ClickEvent), stage.event(ClickEvent)
    assert (down.x, down.y, down.button, down.down, up.down) == (40, 50, 0, True, False)
    visitor.page.mouse.wheel(0, 100)
    assert stage.event(ScrollEvent).dy == -1


def test_a_scaled_picture_takes_the_pointer_where_it_is(stage: Stage, browser: Browser, url: str) -> None:
    with visit(browser, url) as fitting:
        eventually(lambda: fitting.shows(stage.picture))
        box = fitting.page.locator("#screen canvas").bounding_box()
        assert box is not None and (box["width"] > 1000 or box["height"] > 700)
        fitting.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
        move = stage.event(MoveEvent)
        assert abs(move.x - 160) <= 1 and abs(move.y - 50) <= 1


def test_a_pointer_is_seen_where_the_server_gives_it_no_shape(visitor: Visitor) -> None:
    visitor.page.hover("#screen canvas")
    style = "getComputedStyle(document.querySelector('#screen canvas'))"
    assert visitor.page.evaluate(f"{style}.cursor") == "default"


def test_keys_that_the_browser_keeps(stage: Stage, visitor: Visitor) -> None:
    page = visitor.page
    page.click("#keys-button")
    page.click("#ctrl-alt-del")
    assert [key for key, down in keys(stage, 6) if down] == [CONTROL, ALT, DELETE]
    for name, keysym in (("Escape Escape", ESCAPE), ("Tab Tab", TAB), ("Super_L MetaLeft", META)):
        page.click(f"[data-press='{name}']")
        assert keys(stage, 2) == [(keysym, True), (keysym, False)]
    page.click("[data-press='F11 F11']")
    assert keys(stage, 2) == [(0xFFC8, True), (0xFFC8, False)]


def test_a_held_key_holds_for_what_is_typed(stage: Stage, visitor: Visitor) -> None:
    page = visitor.page
    page.click("#screen canvas")
    page.click("#keys-button")
    page.click("text=Ctrl >> nth=0")
    assert page.get_attribute("[data-hold^=Control_L]", "aria-pressed") == "true"
    page.focus("#screen canvas")
    page.keyboard.press("c")
    page.click("[data-hold^=Control_L]")
    assert keys(stage, 4) == [(CONTROL, True), (ord("c"), True), (ord("c"), False), (CONTROL, False)]


def test_view_only_sends_nothing_and_can_be_taken_back(stage: Stage, visitor: Visitor) -> None:
    page = visitor.page
    page.keyboard.down("x")
    assert keys(stage, 1) == [(ord("x"), True)]
    page.click("#view-only-button")
    assert keys(stage, 1) == [(ord("x"), False)], "a key that is down when it is pressed is let go"
    stage.drain()
    page.keyboard.up("x")
    page.click("#keys-button")
    assert page.is_disabled("#ctrl-alt-del")
    page.focus("#screen canvas")
    page.keyboard.press("y")
    page.click("#screen canvas")
    page.click("#view-only-button")
    page.focus("#screen canvas")
    page.keyboard.press("z")
    events = stage.events_until(KeyEvent)
    assert [(event.key, event.down) for event in events if isinstance(event, KeyEvent)] == [(ord("z"), True)]
    assert not [event for event in events if isinstance(event, ClickEvent)]


def test_view_only_lets_go_of_held_keys(stage: Stage, visitor: Visitor) -> None:
    page = visitor.page
    page.click("#keys-button")
    page.click("[data-hold^=Control_L]")
    assert keys(stage, 1) == [(CONTROL, True)]
    page.click("#view-only-button")
    try:
        assert keys(stage, 1) == [(CONTROL, False)]
        assert page.get_attribute("[data-hold^=Control_L]", "aria-pressed") == "false"
    finally:
        page.click("#view-only-button")


def test_the_address_can_ask_for_view_only(browser: Browser, url: str) -> None:
    with visit(browser, url + "?view_only") as looking:
        assert looking.page.get_attribute("#view-only-button", "aria-pressed") == "true"


def test_text_is_sent_by_hand(stage: Stage, visitor: Visitor) -> None:
    visitor.page.click("#clipboard-button")
    visitor.page.fill("#clipboard-text", TEXT)
    visitor.page.click("#clipboard-send")
    assert stage.event(ClipboardEvent).text == TEXT


def test_text_of_the_animator_is_shown_and_copied(stage: Stage, visitor: Visitor) -> None:
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    stage.publication.change_clipboard(TEXT)
    eventually(lambda: page.input_value("#clipboard-text") == TEXT, what="the text")
    page.click("#clipboard-button")
    page.check("#clipboard-sync")
    stage.publication.change_clipboard(f"another {TEXT}")
    eventually(lambda: page.evaluate("navigator.clipboard.readText()") == f"another {TEXT}")
    page.uncheck("#clipboard-sync")


def test_both_clipboards_are_kept_the_same(stage: Stage, visitor: Visitor) -> None:
    page = visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#clipboard-button")
    page.check("#clipboard-sync")
    page.evaluate("navigator.clipboard.writeText('copied in another window')")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    eventually(lambda: stage.event(ClipboardEvent).text == "copied in another window")
    page.uncheck("#clipboard-sync")


def test_the_devices_clipboard_is_sent(stage: Stage, visitor: Visitor) -> None:
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.page.evaluate("navigator.clipboard.writeText('what the device held')")
    visitor.page.click("#clipboard-button")
    visitor.page.click("#clipboard-fetch")
    assert stage.event(ClipboardEvent).text == "what the device held"
    visitor.page.fill("#clipboard-text", "to the device")
    visitor.page.click("#clipboard-copy")
    visitor.wait_text("#clipboard-note", "Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == "to the device"


def test_a_phones_keyboard_types(stage: Stage, browser: Browser, url: str) -> None:
    with visit(browser, url, **PHONE) as phone:
        stage.drain()
        phone.page.tap("#typing-button")
        assert phone.page.get_attribute("#typing-button", "aria-pressed") == "true"
        phone.page.keyboard.insert_text("hé")
        assert [key for key, down in keys(stage, 4) if down] == [ord("h"), 0xE9]
        phone.page.keyboard.press("Backspace")
        phone.page.keyboard.press("Enter")
        assert [key for key, down in keys(stage, 4) if down] == [BACKSPACE, RETURN]
        phone.page.tap("#typing-button")
        assert phone.page.get_attribute("#typing-button", "aria-pressed") == "false"


def test_what_a_phone_made_of_a_text_becomes_keys(visitor: Visitor) -> None:
    changes = [["abc", "abcd"], ["helo ", "hello "], ["ab", ""], ["a", "a\n"], ["", "€😀"]]
    keysyms = visitor.page.evaluate(
        "async (all) => { const m = await import('./app/typing.js'); return all.map((c) => m.keysFor(...c)); }",
        changes,
    )
    assert keysyms == [
        [ord("d")],
        [BACKSPACE, BACKSPACE, ord("l"), ord("o"), ord(" ")],
        [BACKSPACE, BACKSPACE],
        [RETURN],
        [0x20AC, 0x0101F600],
    ]


def test_quality_and_compression_reach_the_server(visitor: Visitor) -> None:
    """The server then encodes in another class: the page asks for it in SetEncodings."""
    sent: list[bytes] = []
    visitor.page.once("websocket", lambda socket: socket.on("framesent", lambda data: sent.append(data)))
    visitor.page.click("#settings-button")
    visitor.page.reload()
    visitor.wait_state("connected")
    first = b"".join(data for data in sent if isinstance(data, bytes))
    assert quality_levels(first) == set()
    visitor.page.click("#settings-button")
    visitor.page.select_option("#quality", "3")
    eventually(lambda: quality_levels(b"".join(sent)) == {3})
    visitor.page.select_option("#compression", "8")
    eventually(lambda: (-256 + 8).to_bytes(4, "big", signed=True) in b"".join(sent))
    visitor.page.select_option("#quality", "lossless")


# -- behind a proxy, as README.md and docs/proxy.md have it


def example(page: str) -> str:
    """Return nginx's configuration in a page of ours."""
    found = re.search(EXAMPLES[page], (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@contextmanager
def proxied(stage: Stage, directory: Path, rules: HeaderRules) -> Iterator[str]:
    """Put a proxy before the server for a block; yields the address of the page."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*write_pair(directory, make_pem("127.0.0.1")))
    with proxy((stage.server.host, stage.web_port), rules, context) as port:
        yield f"https://127.0.0.1:{port}/"


def test_the_examples_of_a_proxy_work(stage: Stage, browser: Browser, tmp_path: Path) -> None:
    rules, more = (HeaderRules(example(page)) for page in EXAMPLES)
    assert rules == more
    with proxied(stage, tmp_path, rules) as address, visit(browser, address + EXACT) as visitor:
        assert visitor.sockets == [f"wss{address[5:]}websockify"]
        eventually(lambda: visitor.shows(stage.picture), what="the golden surface")
        visitor.page.focus("#screen canvas")
        visitor.page.keyboard.press("a")
        assert keys(stage, 1) == [(ord("a"), True)]


def test_a_proxy_that_keeps_the_host_to_itself_is_named_and_not_tried_again(
    stage: Stage, browser: Browser, tmp_path: Path
) -> None:
    rules = HeaderRules(re.sub(r".*proxy_set_header Host.*\n", "", example("README.md")))
    with proxied(stage, tmp_path, rules) as address, visit(browser, address, state="ended") as visitor:
        visitor.wait_text("#notice-text", f"Not from {address[:-1]}: .*pass on the Host header")
        assert not visitor.page.text_content("#notice-countdown")
        visitor.picture("proxy-without-host")
        visitor.errors.clear()


def quality_levels(sent: bytes) -> set[int]:
    """Return the JPEG quality levels (pseudo-encodings -32 to -23) that stand in bytes of a viewer."""
    return {level for level in range(10) if (level - 32).to_bytes(4, "big", signed=True) in sent}
