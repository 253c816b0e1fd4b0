"""The input laws on the desktop's side, against a backend that takes notes."""

from __future__ import annotations

import pytest

from mpvnc.inject.base import Backend, Press, Wait
from mpvnc.inject.dispatch import HELD_PER_CLIENT, REMAPS_PER_S, Dispatcher
from mpvnc.inject.held import Held, HeldKind
from mpvnc.session.clipboard import Clipboard
from mpvnc.session.input import ClientGone, ClientJoined, ClipboardInput, KeyInput, PointerInput
from tests.support.held import Words

NOW = 1000.0


class Notes(Backend):
    """Writes down what it is told; 0xBAD cannot be typed, Unicode keysyms need a keycode of their own."""

    name = "notes"

    def __init__(self) -> None:
        self.log: list[tuple] = []
        self.busy_s = 0.0

    def plan(self, keysym: int, held_codes: set[int]) -> Press | None:
        return None if keysym == 0xBAD or keysym > 0x01000000 else Press(keysym, keysym & 0xFF)

    def remap(self, keysym: int, held_codes: set[int]) -> Press | Wait | None:
        if keysym == 0xBAD:
            return None
        return Wait(self.busy_s) if self.busy_s else Press(keysym, keysym & 0xFFFFFF)

    def press(self, press: Press) -> None:
        self.log.append(("press", press.keysym))

    def repeat(self, keysym: int, code: int) -> None:
        self.log.append(("repeat", keysym))

    def release(self, keysym: int, code: int) -> None:
        self.log.append(("release", keysym))

    def button(self, number: int, down: bool) -> None:
        self.log.append(("button", number, down))

    def move(self, x: int, y: int) -> None:
        self.log.append(("move", x, y))

    def flush(self) -> None:
        self.log.append(("flush",))

    def restore(self, code: int) -> None:
        self.log.append(("restore", code))

    def close(self) -> None:
        self.log.append(("close",))


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def dispatcher(words: Words) -> Dispatcher:
    return Dispatcher(Notes(), words)


def give(dispatcher: Dispatcher, *events: object, now: float = NOW) -> list[tuple]:
    dispatcher.backend.log.clear()
    for event in events:
        dispatcher.deliver(event, now)
    return dispatcher.backend.log


def key(down: bool, keysym: int = 97, client: int = 1, time: float = NOW) -> KeyInput:
    return KeyInput(client, time, down, keysym)


def pointer(mask: int, x: int = 0, client: int = 1, time: float = NOW) -> PointerInput:
    return PointerInput(client, time, mask, x, 0)


def test_press_repeat_release(dispatcher: Dispatcher) -> None:
    log = give(dispatcher, key(True), key(True), key(False), key(False))
    assert log == [("press", 97), ("repeat", 97), ("release", 97)]


def test_a_release_of_what_was_never_pressed_is_nothing(dispatcher: Dispatcher) -> None:
    assert give(dispatcher, key(False)) == []


def test_old_presses_are_dropped_old_releases_never(dispatcher: Dispatcher) -> None:
    give(dispatcher, key(True), pointer(1))
    old = NOW - 1.5
    log = give(dispatcher, key(True, 98, time=old), key(False, time=old), pointer(2, time=old))
    assert log == [("release", 97), ("move", 0, 0), ("button", 1, False)]
    assert dispatcher.dropped == 2


def test_a_button_that_was_pressed_too_long_ago_is_not_pressed_later(dispatcher: Dispatcher) -> None:
    give(dispatcher, pointer(1, time=NOW - 2))
    assert give(dispatcher, pointer(1, 5), pointer(0, 6)) == [("move", 5, 0), ("move", 6, 0)]


def test_buttons_are_edges_in_ascending_order_after_the_move(dispatcher: Dispatcher) -> None:
    assert give(dispatcher, pointer(0x105, 9), pointer(0x0A, 9)) == [
        ("move", 9, 0), ("button", 1, True), ("button", 3, True), ("button", 9, True),
        ("move", 9, 0), ("button", 1, False), ("button", 2, True), ("button", 3, False),
        ("button", 4, True), ("button", 9, False),
    ]  # fmt: skip


def test_what_two_clients_hold_is_released_with_the_last(dispatcher: Dispatcher, words: Words) -> None:
    give(dispatcher, key(True), key(True, client=2), pointer(1), pointer(1, client=2))
    assert give(dispatcher, ClientGone(1, NOW)) == []
    assert len(words) == 2
    assert give(dispatcher, ClientGone(2, NOW)) == [("button", 1, False), ("release", 97)]
    assert len(words) == 0


def test_a_client_that_goes_is_forgotten(dispatcher: Dispatcher) -> None:
    give(dispatcher, ClientJoined(1, NOW, False, "", 4), pointer(1))
    assert dispatcher.clients_of(4) == [1]
    give(dispatcher, ClientGone(1, NOW))
    assert dispatcher.clients_of(4) == []
    assert give(dispatcher, pointer(1)) == [("move", 0, 0), ("button", 1, True)]


def test_impossible_keys_are_counted(dispatcher: Dispatcher) -> None:
    assert give(dispatcher, key(True, 0xBAD), key(False, 0xBAD)) == []
    assert dispatcher.dropped == 1


def test_nobody_fills_the_page(dispatcher: Dispatcher, words: Words) -> None:
    give(dispatcher, *[key(True, keysym) for keysym in range(1, HELD_PER_CLIENT + 10)])
    assert len(words) == HELD_PER_CLIENT
    words.limit = HELD_PER_CLIENT
    assert give(dispatcher, key(True, client=2)) == []


def test_sixteen_greedy_clients_leave_room_for_others(dispatcher: Dispatcher, words: Words) -> None:
    for client in range(16):
        give(dispatcher, *[key(True, client * 256 + n, client) for n in range(1, 256)])
    assert len(words) <= words.limit // 4
    assert give(dispatcher, key(True, 97, client=99)) == [("press", 97)]


def test_a_key_that_needs_a_keycode_may_have_to_wait(dispatcher: Dispatcher) -> None:
    dispatcher.backend.busy_s = 0.02
    assert dispatcher.deliver(key(True, 0x01004E00), NOW) == 0.02
    assert dispatcher.dropped == 0
    assert dispatcher.deliver(key(True, 0x01004E00), NOW + 2) == 0.0, "too old"
    assert dispatcher.deliver(key(True, 0x01004E00), NOW, late=True) == 0.0, "told to be too old"
    assert dispatcher.dropped == 2
    assert dispatcher.deliver(key(True), NOW) == 0.0
    dispatcher.backend.busy_s = 0.0
    assert give(dispatcher, key(True, 0x01004E00)) == [("press", 0x01004E00)]


def test_how_often_a_client_remaps_is_limited_for_that_client_alone(dispatcher: Dispatcher) -> None:
    def strokes(client: int, now: float) -> int:
        for count in range(1000):
            one = 0x01004E00 + count
            if dispatcher.deliver(KeyInput(client, now, True, one), now):
                return count
            dispatcher.deliver(KeyInput(client, now, False, one), now)
        return 1000

    assert strokes(1, NOW) == REMAPS_PER_S
    assert strokes(1, NOW) == 0
    assert strokes(2, NOW) == REMAPS_PER_S
    assert strokes(1, NOW + 0.5) == pytest.approx(REMAPS_PER_S / 2, abs=1)
    assert strokes(1, NOW - 3600) == 0, "a clock that was set back is no gift"
    assert strokes(1, NOW - 3599) == REMAPS_PER_S, "and no punishment"
    assert dispatcher.deliver(key(True, 97), NOW) == 0.0


def test_without_a_target_who_is_there_is_still_known(words: Words) -> None:
    dispatcher = Dispatcher(Notes(), words)
    for event in (
        ClientJoined(1, NOW, False, "", 4),
        ClientJoined(2, NOW, False, "", 4),
        pointer(1),
        key(True),
    ):
        dispatcher.deliver(event, NOW)
    dispatcher.lose()
    for event in (ClientGone(1, NOW), ClientJoined(3, NOW, False, "", 4), key(True, client=3)):
        assert dispatcher.deliver(event, NOW) == 0.0
    assert dispatcher.clients_of(4) == [2, 3]
    dispatcher.release_clients([2])
    assert dispatcher.clients_of(4) == [3]
    assert len(words) == 2, "what the lost target has pressed is for the next one to release"


def test_a_button_released_without_a_target_can_be_pressed_on_the_next(words: Words) -> None:
    dispatcher = Dispatcher(Notes(), words)
    give(dispatcher, pointer(1))
    dispatcher.lose()
    for mask in (0, 4):
        dispatcher.deliver(pointer(mask), NOW)
    assert dispatcher.dropped == 2
    dispatcher.reopen(Notes())
    assert dispatcher.backend.log == [("button", 1, False)]
    assert give(dispatcher, pointer(4, 1)) == [("move", 1, 0)], "pressed where it was not delivered"
    assert give(dispatcher, pointer(5, 2)) == [("move", 2, 0), ("button", 1, True)]


def test_clipboards_go_nowhere(dispatcher: Dispatcher) -> None:
    assert give(dispatcher, ClipboardInput(1, NOW, Clipboard("text"))) == []


def test_a_successor_finds_the_held_and_a_reopened_target_too(words: Words) -> None:
    first = Dispatcher(Notes(), words)
    give(first, key(True), pointer(2))
    words.add(Held(HeldKind.SPARE_KEYCODE, 248).word)
    successor = Dispatcher(Notes(), Words(words))
    assert successor.release_left_over() == 3
    assert successor.backend.log == [("release", 97), ("button", 2, False), ("restore", 248)]
    again = Notes()
    first.reopen(again)
    assert again.log == successor.backend.log
    assert give(first, key(False)) == []
    assert len(words) == 0
