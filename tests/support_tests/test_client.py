"""The blocking client against a server by hand at the other end of a socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import Client, connect
from tests.support.errors import Disconnected, Refused
from tests.support.events import Bell
from tests.support.handshake import HandshakeChoices
from tests.support_tests.session import BANNER, NO_SECURITY, raw, rectangle, server_init, update


@pytest.fixture
def ends() -> Iterator[tuple[Client, socket.socket]]:
    ours, theirs = socket.socketpair()
    with Client(ours, HandshakeChoices()) as client, theirs:
        theirs.sendall(BANNER + NO_SECURITY + server_init())
        client.wait_for(lambda viewer: viewer.ready)
        theirs.settimeout(2)
        assert theirs.recv(99) == b"RFB 003.008\n\x01\x01"
        yield client, theirs


def test_waiting_for_an_update(ends: tuple[Client, socket.socket]) -> None:
    client, server = ends
    client.request(incremental=False)
    assert server.recv(99).hex() == "03000000000000040002"
    server.sendall(update(raw(0, 0, 4, 2, 7)))
    assert client.wait_update().pixel_rects == [(0, 0, 4, 2)]
    with pytest.raises(TimeoutError, match="1 updates so far"):
        client.wait_update(0.02)


def test_a_refresh_goes_on_until_every_pixel_has_come(ends: tuple[Client, socket.socket]) -> None:
    client, server = ends
    client.set_encodings([-308])
    size = b"\x01\0\0\0" + bytes(4) + bytes.fromhex("0000000000040002") + bytes(4)
    server.sendall(update(rectangle(0, 0, 4, 2, -308, size)) + update(raw(0, 0, 4, 1, 7)))
    with pytest.raises(TimeoutError):
        client.refresh(0.05)
    sent = server.recv(999)[8:].hex()
    assert sent == "0300000000000004000203010000000000040002"
    server.sendall(update(raw(0, 1, 4, 1, 8)))
    client.wait_update()
    assert client.viewer.rgb().tolist() == [[7] * 4, [8] * 4]


def test_listening_reports_what_came(ends: tuple[Client, socket.socket]) -> None:
    client, server = ends
    assert client.listen(0.02) == []
    server.sendall(b"\x02\x02")
    assert client.listen(0.05) == [Bell(), Bell()]


def test_the_end_of_a_connection(ends: tuple[Client, socket.socket]) -> None:
    client, server = ends
    with pytest.raises(TimeoutError):
        client.wait_closed(0.02)
    server.sendall(b"\x02")
    server.close()
    client.send_key(True, 65)
    client.send_key(False, 65)
    client.wait_closed()
    assert client.viewer.bells == 1
    with pytest.raises(Disconnected):
        client.wait_update()


def test_connecting_by_port_and_by_path(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, str(path))):
        with socket.socket(family) as listener:
            listener.bind(address)
            listener.listen()
            where = {"path": path} if family == socket.AF_UNIX else {"port": listener.getsockname()[1]}
            with pytest.raises(TimeoutError):
                connect(**where, timeout_s=0.05)
            server, _ = listener.accept()
            with server:
                assert server.recv(1) == b""


def test_a_refusal_is_raised_and_the_socket_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        waiting = socket.create_connection(("127.0.0.1", port))
        server, _ = listener.accept()
        with server, Client(waiting) as client:
            server.sendall(BANNER + b"\0\0\0\0\x04full")
            with pytest.raises(Refused, match="full"):
                client.wait_for(lambda viewer: viewer.ready)
