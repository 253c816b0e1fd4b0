"""From a listening socket to an encoder: accept, judge, place, hand over. Reads no client's byte."""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mpvnc import log
from mpvnc.ipc.control import Message
from mpvnc.supervisor.admission import LOCAL, Admission, AuthThrottle
from mpvnc.supervisor.descriptors import SpareDescriptor
from mpvnc.supervisor.listeners import VNC, Listener
from mpvnc.supervisor.loop import Loop

logger = logging.getLogger(__name__)

QUEUE_LIMIT = 256
"""Accepted sockets that wait for an encoder; beyond them the kernel's backlog holds the others."""
_ACCEPTS_PER_TURN = 64
_NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE}
FULL_PROCESS = "The server has no file descriptor left"

HandOver = Callable[[Message, socket.socket], int | None]
"""Give `adopt` and the socket to the encoder that suits best; its slot, or None if none takes it now."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    client: int
    address: str
    port: int
    speaks: str
    sock: socket.socket
    surface: str


class Door:
    """The listeners and the queue behind them. `open` starts it, `close` ends it."""

    def __init__(self, loop: Loop, admission: Admission, throttle: AuthThrottle, hand_over: HandOver) -> None:
        self._loop = loop
        self._admission = admission
        self._throttle = throttle
        self._hand_over = hand_over
        self._listeners: list[Listener] = []
        self._queue: deque[_Arrival] = deque()
        self._spare = SpareDescriptor()
        self._next_client = 1
        self._is_paused = False
        """Whether it accepts nothing until something of the queue is handed over."""
        self._is_closed = False

    @property
    def queued(self) -> int:
        """Accepted sockets that wait for an encoder."""
        return len(self._queue)

    @property
    def urls(self) -> list[str]:
        """Where viewers connect, and then where browsers do; with the surface if they see a certain one there."""
        urls = [label for listener in self._listeners for label in listener.labels]
        return sorted(urls, key=lambda url: url.startswith("http"))

    @property
    def listeners(self) -> Sequence[Listener]:
        """What it listens on."""
        return self._listeners

    def hold(self, listeners: Sequence[Listener]) -> None:
        """Take over listening sockets; nothing is accepted before `open`."""
        self._listeners[:] = listeners

    def name_https(self, wanted: bool) -> None:
        """Send browsers to https from now on, or to http, as far as `urls` do."""
        self.hold([replace(listener, wants_https=wanted) for listener in self._listeners])

    def open(self) -> None:
        """Accept from now on."""
        self._is_paused = False
        for listener in self._listeners:
            self._loop.watch(listener.sock, lambda listener=listener: self._accept(listener))  # type: ignore[misc]

    def bring(self, fd: int, surface: str) -> int:
        """Take in a viewer whose connection somebody else accepted; return its id. `fd` stays the caller's.

        One that has hung up by then is a viewer that left, as one is for whom there is no room.

        Raises: OSError if that is no socket.
        """
        sock = _duplicate(fd)
        peer = _peer_of(sock)
        arrival = self._arrival(sock, peer, Listener(sock, "", speaks=VNC, surface=surface))
        if peer is not None and not self._is_closed and len(self._queue) < QUEUE_LIMIT:
            self._queue.append(arrival)
            self.pump()
            return arrival.client
        sock.close()
        who, why = ("it", "it hung up") if peer is None else (arrival.address, "nobody takes it in")
        log.for_client(logger, arrival.client).info("%s left: %s", who, why)
        return arrival.client

    def pump(self) -> None:
        """Hand over what waits, as far as encoders take it."""
        while self._queue:
            arrival = self._queue[0]
            if not self._place(arrival, None):
                return
            self._queue.popleft()
            if self._is_paused:
                self.open()

    def close(self) -> None:
        """Stop listening and drop what waits."""
        self._is_closed = True
        for listener in self._listeners:
            self._loop.unwatch(listener.sock)
            listener.close()
        while self._queue:
            self._queue.popleft().sock.close()
        self._listeners.clear()

    def dispose(self) -> None:
        """Close it for good."""
        self.close()
        self._spare.close()

    def _pause(self) -> None:
        self._is_paused = True
        for listener in self._listeners:
            self._loop.unwatch(listener.sock)

    def _accept(self, listener: Listener) -> None:
        for _ in range(_ACCEPTS_PER_TURN):
            if len(self._queue) >= QUEUE_LIMIT:
                self._pause()
                return
            try:
                sock, peer = listener.sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _NO_DESCRIPTOR:
                    self._refuse_one(listener)
                return
            self._queue.append(self._arrival(sock, peer, listener))
            self.pump()

    def _refuse_one(self, listener: Listener) -> None:
        """Accept with the reserved descriptor, and let an encoder speak the refusal."""
        try:
            with self._spare.lent(listener.sock) as (sock, peer), sock:
                self._place(self._arrival(sock, peer, listener), FULL_PROCESS)
        except OSError as error:
            logger.warning("cannot accept: %s", error.strerror)

    def _arrival(self, sock: socket.socket, peer: object, listener: Listener) -> _Arrival:
        client, self._next_client = self._next_client, self._next_client + 1
        address, port = (str(peer[0]), int(peer[1])) if isinstance(peer, tuple) else (LOCAL, 0)
        return _Arrival(client, address, port, listener.speaks, sock, listener.surface)

    def _place(self, arrival: _Arrival, reason: str | None) -> bool:
        """Hand one over or drop it, and close the socket; False if no encoder takes it now."""
        verdict = self._admission.judge(arrival.address)
        reason = reason or verdict.reason
        if verdict.must_drop:
            self._admission.has_dropped()
        else:
            slot = self._hand_over(self._adopt(arrival, reason), arrival.sock)
            if slot is None:
                return False
            self._admission.handed_over(arrival.client, arrival.address, slot, refused=reason is not None)
        arrival.sock.close()
        if reason is not None:
            what = "%s left: %s" if verdict.must_drop else "refused %s: %s"
            log.for_client(logger, arrival.client).info(what, arrival.address, reason)
        return True

    def _adopt(self, arrival: _Arrival, reason: str | None) -> Message:
        is_served, now = reason is None, time.monotonic()
        return {
            "type": "adopt",
            "client": arrival.client,
            "address": arrival.address,
            "port": arrival.port,
            "speaks": arrival.speaks,
            "is_browsing": self._admission.is_browsing(arrival.address, now),
            "surface": arrival.surface,
            "verdict": "serve" if is_served else "refuse",
            "reason": reason or "",
            "judge_after_s": (
                self._throttle.judge_after_s(arrival.client, arrival.address, now) if is_served else 0.0
            ),
        }


def _duplicate(fd: int) -> socket.socket:
    """Return a socket of one's own. Raises: OSError if it is none."""
    copy = os.dup(fd)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _peer_of(sock: socket.socket) -> object:
    """Return where a connection is from; None if it has ended."""
    try:
        return sock.getpeername()
    except OSError:
        return None
