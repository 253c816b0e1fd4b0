from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from mpvnc.errors import ControlError
from mpvnc.ipc.bus import InputReceiver, InputSender
from tests.support.waits import eventually


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/input"


def receive(receiver: InputReceiver, count: int) -> list[bytes]:
    got: list[bytes] = []
    eventually(lambda: got.extend(receiver.receive_all()) or len(got) >= count)
    return got


@pytest.mark.parametrize("bad", ["tcp://127.0.0.1:5555", "ipc://@abstract", "ipc://relative", "inproc://x"])
def test_only_paths_are_endpoints(bad: str) -> None:
    for kind in (InputSender, InputReceiver):
        with pytest.raises(ControlError):
            kind(bad)


def test_messages_of_two_workers_arrive_each_in_order(endpoint: str) -> None:
    with InputReceiver(endpoint) as receiver, InputSender(endpoint) as a, InputSender(endpoint) as b:
        for number in range(100):
            eventually(lambda n=number: a.send(b"a%d" % n))
            eventually(lambda n=number: b.send(b"b%d" % n))
        got = receive(receiver, 200)
    for sender in (b"a", b"b"):
        assert [m for m in got if m[:1] == sender] == [sender + b"%d" % n for n in range(100)]


def test_without_a_consumer_nothing_is_taken(endpoint: str) -> None:
    with InputSender(endpoint) as sender:
        assert not sender.send(b"lost")


def test_a_consumer_that_does_not_read_never_blocks_a_worker(endpoint: str) -> None:
    with InputReceiver(endpoint) as receiver, InputSender(endpoint) as sender:
        eventually(lambda: sender.send(b"first"))
        taken = 0
        while sender.send(bytes(1000)):
            taken += 1
            assert taken < 20000
        got = eventually(receiver.receive_all)
        assert got[0] == b"first"
        eventually(lambda: receiver.receive_all() or sender.send(b"again"))


def test_a_successor_takes_over(endpoint: str) -> None:
    with InputSender(endpoint) as sender:
        with InputReceiver(endpoint) as first:
            eventually(lambda: sender.send(b"one"))
            assert receive(first, 1) == [b"one"]
        with InputReceiver(endpoint) as second:
            eventually(lambda: sender.send(b"two") and second.receive_all())


def test_the_fd_wakes(endpoint: str) -> None:
    with InputReceiver(endpoint) as receiver, InputSender(endpoint) as sender:
        assert receiver.receive_all() == []
        eventually(lambda: sender.send(b"x"))
        assert eventually(lambda: select.select([receiver], [], [], 1)[0] and receiver.receive_all()) == [
            b"x"
        ]


def test_an_endpoint_that_cannot_be_bound(tmp_path: Path) -> None:
    with pytest.raises(ControlError):
        InputReceiver(f"ipc://{tmp_path}/no/such/directory")
    assert os.listdir(tmp_path) == []
