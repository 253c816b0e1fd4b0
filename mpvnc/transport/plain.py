"""A byte pipe on a plain stream socket.

It owns the socket and what is still to be written to it: views of buffers that others share, never copies.
It knows no protocol and no event loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from mpvnc.transport.farewell import ENDED, Farewell

Buffer = bytes | memoryview

_IOV_MAX = 64
_DISCARD_BYTES = 64 * 1024
_NOTSENT_LOWAT_BYTES = 128 * 1024
_KEEPALIVE_PROBES = 3
_LONGEST_S = 32767
"""The kernel's own bound on keep-alive times (MAX_TCP_KEEPIDLE)."""


_RTT_OFFSET, _UNSENT_OFFSET, _TCP_INFO_BYTES = 68, 144, 152
"""Of tcpi_rtt and of tcpi_notsent_bytes with tcpi_min_rtt behind it, in struct tcp_info of linux/tcp.h."""
_WORD, _TWO_WORDS = struct.Struct("@I"), struct.Struct("@II")
_UNKNOWN_US = 0xFFFFFFFF


class TcpInfo(NamedTuple):
    """What the kernel knows of a TCP connection: round trip (now, shortest), and what is in its queue."""

    rtt_s: float
    base_s: float
    unacknowledged_bytes: int
    unsent_bytes: int


class Pipe:
    """A non-blocking stream socket with the rest of what did not fit.

    Args:
        sock: taken over.
        vanished_after_s: a TCP peer that acknowledges nothing for so long, be it only the kernel's own probes
            of a silent connection, has vanished: the socket then has an error. None: as the socket has it.
    """

    __slots__ = (
        "_is_tcp", "_rest", "_sock", "has_pending", "is_blocked", "received_bytes", "sent_bytes",
        "was_laborious",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, vanished_after_s: float | None = 30.0) -> None:
        sock.setblocking(False)
        self._is_tcp = sock.family in (socket.AF_INET, socket.AF_INET6)
        if self._is_tcp:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOTSENT_LOWAT_BYTES)
            if vanished_after_s is not None:
                _notice_vanished_peer(sock, vanished_after_s)
        self._sock = sock
        self._rest: deque[Buffer] = deque()
        self.is_blocked = False
        """Whether bytes wait for the socket to become writable."""
        self.has_pending = False
        self.was_laborious = False
        self.sent_bytes = 0
        self.received_bytes = 0

    def fileno(self) -> int:
        """Return the descriptor, for the event loop."""
        return self._sock.fileno()

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Write as much as goes; keep views of the rest. Raises: OSError if the connection is gone."""
        if self._rest:
            self._rest.extend(filter(None, buffers))
            return
        done = self._write(buffers)
        if done != sum(map(len, buffers)):
            self._keep(buffers, done)

    def flush(self) -> None:
        """Write more of the rest. Raises: OSError if the connection is gone."""
        while self._rest:
            parts = list(islice(self._rest, _IOV_MAX))
            done = self._write(parts)
            if not done:
                return
            for _ in parts:
                self._rest.popleft()
            rest, self._rest = self._rest, deque()
            self._keep(parts, done)
            self._rest += rest
        self.is_blocked = False

    def _keep(self, parts: Sequence[Buffer], done: int) -> None:
        """Keep what lies behind the first `done` bytes of the parts."""
        for part in parts:
            size = len(part)
            if done >= size:
                done -= size
            else:
                self._rest.append(memoryview(part)[done:] if done else part)
                self.is_blocked = True
                done = 0

    def receive_into(self, scratch: bytearray) -> int | None:
        """Read what is there, at most `len(scratch)` bytes; 0 at the end, None if nothing has come.

        Raises: OSError if the connection is gone.
        """
        try:
            count = self._sock.recv_into(scratch)
        except (BlockingIOError, InterruptedError):
            return None
        self.received_bytes += count
        return count

    def unacknowledged_bytes(self) -> int:
        """Return what the kernel holds that the peer has not acknowledged (SIOCOUTQ), and what waits here."""
        queued: int = struct.unpack("i", fcntl.ioctl(self._sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0]
        return queued + sum(map(len, self._rest))

    def tcp_info(self) -> TcpInfo | None:
        """Return what the kernel knows of the connection (tcp(7), TCP_INFO); None if it is not TCP."""
        if not self._is_tcp:
            return None
        info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        if len(info) < _TCP_INFO_BYTES:
            return None
        (rtt_us,) = _WORD.unpack_from(info, _RTT_OFFSET)
        unsent_bytes, base_us = _TWO_WORDS.unpack_from(info, _UNSENT_OFFSET)
        base_us = rtt_us if base_us == _UNKNOWN_US else base_us
        return TcpInfo(rtt_us * 1e-6, base_us * 1e-6, self.unacknowledged_bytes(), unsent_bytes)

    def detach(self) -> socket.socket:
        """Give the socket up to another pipe; this one is not to be used any more."""
        return self._sock

    def discard_input(self) -> None:
        """Read and forget what has come: else closing resets what was just sent (RFC 1122 4.2.2.13)."""
        scratch = bytearray(_DISCARD_BYTES)
        with contextlib.suppress(OSError):
            self._sock.recv_into(scratch)

    def close(self, farewell: Farewell = ENDED) -> None:
        """Close the socket without a word, and let go of what was to be written."""
        self._rest.clear()
        self.is_blocked = False
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _write(self, parts: Sequence[Buffer]) -> int:
        try:
            if len(parts) == 1:
                count = self._sock.send(parts[0], socket.MSG_NOSIGNAL)
            else:
                count = self._sock.sendmsg(parts[:_IOV_MAX], (), socket.MSG_NOSIGNAL)
        except (BlockingIOError, InterruptedError):
            return 0
        self.sent_bytes += count
        return count


def _notice_vanished_peer(sock: socket.socket, after_s: float) -> None:
    """Have the kernel ask a silent peer in time, and give up on one that does not answer (tcp(7))."""
    after_s = min(max(after_s, 2.0), _LONGEST_S)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(after_s / 2))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(int(after_s / 2 / _KEEPALIVE_PROBES), 1))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_PROBES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(after_s * 1000))
