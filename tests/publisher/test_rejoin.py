from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mpvnc.errors import PublishError
from mpvnc.ipc.control import ControlSocket, pair
from mpvnc.publisher import rejoin as module
from mpvnc.publisher.rejoin import ANSWER_TIMEOUT_S, LONGEST_WAIT_S, Rejoin
from tests.support.supervisor_thread import FakeSupervisor
from tests.support.waits import eventually

HELLO = {"type": "publish", "name": "stage"}


class Door:
    """Where the server is looked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: ControlSocket | None = None

    def join(self, name: str) -> ControlSocket:
        assert name == "stage"
        self.asked += 1
        if self.answer is None:
            raise PublishError("nobody is there")
        return self.answer


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    one = Door()
    monkeypatch.setattr(module, "join_supervisor", one.join)
    return one


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeSupervisor]:
    fake = FakeSupervisor(tmp_path)
    yield fake
    fake.close()


def test_it_asks_ever_less_often(door: Door) -> None:
    rejoin = Rejoin("stage", HELLO)
    for now in range(0, 1000):
        assert rejoin.step(now / 10) is None
    assert 15 <= door.asked <= 10 + 100 / LONGEST_WAIT_S


def test_it_returns_the_link_when_the_server_answers(door: Door, server: FakeSupervisor) -> None:
    rejoin = Rejoin("stage", HELLO)
    door.answer = server.theirs
    links = []
    eventually(lambda: links.append(rejoin.step(1.0)) or links[-1])
    assert door.asked == 1
    assert server.heard == [HELLO]
    links[-1].close()
    door.answer = None
    assert rejoin.step(1.0) is None
    assert door.asked == 2, "it is looked for at once when it goes again"


def test_a_refusal_is_asked_again(door: Door, server: FakeSupervisor) -> None:
    server.refuse_with = "another program publishes here"
    rejoin = Rejoin("stage", HELLO)
    door.answer = server.theirs
    eventually(lambda: rejoin.step(1.0) or server.theirs.fileno() < 0)
    door.answer = None
    assert rejoin.step(1.0) is None and door.asked == 1
    assert rejoin.step(2.0) is None and door.asked == 2


def test_a_server_that_says_nothing_is_left(door: Door) -> None:
    ours, door.answer = pair()
    rejoin = Rejoin("stage", HELLO)
    assert rejoin.step(1.0) is None
    assert rejoin.step(1.0 + ANSWER_TIMEOUT_S / 2) is None
    assert door.answer.fileno() >= 0
    assert rejoin.step(1.0 + ANSWER_TIMEOUT_S) is None
    assert door.answer.fileno() < 0
    assert ours.receive() == (HELLO, [])
    assert ours.receive() is None
    ours.close()


def test_who_stops_trying_hangs_up(door: Door) -> None:
    ours, door.answer = pair()
    rejoin = Rejoin("stage", HELLO)
    rejoin.step(1.0)
    rejoin.close()
    rejoin.close()
    assert door.answer.fileno() < 0
    ours.close()
