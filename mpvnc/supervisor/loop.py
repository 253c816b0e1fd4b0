"""The supervisor's event loop: a selector with callbacks, and one place that survives a failing callback."""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from mpvnc.errors import ControlError
from mpvnc.ipc.control import ControlSocket, Message

logger = logging.getLogger(__name__)

_AFTER_FAILURE_S = 0.05

Callback = Callable[[], None]


class HasFileno(Protocol):
    """Anything with a descriptor."""

    def fileno(self) -> int:
        """Return the descriptor."""


class Loop:
    """Watches descriptors. A callback that raises is logged, and slows the loop down."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, source: HasFileno | int, readable: Callback) -> None:
        """Call `readable` whenever `source` is readable."""
        self._selector.register(source, selectors.EVENT_READ, (readable, None))

    def watch_control(self, socket: ControlSocket, readable: Callback, writable: Callback) -> None:
        """Call `readable` when a message came, and `writable` when one that waits can be sent.

        `refresh` must follow whatever may have changed `socket.wants_write`.
        """
        self._selector.register(socket, _events(socket), (readable, writable))

    def refresh(self, socket: ControlSocket) -> None:
        """Watch for writing if, and only if, messages wait; a socket that is not watched stays so."""
        try:
            key = self._selector.get_key(socket)
        except (KeyError, ValueError):
            return
        if key.events != _events(socket):
            self._selector.modify(socket, _events(socket), key.data)

    def send(self, socket: ControlSocket, message: Message, fds: Sequence[int] = ()) -> bool:
        """Send a message now or when the peer takes it; False if it is gone or has not read for long."""
        try:
            socket.send_or_queue(message, fds)
        except ControlError as error:
            logger.warning("%s was not delivered: %s", message["type"], error)
            return False
        self.refresh(socket)
        return True

    def unwatch(self, source: HasFileno | int) -> None:
        """Stop watching, before it is closed; nothing happens if it is not watched."""
        try:
            self._selector.unregister(source)
        except (KeyError, ValueError):
            return

    def turn(self, timeout_s: float) -> None:
        """Wait for events, at most `timeout_s`, and call what they concern."""
        for key, events in self._selector.select(max(timeout_s, 0.0)):
            if self._selector.get_map().get(key.fileobj) is not key:
                continue  # a callback before this one closed it
            readable, writable = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    writable()
                if events & selectors.EVENT_READ:
                    readable()
            except Exception:
                logger.exception("a callback of the supervisor failed")
                time.sleep(_AFTER_FAILURE_S)

    def close(self) -> None:
        """Watch nothing any more."""
        self._selector.close()


def _events(socket: ControlSocket) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if socket.wants_write else 0)
