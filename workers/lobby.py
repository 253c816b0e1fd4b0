"""Everybody who has come and is not a client yet: arrivals, and browsers that visit the page.

It finds out what each of them speaks and has browsers answered. Whoever speaks RFB, be it through a WebSocket,
is handed on with the stream to speak it through.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any

from mpvnc.config import Config, Secrets
from mpvnc.log import for_client
from mpvnc.transport.plain import Pipe
from mpvnc.transport.stream import Stream
from mpvnc.transport.tls import TlsPipe
from mpvnc.transport.websocket import WebSocketPipe
from mpvnc.web.authorization import challenge
from mpvnc.web.http import Request
from mpvnc.web.websocket import SizeLimits
from mpvnc.workers.arrival import Arrival, Reception, Speaks
from mpvnc.workers.handshakes import Handshakes
from mpvnc.workers.shows import Shows
from mpvnc.workers.site import WRONG_PASSWORD, Site
from mpvnc.workers.verifier import Verifier
from mpvnc.workers.visitor import Visitor

_VANISHED_GRACE_S = 1.0
"""So much later than a stalled client here, the kernel gives up one: where both could, the reason is told."""

logger = logging.getLogger(__name__)

Tell = Callable[[dict[str, Any]], None]
Admit = Callable[[Arrival, Stream], None]


class Lobby:
    """Those of one worker. A `visitor.Host`.

    Args:
        admit: takes over one that speaks RFB, and its stream.
        tell: sends a message to the supervisor.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        shows: Shows,
        verifier: Verifier,
        handshakes: Handshakes,
        *,
        admit: Admit,
        tell: Tell,
    ) -> None:
        self.loop = loop
        self.handshakes = handshakes
        self.tls: ssl.SSLContext | None = None
        """What browsers are encrypted with; may be replaced at any time."""
        self._admit = admit
        self._tell = tell
        self._visitors: dict[int, Visitor] = {}
        self._site = Site(loop, shows, verifier, self._wrong_password)
        self._reception = Reception(loop, self._found, self._lost)

    def configure(self, config: Config, secrets: Secrets) -> None:
        """Follow the configuration, for those who come from now on."""
        self.stall_timeout_s = config.clients.stall_timeout_s
        self.handshake_s = config.timeouts.handshake_s
        self._reception.patience_s = config.timeouts.handshake_s
        self.max_request_bytes = config.websocket.max_handshake_bytes
        self._limits = SizeLimits(config.websocket.max_payload_bytes, config.websocket.max_buffer_bytes)
        self._site.configure(config, secrets)

    # -- the supervisor

    def receive(self, told: dict[str, Any], sock: socket.socket) -> None:
        """Take a socket that came with an `adopt` message, for good."""
        judge_at = self.loop.time() + told["judge_after_s"]
        surface = told.get("surface", "")
        self._reception.receive(Arrival(told["client"], told["address"], sock, told, judge_at, surface))

    def auth_delay(self, ident: int, delay_s: float) -> None:
        """Answer a wrong password after so long."""
        visitor = self._visitors.get(ident)
        if visitor is not None:
            self.loop.call_later(delay_s, lambda: visitor.answer(challenge(WRONG_PASSWORD), is_last=True))

    def evict(self, ident: int, reason: str) -> None:
        """Close one, if it is here."""
        self._reception.close(ident, reason)
        if ident in self._visitors:
            self._visitors[ident].close(reason)

    def close(self, reason: str) -> None:
        """Close all of them."""
        self._reception.close_all(reason)
        for visitor in list(self._visitors.values()):
            visitor.close(reason)
        self._site.close()

    # -- arrivals

    def _found(self, arrival: Arrival, speaks: Speaks) -> None:
        try:
            pipe = self._open(arrival, speaks)
        except OSError as error:
            arrival.sock.close()
            self._lost(arrival, error.strerror or str(error))
            return
        if speaks is Speaks.RFB:
            self._admit(arrival, pipe)
        else:
            self._visitors[arrival.ident] = Visitor(arrival, pipe, self)

    def _open(self, arrival: Arrival, speaks: Speaks) -> Pipe:
        """Return the stream of an arrival. Raises: OSError if there can be none."""
        vanished_after_s = self.stall_timeout_s + _VANISHED_GRACE_S
        arrival.is_encrypted = speaks is Speaks.TLS or arrival.sock.family == socket.AF_UNIX
        if speaks is not Speaks.TLS:
            return Pipe(arrival.sock, vanished_after_s)
        if self.tls is None:
            raise OSError(errno.EPROTO, "TLS is not spoken here")
        return TlsPipe(arrival.sock, self.tls, vanished_after_s)

    def _lost(self, arrival: Arrival, reason: str) -> None:
        for_client(logger, arrival.ident).debug("%s left: %s", arrival.address, reason)
        self._tell({"type": "client", "client": arrival.ident, "state": "gone", "reason": reason})

    # -- visitor.Host

    def serve(self, visitor: Visitor, request: Request) -> None:
        """Have a request answered."""
        for_client(logger, visitor.ident).debug("%s %s", request.method, request.path)
        if not visitor.is_known:
            visitor.is_known = True
            self._tell({"type": "client", "client": visitor.ident, "state": "visiting"})
        self._site.serve(visitor, request)

    def upgraded(self, visitor: Visitor, early: bytes) -> None:
        """Hand on a visitor that has opened a WebSocket."""
        del self._visitors[visitor.ident]
        self._admit(visitor.arrival, WebSocketPipe(visitor.stream, self._limits, early))

    def left(self, visitor: Visitor, reason: str) -> None:
        """Forget a visitor."""
        del self._visitors[visitor.ident]
        self._lost(visitor.arrival, reason)

    def _wrong_password(self, visitor: Visitor) -> None:
        self._tell({"type": "auth_failed", "client": visitor.ident, "address": visitor.arrival.address})
