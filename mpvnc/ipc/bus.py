"""ZeroMQ between the encoders and whoever consumes their input: one PULL socket, a PUSH socket per worker.

Owns the sockets and their options; knows nothing of what the messages say (`mpvnc.session.input` does).
Only ipc:// in the runtime directory, whose mode 0700 is the access control; never tcp, never the abstract
namespace. Each object has its own zmq context, so that an embedding program's is never touched.

A sender never blocks and never queues for a consumer that is not there: it says False, and the session
keeps the event. What was on its way to a consumer that died is lost; its successor releases all keys first.
"""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

import zmq

from mpvnc.errors import ControlError

HIGH_WATER_MARK = 1000
RECEIVE_AT_ONCE = 1000
RECONNECT_MS = 20
RECONNECT_MAX_MS = 500


def checked_endpoint(endpoint: str) -> str:
    """Return `endpoint` if it is a path of a UNIX socket.

    Raises: ControlError for any other transport and for the abstract namespace.
    """
    if not endpoint.startswith("ipc:///"):
        raise ControlError(f"bus endpoint {endpoint!r}: expected ipc:///path")
    return endpoint


class Bus:
    """A context with one socket, closed together without lingering."""

    def __init__(self, kind: int) -> None:
        self._context = zmq.Context(1)
        self._socket = self._context.socket(kind)
        self._socket.linger = 0

    def fileno(self) -> int:
        """Return the fd that becomes readable when something *changed*: edge-triggered, as ZeroMQ has it.

        After waking, and after every other use of this object, receive until there is nothing left.
        """
        return int(self._socket.fileno())

    def close(self) -> None:
        """Close at once; what is unsent is dropped. May be called again."""
        self._socket.close()
        self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class InputSender(Bus):
    """A worker's end of the input bus. It survives its consumer and finds the next one by itself."""

    def __init__(self, endpoint: str) -> None:
        """Connect (in the background) to `endpoint`. Raises: ControlError if it is not ipc:///path."""
        checked = checked_endpoint(endpoint)
        super().__init__(zmq.PUSH)
        self._socket.sndhwm = HIGH_WATER_MARK
        self._socket.immediate = True
        self._socket.reconnect_ivl = RECONNECT_MS
        self._socket.reconnect_ivl_max = RECONNECT_MAX_MS
        self._socket.connect(checked)

    def send(self, message: bytes) -> bool:
        """Send one message, without waiting. False if it cannot be taken now: nobody listens, or is slow."""
        try:
            self._socket.send(message, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True


class InputReceiver(Bus):
    """The consumer's end of the input bus; one per supervisor at a time."""

    def __init__(self, endpoint: str) -> None:
        """Bind `endpoint`, taking over from a consumer that died.

        Raises: ControlError if it is not ipc:///path or cannot be bound.
        """
        checked = checked_endpoint(endpoint)
        super().__init__(zmq.PULL)
        self._socket.rcvhwm = HIGH_WATER_MARK
        try:
            self._socket.bind(checked)
        except zmq.ZMQError as error:
            self.close()
            raise ControlError(f"cannot bind the input bus {endpoint}: {error}") from error

    def receive_all(self) -> list[bytes]:
        """Return what is there, without waiting; at most `RECEIVE_AT_ONCE` messages.

        As long as it returns something there may be more that `fileno` will not tell of.
        """
        messages: list[bytes] = []
        with contextlib.suppress(zmq.Again):
            while len(messages) < RECEIVE_AT_ONCE:
                messages.append(self._socket.recv(zmq.NOBLOCK))
        return messages
