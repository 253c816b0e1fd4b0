"""A program that draws, and its viewers: pixels, names, cursors, input, clipboards, on the wire."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Iterator

import cairo
import numpy as np
import pytest

from mpvnc.errors import PublishError
from mpvnc.publisher.events import ClipboardEvent, DisconnectEvent, Event, KeyEvent, MoveEvent
from mpvnc.session.clipboard import Clipboard
from tests.interop.stage import Stage, read_exactly
from tests.support import golden
from tests.support.events import CursorShape
from tests.support.formats import BGRX, RGB565
from tests.support.pixelformat import Image, PixelFormat
from tests.support.waits import TIME_FACTOR, eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]
RAW, PUSH, DESKTOP_SIZE, CURSOR, NAME = 0, 1011, -223, -239, -307
EXTENDED = 0xC0A1E5CE - (1 << 32)
REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(25, 29))


def publish(stage: Stage, surface: cairo.ImageSurface, picture: Image) -> None:
    """Show a surface that has this picture, whatever its stride; `stage.show` makes its own."""
    height, width = picture.shape
    memory = np.frombuffer(surface.get_data(), np.uint32).reshape(height, surface.get_stride() // 4)
    memory[:, :width] = picture
    stage.publication.change_surface(surface)
    stage.publication.publish_frame()
    stage.picture = picture & np.uint32(0xFFFFFF)


# -- surfaces


def test_both_formats_and_any_stride_are_the_same_pixels(stage: Stage) -> None:
    """The fourth byte on the wire is 0."""
    picture = golden.golden()
    memory = bytearray((320 * 4 + 64) * 200)
    padded = cairo.ImageSurface.create_for_data(memory, cairo.FORMAT_RGB24, 320, 200, 320 * 4 + 64)
    for surface, top in (
        (cairo.ImageSurface(cairo.FORMAT_RGB24, 320, 200), 0xAB000000),
        (cairo.ImageSurface(cairo.FORMAT_ARGB32, 320, 200), 0xFF000000),
        (padded, 0),
    ):
        stage.show(golden.solid())
        publish(stage, surface, picture | np.uint32(top))
        with stage.client([RAW]) as client:
            stage.check(client)
            assert not (client.viewer.framebuffer >> np.uint32(24)).any()
    assert np.array_equal(stage.picture, picture)


@pytest.mark.parametrize("kind", [cairo.FORMAT_A8, cairo.FORMAT_RGB16_565, cairo.FORMAT_RGB30])
def test_other_formats_are_refused_and_nobody_notices(stage: Stage, kind: int) -> None:
    with stage.client([RAW]) as client:
        client.refresh()
        with pytest.raises(PublishError, match="expected RGB24 or ARGB32"):
            stage.publication.change_surface(cairo.ImageSurface(kind, 320, 200))
        stage.publication.publish_frame()
        stage.check(client)


def test_other_sizes_while_requests_of_the_old_one_are_under_way(stage: Stage) -> None:
    """A rectangle of DesktopSize, then all of the new picture."""
    with stage.client([RAW, DESKTOP_SIZE]) as client:
        stage.check(client)
        for width, height in ((200, 120), (400, 300)):
            old = (0, 0, client.viewer.width, client.viewer.height)
            client.request(True)
            stage.show(golden.golden(width, height))
            for _ in range(5):
                client.viewer.request(False, old)
            client.flush()
            client.wait_for(lambda viewer, size=(width, height): (viewer.width, viewer.height) == size)
            stage.check(client)
        assert [(one.width, one.height) for one in client.viewer.resizes] == [(200, 120), (400, 300)]


def test_a_frame_is_pushed_at_once(stage: Stage) -> None:
    with stage.client([RAW, PUSH]) as pushed, stage.client([RAW]) as other:
        for client in (pushed, other):
            client.refresh()
        pushed.request()
        took_s = []
        for number in range(5):
            picture = golden.solid(colour=number)
            began = time.monotonic()
            stage.show(picture)
            pushed.wait_for(lambda viewer, number=number: int(viewer.rgb()[100, 100]) == number)
            took_s.append(time.monotonic() - began)
        assert sorted(took_s)[2] < 0.05 * TIME_FACTOR, took_s
        seen = other.viewer.updates
        other.listen(0.1)
        assert other.viewer.updates == seen


# -- name and cursor


def test_a_name_is_told_to_who_can_hear_it(stage: Stage) -> None:
    with stage.client([RAW, NAME]) as hears, stage.client([RAW]) as deaf:
        for client in (hears, deaf):
            client.refresh()
            client.request()
        before = deaf.bytes_received
        stage.publication.change_name("B\u00fchne \u20ac")
        update = hears.wait_update()
        assert [(tuple(one.rect), one.encoding) for one in update.rectangles] == [((0, 0, 0, 0), NAME)]
        assert update.rectangles[0].wire_bytes == 12 + 4 + len("B\u00fchne \u20ac".encode())
        assert hears.viewer.name == "B\u00fchne \u20ac"
        deaf.listen(0.1)
        assert deaf.bytes_received == before
    stage.publication.change_name("stage")


@pytest.mark.parametrize(("fmt", "pixel"), [(BGRX, "11223300"), (RGB565, "0231")], ids=["32", "16"])
def test_a_cursor_comes_within_a_tenth_of_a_second_and_goes(
    stage: Stage, fmt: PixelFormat, pixel: str
) -> None:
    """The picture stands still."""
    surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 2, 1)
    surface.get_data()[:8] = bytes.fromhex("11223300") * 2
    with stage.client([RAW, CURSOR], fmt) as client, stage.client([RAW]) as other:
        for one in (client, other):
            one.refresh()
            one.request()
        before = other.bytes_received
        began = time.monotonic()
        stage.publication.change_cursor_surface(surface, (1, 0))
        shape = client.wait_event(CursorShape)
        assert time.monotonic() - began < 0.1 * TIME_FACTOR
        assert shape == (1, 0, 2, 1, bytes.fromhex(pixel) * 2, b"\xc0")
        client.request()
        stage.publication.change_cursor(None)
        assert client.wait_event(CursorShape) == (0, 0, 0, 0, b"", b"")
        other.listen(0.05)
        assert other.bytes_received == before


# -- events


def test_waiting_for_events(quiet_stage: Stage) -> None:
    publication = quiet_stage.publication
    began = time.monotonic()
    assert publication.get_event(0.2) is None
    assert 0.2 <= time.monotonic() - began < 0.25 * TIME_FACTOR
    began = time.monotonic()
    for _ in range(10):
        assert publication.get_event(0) is None
    assert time.monotonic() - began < 0.1
    with quiet_stage.client() as client:
        assert publication.get_event(None).name == "connect"
        client.send_key(True, 0x61)
        began = time.monotonic()
        assert publication.get_event(10).name == "key"
        assert time.monotonic() - began < 1 * TIME_FACTOR, "early"
        client.send_key(False, 0x61)
        assert eventually(lambda: publication.get_event(0), interval_s=0.001).down is False


def test_nothing_is_lost_that_is_read(quiet_stage: Stage) -> None:
    """1000 events, polled for."""
    got: list[Event] = []
    with quiet_stage.client() as client:
        for number in range(1000):
            client.viewer.send_key(number % 2 == 0, 0x61 + number // 2 % 20)
            if number % 100 == 99:
                client.flush()
                eventually(
                    lambda count=number + 1: got.extend(quiet_stage.publication.events()) or len(got) > count,
                    interval_s=0.001,
                )
    keys = [(event.key, event.down) for event in got if event.name == "key"]
    assert keys == [(0x61 + number // 2 % 20, number % 2 == 0) for number in range(1000)]


def test_what_a_viewer_does_is_told_in_order(quiet_stage: Stage) -> None:
    stage = quiet_stage
    with stage.client() as client, stage.client() as other:
        connected = {stage.event(object).client for _ in range(2)}
        for mask, x, y in (
            (0x08, 10, 20), (0, 10, 20), (0x48, 10, 20), (0, 10, 20), (0x80, 10, 20), (0, 10, 20),
            (0x05, 10, 20), (0, 10, 20), (0x09, 5, 5), (0, 5, 5), (1, 50, 50), (0, 0, 0),
        ):  # fmt: skip
            client.viewer.send_pointer(mask, x, y)
        for down in (True, True, True, False):
            client.viewer.send_key(down, 0x61)
        client.cut_text("hello\u00a3")
        told = [stage.event(object) for _ in range(23)]
        other.send_key(True, 0x62)
        theirs = stage.event(KeyEvent)
    assert [short(event) for event in told] == [
        ("move", 10, 20, 0), ("scroll", 0, 1), ("scroll", 0, 1), ("scroll", 1, 0),
        ("click", 7, True), ("click", 7, False),
        ("click", 0, True), ("click", 2, True), ("click", 0, False), ("click", 2, False),
        ("move", 5, 5, 1), ("click", 0, True), ("scroll", 0, 1), ("click", 0, False),
        ("move", 50, 50, 1), ("click", 0, True), ("move", 0, 0, 0), ("click", 0, False),
        ("key", 0x61, True), ("key", 0x61, True), ("key", 0x61, True), ("key", 0x61, False),
        ("clipboard", "hello\u00a3"),
    ]  # fmt: skip
    assert {event.client for event in told} | {theirs.client} == connected
    assert theirs.client != told[0].client
    assert all(abs(event.time - time.time()) < 1 * TIME_FACTOR for event in told)


def short(event: Event) -> tuple[object, ...]:
    fields = {"move": "x y buttons", "click": "button down", "scroll": "dx dy", "key": "key down"}
    return (event.name, *(getattr(event, field) for field in fields.get(event.name, "text").split()))


def test_unread_keys(quiet_stage: Stage) -> None:
    """The viewer is served on, its end is noticed, what is lost is counted, in memory that is bounded.

    500 wait in the queue, and two batches of it may be on their way.
    """
    publication = quiet_stage.publication
    before = publication.dropped_events
    with quiet_stage.client() as client:
        for number in range(1600):
            client.viewer.send_key(number % 2 == 0, 0x61 + number // 2)
        client.flush()
        quiet_stage.check(client)
        assert publication.viewers == 1
    eventually(lambda: publication.viewers == 0)
    keys = [event for event in quiet_stage.drain() if event.name == "key"]
    assert 500 <= len(keys) <= 1500
    assert publication.dropped_events - before == 1600 - len(keys)
    assert not held(keys)


def held(keys: list[KeyEvent]) -> set[int]:
    """Return what is down after these events."""
    down: set[int] = set()
    for event in keys:
        (down.add if event.down else down.discard)(event.key)
    return down


def test_what_is_held_is_let_go_when_the_viewer_goes(quiet_stage: Stage) -> None:
    with quiet_stage.client() as client:
        client.send_key(True, 0xFFE1)
        client.send_pointer(1, 30, 40)
        quiet_stage.event(MoveEvent)
    found = [event for event in quiet_stage.events_until(DisconnectEvent) if event.name != "disconnect"]
    assert [short(event) for event in found] == [
        ("click", 0, True),
        ("key", 0xFFE1, False),
        ("click", 0, False),
    ]


# -- clipboards


@pytest.fixture
def clean(quiet_stage: Stage) -> Iterator[Stage]:
    """The stage, with the clipboard empty before and after."""
    quiet_stage.publication.change_clipboard(Clipboard())
    yield quiet_stage
    quiet_stage.publication.change_clipboard(Clipboard())


def test_a_clipboard_is_there_for_who_comes(clean: Stage) -> None:
    """Legacy right behind ServerInit, extended after its capabilities."""
    clean.publication.change_clipboard("hello\u00a3")
    with clean.client([RAW, EXTENDED]) as client:
        client.wait_for(lambda viewer: viewer.clipboard_messages[1:] == [(NOTIFY | 1, b"")])
        assert client.viewer.clipboard_messages[0] == (0x1F000007, bytes(12))
    with clean.dial() as sock:
        sock.sendall(b"RFB 003.008\n\1\1")
        read_exactly(sock, 12)
        read_exactly(sock, read_exactly(sock, 1)[0] + 4 + 24 + len("stage"))
        assert read_exactly(sock, 14).hex() == "030000000000000668656c6c6fa3"
        sock.sendall(struct.pack(">BxHi", 2, 1, EXTENDED))
        assert read_exactly(sock, 24).hex() == "03000000fffffff01f000007" + "00000000" * 3


def test_what_is_asked_of_an_empty_clipboard(clean: Stage) -> None:
    with clean.client([RAW, EXTENDED]) as client:
        client.wait_for(lambda viewer: len(viewer.clipboard_messages) == 1)
        client.send_clipboard(PEEK)
        client.wait_for(lambda viewer: viewer.clipboard_messages[1:] == [(NOTIFY, b"")])
        client.send_clipboard(REQUEST | 7)
        clean.check(client)
        assert len(client.viewer.clipboard_messages) == 2


def provided(data: bytes, size: int | None = None) -> bytes:
    return zlib.compress(struct.pack(">I", len(data) if size is None else size) + data)


NEGATIVE = {
    "no zlib": b"plain",
    "above the limit": provided(bytes(100_001)),
    "a size above the limit": provided(b"x\0", 0xFFFFFFFF),
    "more behind the stream": provided(b"x\0") + b"y",
    "truncated": provided(b"x", 8),
    "no NUL": provided(b"x"),
    "a bomb": provided(bytes(30 << 20)),
}


def test_clipboards_that_are_none(clean: Stage) -> None:
    """No event, and the connection lives. What is too long ends it, before it comes."""
    with clean.client([RAW, EXTENDED]) as client:
        client.wait_for(lambda viewer: len(viewer.clipboard_messages) == 1)
        for body in NEGATIVE.values():
            client.send_clipboard(PROVIDE | 1, body)
        client.send_clipboard(PROVIDE | 1 | 8, zlib.compress(b"\0\0\0\5good\0" + b"\0\0\0\3dib"))
        assert clean.event(ClipboardEvent).text == "good"
        clean.check(client)
        with clean.client([RAW]) as other:
            other.socket.sendall(
                struct.pack(">BxxxiI", 6, -4 - len(provided(b"x\0")), PROVIDE | 1) + provided(b"x\0")
            )
            clean.check(other)
        client.socket.sendall(struct.pack(">Bxxxi", 6, -(3 * 100_000 + 65)))
        client.wait_closed()
    assert not [event for event in clean.drain() if isinstance(event, ClipboardEvent)]


def test_what_a_viewer_gave_does_not_come_back_to_it(clean: Stage) -> None:
    """No loop, no control characters, not the same twice."""
    with clean.client([RAW]) as one, clean.client([RAW]) as other:
        one.cut_text("line\r\nnext\x07")
        text = clean.event(ClipboardEvent).text
        assert text == "line\nnext"
        for _ in range(2):
            clean.publication.change_clipboard(text)
        other.wait_for(lambda viewer: viewer.cut_texts == [text])
        for client in (one, other):
            clean.check(client)
        assert (one.viewer.cut_texts, other.viewer.cut_texts) == ([], [text])
