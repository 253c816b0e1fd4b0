"""Users are looked up beside the loop, one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from mpvnc.rfb.security import Access
from mpvnc.rfb.security.users import Cost, make_user
from mpvnc.workers import verifier as module
from mpvnc.workers.verifier import Verifier

USERS = {"alice": make_user("a", "control", bytes(16), Cost(2, 1, 1))}


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    loop = asyncio.new_event_loop()
    made = Verifier(loop)
    made.users = USERS
    yield made
    made.close()
    loop.close()


def answers(verifier: Verifier, *asked: tuple[str, str]) -> list[Access]:
    heard: list[Access] = []

    async def ask() -> None:
        futures = [verifier.verify(user, password, heard.append) for user, password in asked]
        await asyncio.wait(futures, timeout=10)
        await asyncio.sleep(0)

    verifier._loop.run_until_complete(ask())
    return heard


def test_the_answers_come_in_the_loop(verifier: Verifier) -> None:
    assert answers(verifier, ("alice", "a"), ("alice", "b"), ("bob", "a")) == [
        Access.FULL,
        Access.DENIED,
        Access.DENIED,
    ]


def test_what_goes_wrong_is_a_denial(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Access:
        raise MemoryError

    monkeypatch.setattr(module, "check_password", fail)
    assert answers(verifier, ("alice", "a")) == [Access.DENIED]


def test_one_at_a_time_and_who_left_is_not_looked_up(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, go_on = threading.Event(), threading.Event()
    looked_up: list[str] = []

    def check(_users: object, user: str, _password: str) -> Access:
        looked_up.append(user)
        busy.set()
        go_on.wait(10)
        return Access.FULL

    monkeypatch.setattr(module, "check_password", check)
    heard: list[Access] = []

    async def ask() -> None:
        first = verifier.verify("first", "", heard.append)
        left = verifier.verify("left", "", heard.append)
        last = verifier.verify("last", "", heard.append)
        await asyncio.to_thread(busy.wait, 10)
        assert looked_up == ["first"]
        left.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait([first, last], timeout=10)
        await asyncio.sleep(0)

    verifier._loop.run_until_complete(ask())
    assert looked_up == ["first", "last"]
    assert heard == [Access.FULL, Access.FULL]
