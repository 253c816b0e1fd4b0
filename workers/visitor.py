"""One HTTP connection of a worker: its stream, its requests one after the other, its timers.

It moves bytes between a `Stream` and an `HttpConnection`, and asks its `Host` for every answer. Whatever goes
wrong on it costs this connection alone.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from mpvnc.errors import MpvncError
from mpvnc.log import for_client
from mpvnc.rfb.security import Access
from mpvnc.transport.stream import Stream
from mpvnc.transport.tls import TlsPipe
from mpvnc.web.http import BadRequest, HttpConnection, Request, Response, text
from mpvnc.workers.arrival import Arrival
from mpvnc.workers.handshakes import Handshakes

IDLE_S = 5.0
"""How long a connection is kept for a further request."""

logger = logging.getLogger(__name__)

_scratch = bytearray(4096)


class Host(Protocol):
    """What a visitor needs of its worker."""

    loop: asyncio.AbstractEventLoop
    handshakes: Handshakes
    stall_timeout_s: float
    handshake_s: float
    max_request_bytes: int

    def serve(self, visitor: Visitor, request: Request) -> None:
        """Have a request answered: call `Visitor.answer` or `Visitor.upgrade`, now or later."""

    def upgraded(self, visitor: Visitor, early: bytes) -> None:
        """Take over the stream of a visitor, and what came behind its last request."""

    def left(self, visitor: Visitor, reason: str) -> None:
        """Note that it is gone; called once, not after `upgraded`."""


class Visitor:
    """A connection that speaks HTTP, until `close` or `upgrade`."""

    def __init__(self, arrival: Arrival, stream: Stream, host: Host) -> None:
        self.arrival = arrival
        self.stream = stream
        self.is_closed = False
        self.is_known = False
        """Whether it has asked for something."""
        self._host = host
        self._http = HttpConnection(host.max_request_bytes, is_encrypted=arrival.is_encrypted)
        self._is_answering = False
        self._is_reading = False
        self._timer: asyncio.TimerHandle | None = None
        self.lookup: asyncio.Future[Access] | None = None
        """Looks up who it says that it is; cancelled if it leaves before."""
        self._expect("a request", host.handshake_s)
        if isinstance(stream, TlsPipe):
            host.handshakes.begin(stream, functools.partial(self.guarded, self._on_encrypted))
        else:
            self._read_on()

    @property
    def ident(self) -> int:
        """Its number among the clients."""
        return self.arrival.ident

    def answer(self, response: Response, *, is_last: bool = False) -> None:
        """Answer the request that was given to `Host.serve`."""
        self.guarded(self._answer, response, is_last)

    def upgrade(self, response: Response) -> None:
        """Answer 101 and give the stream to the host; the visitor is over."""
        self.guarded(self._upgrade, response)

    def close(self, reason: str) -> None:
        """Close the connection; further calls do nothing."""
        if self._let_go():
            self.stream.close()
            self._host.left(self, reason)

    def wait(self, until: float, callback: Callable[..., None], *args: object) -> None:
        """Call something for it at a time of the loop; it may hang up from now until it is answered."""
        self._read_on()
        self._host.loop.call_at(until, self.guarded, callback, *args)

    def guarded(self, callback: Callable[..., None], *args: object) -> None:
        """Call something for it, if it is still there; whatever goes wrong costs this connection alone."""
        if self.is_closed:
            return
        try:
            callback(*args)
        except MpvncError as error:
            self.close(str(error))
        except OSError as error:
            self.close(error.strerror or str(error))
        except Exception as error:
            self.close(f"internal error: {error!r}")
            for_client(logger, self.ident).exception("a fault of ours")

    # -- callbacks

    def _on_encrypted(self, error: OSError | None) -> None:
        if error is not None:
            raise error
        self._read_on()

    def _on_readable(self) -> None:
        if not self._is_reading:
            return
        count = self.stream.receive_into(_scratch)
        if self.stream.has_pending:
            self._host.loop.call_soon(self.guarded, self._on_readable)
        if self.stream.is_blocked:
            self._watch_writable()
        if count is None:
            return
        if count == 0:
            self.close("closed by the browser")
            return
        is_first = not self._http.held_bytes
        self._http.receive_data(bytes(memoryview(_scratch)[:count]))
        if self._is_answering:
            self._limit_held()
            return
        if is_first:
            self._expect("the rest of a request", self._host.handshake_s)
        self._serve_next()

    def _on_writable(self) -> None:
        before = self.stream.sent_bytes
        self.stream.flush()
        if self.stream.is_blocked:
            if self.stream.sent_bytes != before:
                self._expect("it to read", self._host.stall_timeout_s)
            return
        self._host.loop.remove_writer(self.stream.fileno())
        if not self._is_reading and not self._is_answering:
            self._after_answer()

    def _limit_held(self) -> None:
        if self._http.held_bytes > self._host.max_request_bytes:
            self.close("it sent too much while it was to wait")

    def _on_time(self, what: str) -> None:
        self.close(f"timed out waiting for {what}")

    # -- one request after the other

    def _serve_next(self) -> None:
        try:
            request = self._http.next_request()
        except BadRequest as error:
            self._answer(text(error.status, str(error)), is_last=True)
            return
        if request is None:
            self._read_on()
            return
        self._stop_reading()
        self._is_answering = True
        self._cancel_timer()
        self._host.serve(self, request)

    def _answer(self, response: Response, is_last: bool) -> None:
        self._is_answering = False
        self._stop_reading()
        self.stream.send(self._http.respond(response, formatdate(usegmt=True), is_last=is_last))
        if self.stream.is_blocked:
            self._expect("it to read", self._host.stall_timeout_s)
            self._watch_writable()
        else:
            self._after_answer()

    def _after_answer(self) -> None:
        if self._http.is_over:
            self.stream.discard_input()
            self.close("answered")
            return
        self._expect("a further request", IDLE_S)
        self._host.loop.call_soon(self.guarded, self._serve_next)

    def _upgrade(self, response: Response) -> None:
        self.stream.send([self._http.switch(response.headers)])
        self._let_go()
        self._host.upgraded(self, self._http.take_rest())

    # -- helpers

    def _let_go(self) -> bool:
        """Let go of the stream; False if that has been done."""
        if self.is_closed:
            return False
        self.is_closed = True
        if isinstance(self.stream, TlsPipe):
            self._host.handshakes.forget(self.stream)
        self._host.loop.remove_reader(self.stream.fileno())
        self._host.loop.remove_writer(self.stream.fileno())
        self._cancel_timer()
        if self.lookup is not None:
            self.lookup.cancel()
        return True

    def _read_on(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self._host.loop.add_reader(self.stream.fileno(), self.guarded, self._on_readable)
            if self.stream.has_pending:
                self._host.loop.call_soon(self.guarded, self._on_readable)

    def _watch_writable(self) -> None:
        self._host.loop.add_writer(self.stream.fileno(), self.guarded, self._on_writable)

    def _stop_reading(self) -> None:
        if self._is_reading:
            self._is_reading = False
            self._host.loop.remove_reader(self.stream.fileno())

    def _expect(self, what: str, within_s: float) -> None:
        self._cancel_timer()
        self._timer = self._host.loop.call_later(within_s, self.guarded, self._on_time, what)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
