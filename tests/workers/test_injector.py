"""The injector as a process."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mpvnc.config import load, to_dict
from mpvnc.metrics import Counter, create_status_page
from mpvnc.session.input import ClientGone, ClientJoined, KeyInput, PointerInput
from tests.support.consumer import CONSUMER, SLOTS, Child, key, running
from tests.support.display import LoggingClient
from tests.support.waits import eventually
from tests.support.xserver import xvfb

pytestmark = pytest.mark.process
PRESS_A, RELEASE_A = {"do": "press", "keysym": 97}, {"do": "release", "keysym": 97}


@pytest.fixture
def page() -> Iterator[int]:
    fd = create_status_page(SLOTS)
    yield fd
    os.close(fd)


def recorded(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record.jsonl"


@pytest.fixture
def injector(tmp_path: Path, record: Path, page: int) -> Iterator[Child]:
    config = load(None, ["input.backend=recorder", f"input.record_file={record}"])
    with running("injector", config, tmp_path, page) as child:
        yield child


def test_the_end_of_the_supervisor_releases_everything(injector: Child, record: Path) -> None:
    assert injector.status.slot(CONSUMER).get(Counter.INPUT_EVENTS) == 0
    injector.send(key(True))
    eventually(lambda: recorded(record) == [PRESS_A])
    injector.control.close()
    assert injector.process.wait(10) == 0
    assert recorded(record) == [PRESS_A, RELEASE_A]


def test_a_dead_worker_lets_go(injector: Child, record: Path) -> None:
    injector.send(ClientJoined(1, time.time(), False, "", 0), key(True), key(True, 98, client=2))
    eventually(lambda: len(recorded(record)) == 2)
    injector.control.send({"type": "worker_gone", "slot": 0})
    eventually(lambda: recorded(record)[2:] == [RELEASE_A])
    injector.control.send({"type": "worker_gone", "slot": 5, "clients": [2]})
    eventually(lambda: recorded(record)[3:] == [{"do": "release", "keysym": 98}])


def test_a_successor_releases_what_a_killed_injector_held(
    injector: Child, record: Path, tmp_path: Path, page: int
) -> None:
    injector.send(key(True))
    eventually(lambda: recorded(record) == [PRESS_A])
    injector.process.kill()
    injector.process.wait(10)
    config = load(None, ["input.backend=recorder", f"input.record_file={record}"])
    with running("injector", config, tmp_path, page) as successor:
        eventually(lambda: recorded(record) == [PRESS_A, RELEASE_A])
        assert len(successor.status.held) == 0


def test_old_presses_and_nonsense_are_dropped_and_counted(injector: Child, record: Path) -> None:
    injector.sender.send(b"nonsense")
    injector.send(KeyInput(1, time.time() - 5, True, 98), key(True))
    eventually(lambda: recorded(record) == [PRESS_A])
    eventually(lambda: injector.status.slot(CONSUMER).get(Counter.INPUT_DROPPED) == 1)


def test_a_single_controller(tmp_path: Path, record: Path, page: int) -> None:
    overrides = [
        "input.backend=recorder",
        f"input.record_file={record}",
        "input.control_policy=single-controller",
    ]
    with running("injector", load(None, overrides), tmp_path, page) as child:
        child.send(key(True), key(True, 98, client=2), ClientGone(1, time.time()), key(True, 98, client=2))
        eventually(lambda: recorded(record) == [PRESS_A, RELEASE_A, {"do": "press", "keysym": 98}])


def test_no_target_is_no_trouble(tmp_path: Path, page: int) -> None:
    with running("injector", load(None, []), tmp_path, page, source="demo") as child:
        child.send(key(True))
        eventually(lambda: child.status.slot(CONSUMER).get(Counter.INPUT_DROPPED) == 1)


@pytest.mark.x11
def test_a_typist_of_strange_characters_makes_nobody_late(tmp_path: Path, page: int) -> None:
    with xvfb(tmp_path) as display, ExitStack() as stack:
        config = load(None, [f"source.display={display}"])
        child = stack.enter_context(running("injector", config, tmp_path, page))
        client = LoggingClient(display)
        stack.callback(client.close)
        child.heard("backend")
        for number in range(1500):
            child.send(key(True, 0x01004E00 + number), key(False, 0x01004E00 + number))
        for keysym in (97, 98, 99):
            child.send(key(True, keysym, client=2))
            eventually(lambda keysym=keysym: keysym in [o.detail for o in client.read() if o.what == "press"])
        child.send(ClientGone(1, time.time()), ClientGone(2, time.time()))
        eventually(lambda: client.pressed() == (0, 0))


@pytest.mark.x11
def test_a_display_that_goes_and_comes_back(tmp_path: Path, page: int) -> None:
    with ExitStack() as stack:
        first = ExitStack()
        display = first.enter_context(xvfb(tmp_path))
        child = stack.enter_context(
            running("injector", load(None, [f"source.display={display}"]), tmp_path, page)
        )
        with first:
            assert child.heard("backend")["backend"] == "xtest"
            client = LoggingClient(display)
            child.send(key(True), PointerInput(1, time.time(), 1, 9, 9))
            eventually(lambda: client.pressed() == (1, 0x100))
            client.close()
        counters = child.status.slot(CONSUMER)
        eventually(lambda: child.send(key(True, 98)) or counters.get(Counter.INPUT_DROPPED))
        child.send(PointerInput(1, time.time(), 0, 9, 9))
        stack.enter_context(xvfb(tmp_path, 640, 480, 24, display))
        child.heard("backend")
        client = LoggingClient(display)
        child.send(key(True, 99))
        eventually(lambda: 99 in [one.detail for one in client.read() if one.what == "press"])
        assert client.pressed() == (1, 0)
        child.send(PointerInput(1, time.time(), 1, 9, 9))
        eventually(lambda: client.pressed() == (1, 0x100))
        client.close()


def test_another_policy_lets_everything_go_and_counts_from_then_on(injector: Child, record: Path) -> None:
    injector.send(key(True), key(True, 98, client=2))
    eventually(lambda: len(recorded(record)) == 2)
    config = load(None, ["input.control_policy=single-controller", "input.max_age_s=100"])
    secrets = {"password": None, "view_only_password": None}
    injector.control.send({"type": "reconfigure", "config": to_dict(config), "secrets": secrets})
    eventually(lambda: recorded(record)[2:] == [RELEASE_A, {"do": "release", "keysym": 98}])
    injector.send(KeyInput(2, time.time() - 5, True, 99), key(True, 100, client=1), key(True, 101, client=2))
    eventually(lambda: [line["keysym"] for line in recorded(record)[4:]] == [99, 101])
