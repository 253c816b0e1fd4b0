"""The viewer against a server by hand: what it accepts, and what it must not let pass."""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import events
from tests.support.decoders.base import Rect
from tests.support.errors import MisuseError, ProtocolViolation
from tests.support.formats import BGRX, RGB565
from tests.support.viewer import EXTENDED_CLIPBOARD, Viewer
from tests.support_tests.session import (
    BANNER,
    NO_SECURITY,
    fence,
    raw,
    ready_viewer,
    rectangle,
    server_init,
    update,
)

SCREEN = struct.pack(">IHHHHI", 7, 0, 0, 6, 3, 0)
EXTENDED_SIZE = rectangle(0, 0, 6, 3, -308, b"\x01\0\0\0" + SCREEN)
REQUEST = 1 << 31


def test_an_update_is_applied_and_answers_a_request() -> None:
    viewer = ready_viewer()
    (event,) = viewer.feed(update(raw(0, 0, 4, 2, 0x123456), raw(1, 1, 2, 1, 0xABCDEF)))
    assert isinstance(event, events.Update) and event.encodings == {0}
    assert event.rectangles[1] == ((1, 1, 2, 1), 0, 20)
    assert viewer.rgb().tolist() == [[0x123456] * 4, [0x123456, 0xABCDEF, 0xABCDEF, 0x123456]]
    with pytest.raises(ProtocolViolation, match="nobody asked"):
        viewer.feed(update(raw(0, 0, 1, 1, 0)))


def test_copyrects_see_the_rectangles_before_them() -> None:
    viewer = ready_viewer([1], requested=False)
    viewer.request()
    viewer.feed(update(raw(0, 0, 4, 1, 5), rectangle(0, 1, 4, 1, 1, bytes(4))))
    assert viewer.framebuffer.tolist() == [[5] * 4] * 2


def test_a_copyrect_is_no_answer_to_a_non_incremental_request() -> None:
    copy = update(rectangle(0, 1, 4, 1, 1, bytes(4)))
    viewer = ready_viewer([1], requested=False)
    viewer.request(False, (0, 0, 4, 1))
    viewer.feed(copy)
    viewer.request(False, (3, 1, 1, 1))
    with pytest.raises(ProtocolViolation, match="answers a non-incremental"):
        viewer.feed(copy)


@pytest.mark.parametrize(
    ("listed", "data", "why"),
    [
        ((), update(raw(3, 0, 2, 1, 0)), "in a framebuffer of 4x2"),
        ((), update(raw(0, 2, 1, 1, 0)), "in a framebuffer of 4x2"),
        ((), update(rectangle(0, 0, 0, 1, 0)), "in a framebuffer of 4x2"),
        ((), update(rectangle(0, 0, 1, 1, 2, bytes(8))), "was not listed"),
        ((), update(rectangle(0, 0, 0, 0, -224), count=5), "was not listed"),
        ((), update(rectangle(0, 0, 0, 0, -239)), "was not listed"),
        ((-305,), update(rectangle(0, 0, 0, 0, -305)), "knows nothing"),
        ((-308,), update(EXTENDED_SIZE, raw(0, 0, 1, 1, 0)), "one update"),
        ((-223,), update(rectangle(0, 0, 4, 2, -223)), "without a change"),
        ((-223, -308), update(rectangle(0, 0, 5, 2, -223)), "listed ExtendedDesktopSize"),
        ((-307,), update(rectangle(1, 0, 0, 0, -307, bytes(4))), "DesktopName with"),
        ((-307,), update(rectangle(0, 0, 0, 0, -307, b"\0\0\0\x01\xff")), "utf-8"),
        ((-239,), update(rectangle(2, 0, 2, 1, -239, bytes(9))), "hotspot"),
        ((), b"\x01\0\0\0\0\0", "message type 1"),
        ((), b"\x96", "answers nothing"),
        ((), fence(REQUEST), "listed none"),
        ((-312,), fence(1, b"?"), "never sent"),
        ((-312,), fence(REQUEST, bytes(65)), "65 bytes"),
        ((), b"\x63", "message type 99"),
    ],
)
def test_violations(listed: tuple[int, ...], data: bytes, why: str) -> None:
    viewer = ready_viewer(listed)
    with pytest.raises(ProtocolViolation, match=why):
        viewer.feed(data)


def test_an_update_without_request_is_a_violation_even_if_empty() -> None:
    for data in (update(), update(raw(0, 0, 1, 1, 0))):
        with pytest.raises(ProtocolViolation, match="nobody asked"):
            ready_viewer(requested=False).feed(data)


def test_last_rect_ends_an_update() -> None:
    viewer = ready_viewer([-224])
    viewer.feed(update(raw(0, 0, 1, 1, 9), rectangle(0, 0, 0, 0, -224), count=0xFFFF) + b"\x02")
    assert (viewer.updates, viewer.bells) == (1, 1)


def test_sizes() -> None:
    viewer = ready_viewer([-308])
    viewer.feed(update(raw(0, 0, 4, 2, 5)))
    with pytest.raises(MisuseError):
        ready_viewer().set_desktop_size(6, 3)
    viewer.feed(update(EXTENDED_SIZE))
    assert viewer.framebuffer.tolist() == [[5] * 4 + [0] * 2] * 2 + [[0] * 6]
    assert viewer.screens[0].id == 7
    viewer.set_desktop_size(9, 8)
    assert viewer.data_to_send() == struct.pack(">BxHHBxIHHHHI", 251, 9, 8, 1, 7, 0, 0, 9, 8, 0)
    viewer.feed(update(rectangle(1, 1, 0, 0, -308, bytes(4))))
    assert (viewer.width, viewer.resizes[-1].status) == (6, 1)
    plain = ready_viewer([-223])
    plain.feed(update(rectangle(0, 0, 2, 1, -223)))
    assert plain.framebuffer.shape == (1, 2)


def test_cursor_name_bell_and_cut_text() -> None:
    viewer = ready_viewer([-239, -307])
    cursor = rectangle(1, 0, 2, 1, -239, bytes.fromhex("0102030004050600c0"))
    viewer.feed(update(cursor, rectangle(0, 0, 0, 0, -307, b"\0\0\0\x02\xc3\xa4")))
    assert viewer.cursor == (1, 0, 2, 1, bytes.fromhex("0102030004050600"), b"\xc0")
    assert viewer.name == "ä"
    viewer.feed(bytes.fromhex("03 000000 00000006 68656c6c6fa3 02"))
    assert (viewer.cut_texts, viewer.bells) == (["hello£"], 1)


def test_cursors_of_other_kinds_and_places() -> None:
    viewer = ready_viewer([-240, -314, -232])
    two = rectangle(1, 0, 2, 1, -240, bytes.fromhex("010203 040506 80 c0"))
    alpha = rectangle(1, 0, 2, 1, -314, bytes.fromhex("00000000 01020380 00000000"))
    viewer.feed(update(two, alpha, rectangle(3, 1, 0, 0, -232)))
    assert viewer.x_cursor == (1, 0, 2, 1, (1, 2, 3), (4, 5, 6), b"\x80", b"\xc0")
    assert viewer.alpha_cursor == (1, 0, 2, 1, bytes.fromhex("0102038000000000"))
    assert viewer.pointer == (3, 1)
    viewer.request(True)
    viewer.feed(update(rectangle(0, 0, 0, 0, -240), rectangle(0, 0, 0, 0, -314, bytes(4))))
    assert viewer.x_cursor[2:] == (0, 0, (), (), b"", b"") and viewer.alpha_cursor[2:] == (0, 0, b"")


@pytest.mark.parametrize(
    "wrong",
    [
        rectangle(0, 0, 1, 1, -314, bytes.fromhex("00000000 ff000080")),  # not premultiplied
        rectangle(0, 0, 1, 1, -314, bytes.fromhex("00000007")),
        rectangle(1, 0, 1, 1, -240, bytes(8)),  # a hot spot outside
        rectangle(4, 0, 0, 0, -232),
        rectangle(0, 0, 1, 1, -232),
    ],
)
def test_wrong_cursors_and_places(wrong: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        ready_viewer([-240, -314, -232]).feed(update(wrong))


def test_the_extended_clipboard() -> None:
    viewer = ready_viewer([EXTENDED_CLIPBOARD])
    with pytest.raises(MisuseError):
        viewer.send_clipboard(1 << 26)
    viewer.feed(bytes.fromhex("03 000000 fffffff0 1f000007 00000000 00000000 00000000"))
    assert viewer.clipboard_messages == [(0x1F000007, bytes(12))]
    viewer.send_clipboard(0x10000001, b"xy")
    assert viewer.data_to_send() == bytes.fromhex("06 000000 fffffffa 10000001") + b"xy"
    for listed, message in (([], "fffffffc 04000000"), ([EXTENDED_CLIPBOARD], "fffffffd 040000")):
        with pytest.raises(ProtocolViolation):
            ready_viewer(listed).feed(bytes.fromhex("03 000000" + message))


def test_who_lists_1011_asks_once() -> None:
    viewer = ready_viewer([1011])
    viewer.request(False)
    viewer.feed(update(raw(0, 0, 4, 2, 5)) * 3)
    assert viewer.updates == 3
    with pytest.raises(ProtocolViolation, match="nobody asked"):
        ready_viewer([1011], requested=False).feed(update(raw(0, 0, 4, 2, 5)))


def test_fences_are_answered_and_their_answers_known() -> None:
    viewer = ready_viewer([-312])
    with pytest.raises(MisuseError):
        viewer.send_fence()
    viewer.feed(fence(REQUEST | 0x17, b"abc"))
    assert viewer.data_to_send() == fence(7, b"abc")
    viewer.answers_fences = False
    viewer.feed(fence(REQUEST | 1, b"x"))
    assert viewer.data_to_send() == b""
    viewer.release_fences()
    assert viewer.data_to_send() == fence(1, b"x")
    payload = viewer.send_fence(flags=3)
    assert viewer.data_to_send() == fence(REQUEST | 3, payload)
    viewer.feed(fence(3, payload))
    assert viewer.fence_responses == [(3, payload)]
    payload = viewer.send_fence(flags=1)
    with pytest.raises(ProtocolViolation, match="flags 0x9"):
        viewer.feed(fence(9, payload))


def test_continuous_updates() -> None:
    viewer = ready_viewer([-313], requested=False)
    with pytest.raises(MisuseError):
        viewer.enable_continuous_updates(True)
    viewer.feed(b"\x96")
    viewer.enable_continuous_updates(True)
    viewer.feed(update(raw(0, 0, 1, 1, 1)) * 3)
    viewer.enable_continuous_updates(False)
    viewer.feed(update(raw(0, 0, 1, 1, 1)) + b"\x96")
    assert viewer.updates == 4
    with pytest.raises(ProtocolViolation, match="nobody asked"):
        viewer.feed(update(raw(0, 0, 1, 1, 1)))


def test_a_new_format_holds_at_once_or_from_the_fence_on() -> None:
    idle = ready_viewer(requested=False)
    idle.set_pixel_format(RGB565)
    assert idle.format == RGB565
    with pytest.raises(MisuseError):
        ready_viewer().set_pixel_format(RGB565)
    viewer = ready_viewer([-312])
    viewer.feed(fence(REQUEST, b""))
    viewer.data_to_send()
    viewer.set_pixel_format(RGB565)
    sent = viewer.data_to_send()
    viewer.feed(update(raw(0, 0, 1, 1, 0xFF0000)))
    assert sent == fence(REQUEST | 5, sent[9:13]) + b"\0\0\0\0" + RGB565.to_bytes()
    assert viewer.format == BGRX
    viewer.feed(fence(5, sent[9:13]))
    assert viewer.format == RGB565 and viewer.framebuffer[0, 0] == 0xF800


def test_a_new_list_replaces_the_old_one_when_nothing_is_on_its_way() -> None:
    viewer = ready_viewer([1], requested=False)
    viewer.request()
    viewer.set_encodings([2])
    copy = update(rectangle(0, 0, 1, 1, 1, bytes(4)))
    viewer.feed(copy)
    viewer.request()
    with pytest.raises(ProtocolViolation, match="not listed"):
        viewer.feed(copy)


def test_what_the_client_sends() -> None:
    viewer = ready_viewer(requested=False)
    viewer.request(True, (1, 2, 3, 4))
    viewer.send_key(True, 0xFF0D)
    viewer.send_pointer(5, 10, 20)
    viewer.cut_text("hello£")
    viewer.set_encodings([7, -239])
    sent = viewer.data_to_send().hex()
    assert sent == (
        "03010001000200030004" "04010000" "0000ff0d" "0505000a0014" "06000000" "00000006" "68656c6c6fa3"
        "02000002" "00000007" "ffffff11"
    )  # fmt: skip


SESSION = (
    BANNER + NO_SECURITY + server_init() + update(raw(0, 0, 4, 2, 0x123456), raw(0, 0, 1, 1, 1)) + b"\x02"
    + bytes.fromhex("03 000000 00000002 6869")
)  # fmt: skip


@given(st.lists(st.integers(0, len(SESSION)), max_size=6))
def test_bytes_may_arrive_in_any_pieces(cuts: list[int]) -> None:
    viewer = Viewer()
    viewer.ledger.request(False, Rect(0, 0, 4, 2))
    edges = [0, *sorted(cuts), len(SESSION)]
    for begin, end in pairwise(edges):
        viewer.feed(SESSION[begin:end])
    assert (viewer.updates, viewer.bells, viewer.cut_texts) == (1, 1, ["hi"])
    assert np.count_nonzero(viewer.rgb() == 0x123456) == 7
