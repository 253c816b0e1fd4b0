"""A viewer through a WebSocket: the client protocol of the `websockets` package in a socket's clothes."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager, suppress
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from tests.support.client import Client, dial
from tests.support.handshake import HandshakeChoices


class WebSocketSocket:
    """What tests.support.client needs of a socket. Messages are received as a stream of bytes.

    Raises: InvalidHandshake if the server does not open it.
    """

    def __init__(self, host: str, port: int, origin: str | None = None):
        uri = parse_uri(f"ws://[{host}]:{port}/" if ":" in host else f"ws://{host}:{port}/")
        self._sock = dial(host, port)
        self._sock.settimeout(5.0)
        self._left = bytearray()
        self.largest_message_bytes = 0
        """Of what came so far."""
        self._protocol = ClientProtocol(uri, origin=origin, max_size=None)  # type: ignore[arg-type]
        self._protocol.send_request(self._protocol.connect())
        try:
            self._flush()
            while self._protocol.state is State.CONNECTING and self._protocol.handshake_exc is None:
                self._feed()
            if self._protocol.handshake_exc is not None:
                raise self._protocol.handshake_exc
        except BaseException:
            self._sock.close()
            raise

    def settimeout(self, timeout_s: float | None) -> None:
        """Set how long `recv` waits."""
        self._sock.settimeout(timeout_s)

    def recv(self, size: int) -> bytes:
        """Return up to so many bytes; b"" at the end. Raises: TimeoutError."""
        while not self._left and self._protocol.state is not State.CLOSED:
            self._feed()
        data = bytes(self._left[:size])
        del self._left[:size]
        return data

    def sendall(self, data: bytes) -> None:
        """Send one message."""
        if self._protocol.state is not State.OPEN:
            raise BrokenPipeError
        self._protocol.send_binary(bytes(data))
        self._flush()

    def close(self) -> None:
        """Close the socket, without a word."""
        self._sock.close()

    def _feed(self) -> None:
        data = self._sock.recv(1 << 18)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if getattr(event, "opcode", None) in (Opcode.BINARY, Opcode.CONT):
                self._left += event.data  # type: ignore[union-attr]
                self.largest_message_bytes = max(self.largest_message_bytes, len(event.data))  # type: ignore[union-attr]
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            with suppress(OSError):  # the next wait says that it is gone
                self._sock.sendall(data) if data else self._sock.shutdown(socket.SHUT_WR)


def open_websocket(host: str, port: int, **options: Any) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket by the package's own client, for a block; options as for its connect."""
    return connect(f"ws://{host}:{port}/websockify", compression=None, max_size=None, proxy=None, **options)


def web_client(
    host: str, port: int, *, origin: str | None = None, timeout_s: float = 5.0, **choices: Any
) -> Client:
    """Connect a viewer and shake hands; choices as for tests.support.client.connect."""
    client = Client(WebSocketSocket(host, port, origin), HandshakeChoices(**choices))  # type: ignore[arg-type]
    try:
        client.wait_for(lambda viewer: viewer.ready, timeout_s)
    except BaseException:
        client.close()
        raise
    return client
