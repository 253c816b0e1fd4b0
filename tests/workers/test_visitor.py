"""One HTTP connection over a real socket, with a host that answers as the test wants."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from mpvnc.transport.plain import Pipe
from mpvnc.web.http import Request, Response, text
from mpvnc.workers import visitor as module
from mpvnc.workers.arrival import Arrival
from mpvnc.workers.visitor import Visitor
from tests.support.waits import deadline

GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"


class Host:
    """Keeps requests; answers them at once with their path unless `is_slow`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stall_timeout_s, self.handshake_s, self.max_request_bytes = 30.0, 30.0, 1024
        self.requests: list[Request] = []
        self.is_slow = False
        self.reasons: list[str] = []
        self.early: list[bytes] = []
        ours, self.peer = socket.socketpair()
        self.peer.setblocking(False)
        self.ours = ours

    def visitor(self) -> Visitor:
        arrival = Arrival(7, "127.0.0.1", self.ours, {"verdict": "serve"}, 0.0)
        return Visitor(arrival, Pipe(self.ours), self)

    def serve(self, visitor: Visitor, request: Request) -> None:
        self.requests.append(request)
        if not self.is_slow:
            visitor.answer(text(200, request.path))

    def upgraded(self, visitor: Visitor, early: bytes) -> None:
        self.early.append(early)

    def left(self, visitor: Visitor, reason: str) -> None:
        self.reasons.append(reason)

    def run(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        end = deadline(timeout_s)

        async def poll() -> None:
            while not condition():
                assert time.monotonic() < end, (self.requests, self.reasons)
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(poll())

    def read(self) -> bytes:
        data = b""
        try:
            while chunk := self.peer.recv(1 << 20):
                data += chunk
        except BlockingIOError:
            pass
        return data

    def read_until(self, wanted: bytes) -> bytes:
        data = bytearray()

        def has_come() -> bool:
            data.extend(self.read())
            return wanted in data

        self.run(has_come)
        return bytes(data)


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.peer.close()
    made.ours.close()
    made.loop.close()


def test_requests_are_answered_one_after_the_other(host: Host) -> None:
    visitor = host.visitor()
    host.peer.sendall(GET % 1 + GET % 2 + (GET % 3)[:9])
    assert host.read_until(b"/2\n").count(b"HTTP/1.1 200 OK") == 2
    host.is_slow = True
    host.peer.sendall((GET % 3)[9:] + GET % 4)
    host.run(lambda: len(host.requests) == 3)
    assert visitor._is_reading is False
    host.loop.run_until_complete(asyncio.sleep(0.01))
    assert len(host.requests) == 3, "the next one waits for the answer"
    visitor.answer(text(200, "third"))
    host.run(lambda: len(host.requests) == 4)
    visitor.close("over")
    visitor.answer(text(200, "too late"))
    assert host.reasons == ["over"]


def test_the_last_answer_arrives_whole_however_slowly_it_is_read(host: Host) -> None:
    host.is_slow = True
    visitor = host.visitor()
    host.peer.sendall(GET % 1)
    host.run(lambda: host.requests)
    body = bytes(range(256)) * 8000
    visitor.answer(Response(200, (), body), is_last=True)
    got = bytearray()
    host.run(lambda: got.extend(host.read()) or host.reasons)
    assert bytes(got + host.read()).endswith(b"\r\n\r\n" + body)
    assert host.reasons == ["answered"]


def test_what_is_no_request_is_told_so_and_closed(host: Host) -> None:
    host.visitor()
    host.peer.sendall(b"NONSENSE\r\n\r\n")
    host.run(lambda: host.reasons)
    assert host.read().startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert host.reasons == ["answered"]


def test_a_peer_that_goes_is_told_of(host: Host) -> None:
    host.visitor()
    host.peer.shutdown(socket.SHUT_WR)
    host.run(lambda: host.reasons)
    assert host.reasons == ["closed by the browser"]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(b"", "a request"), (b"GET / HT", "the rest of a request"), (GET % 1, "a further request")],
    ids=["nothing", "half a request", "no more"],
)
def test_nobody_is_waited_for_too_long(
    host: Host, monkeypatch: pytest.MonkeyPatch, sent: bytes, reason: str
) -> None:
    host.handshake_s = 0.03
    monkeypatch.setattr(module, "IDLE_S", 0.03)
    host.visitor()
    host.peer.sendall(sent)
    host.run(lambda: host.reasons)
    assert host.reasons == [f"timed out waiting for {reason}"]


def test_drops_do_not_keep_a_request_alive(host: Host) -> None:
    host.handshake_s = 0.1
    host.visitor()

    def drip() -> None:
        if not host.reasons:
            host.peer.send(b"G")
            host.loop.call_later(0.01, drip)

    drip()
    host.run(lambda: host.reasons)
    assert "the rest of a request" in host.reasons[0]


def test_who_does_not_read_is_closed(host: Host) -> None:
    host.stall_timeout_s, host.is_slow = 0.03, True
    visitor = host.visitor()
    host.peer.sendall(GET % 1)
    host.run(lambda: host.requests)
    visitor.answer(Response(200, (), b"x" * 4_000_000))
    host.run(lambda: host.reasons)
    assert host.reasons == ["timed out waiting for it to read"]


def test_a_fault_costs_this_connection_alone(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    visitor = host.visitor()
    host.serve = lambda *_: 1 // 0
    host.peer.sendall(GET % 1)
    host.run(lambda: host.reasons)
    assert visitor.is_closed and "internal error" in host.reasons[0] and "a fault of ours" in caplog.text


def test_an_upgrade_hands_over_what_came_behind_it(host: Host) -> None:
    host.is_slow = True
    visitor = host.visitor()
    host.peer.sendall(GET[:-2] % 1 + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\nmore")
    host.run(lambda: host.requests)
    visitor.upgrade(Response(101, (("Upgrade", "websocket"),)))
    assert host.early == [b"more"] and visitor.is_closed and not host.reasons
    assert host.read().startswith(b"HTTP/1.1 101 ")
    visitor.close("has no effect any more")
    assert host.ours.fileno() != -1 and not host.reasons
