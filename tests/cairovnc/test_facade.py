"""A CairoVNC program, its three ways to run a server, and real viewers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cairo
import pytest

from mpvnc import cairovnc
from tests.support import processes
from tests.support.client import Client, dial
from tests.support.drawn import painted
from tests.support.errors import ProtocolViolation, Refused
from tests.support.events import CutText
from tests.support.handshake import HandshakeChoices
from tests.support.peers import free_port
from tests.support.servers import ROOT
from tests.support.waits import TIME_FACTOR, eventually

pytestmark = pytest.mark.process

RAW, DESKTOP_SIZE, CURSOR, NAME = 0, -223, -239, -307
RED, GREEN, BLUE = (1, 0, 0), (0, 1, 0), (0, 0, 1)
ENDED = """
import sys, cairo
from mpvnc import cairovnc
server = cairovnc.CairoVNCServer(cairo.ImageSurface(cairo.FORMAT_RGB24, 8, 8), host="127.0.0.1", port=0)
server.daemonise()
print(server.server.server_address[1], flush=True)
sys.stdin.read()
"""


class Narrated(cairovnc.VNCServer):
    """Keeps what the hooks are called with."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.told = []
        self.lets_in = True

    def client_connected(self, client):
        self.told.append(("connected", client))
        return self.lets_in

    def client_disconnected(self, client):
        self.told.append(("disconnected", client))

    def client_log(self, client, message):
        self.told.append((message, client))


class Finishing(cairovnc.VNCConnection):
    """Knows whether it was finished."""

    is_finished = False

    def finish(self):
        self.is_finished = True


class Program(cairovnc.CairoVNCServer):
    """A server with classes of its own."""

    server_class = Narrated
    connection_class = Finishing


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPVNC_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def surface() -> cairo.ImageSurface:
    return painted(cairo.ImageSurface(cairo.FORMAT_RGB24, 64, 48), RED)


@pytest.fixture
def options() -> cairovnc.CairoVNCOptions:
    return cairovnc.CairoVNCOptions(host="127.0.0.1", port=0)


@contextmanager
def daemonised(server: cairovnc.CairoVNCServer) -> Iterator[None]:
    server.daemonise()
    try:
        yield
    finally:
        server.stop()


def view(server: cairovnc.CairoVNCServer, password: str | None = None) -> Client:
    assert server.server is not None
    client = Client(dial(port=server.server.server_address[1]), HandshakeChoices(password=password))
    try:
        client.wait_for(lambda viewer: viewer.ready, 15)
    except BaseException:
        client.close()
        raise
    return client


def shows(client: Client, colour: int) -> bool:
    return bool((client.refresh() & 0xFFFFFF == colour).all())


def test_a_viewer_sees_what_is_drawn_without_being_told(surface, options) -> None:
    options.read_only = False
    cursor = cairovnc.VNCCursor(2, 1, (1, 0), bytes(8), b"\xc0")
    server = Program(surface, options=options, clipboard="hello£", cursor=cursor)
    assert server.get_event(0) is None
    started = time.monotonic()
    with daemonised(server):
        assert time.monotonic() - started < 0.5
        with view(server) as client:
            client.set_encodings([RAW, DESKTOP_SIZE, CURSOR, NAME])
            client.wait_for(lambda _: CutText("hello£") in client.events)
            assert client.viewer.name == "Cairo"
            assert shows(client, 0xFF0000)
            eventually(lambda: cursor_of(client) == (1, 0, 2, 1))
            painted(surface, GREEN)
            eventually(lambda: shows(client, 0x00FF00))
            check_changes(server, client)
            check_events(server, client)
            check_hooks(server, client)


def cursor_of(client: Client) -> tuple[int, ...] | None:
    client.refresh()
    return client.viewer.cursor and client.viewer.cursor[:4]


def check_changes(server: Program, client: Client) -> None:
    with pytest.raises(cairovnc.CairoVNCBadSurfaceFormatError, match="A8"):
        server.change_surface(cairo.ImageSurface(cairo.FORMAT_A8, 8, 8))
    server.change_surface(painted(cairo.ImageSurface(cairo.FORMAT_ARGB32, 40, 30), BLUE), threading.Lock())
    eventually(lambda: client.refresh().shape == (30, 40))
    assert shows(client, 0x0000FF)
    server.change_name("Späti")
    assert server.options.display_name == "Späti"
    server.change_clipboard(cairovnc.VNCClipboard({1: "other"}))
    server.change_cursor(None)
    eventually(lambda: cursor_of(client) == (0, 0, 0, 0))
    server.change_cursor_surface(cairo.ImageSurface(cairo.FORMAT_RGB24, 5, 4), hotspot=(3, 2))
    eventually(lambda: cursor_of(client) == (3, 2, 5, 4))
    eventually(lambda: client.refresh() is not None and client.viewer.name == "Späti")
    client.wait_for(lambda _: CutText("other") in client.events)


def check_events(server: Program, client: Client) -> None:
    assert server.get_event(0) is None
    assert server.get_event(-1) is None
    started = time.monotonic()
    assert server.get_event(0.1) is None
    assert time.monotonic() - started >= 0.1
    client.send_key(True, 0x61)
    client.send_pointer(0x09, 5, 5)
    client.cut_text("copied")
    got = [server.get_event(None), server.get_event(5)]
    got += [eventually(lambda: server.get_event(0)) for _ in range(3)]
    assert [event.name for event in got] == ["key", "move", "click", "scroll", "clipboard"]
    assert {event.client for event in got} == {server.server.clients[0].client}
    assert got[4].text == "copied"


def check_hooks(server: Program, client: Client) -> None:
    running = server.server
    (connection,) = running.clients
    assert isinstance(connection, Finishing)
    assert connection.client_address[1] == client.socket.getsockname()[1]
    server.options.max_clients = 5
    assert connection.options.max_clients == 2
    messages = [message for message, _ in running.told]
    assert messages[:4] == [
        "connected", "127.0.0.1 connected", "127.0.0.1 chose the security type NONE", "127.0.0.1 joined",
    ]  # fmt: skip
    connection.disconnect()
    client.wait_closed()
    eventually(lambda: connection.is_finished)
    assert running.told[-1] == ("disconnected", connection)
    assert running.clients == []
    running.lets_in = False
    with dial(port=running.server_address[1]) as refused:
        assert refused.recv(1) == b""
    eventually(lambda: running.told[-1][1].is_finished)


def test_options_hold_for_who_connects_next(surface, options, capsys) -> None:
    options.max_framerate = 100
    server = cairovnc.CairoVNCServer(surface, options=options)
    with daemonised(server), view(server) as first:
        assert capsys.readouterr().out == ""
        options.password, options.password_readonly, options.verbose = "secret", "looking", True
        options.push_requests, options.max_clients, options.read_only = True, 3, False
        with view(server, "secret") as second, view(server, "looking") as third:
            for client in (first, second, third):
                assert shows(client, 0xFF0000)
            with pytest.raises(Refused, match="Too many"):
                view(server, "secret")
            for client, key in ((first, 0x61), (third, 0x63), (second, 0x62)):
                client.send_key(True, key)
            assert server.get_event(5).key == 0x62
            painted(surface, GREEN)
            server.change_frame()
            with pytest.raises(ProtocolViolation, match="an update that nobody asked for"):
                second.wait_update()
        assert server.get_event(5).down is False
        assert server.get_event(0.1) is None
        eventually(lambda: "Client disconnected" in capsys.readouterr().out)


def test_a_blocking_server_ends_when_another_thread_stops_it(surface) -> None:
    port = free_port()
    server = cairovnc.CairoVNCServer(surface, host="127.0.0.1", port=port)
    events: list[object] = []
    for _ in range(2):
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        eventually(lambda: server.server is not None)
        with view(server) as client:
            assert shows(client, 0xFF0000)
            waiting = threading.Thread(target=lambda: events.append(server.get_event()))
            waiting.start()
            stopped = time.monotonic()
            server.stop()
            client.wait_closed()
        for thread in (serving, waiting):
            thread.join(5)
            assert not thread.is_alive()
        assert time.monotonic() - stopped < 2 * TIME_FACTOR
        with pytest.raises(ConnectionRefusedError):
            dial(port=port)
    idle_s = time.process_time()
    time.sleep(0.2)
    assert time.process_time() - idle_s < 0.05, "something still runs"
    assert events == [None, None]
    assert server.get_event() is None


def test_a_polled_server_lets_in_one_viewer_at_a_time(surface, options) -> None:
    server = cairovnc.CairoVNCServer(surface, options=options)
    server.poll(None)
    server.start()
    server.start()
    try:
        started = time.monotonic()
        server.poll(0)
        assert time.monotonic() - started < 0.05
        server.poll(0.3)
        assert 0.3 <= time.monotonic() - started < 0.35 + 0.1 * TIME_FACTOR
        port = server.server.server_address[1]
        with dial(port=port) as first, dial(port=port) as second:
            for sock in (first, second):
                sock.settimeout(0.1)
                with pytest.raises(TimeoutError):
                    sock.recv(1)
            server.poll(None)
            first.settimeout(5)
            assert first.recv(3) == b"RFB"
            with pytest.raises(TimeoutError):
                second.recv(1)
            server.poll(0)
        waiting = threading.Thread(target=server.poll, args=(None,))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        with dial(port=port) as third:
            waiting.join(5)
            assert not waiting.is_alive()
            third.settimeout(5)
            assert third.recv(3) == b"RFB"
    finally:
        server.stop()


def test_stop_leaves_nothing_and_the_port_is_free_at_once(surface, tmp_path) -> None:
    server = cairovnc.CairoVNCServer(surface, host="127.0.0.1", port=free_port())
    before = set(processes.children(os.getpid()))
    for _ in range(2):
        with daemonised(server), view(server) as client:
            workers = set(processes.descendants(os.getpid())) - before
            segments = set().union(*map(processes.open_segments, workers))
            assert workers and segments
            stopped = time.monotonic()
            server.stop()
            client.wait_closed()
            assert time.monotonic() - stopped < 1 * TIME_FACTOR
        eventually(lambda: not any(map(processes.is_alive, workers)), 2)  # noqa: B023
        assert not any(map(os.path.exists, segments))
        assert not list((tmp_path / "run").glob("nameless-*/*"))


def test_a_server_may_be_stopped_while_it_starts(surface, options) -> None:
    server = cairovnc.CairoVNCServer(surface, options=options)
    server.daemonise()
    port = server.server.server_address[1]
    server.stop()
    assert (server.server, server.thread) == (None, None)
    with pytest.raises(ConnectionRefusedError):
        dial(port=port)


def test_a_port_that_is_taken_is_told(surface) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = cairovnc.CairoVNCServer(surface, host="127.0.0.1", port=taken.getsockname()[1])
        for start in (server.start, server.daemonise, server.serve_forever):
            with pytest.raises(OSError, match="Address already in use"):
                start()
        assert server.server is None


def test_a_surface_is_checked_at_once() -> None:
    with pytest.raises(cairovnc.CairoVNCBadSurfaceFormatError, match="RGB16_565"):
        cairovnc.CairoVNCServer(cairo.ImageSurface(cairo.FORMAT_RGB16_565, 8, 8))


def test_a_program_ends_though_somebody_looks(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDED]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
        client = Client(dial(port=int(program.stdout.readline())))
        with client:
            client.wait_for(lambda viewer: viewer.ready, 15)
            ended = time.monotonic()
            program.stdin.close()
            assert program.wait(5) == 0
            assert time.monotonic() - ended < 2 * TIME_FACTOR
            client.wait_closed()
        assert program.stderr.read() == ""
    eventually(lambda: not list((tmp_path / "run").glob("nameless-*")))
