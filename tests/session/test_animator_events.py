"""Vectors 5.4 of the acceptance table: what an animator is told of pointer and key messages."""

from __future__ import annotations

import pytest

from mpvnc.errors import ControlError
from mpvnc.session.animator_events import (
    ClickEvent,
    ClipboardEvent,
    ConnectEvent,
    DisconnectEvent,
    Event,
    KeyEvent,
    MoveEvent,
    ResizeEvent,
    ScrollEvent,
    Translator,
    pack_events,
    unpack_events,
)
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import ClientGone, ClientJoined, ClipboardInput, KeyInput, PointerInput, ResizeInput


def told(*masks: int, x: int = 10, y: int = 20) -> list[Event]:
    translator = Translator()
    return [e for mask in masks for e in translator.translate(PointerInput(1, 5.0, mask, x, y))]


def scrolls(events: list[Event]) -> list[tuple[int, int]]:
    return [(event.dx, event.dy) for event in events if isinstance(event, ScrollEvent)]


def clicks(events: list[Event]) -> list[tuple[int, bool]]:
    return [(event.button, event.down) for event in events if isinstance(event, ClickEvent)]


def test_a_wheel_step_and_nothing_for_its_release() -> None:
    assert told(0x08, 0) == [MoveEvent(1, 5.0, 10, 20, 0), ScrollEvent(1, 5.0, 10, 20, 0, 1)]


def test_scrolls_in_the_order_up_down_left_right_on_press_edges() -> None:
    assert scrolls(told(0x48, 0, 0x10, 0, 0x08)) == [(0, 1), (1, 0), (0, -1), (0, 1)]
    assert scrolls(told(0x78, 0x78)) == [(0, 1), (0, -1), (-1, 0), (1, 0)]


def test_bit_seven_is_the_eighth_button() -> None:
    assert clicks(told(0x80, 0)) == [(7, True), (7, False)]


def test_the_wheel_never_clicks() -> None:
    assert clicks(told(0x08, 0, 0x40, 0, 0x01, 0)) == [(0, True), (0, False)]


def test_clicks_ascend() -> None:
    assert clicks(told(0x05)) == [(0, True), (2, True)]


def test_move_comes_before_click_before_scroll() -> None:
    assert told(0x09, x=5, y=5) == [
        MoveEvent(1, 5.0, 5, 5, 1),
        ClickEvent(1, 5.0, 5, 5, 0, True),
        ScrollEvent(1, 5.0, 5, 5, 0, 1),
    ]


def test_no_move_without_motion_and_a_drag_between_click_and_release() -> None:
    translator = Translator()
    events = [
        event.name
        for mask, x in ((0, 10), (1, 10), (0, 11))
        for event in translator.translate(PointerInput(1, 0.0, mask, x, 20))
    ]
    assert events == ["move", "click", "move", "click"]


def test_clients_have_pointers_of_their_own() -> None:
    translator = Translator()
    translator.translate(PointerInput(1, 0.0, 1, 5, 5))
    assert translator.translate(PointerInput(2, 0.0, 0, 5, 5)) == [MoveEvent(2, 0.0, 5, 5, 0)]
    assert translator.translate(PointerInput(1, 0.0, 1, 5, 5)) == []


def test_auto_repeat_is_downs_and_a_release_of_nothing_is_nothing() -> None:
    translator = Translator()
    keys = [KeyInput(1, 0.0, down, 97) for down in (True, True, False, False)]
    assert [event.down for key in keys for event in translator.translate(key)] == [True, True, False]


def test_who_leaves_lets_go_first() -> None:
    translator = Translator()
    translator.translate(ClientJoined(1, 0.0, False, "a", 3))
    translator.translate(KeyInput(1, 0.0, True, 97))
    translator.translate(PointerInput(1, 0.0, 0x89, 7, 8))
    assert translator.clients_of(3) == [1]
    assert translator.translate(ClientGone(1, 9.0)) == [
        KeyEvent(1, 9.0, 97, False),
        ClickEvent(1, 9.0, 7, 8, 0, False),
        ClickEvent(1, 9.0, 7, 8, 7, False),
        DisconnectEvent(1, 9.0),
    ]
    assert translator.translate(ClientGone(1, 9.0)) == []


def test_an_empty_text_is_an_event() -> None:
    assert Translator().translate(ClipboardInput(1, 2.0, Clipboard(""))) == [ClipboardEvent(1, 2.0, "")]


def test_a_clipboard_has_its_formats() -> None:
    event = ClipboardInput(1, 2.0, Clipboard(None, b"{\\rtf1}", "<b>x</b>"))
    assert Translator().translate(event) == [ClipboardEvent(1, 2.0, None, b"{\\rtf1}", "<b>x</b>")]


def test_another_size_is_asked_for() -> None:
    event = ResizeEvent(3, 2.0, 800, 600)
    assert Translator().translate(ResizeInput(3, 2.0, 800, 600)) == [event]
    assert unpack_events(pack_events([event], 0)) == ([event], 0)


def test_batches_survive_the_feed() -> None:
    events: list[Event] = [
        KeyEvent(1, 1.5, 0x010020AC, True),
        *told(0x8F),
        ClipboardEvent(2**64 - 1, 2.25, "hello\u00a3😀"),
        ClipboardEvent(1, 0.0, None, bytes(range(256)), "<i>\u20ac</i>"),
        ConnectEvent(1, 0.0, True, "127.0.0.1:1"),
        DisconnectEvent(1, 0.0),
    ]
    assert unpack_events(pack_events(events, 7)) == (events, 7)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'[0,["key"]]', b'[0,["nothing",1]]', b"[0,3]", b'[0,["clipboard",1,2,"",3,""]]'],
)
def test_other_bytes_are_control_errors(data: bytes) -> None:
    with pytest.raises(ControlError):
        unpack_events(data)


def test_all_may_be_made_to_let_go_and_stay() -> None:
    translator = Translator()
    translator.translate(KeyInput(1, 0.0, True, 97))
    translator.translate(PointerInput(2, 0.0, 5, 3, 4))
    assert translator.release_all(9.0) == [
        KeyEvent(1, 9.0, 97, False),
        ClickEvent(2, 9.0, 3, 4, 0, False),
        ClickEvent(2, 9.0, 3, 4, 2, False),
    ]
    assert translator.release_all(9.0) == [] and translator.translate(KeyInput(1, 10.0, False, 97)) == []
