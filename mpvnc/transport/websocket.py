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

_READ_BYTES = 4096
_scratch = bytearray(_READ_BYTES)
_scratch_view = memoryview(_scratch)


class _Last:
    """What was sent last, as a message: what one is sent, many are."""

    buffers: Sequence[Buffer] = ()
    message: Sequence[Buffer] = ()


class WebSocketPipe:
    """A WebSocket as a `Stream`, after its handshake.

    Args:
        inner: taken over.
        limits: on what comes in, after `trust`.
        early: what came behind the handshake.
    """

    __slots__ = (
        "_early", "_incoming", "_inner", "_limits", "_payload", "_reply", "has_pending", "is_blocked",
        "was_laborious",
    )  # fmt: skip

    def __init__(self, inner: Stream, limits: SizeLimits, early: bytes = b"") -> None:
        self._inner = inner
        self._limits = limits
        self._incoming = Incoming(SizeLimits(*map(min, limits, EARLY_LIMITS)), silent)
        self._early = early
        self._payload = memoryview(b"")
        self._reply = b""
        self.is_blocked = inner.is_blocked
        self.was_laborious = False
        self.has_pending = bool(early) or inner.has_pending

    @property
    def sent_bytes(self) -> int:
        """How much went out, headers and all."""
        return self._inner.sent_bytes

    @property
    def received_bytes(self) -> int:
        """How much came in, headers and all."""
        return self._inner.received_bytes

    def fileno(self) -> int:
        """Return the descriptor, for the event loop."""
        return self._inner.fileno()

    def trust(self) -> None:
        """Take larger messages: the client has authenticated."""
        self._incoming.set_limits(self._limits)

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Write as much as goes, as one message; keep views of the rest."""
        if buffers is not _Last.buffers:
            size = sum(map(len, buffers))
            if not size:
                return
            _Last.buffers, _Last.message = buffers, [header(size), *buffers]
        self._inner.send(_Last.message)
        if self._inner.is_blocked:
            self.is_blocked = True

    def flush(self) -> None:
        """Write more of the rest."""
        self._inner.flush()
        self._send_reply()

    def receive_into(self, scratch: bytearray) -> int | None:
        """Return payload, at most `len(scratch)` bytes; 0 at the end, None if none has come."""
        if self.has_pending:
            return self._receive_pending(scratch)
        count = self._inner.receive_into(_scratch)
        if not count:
            return count
        data = _scratch_view[:count].tobytes()
        payload = self._incoming.take_short(data)
        if payload is None:
            self._take(data)
            return self._hand_out(scratch)
        self.was_laborious = False
        self.has_pending = self._inner.has_pending
        count = len(payload)
        scratch[:count] = payload
        return count

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
        self._payload = memoryview(b"")
        self._early = self._reply = b""
        self.is_blocked = self.has_pending = False

    def _receive_pending(self, scratch: bytearray) -> int | None:
        """Go on with what is here already, or inside the stream underneath."""
        if self._payload:
            return self._hand_out(scratch)
        if self._incoming.is_over:
            return 0
        data, self._early = self._early, b""
        if not data:
            count = self._inner.receive_into(_scratch)
            if not count:
                self.has_pending = self._inner.has_pending
                return count
            data = _scratch_view[:count].tobytes()
        self._take(data)
        return self._hand_out(scratch)

    def _take(self, data: bytes) -> None:
        self.was_laborious = True
        self._payload = memoryview(self._incoming.receive_data(data))
        replies = self._incoming.replies()
        if replies:
            # An older pong may be left out (RFC 6455 section 5.5.3).
            self._reply = replies[-1]
            self._send_reply()

    def _hand_out(self, scratch: bytearray) -> int | None:
        size = min(len(self._payload), len(scratch))
        scratch[:size] = self._payload[:size]
        self._payload = self._payload[size:]
        is_over = self._incoming.is_over
        self.has_pending = bool(self._payload) or is_over or self._inner.has_pending
        return size or (0 if is_over else None)

    def _send_reply(self) -> None:
        if self._reply and not self._inner.is_blocked:
            reply, self._reply = self._reply, b""
            self._inner.send([reply])
        self.is_blocked = self._inner.is_blocked or bool(self._reply)
