"""The line of TLS handshakes, with pipes on real sockets and clients of the standard library."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpvnc.transport.tls import TlsPipe, server_context
from mpvnc.workers import handshakes as module
from mpvnc.workers.handshakes import Handshakes
from mpvnc.workers.readiness import READ, Readiness
from tests.support.tls import TlsPeer, client_context, make_pem
from tests.support.waits import deadline

PEM = make_pem()


class Crowd:
    """Handshakes, and peers that go on whenever the loop turns; `ended` has who is through, in order."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.loop = asyncio.new_event_loop()
        self.readiness = Readiness(self.loop)
        self.handshakes = Handshakes(self.loop, self.readiness)
        self.context = context
        self.pipes: list[TlsPipe] = []
        self.peers: list[tuple[socket.socket, TlsPeer]] = []
        self.ended: list[tuple[int, OSError | None]] = []

    def come(self) -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        number = len(self.pipes)
        self.pipes.append(TlsPipe(ours, self.context))
        self.peers.append((theirs, TlsPeer(client_context(PEM))))
        self.handshakes.begin(self.pipes[-1], lambda error: self.ended.append((number, error)))

    def go_on(self) -> None:
        for sock, peer in self.peers:
            with contextlib.suppress(BlockingIOError):
                peer.feed(sock.recv(1 << 16))
            peer.go_on()
            sock.send(peer.take() or b"")

    def run(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        end = deadline(timeout_s)

        async def poll() -> None:
            while not condition():
                assert time.monotonic() < end, self.ended
                self.go_on()
                await asyncio.sleep(0)

        self.loop.run_until_complete(poll())

    def close(self) -> None:
        for pipe in self.pipes:
            self.handshakes.forget(pipe)
            pipe.close()
        for sock, _ in self.peers:
            sock.close()
        self.readiness.close()
        self.loop.close()


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    (tmp_path / "pem").write_bytes(PEM)
    made = Crowd(server_context(str(tmp_path / "pem")))
    yield made
    made.close()


def test_all_get_through_and_are_let_go_of(crowd: Crowd) -> None:
    for _ in range(5):
        crowd.come()
    crowd.run(lambda: len(crowd.ended) == 5)
    assert sorted(crowd.ended) == [(number, None) for number in range(5)]
    assert all(pipe.is_established for pipe in crowd.pipes)
    heard: list[bool] = []
    crowd.readiness.watch(crowd.pipes[0].fileno(), READ, lambda *which: heard.append(which[0]))
    crowd.peers[0][1].tls.write(b"x")
    crowd.run(lambda: heard)
    crowd.readiness.forget(crowd.pipes[0].fileno())


def test_a_crowd_leaves_the_loop_to_others(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come at once, a turn of the loop has few of them, and rests between."""
    clock = [0.0]
    monkeypatch.setattr(module.time, "thread_time", lambda: clock[0])
    steps: list[float] = []
    shake_hands = TlsPipe.shake_hands

    def costly(pipe: TlsPipe) -> bool:
        clock[0] += 0.0006
        steps.append(crowd.loop.time())
        return shake_hands(pipe)

    monkeypatch.setattr(TlsPipe, "shake_hands", costly)
    for _ in range(8):
        crowd.come()
    crowd.go_on()
    crowd.run(lambda: len(crowd.ended) == 8)
    assert len(steps) == 16
    rests = [later - earlier for earlier, later in zip(steps[1::2], steps[2::2], strict=False)]
    assert min(rests) >= 0.0024 * 0.99, "two steps of 0.6 ms, then twice as long nothing"


def test_they_are_served_in_the_order_in_which_they_spoke(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[int] = []
    shake_hands = TlsPipe.shake_hands

    def noted(pipe: TlsPipe) -> bool:
        served.append(crowd.pipes.index(pipe))
        return shake_hands(pipe)

    monkeypatch.setattr(TlsPipe, "shake_hands", noted)
    for _ in range(4):
        crowd.come()
    peers = crowd.peers
    for number in (2, 0, 3, 1):
        crowd.peers = [peers[number]]
        crowd.go_on()
        for _ in range(2):
            crowd.loop.call_soon(crowd.loop.stop)
            crowd.loop.run_forever()
    crowd.peers = peers
    crowd.run(lambda: len(crowd.ended) == 4)
    assert served[:4] == [2, 0, 3, 1]


def test_who_leaves_the_line_is_not_served(crowd: Crowd) -> None:
    for _ in range(3):
        crowd.come()
    crowd.go_on()
    crowd.readiness._on_ready()
    crowd.handshakes.forget(crowd.pipes[0])
    crowd.handshakes.forget(crowd.pipes[0])
    crowd.pipes[0].close()
    crowd.peers[0][0].close()
    del crowd.peers[0]
    crowd.run(lambda: len(crowd.ended) == 2)
    assert [number for number, _ in crowd.ended] == [1, 2]


def test_a_failure_is_told_and_costs_nobody_else(crowd: Crowd) -> None:
    crowd.come()
    crowd.come()
    browser, _ = crowd.peers.pop(0)
    browser.send(b"GET / HTTP/1.0\r\n\r\n")
    crowd.run(lambda: len(crowd.ended) == 2)
    browser.close()
    (_, error), (_, none) = sorted(crowd.ended)
    assert "it speaks HTTP without TLS" in str(error) and none is None
