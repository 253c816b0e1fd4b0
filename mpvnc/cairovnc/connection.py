"""A viewer, as a program with CairoVNC's hooks knows it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpvnc.cairovnc.server import VNCServer


class VNCConnection:
    """One viewer. Its bytes are read and written by another process; a subclass may keep what it likes of it.

    Attributes:
        server: who accepted it.
        client_address: where it is from, as sockets say it.
        options: a copy of the server's, as they were when it connected.
        client: the number that its events have; None until it is served.
    """

    def __init__(self, request: socket.socket, client_address: Any, server: VNCServer) -> None:
        self.server = server
        self.client_address = client_address
        self.options = server.options.copy()
        self.client: int | None = None
        self.setup()

    def __repr__(self) -> str:
        """Return its number and its address."""
        return f"<{type(self).__name__} {self.client} from {self.client_address}>"

    def setup(self) -> None:
        """Prepare it; called when it has connected. For subclasses."""

    def finish(self) -> None:
        """It has left, or was not let in. For subclasses."""

    def log(self, message: str) -> None:
        """Log a line about it, by the server's `client_log`."""
        self.server.client_log(self, message)

    def disconnect(self) -> None:
        """Send it away."""
        self.server.send_away(self)
