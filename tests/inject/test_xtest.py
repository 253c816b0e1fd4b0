"""XTEST against a real X server: what a program gets to see of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpvnc.errors import InjectError
from mpvnc.inject.dispatch import Dispatcher
from mpvnc.inject.keymap import REUSE_AFTER_S
from mpvnc.inject.xtest import XTestBackend
from mpvnc.session.input import ClientGone, ClientJoined, KeyInput, PointerInput
from tests.support.display import LoggingClient
from tests.support.held import Words
from tests.support.waits import eventually
from tests.support.xserver import xvfb

pytestmark = pytest.mark.x11
SHIFT, CONTROL, CAPS = 0xFFE1, 0xFFE3, 0xFFE5
NOW = 1000.0


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with xvfb(tmp_path_factory.mktemp("display")) as name:
        yield name


@pytest.fixture
def client(display: str) -> Iterator[LoggingClient]:
    logging_client = LoggingClient(display)
    yield logging_client
    logging_client.close()


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def dispatcher(display: str, client: LoggingClient, words: Words) -> Iterator[Dispatcher]:
    one = Dispatcher(XTestBackend(display, words), words)
    yield one
    one.release_all()
    one.backend.close()


def key(dispatcher: Dispatcher, keysym: int, down: bool | None = None, client: int = 1) -> None:
    """Press, release, or (None) both, each its own batch."""
    for state in (True, False) if down is None else (down,):
        event = KeyInput(client, NOW, state, keysym)
        eventually(lambda event=event: dispatcher.deliver(event, NOW) == 0.0)
        dispatcher.backend.flush()


def keysym(character: str) -> int:
    point = ord(character)
    return point if point < 0x100 else 0x01000000 + point


def presses(log: list) -> list[int]:
    return [one.detail for one in log if one.what == "press"]


def test_any_text_arrives_as_its_keysyms(dispatcher: Dispatcher, client: LoggingClient) -> None:
    text = "Hello, World! #1 (a_B) é€Ω日本😀ñ"
    for character in text:
        key(dispatcher, keysym(character))
    typed = eventually(
        lambda: (got := [k for k in presses(client.read()) if k != SHIFT])[len(text) - 1 :] and got
    )
    assert typed == [keysym(character) for character in text]


def test_a_keycode_that_cannot_be_noted_is_not_taken(
    dispatcher: Dispatcher, client: LoggingClient, words: Words
) -> None:
    before = client.mapping()
    words.limit = 0
    key(dispatcher, keysym("日"))
    dispatcher.backend.flush()
    assert dispatcher.dropped == 1
    assert client.mapping() == before
    words.limit = 1024
    key(dispatcher, keysym("日"))
    assert presses(client.wait(2)) == [keysym("日")]


def test_a_keycode_used_just_now_makes_a_key_wait_but_nobody_sleep(dispatcher: Dispatcher) -> None:
    events = [
        KeyInput(number, NOW, down, 0x01004E00 + number) for number in range(300) for down in (True, False)
    ]
    waits = [wait_s for event in events if (wait_s := dispatcher.deliver(event, NOW))]
    assert waits and max(waits) <= REUSE_AFTER_S
    assert dispatcher.deliver(KeyInput(1, NOW, True, 97), NOW) == 0.0


def test_more_foreign_characters_than_spare_keycodes(dispatcher: Dispatcher, client: LoggingClient) -> None:
    text = "".join(chr(0x3042 + index) for index in range(40))
    for character in text:
        key(dispatcher, keysym(character))
        client.read()
    typed = eventually(lambda: len(got := presses(client.read())) >= 40 and got)
    assert typed == [keysym(character) for character in text]


def test_release_goes_to_the_keycode_of_the_press(dispatcher: Dispatcher, client: LoggingClient) -> None:
    key(dispatcher, keysym("a"), True)
    key(dispatcher, SHIFT, True)
    key(dispatcher, keysym("a"), False)
    key(dispatcher, SHIFT, False)
    client.wait(4)
    assert [one.what for one in client.log] == ["press", "press", "release", "release"]
    assert client.pressed()[0] == 0


def test_lower_case_while_the_client_holds_shift(dispatcher: Dispatcher, client: LoggingClient) -> None:
    key(dispatcher, SHIFT, True)
    key(dispatcher, keysym("a"))
    key(dispatcher, keysym("B"))
    log = client.wait(5)
    assert presses(log) == [SHIFT, keysym("a"), keysym("B")]
    assert "release" not in [one.what for one in log if one.detail == SHIFT]
    assert client.pressed() == (1, 1)


def test_shift_that_was_needed_does_not_stay(dispatcher: Dispatcher, client: LoggingClient) -> None:
    key(dispatcher, keysym("A"), True)
    client.wait(3)
    assert client.pressed() == (1, 0)


def test_caps_lock_is_taken_into_account(dispatcher: Dispatcher, client: LoggingClient) -> None:
    key(dispatcher, CAPS)
    key(dispatcher, keysym("A"))
    key(dispatcher, keysym("a"))
    key(dispatcher, keysym("1"))
    key(dispatcher, CAPS)
    typed = eventually(lambda: (got := presses(client.read())).count(CAPS) == 2 and got)
    assert [k for k in typed if k not in (SHIFT, CAPS)] == [keysym("A"), keysym("a"), keysym("1")]


def test_back_tab_is_shift_and_tab(dispatcher: Dispatcher, client: LoggingClient) -> None:
    key(dispatcher, 0xFE20)
    log = client.wait(4)
    assert presses(log) == [SHIFT, 0xFE20]
    assert log[1].state & 1


def test_tab_while_the_client_holds_shift_is_the_tab_key(
    dispatcher: Dispatcher, client: LoggingClient
) -> None:
    key(dispatcher, SHIFT, True)
    key(dispatcher, 0xFF09)
    assert presses(client.wait(3)) == [SHIFT, 0xFE20]


def test_keypad_digits_do_not_depend_on_num_lock(dispatcher: Dispatcher, client: LoggingClient) -> None:
    for digit in range(10):
        key(dispatcher, 0xFFB0 + digit)
    assert presses(client.wait(20)) == [0xFFB0 + digit for digit in range(10)]


def test_all_nine_buttons_with_the_wheel(dispatcher: Dispatcher, client: LoggingClient) -> None:
    for bit in range(9):
        dispatcher.deliver(PointerInput(1, NOW, 1 << bit, 10 + bit, 20), NOW)
    dispatcher.deliver(PointerInput(1, NOW, 0, 30, 20), NOW)
    dispatcher.backend.flush()
    log = eventually(lambda: (got := client.read()) and got[-1].what == "unbutton" and got)
    assert [one.detail for one in log if one.what == "button"] == list(range(1, 10))
    assert [one.detail for one in log if one.what == "unbutton"] == list(range(1, 10))
    press = next(one for one in log if one.what == "button")
    assert (press.x, press.y) == (10, 20)


def test_a_release_in_the_corner_arrives(dispatcher: Dispatcher, client: LoggingClient) -> None:
    for mask, x, y in ((1, 50, 50), (0, 0, 0)):
        dispatcher.deliver(PointerInput(1, NOW, mask, x, y), NOW)
    dispatcher.backend.flush()
    log = eventually(lambda: (got := client.read()) and got[-1].what == "unbutton" and got)
    assert (log[-1].x, log[-1].y) == (0, 0)


def test_a_client_that_goes_lets_go(dispatcher: Dispatcher, client: LoggingClient) -> None:
    key(dispatcher, SHIFT, True)
    key(dispatcher, CONTROL, True, client=2)
    dispatcher.deliver(PointerInput(1, NOW, 1, 5, 5), NOW)
    dispatcher.backend.flush()
    eventually(lambda: client.pressed() == (2, 0x105))
    dispatcher.deliver(ClientGone(1, NOW), NOW)
    dispatcher.backend.flush()
    eventually(lambda: client.pressed() == (1, 4))


def test_the_clients_of_a_worker_are_known(dispatcher: Dispatcher, client: LoggingClient) -> None:
    for number, slot in ((1, 0), (2, 1)):
        dispatcher.deliver(ClientJoined(number, NOW, False, "", slot), NOW)
    key(dispatcher, SHIFT, True)
    key(dispatcher, CONTROL, True, client=2)
    assert dispatcher.clients_of(1) == [2]
    dispatcher.release_clients([2])
    dispatcher.backend.flush()
    eventually(lambda: client.pressed() == (1, 1))


def test_a_successor_releases_what_a_killed_injector_held(
    display: str, client: LoggingClient, words: Words
) -> None:
    before = client.mapping()
    killed = Dispatcher(XTestBackend(display, words), words)
    key(killed, SHIFT, True)
    key(killed, keysym("日"), True)
    killed.deliver(PointerInput(1, NOW, 1, 5, 5), NOW)
    killed.backend.flush()
    eventually(lambda: client.pressed() == (2, 0x101))
    successor = Dispatcher(XTestBackend(display, words), words)
    assert successor.release_left_over() == 4
    successor.backend.flush()
    eventually(lambda: client.pressed() == (0, 0))
    assert client.mapping() == before
    assert list(words) == []
    successor.backend.close()
    killed.backend.close()


def test_spare_keycodes_are_given_back(display: str, client: LoggingClient, words: Words) -> None:
    before = client.mapping()
    one = Dispatcher(XTestBackend(display, words), words)
    key(one, keysym("日"))
    eventually(lambda: client.mapping() != before)
    one.backend.close()
    assert client.mapping() == before
    assert list(words) == []


def test_auto_repeat_is_release_and_press(dispatcher: Dispatcher, client: LoggingClient) -> None:
    for _ in range(3):
        key(dispatcher, keysym("x"), True)
    key(dispatcher, keysym("x"), False)
    assert [one.what for one in client.wait(6)] == ["press", "release"] * 3


def test_a_changed_map_is_used_at_once(display: str, dispatcher: Dispatcher, client: LoggingClient) -> None:
    key(dispatcher, keysym("é"))
    subprocess.run(["setxkbmap", "-display", display, "de"], check=True)
    try:
        for character in "üz€é":
            key(dispatcher, keysym(character))
        typed = eventually(lambda: len(got := presses(client.read())) >= 5 and got)
        assert typed[1:] == [keysym(character) for character in "üz€é"]
    finally:
        subprocess.run(["setxkbmap", "-display", display, "us"], check=True)


def test_a_display_that_is_not_there_is_an_inject_error(words: Words) -> None:
    with pytest.raises(InjectError):
        XTestBackend(":4711", words)


def test_a_display_that_goes_away_is_an_inject_error(words: Words, tmp_path: Path) -> None:
    with xvfb(tmp_path) as name:
        one = Dispatcher(XTestBackend(name, words), words)
        key(one, keysym("a"), True)
    with pytest.raises(InjectError):
        end = time.monotonic() + 5
        while time.monotonic() < end:
            key(one, keysym("b"))
    one.backend.close()
