"""Control messages between our own processes: JSON packets that may carry file descriptors.

Owns the framing, the sizes and the life of descriptors in flight. Knows no process, no path, no meaning of a
message beyond its `type`, and must not load numpy. A socket is SOCK_SEQPACKET of AF_UNIX: one packet is one
message, a UTF-8 JSON object of at most `MAX_MESSAGE_BYTES` with a string `type`, with at most `MAX_FDS`
descriptors (SCM_RIGHTS, unix(7)). The messages themselves are listed in docs/architecture-control.md.
"""

from __future__ import annotations

import array
import contextlib
import errno
import json
import os
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from mpvnc.errors import ControlError

MAX_MESSAGE_BYTES = 65536
MAX_FDS = 250
"""The kernel's own limit per message is 253 (SCM_MAX_FD)."""
QUEUE_LIMIT = 1024
"""Messages that `send_or_queue` keeps for a peer that does not read."""

Message = dict[str, Any]
"""A JSON object; `type` names it."""

_FULL = {errno.EAGAIN, errno.ETOOMANYREFS, errno.ENOBUFS}


class ControlSocket:
    """One end of a control connection. Not thread-safe.

    Takes over `sock` and closes it in `close()`. Blocking or not is the socket's own mode; `receive` and
    `send` follow it, `send_or_queue` never blocks.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._queue: deque[tuple[bytes, list[int]]] = deque()

    @classmethod
    def from_fd(cls, fd: int) -> ControlSocket:
        """Take over an inherited descriptor."""
        return cls(socket.socket(fileno=fd))

    @classmethod
    def connect(cls, path: str | os.PathLike[str], timeout_s: float | None = 5.0) -> ControlSocket:
        """Connect to the control socket of a running supervisor.

        Raises: ControlError if nothing answers there.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(timeout_s)
        try:
            sock.connect(os.fspath(path))
        except OSError as error:
            sock.close()
            raise ControlError(f"no supervisor answers at {os.fspath(path)}: {error.strerror}") from error
        return cls(sock)

    def fileno(self) -> int:
        """The descriptor, for selectors and `add_reader`; -1 once closed."""
        return self._sock.fileno()

    def set_blocking(self, blocking: bool) -> None:
        """Whether `receive` and `send` wait."""
        self._sock.setblocking(blocking)

    def set_timeout(self, timeout_s: float | None) -> None:
        """Let `receive` and `send` wait at most so long; they raise ControlError then."""
        self._sock.settimeout(timeout_s)

    def send(self, message: Message, fds: Iterable[int] = ()) -> None:
        """Send one message at once; `fds` stay the caller's, the peer gets duplicates.

        Raises: ControlError if it is malformed, or the peer is gone, or does not take it (now).
        """
        try:
            self._send(encode(message), list(fds))
        except OSError as error:
            raise ControlError(f"cannot send {message['type']}: {error.strerror or error}") from error

    def send_or_queue(self, message: Message, fds: Iterable[int] = ()) -> None:
        """Send one message, or keep it (with duplicates of `fds`) until `flush` can; keeps the order.

        Raises: ControlError if it is malformed, the peer is gone, or `QUEUE_LIMIT` messages wait already.
        """
        data, fds = encode(message), list(fds)
        if not self._queue and self._try_send(data, fds):
            return
        if len(self._queue) >= QUEUE_LIMIT:
            raise ControlError(f"the peer does not read: {QUEUE_LIMIT} messages wait")
        self._queue.append((data, [os.dup(fd) for fd in fds]))

    def try_send(self, message: Message, fds: Iterable[int] = ()) -> bool:
        """Send one message if the peer takes it now; False if not, and nothing is kept.

        Raises: ControlError if it is malformed or the peer is gone.
        """
        return not self._queue and self._try_send(encode(message), list(fds))

    @property
    def wants_write(self) -> bool:
        """Whether messages wait for `flush`: watch for writing."""
        return bool(self._queue)

    def flush(self) -> None:
        """Send what waits, as far as the peer takes it.

        Raises: ControlError if the peer is gone.
        """
        while self._queue and self._try_send(*self._queue[0]):
            _close_all(self._queue.popleft()[1])

    def receive(self) -> tuple[Message, list[int]] | None:
        """Return the next message and its descriptors, which are now the caller's; None at EOF.

        Descriptors that this process had no room for (RLIMIT_NOFILE) are missing from the list.

        Raises: ControlError on a malformed message or a time-out; BlockingIOError if the socket does not
            block and nothing is there.
        """
        try:
            data, fds, flags = _receive(self._sock)
        except BlockingIOError:
            raise
        except ConnectionResetError:
            return self.receive()  # the peer did not read all; what it sent before its end still waits
        except ConnectionError:
            return None
        except OSError as error:
            raise ControlError(f"cannot receive: {error.strerror or error}") from error
        if not data:
            return None
        try:
            if flags & socket.MSG_TRUNC:
                raise ControlError(f"a message of more than {MAX_MESSAGE_BYTES} bytes")
            return decode(data), fds
        except ControlError:
            _close_all(fds)
            raise

    def peer_credentials(self) -> tuple[int, int]:
        """Return (pid, uid) of the other end: of who connected, or of who listened (SO_PEERCRED, unix(7))."""
        data = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid, uid, _gid = array.array("i", data)
        return pid, uid

    def shut(self) -> None:
        """Make this end read EOF from now on; async-signal-safe in Python's sense."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def close(self) -> None:
        """Close it and every descriptor that still waits to be sent."""
        while self._queue:
            _close_all(self._queue.popleft()[1])
        self._sock.close()

    def _send(self, data: bytes, fds: Sequence[int]) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self._sock.sendmsg([data], rights, socket.MSG_NOSIGNAL)

    def _try_send(self, data: bytes, fds: Sequence[int]) -> bool:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self._sock.sendmsg([data], rights, socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno in _FULL:
                return False
            raise ControlError(f"the peer is gone: {error.strerror}") from error
        return True


def pair() -> tuple[ControlSocket, ControlSocket]:
    """Return two connected ends, both close-on-exec and blocking."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return ControlSocket(ours), ControlSocket(theirs)


def encode(message: Message) -> bytes:
    """Return the packet of a message; raises ControlError if it has no type or is too large."""
    if not isinstance(message.get("type"), str):
        raise ControlError("a message without a type")
    data = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    if len(data) > MAX_MESSAGE_BYTES:
        raise ControlError(f"{message['type']}: {len(data)} bytes, at most {MAX_MESSAGE_BYTES} are allowed")
    return data


def decode(data: bytes) -> Message:
    """Return the message in a packet; raises ControlError if it is none."""
    try:
        message = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ControlError(f"not a message: {data[:32].hex(' ')}") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ControlError(f"a message without a type: {data[:32].hex(' ')}")
    return message


def _receive(sock: socket.socket) -> tuple[bytes, list[int], int]:
    room = socket.CMSG_SPACE(MAX_FDS * 4)
    data, ancillary, flags, _ = sock.recvmsg(MAX_MESSAGE_BYTES, room, socket.MSG_CMSG_CLOEXEC)
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    return data, list(fds), flags


def _close_all(fds: Iterable[int]) -> None:
    for fd in fds:
        os.close(fd)
