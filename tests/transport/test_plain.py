"""The byte pipe: whatever the socket takes at a time, the bytes arrive whole, in order, and uncopied."""

from __future__ import annotations

import functools
import socket
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpvnc.transport.plain import Pipe
from tests.support.waits import eventually


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    theirs.settimeout(5.0)
    pipe = Pipe(ours)
    yield pipe, theirs
    pipe.close()
    theirs.close()


def tcp() -> tuple[Pipe, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        theirs.settimeout(5.0)
        return Pipe(server.accept()[0]), theirs


def test_small_messages_do_not_wait_for_others() -> None:
    pipe, theirs = tcp()
    sock = pipe.detach()
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    sock.close()
    theirs.close()


def receive_all(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = sock.recv(1 << 20)
        assert chunk, f"closed after {len(data)} of {size} bytes"
        data += chunk
    return bytes(data)


class Stingy(socket.socket):
    """A socket that takes what a list says, then nothing."""

    def __init__(self, takes: list[int]) -> None:
        super().__init__(socket.AF_UNIX)
        self.takes, self.taken = takes, bytearray()

    def send(self, data, *_):
        return self.sendmsg([data])

    def sendmsg(self, parts, *_):
        if not self.takes:
            raise BlockingIOError
        data = b"".join(parts)[: self.takes.pop(0)]
        self.taken += data
        return len(data)


def test_what_the_kernel_knows_of_a_connection(ends):
    pipe, theirs = tcp()
    with theirs:
        for _ in range(5):
            pipe.send([b"ping"])
            theirs.sendall(receive_all(theirs, 4))
            assert eventually(lambda: pipe.receive_into(bytearray(4)))
        eventually(lambda: pipe.unacknowledged_bytes() == 0)
        info = pipe.tcp_info()
        assert 0 < info.base_s <= info.rtt_s < 1 and info.unacknowledged_bytes == info.unsent_bytes == 0
        pipe.send([bytes(64 << 20)])
        full = eventually(lambda: (now := pipe.tcp_info()).unsent_bytes and now)
        assert full.unacknowledged_bytes >= full.unsent_bytes > 0
    pipe.close()
    assert ends[0].tcp_info() is None, "a UNIX socket has no such thing"


@settings(max_examples=150)
@given(
    st.lists(st.lists(st.binary(max_size=9), max_size=5), max_size=6),
    st.lists(st.integers(1, 12), max_size=30),
)
def test_short_writes_lose_nothing(batches, takes):
    sock = Stingy(list(takes))
    pipe = Pipe(sock)
    for batch in batches:
        pipe.send(batch)
        assert pipe.sent_bytes == len(sock.taken)
    everything = b"".join(part for batch in batches for part in batch)
    assert everything.startswith(bytes(sock.taken))
    assert pipe.is_blocked or bytes(sock.taken) == everything
    sock.takes = [3] * 200
    while pipe.is_blocked:
        pipe.flush()
    assert bytes(sock.taken) == everything and pipe.sent_bytes == len(everything)
    pipe.close()


def test_a_huge_update_goes_through_a_small_buffer():
    pipe, theirs = tcp()
    pipe._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    payload = bytes(range(256)) * 8192
    pipe.send([payload[:1000], memoryview(payload)[1000:], b"end"])
    assert pipe.is_blocked
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(receive_all(theirs, len(payload) + 3)))
    reader.start()
    eventually(lambda: pipe.flush() or not pipe.is_blocked, interval_s=0.001)
    reader.join(5.0)
    assert received == [payload + b"end"]
    pipe.close()
    theirs.close()


def test_what_waits_is_not_a_copy(ends):
    pipe, _ = ends
    shared = bytes(8 << 20)
    pipe.send([shared])
    pipe.send([shared])
    assert pipe.is_blocked
    assert [getattr(rest, "obj", rest) is shared for rest in pipe._rest] == [True, True]


def test_more_buffers_than_one_call_takes(ends):
    pipe, theirs = ends
    pipe.send([bytes([n % 256]) for n in range(1000)])
    while pipe.is_blocked:
        pipe.flush()
    assert receive_all(theirs, 1000) == bytes(n % 256 for n in range(1000))


def test_receiving(ends):
    pipe, theirs = ends
    scratch = bytearray(10)
    assert pipe.receive_into(scratch) is None
    theirs.sendall(b"hello world!")
    assert pipe.receive_into(scratch) == 10 and bytes(scratch) == b"hello worl"
    assert pipe.receive_into(scratch) == 2
    theirs.close()
    assert pipe.receive_into(scratch) == 0
    assert pipe.received_bytes == 12


def test_a_vanished_peer_is_an_error(ends):
    pipe, theirs = ends
    theirs.close()
    with pytest.raises(OSError):
        pipe.send([b"x"])
        pipe.send([b"x"])


def test_small_writes_are_not_delayed():
    pipe, theirs = tcp()
    assert pipe._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert 0 < pipe._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) <= 1 << 20
    assert not pipe._sock.getblocking()
    pipe.close()
    theirs.close()


@pytest.mark.parametrize(
    ("after_s", "seconds"), [(30.0, (15, 5, 30)), (0.1, (1, 1, 2)), (1e9, (16383, 5461, 32767))]
)
def test_the_kernel_notices_a_peer_that_vanished(after_s, seconds):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pipe = Pipe(server.accept()[0], after_s)
        option = functools.partial(pipe._sock.getsockopt, socket.IPPROTO_TCP)
        assert pipe._sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert (option(socket.TCP_KEEPIDLE), option(socket.TCP_KEEPINTVL)) == seconds[:2]
        assert (option(socket.TCP_KEEPCNT), option(socket.TCP_USER_TIMEOUT)) == (3, seconds[2] * 1000)
        pipe.close()


def test_unacknowledged_bytes_are_counted():
    pipe, theirs = tcp()
    assert pipe.unacknowledged_bytes() == 0
    pipe.send([bytes(32 << 20)])
    assert pipe.unacknowledged_bytes() > 16 << 20
    receive_all(theirs, pipe.sent_bytes)
    eventually(lambda: pipe.unacknowledged_bytes() == (32 << 20) - pipe.sent_bytes)
    pipe.close()
    theirs.close()


def test_the_last_words_arrive_although_input_was_unread():
    pipe, theirs = tcp()
    theirs.sendall(bytes(1000))
    eventually(lambda: pipe._sock.recv(1, socket.MSG_PEEK), ignoring=(BlockingIOError,))
    pipe.send([b"refused"])
    pipe.discard_input()
    pipe.close()
    assert receive_all(theirs, 7) == b"refused"
    assert theirs.recv(1) == b""
    theirs.close()


def test_close_is_final(ends):
    pipe, _ = ends
    pipe.send([bytes(8 << 20)])
    pipe.close()
    assert not pipe.is_blocked and pipe.fileno() == -1
    pipe.close()
