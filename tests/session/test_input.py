from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.errors import ControlError
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import (
    ClientGone,
    ClientJoined,
    ClipboardInput,
    InputEvent,
    InputQueue,
    KeyInput,
    PointerInput,
    ResizeInput,
    pack,
    surface_of,
    unpack,
)

CLIENT = st.integers(0, 2**64 - 1)
TIME = st.floats(allow_nan=False)
U16 = st.integers(0, 2**16 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
EVENT = st.one_of(
    st.builds(KeyInput, CLIENT, TIME, st.booleans(), st.integers(0, 2**32 - 1)),
    st.builds(PointerInput, CLIENT, TIME, U16, U16, U16),
    st.builds(
        ClipboardInput, CLIENT, TIME, st.builds(Clipboard, TEXT, st.none() | st.binary(), st.none() | TEXT)
    ),
    st.builds(ClientJoined, CLIENT, TIME, st.booleans(), TEXT, U16),
    st.builds(ClientGone, CLIENT, TIME),
    st.builds(ResizeInput, CLIENT, TIME, U16, U16),
)


def drained(queue: InputQueue) -> list[InputEvent]:
    sent: list[bytes] = []
    assert queue.drain(lambda message: sent.append(message) or True)
    return [unpack(message) for message in sent]


def pointer(mask: int, x: int, y: int = 0) -> PointerInput:
    return PointerInput(1, 0.0, mask, x, y)


def text(text: str) -> ClipboardInput:
    return ClipboardInput(1, 0.0, Clipboard(text))


@given(EVENT)
def test_every_event_survives_the_bus(event: InputEvent) -> None:
    assert unpack(pack(event)) == event


@given(st.binary(max_size=40))
def test_other_bytes_are_control_errors_or_events(data: bytes) -> None:
    try:
        unpack(data)
    except ControlError:
        return


@pytest.mark.parametrize("cut", [0, 8, 17, 20])
def test_a_short_message_is_refused(cut: int) -> None:
    with pytest.raises(ControlError):
        unpack(pack(KeyInput(1, 2.0, True, 3))[:cut])


def test_queued_motions_are_merged() -> None:
    queue = InputQueue()
    assert all(queue.offer(pointer(0, x)) for x in range(500))
    assert drained(queue) == [pointer(0, 499)]


def test_a_press_is_never_merged_and_keeps_its_place() -> None:
    queue = InputQueue()
    for event in (pointer(0, 20), pointer(1, 40), pointer(1, 50), pointer(1, 60), pointer(0, 60)):
        queue.offer(event)
    assert drained(queue) == [pointer(0, 20), pointer(1, 40), pointer(1, 60), pointer(0, 60)]


def test_keys_separate_motions_and_are_never_merged() -> None:
    queue = InputQueue()
    key = KeyInput(1, 0.0, True, 97)
    for event in (pointer(0, 1), key, key, pointer(0, 2), pointer(0, 3)):
        queue.offer(event)
    assert drained(queue) == [pointer(0, 1), key, key, pointer(0, 3)]


def test_a_button_that_changed_before_the_queue_was_drained_is_remembered() -> None:
    queue = InputQueue()
    queue.offer(pointer(1, 1))
    drained(queue)
    queue.offer(pointer(1, 2))
    queue.offer(pointer(1, 3))
    assert drained(queue) == [pointer(1, 3)]


def test_a_full_queue_says_so_and_takes_motion_still() -> None:
    queue = InputQueue(limit=3)
    key = KeyInput(1, 0.0, True, 97)
    assert [queue.offer(event) for event in (key, key, pointer(0, 1))] == [True] * 3
    assert queue.offer(pointer(0, 2))
    assert not queue.offer(key)
    assert len(queue) == 3


def test_texts_are_bounded_together() -> None:
    queue = InputQueue(limit_bytes=10)
    assert queue.offer(text("x" * 10))
    assert not queue.offer(text("x"))
    drained(queue)
    assert queue.offer(text("x" * 10))


def test_all_formats_count() -> None:
    queue = InputQueue(limit_bytes=10)
    assert not queue.offer(ClipboardInput(1, 0.0, Clipboard("abcd", b"efgh", "ijk")))
    assert queue.offer(ClipboardInput(1, 0.0, Clipboard("abcd", b"efgh", "ij")))
    assert not queue.offer(text("x"))


def test_what_the_bus_refuses_stays_in_order() -> None:
    queue = InputQueue()
    keys = [KeyInput(1, 0.0, True, keysym) for keysym in range(5)]
    for key in keys:
        queue.offer(key)
    sent: list[bytes] = []
    assert not queue.drain(lambda message: len(sent) < 2 and (sent.append(message) or True))
    assert drained(queue) == keys[2:]


def test_a_message_tells_the_surface():
    event = KeyInput(1, 2.0, True, 3)
    assert (surface_of(pack(event)), surface_of(pack(event, 70000))) == (0, 70000)
    assert unpack(pack(event, 70000)) == event
    with pytest.raises(ControlError):
        surface_of(b"x" * 20)
    queue = InputQueue()
    queue.surface = 5
    queue.offer(event)
    sent: list[bytes] = []
    assert queue.drain(lambda message: not sent.append(message)) and surface_of(sent[0]) == 5
