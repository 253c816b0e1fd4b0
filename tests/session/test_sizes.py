"""A framebuffer's size in the words that a client knows."""

from __future__ import annotations

from mpvnc.constants import Encoding, ResizeStatus
from mpvnc.geometry import Rect
from mpvnc.session.sizes import Sizes

AREA = Rect(0, 0, 200, 120)
SIMPLE = bytes.fromhex("00 00 0001 0000 0000 00c8 0078 ffffff21")
SCREEN = bytes.fromhex("01 000000 00000000 0000 0000 00c8 0078 00000000")


def extended(reason: int, status: int) -> bytes:
    head = bytes.fromhex("00 00 0001") + reason.to_bytes(2) + status.to_bytes(2)
    return head + bytes.fromhex("00c8 0078 fffffecc") + SCREEN


def sizes(*listed: int) -> Sizes:
    one = Sizes()
    one.list_encodings(frozenset(listed))
    return one


def test_who_knows_no_size_cannot_be_told() -> None:
    one = sizes()
    assert not one.can_tell and not one.wants_layout
    assert one.layout(AREA) == one.answer(ResizeStatus.PROHIBITED, AREA) == b""


def test_desktop_size() -> None:
    one = sizes(Encoding.DESKTOP_SIZE)
    one.is_due = True
    assert one.can_tell and one.change(AREA) == SIMPLE and not one.is_due
    assert one.layout(AREA) == one.answer(ResizeStatus.PROHIBITED, AREA) == b""


def test_the_extended_one_is_preferred() -> None:
    one = sizes(Encoding.DESKTOP_SIZE, Encoding.EXTENDED_DESKTOP_SIZE)
    assert one.can_tell and one.change(AREA) == extended(0, 0)
    assert one.answer(ResizeStatus.PROHIBITED, AREA) == extended(1, 1)


def test_a_layout_is_told_once_and_not_while_another_size_is_due() -> None:
    one = sizes(Encoding.EXTENDED_DESKTOP_SIZE)
    one.is_due = True
    assert one.wants_layout and one.layout(AREA) == b"" and one.wants_layout
    one.is_due = False
    assert one.layout(AREA) == extended(0, 0) and not one.wants_layout
    one.list_encodings(frozenset({Encoding.EXTENDED_DESKTOP_SIZE}))
    assert not one.wants_layout
    one.list_encodings(frozenset())
    one.list_encodings(frozenset({Encoding.EXTENDED_DESKTOP_SIZE}))
    assert one.wants_layout
