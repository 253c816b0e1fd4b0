from __future__ import annotations

import time

import pytest

from mpvnc import cairovnc, keysyms
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


def test_keys_have_the_numbers_of_their_names():
    constants = {name: value for name, value in vars(cairovnc.VNCEventKey).items() if name.startswith("Key_")}
    assert len(constants) == 52
    assert constants["Key_Return"] == 0xFF0D
    assert constants["Key_Print"] == keysyms.XK_Print == 0xFF61
    assert constants["Key_Numpad_Delete"] == keysyms.XK_KP_Delete
    digits = [constants[f"Key_Numpad_{digit}"] for digit in range(10)]
    assert digits == list(range(0xFFB0, 0xFFBA))
    assert [constants[f"Key_F{number}"] for number in range(1, 13)] == list(range(0xFFBE, 0xFFCA))
