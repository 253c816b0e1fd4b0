"""A byte pipe through a WebSocket: wraps another stream.

It puts headers in front of what goes out, never copying it, and takes the masks off what comes in. Control
frames go between messages, as the stream underneath keeps their order.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from mpvnc.transport.plain import Buffer, TcpInfo
from mpvnc.transport.stream import Stream
from mpvnc.web.websocket import Incoming, SizeLimits, header

NORMAL_CLOSURE = 1000
EARLY_LIMITS = SizeLimits(16 * 1024, 64 * 1024)
"""What is taken of a client that has not authenticated."""

silent = logging.Logger("mpvnc.websocket", logging.CRITICAL + 1)
"""For the protocol objects: what they tell of has passwords and keys in it."""

_scratch = bytearray(4096)


class WebSocketPipe:
    """A WebSocket as a `Stream`, after its handshake.

    Args:
        inner: taken over.
        limits: on what comes in, after `trust`.
        early: what came behind the handshake.
    """

    def __init__(self, inner: Stream, limits: SizeLimits, early: bytes = b"") -> None:
        self._inner = inner
        self._limits = limits
        self._incoming = Incoming(SizeLimits(*map(min, limits, EARLY_LIMITS)), silent)
        self._early = early
        self._pending = b""
        self._reply = b""
        self.is_blocked = inner.is_blocked
        self.has_pending = bool(early) or inner.has_pending
        self.sent_bytes = inner.sent_bytes
        self.received_bytes = inner.received_bytes

    def fileno(self) -> int:
        """Return the descriptor, for the event loop."""
        return self._inner.fileno()

    def trust(self) -> None:
        """Take larger messages: the client has authenticated."""
        self._incoming.set_limits(self._limits)

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Write as much as goes, as one message; keep views of the rest."""
        size = sum(map(len, buffers))
        if size:
            self._inner.send([header(size), *buffers])
            self._note()

    def flush(self) -> None:
        """Write more of the rest."""
        self._inner.flush()
        self._send_reply()
        self._note()

    def receive_into(self, scratch: bytearray) -> int | None:
        """Return payload, at most `len(scratch)` bytes; 0 at the end, None if none has come."""
        if self._pending:
            return self._hand_out(scratch)
        if self._incoming.is_over:
            return 0
        data = self._receive()
        if not data:
            return None if data is None else 0
        self._pending = self._incoming.receive_data(data)
        self._answer()
        return self._hand_out(scratch)

    def unacknowledged_bytes(self) -> int:
        """Return how much was given to `send` that the peer's machine has not acknowledged."""
        return self._inner.unacknowledged_bytes()

    def tcp_info(self) -> TcpInfo | None:
        """Return what the kernel knows of the connection; None if it is not TCP."""
        return self._inner.tcp_info()

    def discard_input(self) -> None:
        """Read and forget what has come."""
        self._inner.discard_input()

    def close(self) -> None:
        """Say goodbye if there is room for it, and close the socket."""
        self._incoming.close(NORMAL_CLOSURE)
        with contextlib.suppress(OSError):
            if not self._inner.is_blocked:
                for reply in self._incoming.replies():
                    self._inner.send([reply])
                self._inner.discard_input()
        self._inner.close()
        self._pending = self._early = self._reply = b""
        self.is_blocked = self.has_pending = False

    def _receive(self) -> bytes | None:
        """Return what came, b"" at the end, None if nothing has come."""
        if self._early:
            data, self._early = self._early, b""
            return data
        count = self._inner.receive_into(_scratch)
        self.received_bytes = self._inner.received_bytes
        return None if count is None else bytes(memoryview(_scratch)[:count])

    def _hand_out(self, scratch: bytearray) -> int | None:
        payload = self._pending
        count = len(payload)
        if count > len(scratch):
            count = len(scratch)
            scratch[:] = payload[:count]
            self._pending = payload[count:]
            self.has_pending = True
            return count
        scratch[:count] = payload
        self._pending = b""
        self.has_pending = self._inner.has_pending or self._incoming.is_over
        return count or (0 if self._incoming.is_over else None)

    def _answer(self) -> None:
        """Send the last of the replies: an older pong may be left out (RFC 6455 section 5.5.3)."""
        replies = self._incoming.replies()
        if replies:
            self._reply = replies[-1]
            self._send_reply()
            self._note()

    def _send_reply(self) -> None:
        if self._reply and not self._inner.is_blocked:
            reply, self._reply = self._reply, b""
            self._inner.send([reply])

    def _note(self) -> None:
        self.is_blocked = self._inner.is_blocked or bool(self._reply)
        self.sent_bytes = self._inner.sent_bytes
