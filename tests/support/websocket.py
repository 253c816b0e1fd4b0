"""A viewer through a WebSocket: the client of the `websockets` package in a socket's clothes."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.client import Client
from tests.support.handshake import HandshakeChoices


class WebSocketSocket:
    """What tests.support.client needs of a socket. A message may be received in parts, as bytes of a stream."""

    def __init__(self, host: str, port: int, **options: Any):
        self._stack = ExitStack()
        self.connection: ClientConnection = self._stack.enter_context(open_websocket(host, port, **options))
        self._timeout_s: float | None = None
        self._left = b""

    def settimeout(self, timeout_s: float | None) -> None:
        """Set how long `recv` waits."""
        self._timeout_s = timeout_s

    def recv(self, size: int) -> bytes:
        """Return up to so many bytes; b"" at the end. Raises: TimeoutError."""
        if not self._left:
            try:
                message = self.connection.recv(self._timeout_s, decode=False)
            except ConnectionClosed:
                return b""
            assert isinstance(message, bytes)
            self._left = message
        data, self._left = self._left[:size], self._left[size:]
        return data

    def sendall(self, data: bytes) -> None:
        """Send one message."""
        try:
            self.connection.send(bytes(data))
        except ConnectionClosed as error:
            raise BrokenPipeError from error

    def close(self) -> None:
        """Close the WebSocket."""
        self._stack.close()


def open_websocket(
    host: str, port: int, path: str = "/websockify", **options: Any
) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket without compression for a block; options as for websockets' connect."""
    where = f"[{host}]" if ":" in host else host
    return connect(f"ws://{where}:{port}{path}", compression=None, max_size=None, proxy=None, **options)


def web_client(
    host: str, port: int, *, origin: str | None = None, timeout_s: float = 5.0, **choices: Any
) -> Client:
    """Connect a viewer and shake hands; choices as for tests.support.client.connect."""
    client = Client(WebSocketSocket(host, port, origin=origin), HandshakeChoices(**choices))  # type: ignore[arg-type]
    try:
        client.wait_for(lambda viewer: viewer.ready, timeout_s)
    except BaseException:
        client.close()
        raise
    return client
