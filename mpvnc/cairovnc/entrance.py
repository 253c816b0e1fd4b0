"""Where viewers come in: listening sockets of the program's own.

Owns them, and a wait for whoever comes that another thread can end. Binding is done by the constructor, so that
whoever asks for a port that is taken hears of it. Knows nothing of who is let in.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import weakref
from typing import Any

from mpvnc.supervisor.listeners import Listener, ListenError, TcpSpec, is_exposed, open_listeners

PAUSE_S = 0.1
"""How long nobody is accepted after it failed: where descriptors are used up it fails again at once."""

logger = logging.getLogger(__name__)


class Entrance:
    """Listens from the beginning; nobody is accepted but by `arriving`.

    Args:
        address: host and port; an empty host is every address, port 0 any free port.
        has_password: whether it is asked for one; otherwise a warning tells of an entrance that others can reach.

    Raises: OSError if the address cannot be listened on.
    """

    def __init__(self, address: tuple[str, int], *, has_password: bool) -> None:
        spec = TcpSpec(address[0], int(address[1]))
        self._listeners = _listening(spec)
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._waiting = threading.Lock()
        """Held while somebody is waited for: nothing is closed meanwhile."""
        self._ringing = threading.Lock()
        self._has_warned = False
        self.is_closed = False
        _alive.add(self)
        if is_exposed(spec) and not has_password:
            logger.warning("%s can be reached from other machines without a password", spec)

    @property
    def address(self) -> tuple[Any, ...]:
        """Where it listens, with the port that was found if any was asked for."""
        address: tuple[Any, ...] = self._listeners[0].sock.getsockname()
        return address

    def arriving(self, timeout_s: float | None) -> tuple[socket.socket, Any] | None:
        """Accept a connection if one comes within the time; return it, and where it is from.

        Args:
            timeout_s: None waits until one comes, or `ring`.
        """
        with self._waiting:
            return None if self.is_closed else self._accepted(timeout_s)

    def ring(self) -> None:
        """Have `arriving` return, from now on at once."""
        with self._ringing:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Stop listening; who waits returns. May be called again."""
        self.is_closed = True
        self.ring()
        with self._waiting, self._ringing:
            self._let_go()

    def abandon(self) -> None:
        """Give back what a forked child inherited, whoever held the locks. The parent does not notice."""
        self._waiting, self._ringing = threading.Lock(), threading.Lock()
        self.is_closed = True
        self._let_go()

    def _accepted(self, timeout_s: float | None) -> tuple[socket.socket, Any] | None:
        poll = select.poll()
        by_fd = {listener.sock.fileno(): listener.sock for listener in self._listeners}
        for fd in (*by_fd, self._wake):
            poll.register(fd, select.POLLIN)
        ready = poll.poll(None if timeout_s is None else max(timeout_s, 0.0) * 1000)
        for fd, _ in ready:
            if fd in by_fd:
                try:
                    arrived = by_fd[fd].accept()
                except OSError as error:
                    self._pause(timeout_s, error)
                else:
                    self._has_warned = False
                    return arrived
        return None

    def _pause(self, timeout_s: float | None, error: OSError) -> None:
        """Wait a little, not longer than the time that is given, nor beyond `ring`."""
        if isinstance(error, BlockingIOError | ConnectionError):
            return
        if not self._has_warned:
            logger.warning("nobody can be accepted: %s", error.strerror)
            self._has_warned = True
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        poll.poll(1000 * (PAUSE_S if timeout_s is None else min(max(timeout_s, 0.0), PAUSE_S)))

    def _let_go(self) -> None:
        for listener in self._listeners:
            listener.close()
        if self._wake >= 0:
            os.close(self._wake)
            self._wake = -1


def _listening(spec: TcpSpec) -> list[Listener]:
    try:
        return open_listeners([spec])
    except ListenError as error:
        cause = error.__cause__
        raise OSError(cause.errno if isinstance(cause, OSError) else None, str(error)) from error


_alive: weakref.WeakSet[Entrance] = weakref.WeakSet()


def _abandon_all() -> None:
    for entrance in list(_alive):
        entrance.abandon()


os.register_at_fork(after_in_child=_abandon_all)
