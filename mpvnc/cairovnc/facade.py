"""`CairoVNCServer`: what a program makes, starts and stops."""

from __future__ import annotations

import logging
import threading
from typing import Any

from mpvnc.cairovnc.clipboard import VNCClipboard, clipboard_value
from mpvnc.cairovnc.connection import VNCConnection
from mpvnc.cairovnc.cursor import VNCCursor
from mpvnc.cairovnc.errors import CairoVNCBadSurfaceFormatError
from mpvnc.cairovnc.events import VNCEvent
from mpvnc.cairovnc.options import CairoVNCOptions
from mpvnc.cairovnc.reader import Lock
from mpvnc.cairovnc.server import VNCServer
from mpvnc.errors import PublishError
from mpvnc.publisher.surface import Surface, pixels_of

_JOIN_S = 10.0

logger = logging.getLogger(__name__)


class CairoVNCServer:
    """Shows a Cairo surface to viewers, in one of three ways: `serve_forever`, `daemonise`, or `start` and `poll`.

    All methods may be called by any thread, with the surface lock held or not.

    Args:
        surface: RGB24 or ARGB32.
        host, port: where to listen, if there are no options.
        surface_lock: anything that `with` takes; held while the surface is read.
        cursor: the shape of the viewers' pointers.
        clipboard: what viewers get when they connect, a text or a VNCClipboard.

    Attributes:
        connection_class: made for each viewer. For subclasses.
        server_class: made by `start`. For subclasses.
        event_polling_period: no effect: events are not polled for.
        server: the one that runs; None if none does.
    Raises: CairoVNCBadSurfaceFormatError.
    """

    connection_class = VNCConnection
    server_class = VNCServer
    event_polling_period = 0.5

    def __init__(  # noqa: PLR0917 (as CairoVNC has them)
        self,
        surface: Surface,
        host: str = "",
        port: int = 5902,
        surface_lock: Lock | None = None,
        options: CairoVNCOptions | None = None,
        cursor: VNCCursor | None = None,
        clipboard: str | VNCClipboard | None = None,
    ) -> None:
        _check(surface)
        self.options = options or CairoVNCOptions(host=host, port=port)
        self.surface = surface
        self.surface_lock = surface_lock
        self.cursor = cursor
        self.clipboard = None if clipboard is None else clipboard_value(clipboard)
        self.server: VNCServer | None = None
        self.thread: threading.Thread | None = None
        self._changing = threading.Lock()
        """Of `server` and `thread`; held only as long as binding takes."""

    # -- running it

    def start(self) -> None:
        """Listen, and start the worker processes; `poll` or `serve_forever` lets viewers in.

        Raises: OSError if the port is taken, PublishError if the processes cannot be started.
        """
        server = self._bound()
        try:
            server.open()
        except BaseException:
            self._ended(server)
            raise

    def poll(self, timeout: float | None = 0) -> None:
        """Let one viewer in, if one comes within so many seconds; None waits for it. Nothing before `start`."""
        if self.server is not None:
            self.server.handle_request(timeout)

    def serve_forever(self) -> None:
        """Start, and let viewers in until another thread calls `stop`. Raises: as `start` does."""
        server = self._bound()
        try:
            server.serve_forever()
        finally:
            self._ended(server)

    def daemonise(self) -> None:
        """Do it in a thread that does not keep the program from ending. The port is open on return.

        Raises: OSError if the port is taken.
        """
        with self._changing:
            if self.thread is not None and self.thread.is_alive():
                return
            server = self._bind()
            self.thread = threading.Thread(
                target=self._serve, args=(server,), name="cairovnc-server", daemon=True
            )
            self.thread.start()

    def stop(self) -> None:
        """Stop listening, and send all viewers away. It is all over on return; `start` and the others work again."""
        with self._changing:
            server, self.server = self.server, None
            thread, self.thread = self.thread, None
        if server is not None:
            server.server_close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    # -- what is shown

    def change_surface(self, surface: Surface, surface_lock: Lock | None = None) -> None:
        """Show another surface, of any size, read with this lock or none.

        Raises: CairoVNCBadSurfaceFormatError; the old one stays then.
        """
        _check(surface)
        self.surface, self.surface_lock = surface, surface_lock
        if self.server is not None:
            self.server.change_surface(surface, surface_lock)

    def change_frame(self) -> None:
        """Say that a frame is ready. Without it the surface is looked at `max_framerate` times a second."""
        if self.server is not None:
            self.server.change_frame()

    def change_name(self, name: str) -> None:
        """Call the screen so, if the server runs."""
        if self.server is not None:
            self.server.change_name(name)

    def change_cursor(self, cursor: VNCCursor | None) -> None:
        """Give the viewers' pointers a shape; None hides them."""
        self.cursor = cursor
        if self.server is not None:
            self.server.change_cursor(cursor)

    def change_cursor_surface(
        self, surface: Surface, hotspot: tuple[int, int] = (0, 0), surface_lock: Lock | None = None
    ) -> None:
        """Have the viewers' pointers look like a surface does now; see `VNCCursor.from_surface`."""
        self.change_cursor(VNCCursor.from_surface(surface, hotspot, surface_lock))

    def change_clipboard(self, text: str | VNCClipboard) -> None:
        """Give the viewers another clipboard, those who come later too."""
        self.clipboard = clipboard_value(text)
        if self.server is not None:
            self.server.change_clipboard(self.clipboard)

    def get_event(self, timeout: float | None = None) -> VNCEvent | None:
        """Return the next event.

        Args:
            timeout: seconds to wait for it; None waits for ever, 0 or less does not wait.
        Returns: None when the time is over, the server stops, or none runs.
        """
        server = self.server
        return None if server is None else server.get_event(timeout)

    # -- its server

    def _bound(self) -> VNCServer:
        with self._changing:
            return self._bind()

    def _bind(self) -> VNCServer:
        if self.server is None:
            arguments: dict[str, Any] = {"surface": self.surface, "surface_lock": self.surface_lock}
            self.server = self.server_class(
                (self.options.host, self.options.port),
                self.connection_class,
                options=self.options,
                cursor=self.cursor,
                clipboard=self.clipboard,
                **arguments,
            )
        return self.server

    def _serve(self, server: VNCServer) -> None:
        try:
            server.serve_forever()
        except PublishError as error:
            logger.error("the surface is not shown any more: %s", error)
        finally:
            self._ended(server)

    def _ended(self, server: VNCServer) -> None:
        server.server_close()
        with self._changing:
            if self.server is server:
                self.server = None


def _check(surface: Surface) -> None:
    try:
        pixels_of(surface)
    except PublishError as error:
        raise CairoVNCBadSurfaceFormatError(str(error)) from error
