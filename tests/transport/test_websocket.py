"""A WebSocket as a stream, over a real socket: shared bytes behind short headers, control frames between messages."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.transport.plain import Buffer, Pipe
from mpvnc.transport.websocket import EARLY_LIMITS, WebSocketPipe
from mpvnc.web.websocket import SizeLimits, header
from tests.web.test_websocket import CLOSE, PING, frame

LIMITS = SizeLimits(1 << 20, 1 << 20)


def ends(early: bytes = b"") -> tuple[WebSocketPipe, socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(5.0)
    return WebSocketPipe(Pipe(ours), LIMITS, early), theirs


@pytest.fixture
def pair() -> Iterator[tuple[WebSocketPipe, socket.socket]]:
    pipe, theirs = ends()
    yield pipe, theirs
    pipe.close()
    theirs.close()


def read_all(pipe: WebSocketPipe, room: int = 4096) -> tuple[bytes, int | None]:
    """Read as long as there is something, as an event loop does; return it, and how the last read ended."""
    scratch, data = bytearray(room), bytearray()
    while True:
        count = pipe.receive_into(scratch)
        data += scratch[: count or 0]
        if count == 0 or (count is None and not pipe.has_pending and not select.select([pipe], [], [], 0)[0]):
            return bytes(data), count


class Recording(Pipe):
    """A pipe that keeps what it is to send."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.given: list[Sequence[Buffer]] = []

    def send(self, buffers: Sequence[Buffer]) -> None:
        self.given.append(buffers)


def test_what_goes_out_is_framed_and_never_copied() -> None:
    ours, theirs = socket.socketpair()
    recording = Recording(ours)
    pipe, given = WebSocketPipe(recording, LIMITS), recording.given
    shared = [b"x" * 70000, memoryview(b"yz")]
    pipe.send(shared)
    pipe.send(shared)
    assert given[0] is given[1]  # made once for all who get the same
    head, *rest = given[0]
    assert head == header(70002) and rest[0] is shared[0] and rest[1] is shared[1]
    pipe.send([b""])
    assert len(given) == 2
    pipe.close()
    theirs.close()


def test_messages_arrive_whole_whatever_the_socket_takes(pair) -> None:
    pipe, theirs = pair
    pieces = [bytes([i]) * size for i, size in enumerate((1, 125, 126, 70000, 300000, 3))]
    wanted = b"".join(header(len(piece)) + piece for piece in pieces)
    for piece in pieces:
        pipe.send([piece[:1], piece[1:]])
    got = b""
    while len(got) < len(wanted):
        got += theirs.recv(50000)
        pipe.flush()
    assert got == wanted
    assert not pipe.is_blocked and pipe.sent_bytes == len(wanted)


def test_what_comes_in_is_handed_out_by_the_room_there_is(pair) -> None:
    pipe, theirs = pair
    theirs.sendall(frame(b"abcdefgh") + frame(b"ij", fin=False) + frame(b"hi", PING))
    scratch = bytearray(3)
    counts = [pipe.receive_into(scratch) for _ in range(4)]
    assert counts == [3, 3, 3, 1] and not pipe.has_pending
    assert pipe.receive_into(scratch) is None
    assert theirs.recv(10) == b"\x8a\x02hi"


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=200), max_size=5), st.integers(0, 400), st.integers(1, 50))
def test_what_came_with_the_handshake_comes_first(payloads: list[bytes], cut: int, room: int) -> None:
    sent = b"".join(map(frame, payloads))
    pipe, theirs = ends(sent[:cut])
    theirs.sendall(sent[cut:])
    assert read_all(pipe, room) == (b"".join(payloads), None)
    assert not pipe.has_pending
    pipe.close()
    theirs.close()


def test_the_end_comes_after_everything_before_it(pair) -> None:
    pipe, theirs = pair
    theirs.sendall(frame(b"abcdef") + frame(struct.pack(">H", 1001), CLOSE) + frame(b"late"))
    assert read_all(pipe, 4) == (b"abcdef", 0)
    assert pipe.has_pending and pipe.receive_into(bytearray(4)) == 0
    assert theirs.recv(10) == b"\x88\x02\x03\xe9"


def test_a_broken_rule_is_told_and_ends_it(pair) -> None:
    pipe, theirs = pair
    theirs.sendall(b"\x82\x05hello")
    assert read_all(pipe) == (b"", 0)
    assert theirs.recv(100)[:4] == b"\x88" + bytes([len("incorrect masking") + 2]) + b"\x03\xea"


def test_a_peer_that_is_gone_is_an_end(pair) -> None:
    pipe, theirs = pair
    theirs.close()
    assert read_all(pipe) == (b"", 0)


def test_large_messages_wait_for_trust() -> None:
    size = EARLY_LIMITS.frame + 1
    for is_trusted in (False, True):
        pipe, theirs = ends()
        if is_trusted:
            pipe.trust()
        theirs.sendall(frame(b"z" * size))
        assert read_all(pipe) == ((b"z" * size, None) if is_trusted else (b"", 0))
        pipe.close()
        theirs.close()


def test_a_large_message_is_unmasked_and_handed_out_in_order(pair) -> None:
    pipe, theirs = pair
    pipe.trust()
    payload, got = bytes(range(256)) * 4096, b""
    sent = memoryview(frame(payload))
    while sent:
        sent = sent[theirs.send(sent[:65536]) :]
        got += read_all(pipe)[0]
    assert got == payload


def test_pings_without_end_leave_one_pong_behind_what_is_not_read(pair) -> None:
    pipe, theirs = pair
    pipe.send([b"u" * 1_000_000])
    assert pipe.is_blocked
    for number in range(1000):
        theirs.sendall(frame(b"%d" % number, PING))
        read_all(pipe)
    update = header(1_000_000) + b"u" * 1_000_000
    got = b""
    while len(got) < len(update) + 5:
        got += theirs.recv(1 << 20)
        pipe.flush()
    assert got == update + b"\x8a\x03999"
    assert not pipe.is_blocked


def test_a_pong_that_does_not_go_at_once_makes_it_blocked(pair) -> None:
    pipe, theirs = pair
    while not pipe._inner.is_blocked:
        pipe._inner.send([b"u" * 100_000])
    pipe.is_blocked = False
    theirs.sendall(frame(b"", PING))
    read_all(pipe)
    assert pipe.is_blocked


def test_closing_says_goodbye(pair) -> None:
    pipe, theirs = pair
    pipe.send([b"last"])
    theirs.sendall(frame(b"unread"))
    pipe.close()
    assert theirs.recv(100) == b"\x82\x04last\x88\x02\x03\xe8"
    assert theirs.recv(1) == b""


def test_a_pipe_that_is_blocked_is_closed_without_a_word(pair) -> None:
    pipe, _ = pair
    pipe.send([b"u" * 1_000_000])
    pipe.close()
    with pytest.raises(OSError, match="Bad file"):
        pipe.send([b"x"])
