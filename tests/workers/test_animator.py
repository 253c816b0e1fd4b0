"""The animator role as a process, and the animator's end of its feed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpvnc.config import load, to_dict
from mpvnc.ipc.feed import EventTap
from mpvnc.metrics import create_status_page
from mpvnc.session.animator_events import Event, unpack_events
from mpvnc.session.input import ClientJoined, PointerInput
from tests.support.consumer import SLOTS, key, running
from tests.support.waits import eventually

pytestmark = pytest.mark.process


@pytest.fixture
def page() -> Iterator[int]:
    fd = create_status_page(SLOTS)
    yield fd
    os.close(fd)


def reconfigure(*overrides: str) -> dict:
    secrets = {"password": None, "view_only_password": None}
    return {"type": "reconfigure", "config": to_dict(load(None, overrides)), "secrets": secrets}


def test_another_policy_makes_all_let_go(tmp_path: Path, page: int) -> None:
    got: list[Event] = []
    with (
        running("animator", load(None, []), tmp_path, page, source="publish") as child,
        EventTap(f"ipc://{tmp_path}/events-1") as tap,
    ):

        def read() -> int:
            while (batch := tap.receive()) is not None:
                got.extend(unpack_events(batch)[0])
            return len(got)

        child.control.send({"type": "surface", "surface": 1})
        child.send(key(True), key(True, 98, client=2), surface=1)
        eventually(lambda: read() == 2)
        child.control.send(reconfigure("input.control_policy=single-controller"))
        eventually(lambda: read() == 4)
        assert [(event.client, event.key, event.down) for event in got[2:]] == [
            (1, 97, False),
            (2, 98, False),
        ]
        child.send(key(True, 99, client=2), key(True, 100, client=1), key(True, 101, client=2), surface=1)
        eventually(lambda: read() == 6)
        assert [event.key for event in got[4:]] == [99, 101]


def test_the_animator_passes_events_on_and_lets_dead_workers_clients_go(tmp_path: Path, page: int) -> None:
    got: list[Event] = []

    def read() -> list[str]:
        while (batch := tap.receive()) is not None:
            got.extend(unpack_events(batch)[0])
        return [event.name for event in got]

    with (
        running("animator", load(None, []), tmp_path, page, source="publish") as child,
        EventTap(f"ipc://{tmp_path}/events-1") as tap,
    ):
        child.control.send({"type": "surface", "surface": 1})
        joined = ClientJoined(1, time.time(), False, "here", 0)
        child.send(joined, key(True), PointerInput(1, 0.0, 1, 2, 3), surface=1)
        eventually(lambda: read() == ["connect", "key", "move", "click"])
        child.control.send({"type": "worker_gone", "slot": 0})
        eventually(lambda: read()[4:] == ["key", "click", "disconnect"])
        assert all(event.client == 1 for event in got)


def test_each_surface_has_a_queue_of_its_own(tmp_path: Path, page: int) -> None:
    def read(tap: EventTap) -> list[tuple[int, int]]:
        batch = tap.receive()
        return [(event.client, event.key) for event in unpack_events(batch)[0]] if batch else []

    policy = load(None, ["input.control_policy=single-controller"])
    with (
        running("animator", policy, tmp_path, page, source="publish") as child,
        EventTap(f"ipc://{tmp_path}/events-7") as left,
        EventTap(f"ipc://{tmp_path}/events-9") as right,
    ):
        child.send(key(True, 97, client=1), surface=7)  # the bus may be faster than the supervisor
        child.send(key(True, 98, client=2), surface=9)
        for number in (7, 9):
            child.control.send({"type": "surface", "surface": number})
        assert eventually(lambda: read(left)) == [(1, 97)]
        assert eventually(lambda: read(right)) == [(2, 98)], "each surface has its own controller"
        child.control.send({"type": "surface_gone", "surface": 7})
        child.send(key(False, 98, client=2), surface=9)
        assert eventually(lambda: read(right)) == [(2, 98)]
        assert read(left) == []
