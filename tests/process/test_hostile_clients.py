"""Viewers that do not read, flood, stop in the middle or talk nonsense: they pay, alone."""

from __future__ import annotations

import os
import random
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from operator import le

import pytest

from tests.process.conftest import Serve
from tests.process.stage import child_of, connect_from, status_of, wait_viewers
from tests.process.watch import Watcher
from tests.support import processes
from tests.support.client import Client, dial
from tests.support.errors import Disconnected, Refused
from tests.support.servers import Server
from tests.support.waits import deadline, eventually

pytestmark = pytest.mark.process

Watch = Callable[[Client], Watcher]
LARGE = ("source.width=1280", "source.height=720", "clients.stall_timeout_s=2")
FULL_REQUEST = struct.pack(">BB4H", 3, 0, 0, 0, 1280, 720)
FENCE_OF_64 = struct.pack(">BxxxIB", 248, 1 << 31, 64) + bytes(64)
FENCE = -312
GROWTH_BYTES = 48 << 20
"""What a worker may grow by for one hostile viewer: an update in flight, what others' updates need."""


def push(client: Client, data: bytes, most_bytes: int, seconds: float = 1.0) -> int:
    """Send the same over and over without reading, until nothing is taken any more; return the bytes sent."""
    client.socket.settimeout(0.2)
    sent, end = 0, deadline(seconds)
    try:
        while sent < most_bytes and time.monotonic() < end:
            sent += client.socket.send(data)
    except (TimeoutError, ConnectionError):
        pass
    return sent


def assert_others_do_not_suffer(server: Server, begin: float, beside: Watcher, elsewhere: Watcher) -> None:
    """The viewer in the same worker has 90 % of the updates of one in another worker, and lives."""
    end = time.monotonic()
    here, there = beside.count(begin, end), elsewhere.count(begin, end)
    assert beside.is_connected and there > 10, server.log_tail()
    stutter = 6  # of the test's own threads: a fifth of a second
    assert here >= 0.9 * there - stutter, f"{here} updates beside it, {there} elsewhere"


@pytest.mark.parametrize(
    "data", [FULL_REQUEST, FENCE_OF_64, FULL_REQUEST + FENCE_OF_64 * 20], ids=["requests", "fences", "both"]
)
def test_a_viewer_that_does_not_read_is_dropped_and_slows_nobody(
    serve: Serve, watch: Watch, data: bytes
) -> None:
    server = serve(*LARGE)
    stopped = server.connect()
    elsewhere, beside = watch(server.connect()), watch(server.connect())
    wait_viewers(server, 3)
    worker = child_of(server, "encoder", 0)
    assert worker["counters"]["clients"] == 2
    for watcher in (elsewhere, beside):
        watcher.wait_for_more()
    before = processes.resident_bytes(worker["pid"])
    begin = time.monotonic()
    stopped.set_encodings([0, FENCE])
    push(stopped, data, 64 << 20)
    highest = 0
    while status_of(server)["clients"]["authenticated"] == 3:
        push(stopped, data, len(data), 0.1)
        highest = max(highest, processes.resident_bytes(worker["pid"]))
        assert time.monotonic() < begin + 15, server.log_tail()
    assert time.monotonic() - begin >= 2.0
    assert highest - before < GROWTH_BYTES
    assert_others_do_not_suffer(server, begin, beside, elsewhere)
    eventually(lambda: "stalled: it does not read" in server.log, what="the reason in the log")
    stopped.close()


def seconds_left_with(server: Server, half: bytes) -> float:
    """Send half a message; return when the server closes."""
    client = server.connect()
    begin = time.monotonic()
    client.socket.sendall(half)
    client.wait_closed(3.0)
    client.close()
    return time.monotonic() - begin


def test_half_a_message_ends_the_connection_in_time(serve: Serve, watch: Watch) -> None:
    server = serve("timeouts.message_s=1", "server.workers=1")
    watcher = watch(server.connect())
    halves = (b"\x04", b"\x03\x01\0\0", b"\x06\0\0\0\0\0\x10\0only the beginning", b"\x02\0\0\x05\0\0")
    begin = time.monotonic()
    with ThreadPoolExecutor(len(halves)) as pool:
        took = list(pool.map(lambda half: seconds_left_with(server, half), halves))
    assert min(took) > 0.8, took
    eventually(lambda: "timed out waiting for the rest of a message" in server.log)
    assert watcher.is_connected and watcher.longest_gap(begin) < 1.0


def test_garbage_ends_the_connection_and_nothing_else(serve: Serve, watch: Watch) -> None:
    server = serve("server.workers=1", "timeouts.handshake_s=2", "timeouts.message_s=2")
    watcher = watch(server.connect())
    pid = child_of(server, "encoder")["pid"]
    rubbish = random.Random(7)
    for _ in range(10):
        raw = dial(server.host, server.port)
        raw.sendall(rubbish.randbytes(3000))
        wait_hung_up(raw)
    for _ in range(10):
        client = server.connect()
        client.socket.sendall(bytes([77 + rubbish.randrange(20)]) + rubbish.randbytes(500))
        wait_hung_up(client.socket)
    assert watcher.is_connected
    assert child_of(server, "encoder")["pid"] == pid
    watcher.wait_for_more()
    assert "unknown message type" in server.log.lower()
    assert "Traceback" not in server.log


def wait_hung_up(sock: socket.socket) -> None:
    """Read whatever comes until the server closes, then close too."""
    sock.settimeout(5.0)
    try:
        while sock.recv(65536):
            continue
    except ConnectionResetError:
        pass
    finally:
        sock.close()


def test_a_banner_without_end_is_closed_early(serve: Serve) -> None:
    server = serve("server.workers=1")
    raw = dial(server.host, server.port)
    with pytest.raises(ConnectionError):
        raw.settimeout(5.0)
        for _ in range(200):
            raw.sendall(b"x" * 50_000)
    raw.close()
    assert status_of(server)["bytes_received"] < 1 << 20


def test_a_silent_socket_is_closed_at_the_handshake_timeout(serve: Serve) -> None:
    server = serve("timeouts.handshake_s=1")
    begin = time.monotonic()
    raw = dial(server.host, server.port)
    wait_hung_up(raw)
    assert 0.9 <= time.monotonic() - begin < 2.0


def test_idle_sockets_do_not_lock_a_viewer_out(serve: Serve) -> None:
    server = serve("clients.max_connections=2")
    idle = [dial(server.host, server.port) for _ in range(50)]
    with server.connect() as client:
        assert client.refresh().any()
    for sock in idle:
        sock.close()


def test_an_address_that_hoards_sockets_locks_out_itself_alone(serve: Serve) -> None:
    server = serve("clients.max_unauthenticated_per_address=20", "timeouts.handshake_s=2")
    idle = [connect_from(server, "127.0.0.2") for _ in range(20)]
    eventually(lambda: status_of(server)["clients"]["unauthenticated"] == 20)
    with pytest.raises(Refused, match="have not logged in"), connect_from(server, "127.0.0.2") as late:
        late.wait_for(lambda viewer: viewer.ready)
    with connect_from(server, "127.0.0.3") as other:
        other.wait_for(lambda viewer: viewer.ready)
    for sock in idle:
        sock.close()


def test_this_machine_counts_all_together_and_hoarded_sockets_are_freed_in_time(serve: Serve) -> None:
    server = serve(
        "clients.max_unauthenticated_per_address=5",
        "clients.max_unauthenticated=20",
        "timeouts.handshake_s=2",
    )
    idle = [dial(server.host, server.port) for _ in range(20)]
    eventually(lambda: status_of(server)["clients"]["unauthenticated"] == 20)
    with pytest.raises(Refused, match="have not logged in"):
        server.connect()
    eventually(lambda: can_connect(server), 5.0, what="room after the handshake time-out")
    for sock in idle:
        sock.close()


def can_connect(server: Server) -> bool:
    try:
        server.connect().close()
    except Refused:
        return False
    return True


@pytest.mark.parametrize("version", [(3, 3), (3, 7), (3, 8)])
def test_one_viewer_too_many_is_told_so_and_let_in_when_another_left(
    serve: Serve, version: tuple[int, int]
) -> None:
    server = serve("clients.max_connections=2")
    first, second = server.connect(), server.connect()
    wait_viewers(server, 2)
    with pytest.raises(Refused, match="Too many viewers"):
        server.connect(version=version)
    first.close()
    begin = time.monotonic()
    eventually(lambda: can_connect(server), what="room")
    assert time.monotonic() - begin < 1.0
    second.close()


def test_a_storm_of_connections_is_served(serve: Serve, watch: Watch) -> None:
    server = serve("clients.max_unauthenticated_per_address=300")
    watcher = watch(server.connect())
    storm = [Client(dial(server.host, server.port)) for _ in range(200)]
    for client in storm:
        client.wait_for(lambda viewer: viewer.ready, 20.0)
    wait_viewers(server, 201, 10.0)
    assert watcher.is_connected
    for client in storm:
        client.close()
    wait_viewers(server, 1, 10.0)
    watcher.wait_for_more()


def test_descriptors_do_not_leak(serve: Serve) -> None:
    server = serve("timeouts.handshake_s=1", env={"MPVNC_PASSWORD": "sesame"})
    cycle(server)
    wait_viewers(server, 0)
    pids = [server.pid, *server.children]

    def descriptors() -> list[int]:
        return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]

    before = descriptors()  # one of the first cycle may still be among them
    for _ in range(17):
        cycle(server)
    eventually(lambda: all(map(le, descriptors(), before)), 5.0, what="no new fds")


def cycle(server: Server) -> None:
    """Come and go three ways: as a viewer, with a wrong password, without a word."""
    with server.connect(password="sesame") as client:
        client.refresh()
    with pytest.raises((Disconnected, TimeoutError)):
        server.connect(password="wrong", timeout_s=0.05)
    dial(server.host, server.port).close()
