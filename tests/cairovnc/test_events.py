from __future__ import annotations

import time

import pytest

from mpvnc import cairovnc
from mpvnc.cairovnc.events import event_of
from mpvnc.session.animator_events import (
    ClickEvent,
    ClipboardEvent,
    ConnectEvent,
    DisconnectEvent,
    KeyEvent,
    MoveEvent,
    ResizeEvent,
    ScrollEvent,
)


@pytest.mark.parametrize(
    ("event", "name", "attributes"),
    [
        (KeyEvent(7, 1.5, 0x61, True), "key", {"key": 0x61, "down": True}),
        (MoveEvent(7, 1.5, 3, 4, 5), "move", {"x": 3, "y": 4, "buttons": 5}),
        (ClickEvent(7, 1.5, 3, 4, 2, False), "click", {"x": 3, "y": 4, "button": 2, "down": False}),
        (ScrollEvent(7, 1.5, 3, 4, 0, -1), "scroll", {"x": 3, "y": 4, "dx": 0, "dy": -1}),
        (ClipboardEvent(7, 1.5, "hi"), "clipboard", {"text": "hi"}),
    ],
)
def test_each_event_has_its_name_and_what_belongs_to_it(event, name, attributes):
    known = event_of(event)
    assert isinstance(known, cairovnc.VNCEvent)
    assert known.name == name
    assert {key: getattr(known, key) for key in attributes} == attributes
    assert (known.timestamp, known.client) == (1.5, 7)


@pytest.mark.parametrize(
    "event", [ConnectEvent(1, 0.0, False, "local"), DisconnectEvent(1, 0.0), ResizeEvent(1, 0.0, 8, 8)]
)
def test_what_cairovnc_does_not_know_is_no_event_there(event):
    assert event_of(event) is None


def test_a_clipboard_comes_in_all_its_formats():
    known = event_of(ClipboardEvent(1, 0.0, None, b"{\\rtf1}", "<b>ü</b>"))
    assert known.text is None
    assert known.clipboard.formats == {2: b"{\\rtf1}", 4: "<b>ü</b>".encode()}


def test_events_can_be_made_as_programs_do_for_themselves():
    event = cairovnc.VNCEventClick(1, 2, 0, 1)
    assert event.down is True
    assert event.client is None
    assert abs(event.timestamp - time.time()) < 10
    assert repr(event) == "<VNCEventClick(client=None, x=1, y=2, button=0, down=True)>"


# X11/keysymdef.h, by hand.
KEYS = {
    "Backspace": 0xFF08, "Tab": 0xFF09, "Return": 0xFF0D, "Escape": 0xFF1B, "Insert": 0xFF63, "Delete": 0xFFFF,
    "Home": 0xFF50, "End": 0xFF57, "PageUp": 0xFF55, "PageDown": 0xFF56,
    "CursorLeft": 0xFF51, "CursorUp": 0xFF52, "CursorRight": 0xFF53, "CursorDown": 0xFF54,
    "Print": 0xFF61, "ScrollLock": 0xFF14, "Break": 0xFF6B, "AltGr": 0xFF7E,
    "ShiftLeft": 0xFFE1, "ShiftRight": 0xFFE2, "ControlLeft": 0xFFE3, "ControlRight": 0xFFE4,
    "MetaLeft": 0xFFE7, "MetaRight": 0xFFE8, "AltLeft": 0xFFE9, "AltRight": 0xFFEA,
    "MetaRight_2": 0xFFEB, "AltLeft_2": 0xFE03, "Numpad_Enter": 0xFF8D, "Numpad_Delete": 0xFF9F,
    **{f"Numpad_{digit}": 0xFFB0 + digit for digit in range(10)},
    **{f"F{number}": 0xFFBD + number for number in range(1, 13)},
}  # fmt: skip


def test_keys_have_the_numbers_of_their_names():
    known = {name[4:]: value for name, value in vars(cairovnc.VNCEventKey).items() if name.startswith("Key_")}
    assert known == KEYS and len(KEYS) == 52
