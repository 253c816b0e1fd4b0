"""A socket of which it is not known yet what is spoken on it.

RFB's server speaks first, HTTP's and TLS's client does. So an arrival is watched for a few milliseconds: what it
sends in that time says what it is, and if it sends nothing, it is a viewer that waits for its greeting. Nothing
is taken from the socket here: who gets it reads everything.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

GREETING_DELAY_S = 0.03
"""How long a peer may be silent before it is greeted as a viewer. Why so long: docs/decisions/0010."""

BROWSING_DELAY_S = 0.25
"""The same while a page is being loaded from its address, or if requests from there came too late before."""

_TLS_HANDSHAKE = 0x16
"""RFC 8446 section 5.1: the first byte of a ClientHello's record."""


class Speaks(Enum):
    """What a peer was found to speak."""

    RFB = "rfb"
    HTTP = "http"
    TLS = "tls"


def recognise(first: bytes) -> Speaks:
    """Return what begins with this byte. No method of HTTP that is known here begins as `RFB 003.008` does."""
    if first[0] == _TLS_HANDSHAKE:
        return Speaks.TLS
    return Speaks.HTTP if is_request(first) else Speaks.RFB


def is_request(data: bytes) -> bool:
    """Whether it begins as a request of HTTP does."""
    return b"A" <= data[:1] <= b"Z" and data[:1] != b"R"


@dataclass(slots=True)
class Arrival:
    """A socket and what the supervisor said with it.

    Attributes:
        ident, address: of the client.
        told: the `adopt` message.
        surface: the name of what is asked for; "" for the first.
        judge_at: in the loop's time, before which no password of it is judged.
    """

    ident: int
    address: str
    sock: socket.socket
    told: dict[str, Any]
    judge_at: float
    surface: str = ""
    is_encrypted: bool = False
    """Whether nobody can read along: inside TLS, or because it never leaves this machine."""
    _timer: asyncio.TimerHandle | None = field(default=None)

    @property
    def refusal(self) -> str:
        """Why it is to be refused, in words; "" if it is not."""
        return str(self.told.get("reason", "Refused")) if self.told["verdict"] == "refuse" else ""


class Reception:
    """The arrivals of a worker.

    Args:
        found: told once what each of them speaks; it has the socket then.
        lost: told that one went away, or cannot be read; its socket is closed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        found: Callable[[Arrival, Speaks], None],
        lost: Callable[[Arrival, str], None],
    ) -> None:
        self.patience_s = 10.0
        """How long one on a listener for browsers alone may take to begin."""
        self._loop = loop
        self._found = found
        self._lost = lost
        self._arrivals: dict[int, Arrival] = {}

    def receive(self, arrival: Arrival) -> None:
        """Find out what it speaks; a listener may have only one answer."""
        speaks = arrival.told.get("speaks", "any")
        if speaks == "vnc":
            self._found(arrival, Speaks.RFB)
            return
        arrival.sock.setblocking(False)
        self._arrivals[arrival.ident] = arrival
        self._loop.add_reader(arrival.sock, self._look, arrival)
        arrival._timer = self._loop.call_later(self._patience_s(arrival), self._on_silence, arrival)

    def close(self, ident: int, reason: str) -> bool:
        """Close one; False if it is not here."""
        arrival = self._arrivals.get(ident)
        if arrival is not None:
            self._leave(arrival)
            self._drop(arrival, reason)
        return arrival is not None

    def close_all(self, reason: str) -> None:
        """Close all of them."""
        for ident in list(self._arrivals):
            self.close(ident, reason)

    def _patience_s(self, arrival: Arrival) -> float:
        if arrival.told.get("speaks") == "web":
            return self.patience_s
        return BROWSING_DELAY_S if arrival.told.get("is_browsing") else GREETING_DELAY_S

    def _on_silence(self, arrival: Arrival) -> None:
        """Its time is up; what came while the loop was busy counts."""
        self._look(arrival)
        if arrival.ident not in self._arrivals:
            return
        if arrival.told.get("speaks") == "web":
            self.close(arrival.ident, "timed out waiting for a request")
        else:
            self._decide(arrival, Speaks.RFB)

    def _look(self, arrival: Arrival) -> None:
        """Judge it by what has come, if anything has."""
        try:
            first = arrival.sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.close(arrival.ident, error.strerror or str(error))
            return
        if not first:
            self.close(arrival.ident, "closed before it said anything")
            return
        speaks = recognise(first)
        is_web = arrival.told.get("speaks") == "web"
        self._decide(arrival, Speaks.HTTP if is_web and speaks is Speaks.RFB else speaks)

    def _decide(self, arrival: Arrival, speaks: Speaks) -> None:
        self._leave(arrival)
        self._found(arrival, speaks)

    def _leave(self, arrival: Arrival) -> None:
        del self._arrivals[arrival.ident]
        self._loop.remove_reader(arrival.sock)
        if arrival._timer is not None:
            arrival._timer.cancel()

    def _drop(self, arrival: Arrival, reason: str) -> None:
        arrival.sock.close()
        self._lost(arrival, reason)
