"""A real server that shows what a test draws: a supervisor with `source.kind=publish`, and its publication."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import cairo
import numpy as np

import mpvnc
from mpvnc.publisher import Publication
from tests.support import golden
from tests.support.client import Client, dial
from tests.support.pixelformat import Image, PixelFormat
from tests.support.servers import Server, running_supervisor
from tests.support.waits import deadline, eventually

E = TypeVar("E")
CURSOR, LAST_RECT = -239, -224
LISTENERS = "server.listeners=vnc:127.0.0.1:0,127.0.0.1:0"
"""The first is what `Server.port` is: viewers alone come there, and are greeted without a pause."""


class Stage:
    """What the viewers of `server` see: `show` changes it, `picture` is it as 0x00RRGGBB."""

    def __init__(self, server: Server, publication: Publication):
        self.server = server
        self.publication = publication
        self.picture: Image = np.zeros((200, 320), np.uint32)

    def show(self, picture: Image) -> Image:
        """Show a picture of any size; every worker has it soon, at once if the size stays."""
        surface = self.publication.surface
        height, width = picture.shape
        if (surface.get_width(), surface.get_height()) != (width, height):
            surface = cairo.ImageSurface(cairo.FORMAT_RGB24, width, height)
            self.publication.change_surface(surface)
        memory = np.frombuffer(surface.get_data(), np.uint32).reshape(height, surface.get_stride() // 4)
        memory[:, :width] = picture
        self.publication.publish_frame()
        resized = self.picture.shape != picture.shape
        self.picture = picture.copy()
        if resized:
            eventually(lambda: self._is_size_known(width, height), what=f"a screen of {width}x{height}")
        return self.picture

    def client(
        self, encodings: Iterable[int] = (0,), fmt: PixelFormat | None = None, **choices: Any
    ) -> Client:
        """Connect a viewer that lists these encodings; it may be used as soon as the picture is up to date."""
        client = self.server.connect(**choices)
        if fmt is not None:
            client.set_pixel_format(fmt)
        client.set_encodings(encodings)
        return client

    def check(self, client: Client, timeout_s: float = 10.0) -> None:
        """Let the client request everything anew; it must come to hold the picture, pixel by pixel.

        The first answer may be of the frame before, if the worker had not looked yet.
        """
        client.refresh(timeout_s)
        while not np.array_equal(client.viewer.rgb(), self.picture):
            client.request()
            try:
                client.wait_update(1.0)
            except TimeoutError:
                wrong = np.count_nonzero(client.viewer.rgb() != self.picture)
                raise AssertionError(f"{wrong} of {self.picture.size} pixels differ") from None

    @property
    def web_port(self) -> int:
        """Where browsers and viewers come."""
        (port,) = [int(url.strip("/").rpartition(":")[2]) for url in self.server.urls if "http" in url]
        return port

    def dial(self) -> socket.socket:
        """Return a connected socket, for checks that speak bytes."""
        return dial(self.server.host, self.server.port)

    def dial_web(self) -> socket.socket:
        """The same, to where browsers come too."""
        return dial(self.server.host, self.web_port)

    def event(self, kind: type[E], timeout_s: float = 5.0) -> E:
        """Return the next event of a class; others are dropped."""
        return eventually(lambda: self._next(kind), timeout_s, what=kind.__name__)

    def events_until(self, *kinds: type[Any]) -> list[Any]:
        """Return the events up to the moment when one of each of these classes has come."""
        found: list[Any] = []

        def all_there() -> bool:
            event = self.publication.get_event(0.1)
            found.extend([event] if event is not None else [])
            return all(any(isinstance(one, kind) for one in found) for kind in kinds)

        eventually(all_there, what=f"events {kinds}")
        return found

    def drain(self) -> list[Any]:
        """Return the events that are there, or come while others do."""
        found = []
        while (event := self.publication.get_event(0.1)) is not None:
            found.append(event)
        return found

    def _next(self, kind: type[E]) -> E | None:
        event = self.publication.get_event(0.1)
        return event if isinstance(event, kind) else None

    def _is_size_known(self, width: int, height: int) -> bool:
        for _ in range(self.server.workers):
            with self.server.connect() as client:
                if (client.viewer.width, client.viewer.height) != (width, height):
                    return False
        return True


@contextmanager
def staged(
    directory: Path, *settings: str, env: Mapping[str, str] | None = None, view_only: bool = False
) -> Iterator[Stage]:
    """Run a server for a block, with the golden surface on it; afterwards nothing may be left."""
    settings = (LISTENERS, "source.kind=publish", "server.workers=2", "server.desktop_name=stage", *settings)
    with running_supervisor(directory, *settings, env=env) as server:
        surface = cairo.ImageSurface(cairo.FORMAT_RGB24, 320, 200)
        with mock.patch.dict(os.environ, MPVNC_RUNTIME_DIR=str(server.runtime_dir)):
            publication = mpvnc.publish(surface, name="default", view_only=view_only)
        with publication:
            stage = Stage(server, publication)
            stage.show(golden.golden())
            yield stage


def read_exactly(sock: socket.socket, count: int, timeout_s: float = 5.0) -> bytes:
    """Read so many bytes. Raises: EOFError with what came, TimeoutError."""
    data = b""
    sock.settimeout(timeout_s * (deadline(1) - deadline(0)))
    while len(data) < count:
        chunk = sock.recv(count - len(data))
        if not chunk:
            raise EOFError(f"{data!r}, then the end")
        data += chunk
    return data


def read_to_end(sock: socket.socket, timeout_s: float = 5.0) -> bytes:
    """Read until the server closes. Raises: TimeoutError."""
    data = b""
    sock.settimeout(timeout_s)
    try:
        while chunk := sock.recv(1 << 16):
            data += chunk
    except ConnectionResetError:
        pass
    return data
