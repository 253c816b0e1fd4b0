"""ZeroMQ between the animator role and the animator's own process: batches, at most two of them unread.

Owns: the two sockets and the window. Knows nothing of what a batch says. ipc:// only, own contexts.

The role binds a ROUTER, the animator connects a DEALER and asks: `ask` = (epoch, number) of the last batch
that it has, zeros at first. The role answers with batches (epoch, number, payload), numbered from 1 within
its own epoch, and never has more than `WINDOW` of them unacknowledged: what an animator does not read stays
in the role, where `AnimatorQueue` decides what is lost. An animator that reads asks again every second in
which nothing came, so a role that was started anew learns of it; the newest asker is the animator. Both
ends survive one another.
"""

from __future__ import annotations

import os
import struct
import time

import zmq

from mpvnc.errors import ControlError
from mpvnc.ipc.bus import RECONNECT_MAX_MS, RECONNECT_MS, Bus, checked_endpoint

WINDOW = 2
ASK_AGAIN_S = 1.0

_HEAD = struct.Struct("<QQ")


class EventFeed(Bus):
    """The role's end."""

    def __init__(self, endpoint: str) -> None:
        """Bind `endpoint`. Raises: ControlError if that cannot be done."""
        checked = checked_endpoint(endpoint)
        super().__init__(zmq.ROUTER)
        self._socket.router_mandatory = True
        self._epoch = int.from_bytes(os.urandom(8), "little") | 1
        self._peer: bytes | None = None
        self._sent = self._acknowledged = 0
        try:
            self._socket.bind(checked)
        except zmq.ZMQError as error:
            self.close()
            raise ControlError(f"cannot bind the event feed {endpoint}: {error}") from error

    def receive_asks(self) -> None:
        """Read what the animator asked for, without waiting."""
        while True:
            try:
                peer, *frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) == 1 and len(frames[0]) == _HEAD.size:
                self._asked(peer, *_HEAD.unpack(frames[0]))

    @property
    def wants_batch(self) -> bool:
        """Whether an animator is there and has read enough to get another batch."""
        return self._peer is not None and self._sent - self._acknowledged < WINDOW

    def send(self, payload: bytes) -> bool:
        """Send one batch, without waiting. False if the animator went away: nothing was sent."""
        if self._peer is None:
            return False
        head = _HEAD.pack(self._epoch, self._sent + 1)
        try:
            self._socket.send_multipart([self._peer, head + payload], zmq.NOBLOCK)
        except zmq.ZMQError:
            self._peer = None
            return False
        self._sent += 1
        return True

    def _asked(self, peer: bytes, epoch: int, number: int) -> None:
        if peer == self._peer and epoch == self._epoch:
            self._acknowledged = max(self._acknowledged, min(number, self._sent))
        else:
            self._peer = peer
            self._acknowledged = self._sent


class EventTap(Bus):
    """The animator's end."""

    def __init__(self, endpoint: str) -> None:
        """Connect (in the background) to `endpoint`. Raises: ControlError if it is not ipc:///path."""
        checked = checked_endpoint(endpoint)
        super().__init__(zmq.DEALER)
        self._socket.reconnect_ivl = RECONNECT_MS
        self._socket.reconnect_ivl_max = RECONNECT_MAX_MS
        self._socket.sndhwm = 2 * WINDOW
        self._last = (0, 0)
        self._asked_at = 0.0
        self._socket.connect(checked)
        self._ask()

    def receive(self) -> bytes | None:
        """Return the next batch, None if there is none now. Never waits."""
        message = self._receive()
        if message is None and time.monotonic() - self._asked_at >= ASK_AGAIN_S:
            self._ask()
            message = self._receive()  # the ask may have used up the fd's edge
        if message is None:
            return None
        if len(message) < _HEAD.size:
            raise ControlError(f"event feed: a batch of {len(message)} bytes")
        self._last = _HEAD.unpack_from(message)
        self._ask()
        return message[_HEAD.size :]

    def _receive(self) -> bytes | None:
        try:
            return bytes(self._socket.recv(zmq.NOBLOCK))
        except zmq.Again:
            return None

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        try:
            self._socket.send(_HEAD.pack(*self._last), zmq.NOBLOCK)
        except zmq.Again:
            return
