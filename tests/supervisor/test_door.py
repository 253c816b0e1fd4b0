from __future__ import annotations

import errno
import socket
import struct
from dataclasses import replace

import pytest

from mpvnc.config import Clients
from mpvnc.supervisor import door
from mpvnc.supervisor.admission import Admission, AuthThrottle
from mpvnc.supervisor.door import Door
from mpvnc.supervisor.listeners import Listener, TcpSpec, open_listeners
from mpvnc.supervisor.loop import Loop


class Encoder:
    """Stands for all encoders: keeps what it was given while it takes anything."""

    def __init__(self):
        self.takes = True
        self.given = []

    def hand_over(self, message, sock):
        if not self.takes:
            return None
        self.given.append((message, sock.dup()))
        return 0


class FullProcess(socket.socket):
    """A listening socket that finds no descriptor for what it accepts, once."""

    refusals = 1

    def accept(self):
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@pytest.fixture
def parts():
    loop, encoder = Loop(), Encoder()
    made = Door(loop, Admission(Clients()), AuthThrottle(1.0, 30.0), encoder.hand_over)
    made.hold(open_listeners([TcpSpec("127.0.0.1", 0)]))
    yield loop, encoder, made
    made.dispose()
    loop.close()
    for _, sock in encoder.given:
        sock.close()


def connect(made):
    return socket.create_connection(made._listeners[0].sock.getsockname(), timeout=5)


def test_nothing_is_accepted_before_it_opens(parts):
    loop, encoder, made = parts
    with connect(made):
        loop.turn(0.05)
        assert not encoder.given
        made.open()
        loop.turn(5)
        assert encoder.given[0][0]["verdict"] == "serve"
        assert encoder.given[0][0]["speaks"] == "any" and not encoder.given[0][0]["is_browsing"]
        made._admission.is_visiting(1)
        with connect(made):
            loop.turn(5)
        assert encoder.given[1][0]["is_browsing"]


def test_addresses_for_browsers_come_last(parts):
    _, _, made = parts
    specs = [TcpSpec("127.0.0.1", 0), TcpSpec("127.0.0.1", 0, "web"), TcpSpec("127.0.0.1", 0, "vnc")]
    opened = open_listeners(specs)
    made.close()
    made.hold(opened)
    first, second, third = (listener.sock.getsockname()[1] for listener in opened)
    assert made.urls == [
        f"vnc://127.0.0.1:{first}", f"vnc://127.0.0.1:{third}",
        f"http://127.0.0.1:{first}/", f"http://127.0.0.1:{second}/",
    ]  # fmt: skip
    made.name_https(True)
    assert made.urls[2:] == [f"https://127.0.0.1:{first}/", f"https://127.0.0.1:{second}/"]
    assert made.listeners[0].urls[1] == f"https://127.0.0.1:{first}/"


def test_arrivals_wait_in_order_and_the_queue_is_bounded(parts, monkeypatch):
    monkeypatch.setattr(door, "QUEUE_LIMIT", 3)
    loop, encoder, made = parts
    encoder.takes = False
    made.open()
    clients = [connect(made) for _ in range(5)]
    for _ in range(3):
        loop.turn(0.05)
    assert made.queued == 3
    encoder.takes = True
    made.pump()
    loop.turn(5)
    assert [message["port"] for message, _ in encoder.given] == [sock.getsockname()[1] for sock in clients]
    assert made.queued == 0
    for sock in clients:
        sock.close()


def test_a_full_process_still_refuses_politely(parts):
    loop, encoder, made = parts
    (listener,) = made._listeners
    full = FullProcess(fileno=listener.sock.detach())
    full.setblocking(False)
    made.hold([Listener(full, listener.url)])
    made.open()
    with connect(made), connect(made):
        loop.turn(5)
        loop.turn(5)
    assert [message["verdict"] for message, _ in encoder.given] == ["refuse", "serve"]
    assert encoder.given[0][0]["reason"] == door.FULL_PROCESS


def test_closing_drops_what_waits(parts):
    loop, encoder, made = parts
    encoder.takes = False
    made.open()
    with connect(made) as waiting:
        loop.turn(5)
        made.close()
        assert waiting.recv(1) == b""
    assert (made.queued, made.urls) == (0, [])


def test_an_encoder_hears_which_surface_the_listener_is_for(parts):
    loop, encoder, made = parts
    (listener,) = made._listeners
    made.hold([replace(listener, surface="stage")])
    made.open()
    with connect(made):
        loop.turn(5)
    assert encoder.given[0][0]["surface"] == "stage"
    assert made.urls == [f"{listener.url}#stage", f"http{listener.url[3:]}/#stage"]


def test_a_viewer_that_somebody_else_accepted_is_judged_and_handed_over(parts):
    _, encoder, made = parts
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as viewer,
    ):
        sock, address = listening.accept()
        with sock:
            client = made.bring(sock.fileno(), "stage")
        message, given = encoder.given[0]
        assert (message["client"], message["surface"], message["verdict"]) == (client, "stage", "serve")
        assert (message["address"], message["port"]) == address
        given.sendall(b"hello")
        assert viewer.recv(5) == b"hello"


def test_a_viewer_that_is_brought_before_it_opens_does_not_open_it(parts):
    loop, encoder, made = parts
    theirs, ours = socket.socketpair()
    with theirs, ours, connect(made):
        made.bring(ours.fileno(), "main")
        loop.turn(0.05)
        assert len(encoder.given) == 1
        made.open()
        loop.turn(5)
        assert len(encoder.given) == 2


def test_what_is_no_connection_is_not_brought(parts):
    _, encoder, made = parts
    with open("/dev/null") as file, pytest.raises(OSError):
        made.bring(file.fileno(), "")
    assert not encoder.given


def test_who_hangs_up_before_it_is_brought_is_a_viewer_that_left(parts, caplog):
    _, encoder, made = parts
    caplog.set_level("INFO")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as hasty:
            hasty.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with listening.accept()[0] as sock:
            client = made.bring(sock.fileno(), "")
    assert (caplog.records[-1].client, caplog.messages[-1]) == (client, "it left: it hung up")
    assert not encoder.given


def test_nobody_is_brought_after_it_closed(parts):
    _, encoder, made = parts
    made.close()
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            made.bring(theirs.fileno(), "")
        assert ours.recv(1) == b""
    assert not encoder.given
