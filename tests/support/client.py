"""The viewer on a blocking socket. Every wait has a deadline (scaled by MPVNC_TEST_TIME_FACTOR)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from tests.support.errors import Disconnected
from tests.support.events import Event, Resized, Update
from tests.support.handshake import HandshakeChoices
from tests.support.pixelformat import Image, PixelFormat
from tests.support.viewer import Viewer
from tests.support.waits import deadline

E = TypeVar("E")
CHUNK_BYTES = 1 << 18


class Client:
    """A connection to a real server. Not for several threads."""

    def __init__(self, sock: socket.socket, choices: HandshakeChoices | None = None):
        self.socket = sock
        self.viewer = Viewer(choices)
        self.events: list[Event] = []
        """Everything that was reported so far."""
        self.bytes_received = 0
        self.closed_by_server = False

    # what a viewer does

    def request(self, incremental: bool = True, rect: tuple[int, int, int, int] | None = None) -> None:
        """Request an update of a rectangle, of everything if None."""
        self.viewer.request(incremental, rect)
        self.flush()

    def set_encodings(self, encodings: Iterable[int]) -> None:
        """Replace the list of encodings."""
        self.viewer.set_encodings(encodings)
        self.flush()

    def set_pixel_format(self, fmt: PixelFormat) -> None:
        """Change the pixel format (see Viewer.set_pixel_format)."""
        self.viewer.set_pixel_format(fmt)
        self.flush()

    def send_key(self, down: bool, keysym: int) -> None:
        """Press or release a key."""
        self.viewer.send_key(down, keysym)
        self.flush()

    def send_pointer(self, mask: int, x: int, y: int) -> None:
        """Place the pointer."""
        self.viewer.send_pointer(mask, x, y)
        self.flush()

    def cut_text(self, text: str) -> None:
        """Send the clipboard."""
        self.viewer.cut_text(text)
        self.flush()

    def send_clipboard(self, flags: int, body: bytes = b"") -> None:
        """Send a message of the extended clipboard."""
        self.viewer.send_clipboard(flags, body)
        self.flush()

    def flush(self) -> None:
        """Send what the viewer has to send; for viewer methods that have no counterpart here.

        If the server has closed the connection, the next wait says so, behind what it still had sent.
        """
        data = self.viewer.data_to_send()
        if data:
            self.socket.settimeout(max(deadline(10.0) - time.monotonic(), 0.1))
            with suppress(BrokenPipeError, ConnectionResetError):
                self.socket.sendall(data)

    # waiting

    def wait_for(self, condition: Callable[[Viewer], E], timeout_s: float = 5.0) -> E:
        """Receive until the condition holds for the viewer; return its value.

        Raises: TimeoutError, Disconnected, and what the viewer raises.
        """
        end = deadline(timeout_s)
        while not (value := condition(self.viewer)):
            if self.closed_by_server:
                raise Disconnected("the server closed the connection")
            self.receive(end - time.monotonic())
            if time.monotonic() >= end and not condition(self.viewer):
                raise TimeoutError(f"not within {timeout_s} s; {self.viewer.updates} updates so far")
        return value

    def wait_update(self, timeout_s: float = 5.0) -> Update:
        """Receive until the next update is whole; return it."""
        return self.wait_event(Update, timeout_s)

    def wait_event(self, kind: type[E], timeout_s: float = 5.0) -> E:
        """Receive until an event of that class is reported; return it."""
        seen = len(self.events)

        def found(_: Viewer) -> list[E]:
            return [event for event in self.events[seen:] if isinstance(event, kind)]

        return self.wait_for(found, timeout_s)[0]

    def refresh(self, timeout_s: float = 10.0) -> Image:
        """Request everything anew, wait until every pixel has come, return it as 0x00RRGGBB.

        Where an update leaves areas out, or only told the size, the rest is requested incrementally.
        """
        end, seen = deadline(timeout_s), len(self.events)
        self.request(incremental=False)
        covered = _Coverage(self.viewer.width, self.viewer.height)
        while not covered.complete:
            try:
                self.wait_update(min(0.5, max(end - time.monotonic(), 0)))
            except TimeoutError:
                if time.monotonic() >= end:
                    raise
                self.request(incremental=True)
            for event in self.events[seen:]:
                covered.note(event)
            seen = len(self.events)
            if not covered.complete and self.viewer.ledger.idle:
                self.request(incremental=True)
        return self.viewer.rgb()

    def listen(self, seconds: float) -> list[Event]:
        """Receive for so long; return the events. For checks that nothing is sent."""
        end, seen = deadline(seconds), len(self.events)
        while not self.closed_by_server and (left := end - time.monotonic()) > 0:
            self.receive(left)
        return self.events[seen:]

    def wait_closed(self, timeout_s: float = 5.0) -> None:
        """Receive until the server closes. Raises: TimeoutError."""
        self.wait_for(lambda _: self.closed_by_server, timeout_s)

    def receive(self, timeout_s: float) -> bool:
        """Wait so long for a chunk and parse it; return whether one came. Notes the end of the connection."""
        self.socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self.socket.recv(CHUNK_BYTES)
        except TimeoutError:
            return False
        except ConnectionResetError:
            data = b""
        self.closed_by_server = not data
        self.bytes_received += len(data)
        self.events += self.viewer.feed(data)
        self.flush()
        return bool(data)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Coverage:
    """Which pixels have come since it was made; a change of size starts over."""

    def __init__(self, width: int, height: int):
        self._seen = np.zeros((height, width), bool)

    @property
    def complete(self) -> bool:
        return bool(self._seen.all())

    def note(self, event: Event) -> None:
        """Take an event, in the order in which they came: several may come at once."""
        if isinstance(event, Resized) and not event.status:
            if self._seen.shape != (event.height, event.width):
                self._seen = np.zeros((event.height, event.width), bool)
        elif isinstance(event, Update):
            for x, y, width, height in event.pixel_rects:
                self._seen[y : y + height, x : x + width] = True


def dial(
    host: str = "127.0.0.1", port: int | None = None, path: str | Path | None = None, source: str = ""
) -> socket.socket:
    """Return a connected TCP socket, from the address `source` if given, or a UNIX one if a path is given."""
    if path is not None:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        return sock
    assert port is not None
    sock = socket.create_connection((host, port), timeout=5.0, source_address=(source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def connect(
    host: str = "127.0.0.1",
    port: int | None = None,
    path: str | Path | None = None,
    *,
    source: str = "",
    timeout_s: float = 5.0,
    **choices: Any,
) -> Client:
    """Connect, from the address `source` if given, and shake hands; `choices` are those of HandshakeChoices.

    Raises: Refused, Disconnected, ProtocolViolation, TimeoutError, OSError; the socket is closed then.
    """
    client = Client(dial(host, port, path, source), HandshakeChoices(**choices))
    try:
        client.wait_for(lambda viewer: viewer.ready, timeout_s)
    except BaseException:
        client.close()
        raise
    return client
