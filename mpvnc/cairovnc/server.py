"""The server behind a `CairoVNCServer`: it accepts viewers and hands each to worker processes.

Owns the viewers that are there, and the publication. The constructor listens, `open` starts the worker processes.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from mpvnc.cairovnc.clipboard import VNCClipboard, clipboard_value
from mpvnc.cairovnc.connection import VNCConnection
from mpvnc.cairovnc.cursor import VNCCursor
from mpvnc.cairovnc.entrance import Entrance
from mpvnc.cairovnc.errors import CairoVNCError
from mpvnc.cairovnc.events import VNCEvent, event_of
from mpvnc.cairovnc.loglines import said
from mpvnc.cairovnc.options import CairoVNCOptions, passwords_of, settings_of, tell_what_has_no_effect
from mpvnc.cairovnc.reader import Lock, SurfaceReader
from mpvnc.errors import PublishError
from mpvnc.publisher.opening import publish
from mpvnc.publisher.publication import Publication
from mpvnc.publisher.surface import Surface
from mpvnc.supervisor.listeners import NOTHING

logger = logging.getLogger(__name__)

UNLIMITED_FRAMERATE = 60
"""Frames per second where `max_framerate` is 0 or None."""


class VNCServer:
    """Serves one surface. Made by `CairoVNCServer.server_class`; its hooks may be overridden.

    Args:
        address: host and port.
        connection_class: made for each viewer.

    Attributes:
        options: the program's own, looked at whenever somebody connects.
        clients: the viewers that are there.
    Raises: OSError if the address cannot be listened on.
    """

    def __init__(
        self,
        address: tuple[str, int],
        connection_class: type[VNCConnection] = VNCConnection,
        *,
        surface: Surface,
        options: CairoVNCOptions,
        surface_lock: Lock | None = None,
        cursor: VNCCursor | None = None,
        clipboard: VNCClipboard | None = None,
    ) -> None:
        self.options = options
        self.clients: list[VNCConnection] = []
        self._connection_class = connection_class
        self._cursor, self._clipboard = cursor, clipboard
        self._reader = SurfaceReader(surface, surface_lock, self._period_s)
        self._publication: Publication | None = None
        self._opening = threading.Lock()
        """Held while worker processes start, and while they are ended."""
        self._opened = threading.Condition()
        """Of `_publication` and `is_closed`."""
        self._joining = threading.Lock()
        """Of `clients`; held until a viewer that is handed over is known by its number."""
        self.is_closed = False
        self._told: tuple[dict[str, Any], tuple[str | None, str | None]] = ({}, (None, None))
        """Settings and passwords that the worker processes have."""
        self.pid = os.getpid()
        """A forked child has no server."""
        self._entrance = Entrance(address, has_password=any(passwords_of(options)))
        _alive.add(self)

    # -- its life

    @property
    def server_address(self) -> tuple[Any, ...]:
        """Where it listens, with the port that was found if any was asked for."""
        return self._entrance.address

    def open(self) -> None:
        """Start to show the surface; nothing happens if it is shown already, or closed. Nobody is accepted by this.

        Raises: PublishError if worker processes cannot be started.
        """
        with self._opening:
            if self._publication is not None or self.is_closed:
                return
            publication = self._published()
            with self._opened:
                self._publication = publication
                self._opened.notify_all()
            self._tell_all(publication)
        self._reader.nudge()
        threading.Thread(target=self._read, args=(publication,), name="cairovnc-reader", daemon=True).start()

    def serve_forever(self) -> None:
        """Accept viewers until `server_close`. Raises: CairoVNCError if the worker processes are gone."""
        self.open()
        while not self.is_closed:
            self.handle_request(None)
            publication = self._publication
            if publication is not None and publication.closed and not self.is_closed:
                raise CairoVNCError("the worker processes are gone")

    def handle_request(self, timeout_s: float | None) -> None:
        """Accept one viewer if one comes within the time; None waits until one comes, or the end."""
        arrived = self._entrance.arriving(timeout_s)
        if arrived is not None:
            with arrived[0]:
                self._take_in(*arrived)

    def server_close(self) -> None:
        """End everything: viewers are sent away, waiting calls return. May be called by any thread, and again.

        In a forked child nothing happens: the server is the parent's.
        """
        if os.getpid() != self.pid:
            return
        self._reader.end()
        with self._opened:
            if self.is_closed:
                return
            self.is_closed = True
            self._opened.notify_all()
        self._entrance.close()
        with self._opening:
            if self._publication is not None:
                self._publication.close()
        self._forget_all()

    # -- hooks

    def client_connected(self, client: VNCConnection) -> bool:
        """Somebody has connected; False sends them away. Called by the thread that accepts."""
        if self.options.verbose:
            print("Client connected", flush=True)
        return True

    def client_disconnected(self, client: VNCConnection) -> None:
        """Somebody has left. Called by the thread that reads the log."""
        if self.options.verbose:
            print("Client disconnected", flush=True)

    def client_log(self, client: VNCConnection, message: str) -> None:
        """Something happened to a viewer: it came in, gave a wrong password, left. `verbose` tells more of it."""
        if self.options.verbose:
            print(f"Client: {message}", flush=True)

    # -- what is shown

    def change_surface(self, surface: Surface, surface_lock: Lock | None) -> None:
        """Show another surface, or the same one with another lock."""
        is_other = surface is not self._reader.surface
        self._reader.change(surface, surface_lock)
        if is_other:
            self._reader.nudge()

    def change_frame(self) -> None:
        """Show the surface as it is now, as soon as `max_framerate` allows."""
        self._reader.nudge()

    def change_name(self, name: str) -> None:
        """Call the screen so from now on."""
        self.options.display_name = name
        self._tell(lambda publication: publication.change_name(name))

    def change_cursor(self, cursor: VNCCursor | None) -> None:
        """Give the viewers' pointers a shape; None hides them."""
        self._cursor = cursor
        self._tell(lambda publication: publication.change_cursor(None if cursor is None else cursor.shape))

    def change_clipboard(self, text: str | VNCClipboard) -> None:
        """Give the viewers another clipboard."""
        self._clipboard = clipboard_value(text)
        content = self._clipboard.to_clipboard()
        self._tell(lambda publication: publication.change_clipboard(content))

    def get_event(self, timeout_s: float | None) -> VNCEvent | None:
        """Return the next event; see `CairoVNCServer.get_event`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._opened:
            self._opened.wait_for(lambda: self._publication or self.is_closed, timeout_s)
            publication = self._publication
        while publication is not None:
            left_s = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            event = publication.get_event(left_s)
            if event is None:
                return None
            known = event_of(event)
            if known is not None:
                return known
        return None

    def send_away(self, client: VNCConnection) -> None:
        """Disconnect a viewer."""
        ident = client.client
        if ident is not None:
            self._tell(lambda publication: publication.disconnect(ident))

    # -- the worker processes

    def _tell(self, say: Callable[[Publication], None]) -> None:
        """Tell the publication, if there is one; a program may draw on while it ends."""
        publication = self._publication
        if publication is None:
            return
        try:
            say(publication)
        except PublishError:
            if not publication.closed:
                raise

    def _published(self) -> Publication:
        tell_what_has_no_effect(self.options)
        settings, passwords = self._told = settings_of(self.options), passwords_of(self.options)
        return publish(
            self._reader.surface,
            title=self.options.display_name,
            password=passwords[0],
            view_only_password=passwords[1],
            settings={"server.listeners": NOTHING, **settings},
            log=self._hear,
            immediately=False,
        )

    def _tell_all(self, publication: Publication) -> None:
        """Tell what was given before there was a publication, and what changed while it came."""
        try:
            publication.change_name(self.options.display_name)
            if self._cursor is not None:
                publication.change_cursor(self._cursor.shape)
            if self._clipboard is not None:
                publication.change_clipboard(self._clipboard.to_clipboard())
        except BaseException:
            publication.close()
            raise

    def _read(self, publication: Publication) -> None:
        try:
            self._reader.run(publication)
        except PublishError:
            logger.debug("the surface is not read any more: it is shown nowhere")
        if publication.closed:
            self._forget_all()
        self._entrance.ring()

    def _period_s(self) -> float:
        return 1.0 / (self.options.max_framerate or UNLIMITED_FRAMERATE)

    def _take_in(self, sock: socket.socket, address: Any) -> None:
        """Let somebody in, or not."""
        try:
            connection = self._connection_class(sock, address, self)
            if not (
                self._has_room and self.client_connected(connection) and self._is_served(sock, connection)
            ):
                connection.finish()
        except Exception:
            logger.exception("a hook failed: it costs the viewer")

    @property
    def _has_room(self) -> bool:
        return self.options.max_clients is None or self.options.max_clients > 0

    def _is_served(self, sock: socket.socket, connection: VNCConnection) -> bool:
        """Hand it over; False if nobody takes it."""
        publication = self._publication
        if publication is None:
            return False
        try:
            self._follow_options(publication)
            with self._joining:
                connection.client = publication.bring_viewer(sock)
                self.clients.append(connection)
        except PublishError as error:
            if not self.is_closed:
                logger.warning("a viewer cannot be served: %s", error)
            return False
        self._reader.nudge()
        return True

    def _follow_options(self, publication: Publication) -> None:
        """Have who comes now get what the options say now."""
        before, passwords_before = self._told
        settings, passwords = settings_of(self.options), passwords_of(self.options)
        if passwords != passwords_before:
            publication.change_passwords(*passwords)
        if settings != before:
            publication.change_settings(settings)
        self._told = (settings, passwords)

    def _hear(self, line: str) -> None:
        """Take a line of the worker processes' log: `time level role[pid] client message`."""
        one = said(line)
        with self._joining:
            about = [client for client in self.clients if client.client == one.client]
            if one.has_left:
                self.clients = [client for client in self.clients if client not in about]
        if not (one.is_quiet or self.is_closed or (about and self.options.verbose)):
            logger.warning("%s", line)
        for connection in about:
            self.client_log(connection, one.message)
            if one.has_left:
                self._forget(connection)

    def _forget_all(self) -> None:
        """Have those left who were there when the worker processes ended, if nothing was said of them."""
        with self._joining:
            left, self.clients = self.clients, []
        for connection in left:
            self._forget(connection)

    def _forget(self, connection: VNCConnection) -> None:
        try:
            self.client_disconnected(connection)
            connection.finish()
        except Exception:
            logger.exception("a hook failed: the viewer had left")


_alive: weakref.WeakSet[VNCServer] = weakref.WeakSet()


def _close_all() -> None:
    for server in list(_alive):
        server.server_close()


atexit.register(_close_all)  # before the publications close themselves, which would look like a failure
