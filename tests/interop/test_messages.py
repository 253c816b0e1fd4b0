"""Client messages over the socket; limits and input included."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest

from mpvnc.publisher.events import ClickEvent, ClipboardEvent, KeyEvent, MoveEvent, ScrollEvent
from tests.interop.stage import Stage
from tests.support import golden
from tests.support.client import Client
from tests.support.events import Update
from tests.support.waits import TIME_FACTOR, eventually

pytestmark = [pytest.mark.interop, pytest.mark.timeout(60)]
RAW, ZLIB, TIGHT, ZRLE, CONTINUOUS, DESKTOP_SIZE = 0, 6, 7, 16, -313, -223


def encoding_list(*encodings: int) -> bytes:
    return struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings)


def updates(events: list[object]) -> list[Update]:
    return [event for event in events if isinstance(event, Update)]


def assert_usable(client: Client, stage: Stage) -> None:
    client.viewer.ledger.forget_requests()
    stage.check(client)


# -- SetEncodings


def test_the_order_of_encodings_is_the_clients(stage: Stage) -> None:
    for listed, expected in (
        ([7, 6, 7, 0, -223], 7), ([6, 7], 6), ([123456, -99999, 16, 7], 16), ([5, 7], 5), ([0, 7], 0), ([2], 2)
    ):  # fmt: skip
        stage.show(golden.text())
        with stage.client(listed) as client:
            client.request(incremental=False)
            assert client.wait_update().rectangles[0].encoding == expected, listed


def test_a_new_list_replaces_the_old_and_an_empty_one_leaves_raw(stage: Stage) -> None:
    with stage.client([ZLIB]) as client:
        for listed, expected in (([ZLIB], ZLIB), ([RAW], RAW), ([ZRLE], ZRLE), ([], RAW)):
            client.set_encodings(listed)
            client.request(incremental=False)
            assert client.wait_update().encodings == {expected}
        assert_usable(client, stage)


def test_the_limit_of_encodings(stage: Stage) -> None:
    with stage.client(range(1000, 2024)) as client:
        assert np.array_equal(client.refresh(), stage.picture)
        client.set_encodings(range(1000, 2025))
        client.wait_closed()
    eventually(lambda: "1025" in stage.server.log_tail(5))


# -- requests


def test_a_full_request_is_answered_in_full_behind_a_partial_one(stage: Stage) -> None:
    with stage.client([ZRLE]) as client:
        client.viewer.request(incremental=False)
        client.viewer.request(True, (10, 10, 5, 5))
        client.flush()
        client.wait_for(lambda viewer: np.array_equal(viewer.rgb(), stage.picture))
        assert_usable(client, stage)


def test_an_incremental_request_waits_for_a_change(stage: Stage) -> None:
    with stage.client([ZRLE]) as client:
        client.refresh()
        client.request()
        received = client.bytes_received
        assert client.listen(1.5) == []
        assert client.bytes_received == received
        picture = stage.picture.copy()
        picture[50, 60] ^= 0xFFFFFF
        stage.show(picture)
        began = time.monotonic()
        client.wait_update()
        assert time.monotonic() - began < 0.5 * TIME_FACTOR
        assert np.array_equal(client.viewer.rgb(), stage.picture)


def test_a_part_is_requested_and_the_rest_is_kept(stage: Stage) -> None:
    with stage.client([ZRLE]) as client:
        client.refresh()
        client.request(False, (5, 3, 4, 2))
        assert [tuple(rect) for rect in client.wait_update().pixel_rects] == [(5, 3, 4, 2)]
        picture = stage.picture.copy()
        picture[100:110, 200:210] = 0xFF0000
        picture[4, 6] = 0x00FF00
        client.request(True, (5, 3, 4, 2))
        stage.show(picture)
        for rect in client.wait_update().pixel_rects:
            assert rect.x >= 5 and rect.y >= 3 and rect.x + rect.width <= 9 and rect.y + rect.height <= 5
        assert client.viewer.rgb()[4, 6] == 0x00FF00
        assert client.viewer.rgb()[105, 205] != 0xFF0000
        client.request(True)
        client.wait_update()
        assert np.array_equal(client.viewer.rgb(), stage.picture)


def test_requests_beyond_the_framebuffer(stage: Stage) -> None:
    stage.show(golden.golden(300, 200))
    with stage.client([RAW]) as client:
        client.request(False, (100, 100, 500, 500))
        update = client.wait_update()
        assert sum(rect.area for rect in update.pixel_rects) == 200 * 100
        assert all(rect.x >= 100 and rect.y >= 100 for rect in update.pixel_rects)
        for empty in ((0, 0, 0, 10), (10, 10, 5, 0), (300, 0, 10, 10), (0, 200, 1, 1), (65535,) * 4):
            client.request(False, empty)
            client.wait_update()
            assert client.events[-1] == Update(()), empty
        assert_usable(client, stage)


def test_queued_requests_are_answered_together(stage: Stage) -> None:
    with stage.client([ZRLE]) as client:
        client.refresh()
        picture = stage.picture.copy()
        picture[20:180, 30:290] ^= 0x808080
        for number in range(200):
            client.viewer.request(number != 100, None if number != 100 else (50, 50, 100, 100))
        seen = client.viewer.updates
        client.flush()
        stage.show(picture)
        while not np.array_equal(client.viewer.rgb(), picture):
            client.wait_update()
            client.request()
        client.listen(0.2)
        assert client.viewer.updates - seen < 10
        covered = np.zeros(picture.shape, bool)
        for update in updates(client.events):
            for x, y, width, height in update.pixel_rects:
                covered[y : y + height, x : x + width] = True
        assert covered[50:150, 50:150].all()
        assert_usable(client, stage)


def test_a_queued_full_request_is_never_lost(stage: Stage) -> None:
    """Between 100 incremental requests before it and 100 behind it, on a picture that stands still."""
    with stage.client([RAW]) as client:
        client.refresh()
        received = client.bytes_received
        for number in range(201):
            client.viewer.request(incremental=number != 100)
        client.flush()
        client.wait_for(lambda _: client.bytes_received - received >= stage.picture.size * 4)
        client.listen(0.2)
        assert client.bytes_received - received < 2 * stage.picture.size * 4


# -- input


def test_keys_in_order(quiet_stage: Stage) -> None:
    with quiet_stage.client() as client:
        for down in (True, False):
            client.send_key(down, 0x61)
        events = [quiet_stage.event(KeyEvent) for _ in range(2)]
        assert [(event.key, event.down) for event in events] == [(0x61, True), (0x61, False)]
        assert abs(events[0].time - time.time()) < 5 * TIME_FACTOR


def test_pointer_moves_and_clicks(quiet_stage: Stage) -> None:
    with quiet_stage.client() as client:
        for mask, x in ((0, 10), (1, 10), (0, 11)):
            client.send_pointer(mask, x, 20)
        found = quiet_stage.events_until(ClickEvent)
        found += quiet_stage.events_until(ClickEvent)
    kinds = [(event.name, event.x, event.y) for event in found if event.name != "connect"]
    assert kinds == [("move", 10, 20), ("click", 10, 20), ("move", 11, 20), ("click", 11, 20)]
    assert [event.down for event in found if event.name == "click"] == [True, False]


def test_five_hundred_motions_and_a_click(quiet_stage: Stage) -> None:
    with quiet_stage.client() as client:
        for number in range(500):
            client.viewer.send_pointer(0, number % 320, number % 200)
        for mask, x in ((1, 301), (1, 310), (0, 311)):
            client.viewer.send_pointer(mask, x, 150)
        client.flush()
        found = quiet_stage.events_until(ClickEvent) + quiet_stage.events_until(ClickEvent)
        clicks = [(event.x, event.y, event.button, event.down) for event in found if event.name == "click"]
        assert clicks == [(301, 150, 0, True), (311, 150, 0, False)]
        assert len(found) <= 510
        client.send_pointer(0, 7, 8)
        assert (quiet_stage.event(MoveEvent).x, 8) == (7, 8)


def test_the_wheel_in_four_directions(quiet_stage: Stage) -> None:
    with quiet_stage.client() as client:
        for mask in (0x08, 0, 0x48, 0, 0x10, 0, 0x20, 0):
            client.send_pointer(mask, 10, 20)
        scrolls = [quiet_stage.event(ScrollEvent) for _ in range(5)]
    assert [(one.dx, one.dy) for one in scrolls] == [(0, 1), (0, 1), (1, 0), (0, -1), (-1, 0)]


def test_the_clipboard(quiet_stage: Stage) -> None:
    with quiet_stage.client() as client:
        client.cut_text("hello\u00a3")
        client.cut_text("")
        client.cut_text("x" * 100_000)
        assert [quiet_stage.event(ClipboardEvent).text for _ in range(3)] == [
            "hello\u00a3",
            "",
            "x" * 100_000,
        ]
        assert_usable(client, quiet_stage)


def test_a_clipboard_beyond_the_limit_is_refused_before_it_comes(stage: Stage) -> None:
    with stage.client() as client:
        client.socket.sendall(struct.pack(">BxxxI", 6, 100_001))
        client.wait_closed()
    eventually(lambda: "100001" in stage.server.log_tail(5))


def test_an_unknown_message_ends_the_connection(stage: Stage) -> None:
    for kind in (0x2A, 1, 255, 249):
        with stage.client() as client:
            client.socket.sendall(bytes([kind]) + bytes(64))
            client.wait_closed()
        eventually(lambda kind=kind: f"message type {kind}" in stage.server.log_tail(5))


@pytest.mark.parametrize(
    "fields", ["18200001", "10100000", "0f0f0001", "08180001"], ids=["24", "colour-map", "15", "depth"]
)
def test_a_pixel_format_that_cannot_be(stage: Stage, fields: str) -> None:
    with stage.client() as client:
        client.socket.sendall(b"\0\0\0\0" + bytes.fromhex(fields + "00ff00ff00ff" + "100800" + "000000"))
        client.wait_closed()


def test_input_is_not_held_up_by_a_4k_frame(quiet_stage: Stage) -> None:
    """20 ms on an idle machine; the tests' own bound is loose, for it runs beside others."""
    quiet_stage.show(golden.noise(3840, 2160))
    latencies = []
    with quiet_stage.client([TIGHT]) as client:
        client.send_pointer(0, 100, 100)
        quiet_stage.event(MoveEvent)
        client.request(incremental=False)
        for number in range(10):
            began = time.monotonic()
            client.send_pointer(0, number, number)
            quiet_stage.event(MoveEvent)
            latencies.append(time.monotonic() - began)
        client.wait_for(lambda viewer: viewer.updates, 20)
    assert sorted(latencies)[5] < 0.1 * TIME_FACTOR, latencies
