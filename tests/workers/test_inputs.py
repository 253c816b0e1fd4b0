"""One client's way to the bus, with a bus that takes what the test lets it take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from mpvnc.errors import MpvncError
from mpvnc.rfb import events
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import (
    QUEUE_EVENTS,
    ClientGone,
    ClientJoined,
    ClipboardInput,
    InputEvent,
    KeyInput,
    PointerInput,
    ResizeInput,
    surface_of,
    unpack,
)
from mpvnc.workers.inputs import Inputs


class Bus:
    """Keeps what it takes, and the numbers of the surfaces that it goes to."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.takes = True
        self.taken: list[InputEvent] = []
        self.surfaces: list[int] = []

    def emit(self, message: bytes) -> bool:
        if self.takes:
            self.emit_surely(message)
        return self.takes

    def emit_surely(self, message: bytes) -> None:
        self.taken.append(unpack(message))
        self.surfaces.append(surface_of(message))


@pytest.fixture
def bus() -> Iterator[Bus]:
    bus = Bus()
    yield bus
    bus.loop.close()


@pytest.fixture
def inputs(bus: Bus) -> Inputs:
    def guarded(callback: Callable[[], None]) -> None:
        callback()

    return Inputs(7, bus, guarded)


def test_everything_said_arrives_as_what_it_is(bus: Bus, inputs: Inputs) -> None:
    inputs.joined(True, "192.0.2.1", 3)
    inputs.take(events.KeyEvent(True, 0x61))
    inputs.take(events.PointerEvent(1, 2, 3))
    inputs.route(5)
    inputs.take(events.SetDesktopSize(640, 480, ()))
    inputs.take(Clipboard("copied"))
    inputs.gone()
    joined, key, pointer, resize, clipboard, gone = bus.taken
    assert isinstance(joined, ClientJoined) and (joined.view_only, joined.slot) == (True, 3)
    assert isinstance(key, KeyInput) and (key.down, key.keysym) == (True, 0x61)
    assert isinstance(pointer, PointerInput) and (pointer.button_mask, pointer.x, pointer.y) == (1, 2, 3)
    assert isinstance(resize, ResizeInput) and (resize.width, resize.height) == (640, 480)
    assert isinstance(clipboard, ClipboardInput) and clipboard.clipboard.text == "copied"
    assert isinstance(gone, ClientGone)
    assert {event.client for event in bus.taken} == {7}
    assert bus.surfaces == [0, 0, 0, 5, 5, 5]


def test_what_the_bus_does_not_take_waits_until_it_does(bus: Bus, inputs: Inputs) -> None:
    bus.takes = False
    for key in (1, 2):
        inputs.take(events.KeyEvent(True, key))
    assert len(inputs) == 2 and not bus.taken
    bus.takes = True
    inputs.take(events.KeyEvent(True, 3))
    assert not bus.taken, "the order is kept: the timer has them all sent"
    bus.loop.run_until_complete(asyncio.sleep(0.03))
    assert [event.keysym for event in bus.taken if isinstance(event, KeyInput)] == [1, 2, 3]


def test_nothing_is_tried_after_the_end(bus: Bus, inputs: Inputs) -> None:
    bus.takes = False
    inputs.take(events.KeyEvent(True, 1))
    inputs.close()
    bus.takes = True
    bus.loop.run_until_complete(asyncio.sleep(0.03))
    assert not bus.taken


def test_too_much_is_an_error(bus: Bus, inputs: Inputs) -> None:
    bus.takes = False
    for key in range(QUEUE_EVENTS):
        inputs.take(events.KeyEvent(True, key))
    with pytest.raises(MpvncError, match="the queue is full"):
        inputs.take(events.KeyEvent(True, 0))
    inputs.close()
