from __future__ import annotations

from pathlib import Path

import pytest

from mpvnc.ipc import feed as module
from mpvnc.ipc.feed import WINDOW, EventFeed, EventTap
from tests.support.waits import eventually


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/events"


def wants(feed: EventFeed) -> bool:
    feed.receive_asks()
    return feed.wants_batch


def test_nobody_asks_nothing_goes(endpoint: str) -> None:
    with EventFeed(endpoint) as feed:
        assert not wants(feed)
        assert not feed.send(b"x")


def test_batches_arrive_in_order_and_unread_ones_are_two_at_most(endpoint: str) -> None:
    with EventFeed(endpoint) as feed, EventTap(endpoint) as tap:
        eventually(lambda: wants(feed))
        sent = 0
        while wants(feed):
            assert feed.send(b"%d" % sent)
            sent += 1
        assert sent == WINDOW
        assert eventually(tap.receive) == b"0"
        eventually(lambda: wants(feed))
        assert feed.send(b"2")
        assert [eventually(tap.receive) for _ in range(2)] == [b"1", b"2"]
        assert tap.receive() is None


def test_a_new_role_goes_on(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_AGAIN_S", 0.05)
    with EventTap(endpoint) as tap:
        for text in (b"old", b"new"):
            with EventFeed(endpoint) as feed:
                eventually(lambda feed=feed: tap.receive() or wants(feed))
                assert feed.send(text)
                assert eventually(tap.receive) == text


def test_a_new_animator_goes_on(endpoint: str) -> None:
    with EventFeed(endpoint) as feed:
        for text in (b"one", b"two"):
            with EventTap(endpoint) as tap:
                got = eventually(
                    lambda text=text, tap=tap: (wants(feed) and feed.send(text), tap.receive())[1]
                )
                assert got == text
