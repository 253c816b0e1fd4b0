"""Sockets of which it is not known yet what is spoken on them: real sockets, a real loop."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpvnc.workers import arrival as module
from mpvnc.workers.arrival import Arrival, Reception, Speaks, recognise
from tests.support.waits import deadline


class Hall:
    """A reception and what it tells; `arrive` brings a socket and returns the peer's end."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.found: dict[int, Speaks] = {}
        self.lost: dict[int, str] = {}
        self.reception = Reception(
            self.loop, self._found, lambda one, why: self.lost.update({one.ident: why})
        )
        self.peers: list[socket.socket] = []
        self.socks: list[socket.socket] = []

    def _found(self, arrival: Arrival, speaks: Speaks) -> None:
        self.found[arrival.ident] = speaks

    def arrive(self, speaks: str = "any", first: bytes = b"", **more: bool) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(first)
        self.peers.append(theirs)
        self.socks.append(ours)
        told = {"speaks": speaks, "verdict": "serve", **more}
        self.reception.receive(Arrival(len(self.peers), "127.0.0.1", ours, told, 0.0))
        return theirs

    def run(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        end = deadline(timeout_s)

        async def poll() -> None:
            while not condition():
                assert time.monotonic() < end, (self.found, self.lost)
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(poll())

    def close(self) -> None:
        self.reception.close_all("over")
        for sock in (*self.peers, *self.socks):
            sock.close()
        self.loop.close()


@pytest.fixture
def hall() -> Iterator[Hall]:
    made = Hall()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("first", "speaks"),
    [(b"GET /", Speaks.HTTP), (b"HEAD", Speaks.HTTP), (b"POST", Speaks.HTTP), (b"OPTIONS", Speaks.HTTP),
     (b"RFB 003.008\n", Speaks.RFB), (b"\x16\x03\x01", Speaks.TLS), (b"\x00", Speaks.RFB), (b"get", Speaks.RFB)],
)  # fmt: skip
def test_the_first_byte_tells(first: bytes, speaks: Speaks) -> None:
    assert recognise(first[:1]) is speaks


@given(st.integers(0, 255))
def test_every_byte_tells_something(first: int) -> None:
    assert recognise(bytes([first])) in Speaks


def test_who_is_silent_waits_for_its_greeting_and_who_speaks_is_heard(hall: Hall) -> None:
    hall.arrive()
    hall.arrive(first=b"G")
    hall.arrive(first=b"\x16")
    hall.run(lambda: len(hall.found) == 3)
    assert hall.found == {1: Speaks.RFB, 2: Speaks.HTTP, 3: Speaks.TLS}
    assert hall.socks[1].recv(10) == b"G", "nothing is taken from the socket"


def test_who_comes_while_a_page_is_loaded_there_has_more_time(hall: Hall, monkeypatch) -> None:
    monkeypatch.setattr(module, "BROWSING_DELAY_S", module.GREETING_DELAY_S * 3)
    begin = hall.loop.time()
    hall.arrive(is_browsing=True)
    hall.arrive()
    hall.run(lambda: hall.found)
    assert hall.found == {2: Speaks.RFB}
    hall.run(lambda: len(hall.found) == 2)
    assert hall.found[1] is Speaks.RFB and hall.loop.time() - begin >= module.BROWSING_DELAY_S


def test_what_came_while_the_loop_was_busy_counts(hall: Hall) -> None:
    peer = hall.arrive()
    hall.loop.call_soon(time.sleep, module.GREETING_DELAY_S * 3)
    hall.loop.call_soon(peer.sendall, b"GET")
    hall.run(lambda: hall.found)
    assert hall.found == {1: Speaks.HTTP}


def test_a_listener_for_viewers_greets_at_once(hall: Hall) -> None:
    hall.arrive("vnc", b"GET")
    assert hall.found == {1: Speaks.RFB}


def test_a_listener_for_browsers_waits(hall: Hall) -> None:
    late, silent = hall.arrive("web"), hall.arrive("web")
    hall.arrive("web", b"\x16")
    hall.arrive("web", b"RFB 003.008\n")
    hall.loop.run_until_complete(asyncio.sleep(module.GREETING_DELAY_S * 2))
    assert hall.found == {3: Speaks.TLS, 4: Speaks.HTTP}, "what is no request is told so in the words of HTTP"
    late.sendall(b"GET")
    hall.run(lambda: 1 in hall.found)
    assert hall.found[1] is Speaks.HTTP and not hall.lost
    silent.close()
    hall.run(lambda: hall.lost)


def test_a_browser_that_never_asks_is_closed(hall: Hall) -> None:
    hall.reception.patience_s = 0.02
    peer = hall.arrive("web")
    hall.run(lambda: hall.lost)
    assert "timed out" in hall.lost[1] and peer.recv(1) == b""


def test_who_goes_is_told_of_once(hall: Hall) -> None:
    hall.arrive().close()
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    hall.socks.append(ours)
    hall.reception.receive(Arrival(2, "127.0.0.1", ours, {"speaks": "web", "verdict": "serve"}, 0.0))
    peer.close()
    hall.run(lambda: len(hall.lost) == 2)
    assert "before it said anything" in hall.lost[1] and "reset" in hall.lost[2].lower()


def test_one_can_be_closed(hall: Hall) -> None:
    peer = hall.arrive("web")
    hall.arrive("web")
    assert hall.reception.close(1, "by command") and not hall.reception.close(1, "again")
    assert hall.lost == {1: "by command"} and peer.recv(1) == b""
    hall.reception.close_all("the server stops")
    assert hall.lost[2] == "the server stops"


def test_a_refusal_has_its_reason() -> None:
    with socket.socket() as sock:
        refused = Arrival(1, "a", sock, {"verdict": "refuse", "reason": "Too many viewers"}, 0.0)
        assert refused.refusal == "Too many viewers"
        assert Arrival(1, "a", sock, {"verdict": "serve", "reason": ""}, 0.0).refusal == ""
