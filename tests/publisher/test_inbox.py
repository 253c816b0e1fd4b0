from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import mpvnc
from mpvnc.errors import PublishError
from mpvnc.ipc.feed import EventFeed
from mpvnc.publisher.inbox import Inbox
from mpvnc.session.animator_events import pack_events
from tests.support.waits import eventually

KEY = mpvnc.KeyEvent(1, 2.5, 0x61, True)
CONNECT = mpvnc.ConnectEvent(1, 2.0, False, "127.0.0.1")


class Other:
    """Something else that is waited for."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)

    def fileno(self) -> int:
        return self.fd


class Role:
    """The other end."""

    def __init__(self, endpoint: str) -> None:
        self.feed = EventFeed(endpoint)

    def send(self, *events: mpvnc.Event, dropped: int = 0) -> None:
        eventually(lambda: self.feed.receive_asks() or self.feed.wants_batch)
        assert self.feed.send(pack_events(events, dropped))


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/events"


@pytest.fixture
def role(endpoint: str) -> Iterator[Role]:
    one = Role(endpoint)
    yield one
    one.feed.close()


@pytest.fixture
def inbox(endpoint: str) -> Iterator[Inbox]:
    one = Inbox(endpoint, view_only=False)
    yield one
    if not one._is_closed:
        one.close()


@pytest.fixture
def other() -> Iterator[Other]:
    one = Other()
    yield one
    os.close(one.fd)


def test_events_come_one_by_one_and_what_was_lost_is_known(role: Role, inbox: Inbox, other: Other) -> None:
    role.send(CONNECT, KEY, dropped=3)
    taken: list[mpvnc.Event] = []
    while not taken:
        inbox.wait(other, 5)
        taken += filter(None, [inbox.take()])
    assert [*taken, inbox.take(), inbox.take()] == [CONNECT, KEY, None]
    assert inbox.dropped == 3


def test_view_only_lets_presence_through(role: Role, endpoint: str, other: Other) -> None:
    inbox = Inbox(endpoint, view_only=True)
    role.send(KEY, CONNECT)
    inbox.wait(other, 5)
    eventually(lambda: inbox.take() == CONNECT)
    inbox.close()


def test_something_else_wakes(inbox: Inbox, other: Other) -> None:
    began = time.monotonic()
    os.eventfd_write(other.fd, 1)
    inbox.wait(other, 30)
    asyncio.run(inbox.wait_async(other, 30))
    assert time.monotonic() - began < 10


def test_the_end_wakes_who_waits(inbox: Inbox, other: Other) -> None:
    timer = threading.Timer(0.05, inbox.close)
    timer.start()
    inbox.wait(other, 30)
    inbox.pause(30)
    timer.join()
    assert inbox.take() is None
    asyncio.run(inbox.wait_async(other, 0))


def test_who_polls_is_not_held_up_by_who_waits(inbox: Inbox, other: Other) -> None:
    waiter = threading.Thread(target=inbox.wait, args=(other, 30))
    waiter.start()
    eventually(lambda: not inbox._lock.acquire(blocking=False) or inbox._lock.release())
    assert inbox.take() is None
    inbox.wait(other, 0)
    inbox.close()
    waiter.join(5)


def test_tasks_share_the_events(role: Role, inbox: Inbox, other: Other) -> None:
    async def one() -> mpvnc.Event:
        while (event := inbox.take()) is None:
            await inbox.wait_async(other, 5)
        return event

    async def all_of_them() -> list[mpvnc.Event]:
        tasks = [asyncio.create_task(one()) for _ in range(3)]
        await asyncio.sleep(0)
        role.send(CONNECT)
        role.send(KEY, KEY)
        return await asyncio.gather(*tasks)

    eventually(lambda: role.feed.receive_asks() or role.feed.wants_batch)
    before = len(os.listdir("/proc/self/fd"))
    got = asyncio.run(asyncio.wait_for(all_of_them(), 10))
    assert sorted(event.name for event in got) == ["connect", "key", "key"]
    assert len(os.listdir("/proc/self/fd")) == before


def test_events_of_another_place(inbox: Inbox, tmp_path: Path, other: Other) -> None:
    elsewhere = Role(f"ipc://{tmp_path}/elsewhere")
    inbox.follow(f"ipc://{tmp_path}/elsewhere")
    elsewhere.send(KEY)
    inbox.wait(other, 5)
    eventually(lambda: inbox.take() == KEY)
    elsewhere.feed.close()


def test_what_is_no_event(role: Role, inbox: Inbox, other: Other) -> None:
    eventually(lambda: role.feed.receive_asks() or role.feed.wants_batch)
    role.feed.send(b"nothing")
    with pytest.raises(PublishError, match="no event"):
        eventually(lambda: inbox.wait(other, 0.1) or inbox.take())
